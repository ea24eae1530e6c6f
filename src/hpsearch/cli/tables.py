"""Tables for the terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from hpsearch.spec.space.parameter import condition_text
from hpsearch.spec.study_file.text import clean

if TYPE_CHECKING:
    from hpsearch.analysis import AblationPath, ArmResult, ArmSummary, ComparisonResult, JudgedClaim
    from hpsearch.spec.space.space import SearchSpace
    from hpsearch.store.record import StudyRecord
    from hpsearch.study.probe import Probed


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        # The first column names its row, and a name that is broken cannot be copied.
        table.add_column(Text(column), overflow="fold", no_wrap=index == 0)
    return table


def _plainly(word: str) -> Text:
    # As Text, so that a name with brackets is shown and not taken as markup.
    return Text(clean(word, line=True))


def _add(table: Table, *cells: Any) -> None:
    table.add_row(*(_plainly(str(cell)) for cell in cells))


def search_space_table(space: SearchSpace) -> Table:
    """List what is searched: name, distribution, and when it is active."""
    table = _table("name", "distribution", "condition")
    for parameter in space.parameters:
        conditions = ", ".join(map(condition_text, parameter.conditions))
        _add(table, parameter.name, parameter.describe(), conditions)
    return table


def trials_table(record: StudyRecord) -> Table:
    """List the trials with their parameters."""
    further = record.spec.search.further
    table = _table("number", "state", record.metric, *further, "epochs", "seconds", "parameters")
    for trial in record.trials:
        value, *others = (
            "" if value is None else f"{value:.6g}"
            for value in (trial.value, *trial.at_best(further).values())
        )
        parameters = ", ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in trial.parameters.items()
        )
        numbers = (*others, trial.epochs, f"{trial.seconds:.1f}")
        _add(table, trial.number, trial.state, value, *numbers, parameters)
    return table


def status_lines(record: StudyRecord) -> list[str]:
    """Tell in a few lines how far a study is."""
    counts = Counter(trial.state for trial in record.trials)
    ended = len(record.trials) - counts["running"]
    text = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none yet"
    title = f"{record.name} ({record.kind})" if record.kind != "search" else record.name
    lines = [f"{title}: {ended} of {record.spec.search.trials} trials ended ({text})"]
    if record.best is not None and record.kind == "search":
        lines.append(f"best {record.metric} {record.best.value:.6g}: trial {record.best.number}")
        if len(record.spec.search.objectives) > 1:
            from hpsearch.report.words.numbers import amount, listed

            members = amount(len(record.front), "trial")
            lines.append(f"Pareto front by {listed(record.spec.search.objectives)}: {members}")
    return lines


def studies_table(records: list[StudyRecord]) -> Table:
    """List studies: name, kind, data, trials, best value of a search."""
    table = _table("name", "kind", "data", "trials", "metric", "best")
    for record in records:
        ended = sum(trial.state != "running" for trial in record.trials)
        best = "" if record.best is None or record.kind != "search" else f"{record.best.value:.6g}"
        trials = f"{ended}/{record.spec.search.trials}"
        _add(table, record.name, record.kind, record.spec.data.source, trials, record.metric, best)
    return table


PROBE_NUMBERS = ("dev.\nfirst", "dev.\nlast", "last/\nfirst", "dead", "satu-\nrated", "grad.\nratio")
"""Short headings, so that a table with words at both ends fits a narrow terminal."""


def probe_table(probed: Probed) -> Table:
    """List the arms of a probe with the numbers that tell them apart; where trained, with the epoch."""
    from hpsearch.analysis.probe import compact

    table = _table()
    table.add_column("initializer", overflow="fold")
    table.add_column("activation", overflow="fold")
    trained = probed.probe.trained
    for column in (*(("epoch",) if trained else ()), *PROBE_NUMBERS):
        table.add_column(Text(column), justify="right", no_wrap=True)
    table.add_column("findings", overflow="fold")
    for summary in probed.summaries:
        kinds = ", ".join(finding.kind for finding in summary.findings)
        numbers = ("-" if number is None else compact(number, 2) for number in _compared(summary))
        epoch = (summary.arm.epoch,) if trained else ()
        _add(table, summary.arm.initializer, summary.arm.behind, *epoch, *numbers, kinds or "none")
    return table


def _compared(summary: ArmSummary) -> tuple[float | None, ...]:
    first, last = summary.first, summary.last
    deviations = (first.deviation, last.deviation, summary.deviation_ratio)
    return (*deviations, last.dead, last.saturated, summary.gradient_ratio)


def probe_lines(probed: Probed) -> list[str]:
    """Tell in a few lines what was measured, and where the page is."""
    probe = probed.probe
    layers = len(probe.arms[0].layers)
    counts = f"arms: {len(probe.names)}, hidden layers: {layers}, rows: {probe.rows}"
    lines = [
        "dev.: standard deviation of activations, first and last hidden layer; dead, saturated: last layer;",
        "grad. ratio: gradient norm of the first hidden layer divided by that of the last",
        f"{counts}, means over {probe.replicates} seeds",
    ]
    if probe.fixed:
        shared = ", ".join(f"{name} = {_plain(value)}" for name, value in probe.fixed.items())
        lines.append(f"fixed in all arms (first option, or middle of the range): {shared}")
    return [*lines, *(ending.sentence for ending in probe.endings), f"page: {probed.page}"]


def comparison_table(comparison: ComparisonResult) -> Table:
    """List the arms of a comparison, best first; `*` marks those that cannot be told apart from the best."""
    from hpsearch.report.words.estimates import mean_text

    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("arm", overflow="fold")
    further = tuple(comparison.arms[0].further)
    for column in (comparison.metric, "to baseline", "epochs to\ntarget", *further):
        table.add_column(Text(column), justify="right", no_wrap=True)
    for arm in comparison.arms:
        mark = "*" if arm.tied else ""
        others = (mean_text(arm.further[name]) for name in further)
        _add(table, mark, arm.name, _metric(arm), _to_baseline(arm), _epochs(arm, comparison), *others)
    return table


def _metric(arm: ArmResult) -> str:
    from hpsearch.report.words.estimates import half_text

    if arm.best.failed:
        return f"{arm.best.failed} of {arm.ended} failed"
    return half_text(arm.best) if arm.ended else ""


def _to_baseline(arm: ArmResult) -> str:
    from hpsearch.report.words.estimates import half_text

    if arm.standing is None:
        return "baseline"
    found = arm.standing.difference.estimate
    return "" if found.mean is None else half_text(found)


def _epochs(arm: ArmResult, comparison: ComparisonResult) -> str:
    from hpsearch.report.words.estimates import mean_text

    if comparison.target.loss is None or not arm.ended:
        return ""
    count = arm.to_target.count
    return mean_text(arm.to_target) if count == arm.ended else f"{count} of {arm.ended}"


def comparison_lines(comparison: ComparisonResult) -> list[str]:
    """Tell in a few lines what a comparison has found: the best arms, the failures, the claims."""
    from hpsearch.report.words import comparison as compare_prose

    seeds = comparison.runs.replicates
    legend = f"means over {seeds} seeds, \N{PLUS-MINUS SIGN} half of the 95 % interval"
    lines = [legend + ("; * cannot be told apart from the best" if comparison.tied else "")]
    lines += [] if comparison.target.loss is None else [f"target: val_loss {comparison.target.loss:.4g}"]
    lines += compare_prose.sentences(comparison)
    for failed in comparison.failures:
        arms = len({name for name, _ in failed.runs})
        lines.append(f"failed: {len(failed.runs)} runs of {arms} arms: {failed.cause or 'no recorded cause'}")
    return lines + [_claim(claim) for claim in comparison.claims]


def _claim(claim: JudgedClaim) -> str:
    from hpsearch.report.tables.comparison import compared, evidence
    from hpsearch.report.words.estimates import half_text

    measured = "" if claim.measured.mean is None else f" = {half_text(claim.measured)}"
    troubles = evidence(claim).partition("; ")[2] or claim.obstacle
    text = f"{claim.verdict}: {claim.says} [{compared(claim)}{measured}"
    return f"{text}; {troubles}]" if troubles else f"{text}]"


def ablation_table(path: AblationPath) -> Table:
    """List the steps from the default to the winner, each with its difference to the one before."""
    from hpsearch.report.words.ablation import label_of
    from hpsearch.report.words.estimates import half_text

    table = _table()
    table.add_column("step", overflow="fold")
    for column in (path.metric, "to previous step", ""):
        table.add_column(Text(column), justify="right" if column else "left", no_wrap=True)
    for step in path.steps:
        own, standing = step.taken.estimate, step.taken.standing
        mean = f"{own.failed} failed" if own.failed else half_text(own)
        other = "" if standing is None else half_text(standing.difference.estimate)
        _add(table, label_of(step.taken.change), mean, other, "" if standing is None else standing.order)
    return table


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
