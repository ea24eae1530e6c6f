"""The tables of the page on a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from hpsearch.analysis.arms.arm_results import ArmResult
from hpsearch.analysis.arms.claims import JudgedClaim
from hpsearch.analysis.arms.comparison import ComparisonResult, FailedRuns
from hpsearch.analysis.arms.replicates import EPOCHS, SECONDS
from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.comparison import listed, quoted
from hpsearch.report.words.estimates import interval_text, mean_text
from hpsearch.report.words.numbers import DASH, amount, exact, short
from hpsearch.scheduling.racing.estimates import Estimate

Column = Callable[[ArmResult], Cell]


def arms_table(comparison: ComparisonResult) -> ReportTable:
    """List every arm in numbers, best first."""
    columns = _columns(comparison)
    rows = tuple(tuple(make(arm) for make in columns.values()) for arm in comparison.arms)
    return ReportTable("All arms, best first", tuple(columns), rows)


def _columns(comparison: ComparisonResult) -> dict[str, Column]:
    """Return each column with what it says of an arm; what is the same for all arms has none."""
    columns: dict[str, Column] = {
        "arm": lambda arm: Cell(f"{arm.name} (baseline)" if arm.name == comparison.baseline else arm.name),
        "among the best": lambda arm: Cell("yes" if arm.tied else "no" if comparison.tied else DASH),
        f"mean {comparison.metric}": lambda arm: mean(arm.best),
        "95 % interval": lambda arm: interval(arm.best),
        "at the last epoch": lambda arm: mean(arm.final),
        "difference to baseline": lambda arm: _difference(arm)[0],
        "its 95 % interval": lambda arm: _difference(arm)[1],
        "probability of being better": lambda arm: _difference(arm)[2],
    }
    for name in comparison.arms[0].further:
        columns[f"mean {name}"] = partial(_further, name)
    if comparison.target.loss is not None:
        columns["epochs to target"] = lambda arm: mean(arm.to_target)
        columns["seeds that reach it"] = lambda arm: cell(arm.to_target.count)
    if any(arm.ended != comparison.runs.replicates for arm in comparison.arms):
        columns["seeds"] = lambda arm: cell(arm.ended)
    if comparison.failures:
        columns["failed"] = lambda arm: cell(arm.best.failed)
    if any(arm.seconds_per_epoch is not None for arm in comparison.arms):
        columns["seconds per epoch"] = lambda arm: cell(_mean(arm.seconds_per_epoch))
    return columns


def _further(name: str, arm: ArmResult) -> Cell:
    return mean(arm.further[name])


def _mean(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.mean


def _difference(arm: ArmResult) -> tuple[Cell, Cell, Cell]:
    if arm.standing is None:
        return Cell(DASH), Cell(DASH), Cell(DASH)
    found = arm.standing.difference
    return mean(found.estimate), interval(found.estimate), _probability(found.probability)


def _probability(value: float | None) -> Cell:
    if value is None:
        return Cell(DASH)
    ends = {0.0: "< 0.001", 1.0: "> 0.999"}
    return Cell(ends.get(round(value, 3), f"{value:.3f}"), exact(value))


def mean(estimate: Estimate) -> Cell:
    """Make the cell of a mean, with as many digits as it is worth."""
    return Cell(mean_text(estimate), exact(estimate.mean))


def interval(estimate: Estimate) -> Cell:
    """Make the cell of an interval, which sorts by its lower end."""
    return Cell(interval_text(estimate), exact(estimate.low))


def claims_table(claims: Sequence[JudgedClaim]) -> ReportTable:
    """List the claims with their verdicts and the evidence."""
    columns = ("claim", "verdict", "compared", "measured", "95 % interval", "seeds")
    return ReportTable("All claims with their evidence", columns, tuple(map(_claim, claims)))


def _claim(claim: JudgedClaim) -> tuple[Cell, ...]:
    return (
        Cell(claim.says),
        Cell(claim.verdict),
        Cell(compared(claim)),
        mean(claim.measured),
        interval(claim.measured),
        Cell(evidence(claim)),
    )


def compared(claim: JudgedClaim) -> str:
    """Say what was compared with what, by which number."""
    by = {EPOCHS: "epochs to the target", SECONDS: "seconds per epoch"}.get(claim.by, claim.by)
    what = f"{by} at the {claim.at} epoch" if claim.at else by
    if claim.between is not None:
        low, high = claim.between
        return f"{claim.arm}: {what}, between {short(low)} and {short(high)}"
    return f"{claim.arm} \N{MINUS SIGN} {claim.than}: {what}"


def evidence(claim: JudgedClaim) -> str:
    """Say how many seeds the verdict rests on, and which had no value."""
    if claim.obstacle:
        return claim.obstacle
    none = "did not reach the target" if claim.by == EPOCHS else "failed"
    troubles = [
        f"{name} {none} with {count}"
        for name, count in ((claim.arm, claim.failed), (claim.than, claim.others_failed))
        if count
    ]
    seeds = claim.measured.count + claim.measured.failed
    return "; ".join([str(seeds), *troubles])


def failures_table(failures: Sequence[FailedRuns]) -> ReportTable:
    """List the causes of failure with the arms and how often each failed."""
    rows = tuple(
        (Cell(one.cause or "no cause was recorded"), cell(len(one.runs)), Cell(_arms(one)))
        for one in failures
    )
    return ReportTable("Failed runs by cause", ("cause", "runs", "arms"), rows)


def _arms(failed: FailedRuns) -> str:
    counts = Counter(name for name, _ in failed.runs)
    return listed([f"{quoted(name)} ({amount(count, 'seed')})" for name, count in counts.items()])
