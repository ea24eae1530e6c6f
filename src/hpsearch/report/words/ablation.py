"""The way from the default to the winner: what the report and the terminal say of it, and what is drawn."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from hpsearch.analysis import AblationPath, Analysis, PathStep, Tried
from hpsearch.analysis.ablation import Change
from hpsearch.analysis.arms.standing import Order, Standing
from hpsearch.report.figures import DotPlot, DotRow
from hpsearch.report.figures.dots import Kind
from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.estimates import mean_text, with_interval
from hpsearch.report.words.numbers import amount, listed, short
from hpsearch.scheduling.racing.estimates import FEWEST_REPLICATES
from hpsearch.spec.space.parameter import Value

KINDS: dict[Order, Kind] = {
    "better": "better",
    "worse": "worse",
    "cannot tell": "cannot tell",
    "not enough": "cannot tell",
}

LONG_NUMBER = re.compile(r"\d+\.\d{4,}(e-?\d+)?")

COMPARED = ("low", "high", "deviation", "replicates", "failed")
DIFFERENCES = ("minus previous step", "difference, low", "difference, high", "probability of being better")


def label_of(change: Change | None) -> str:
    """Name a step by the change that it makes."""
    return "default" if change is None else f"{change.place}: {_from_to(change)}"


def _from_to(change: Change) -> str:
    return f"{_brief(change.old)} to {_brief(change.new)}"


def _brief(value: Value) -> str:
    """Write a value with four digits; so are the numbers inside a label, which has all of them."""
    return LONG_NUMBER.sub(lambda found: short(float(found[0])), short(value))


def missing_note(analysis: Analysis) -> str:
    """Say that there is no ablation, and how to get one."""
    if analysis.winner is None:
        return "No ablation yet: no trial has a value."
    return (
        "No ablation was run, so it is unknown which changes carry the gain of the winner over the defaults. "
        f"To run one: hpsearch ablate {shlex.quote(f'{analysis.name}.yaml')}"
    )


def path_note(path: AblationPath) -> str:
    """Say how to read the path."""
    winner = "the winner" if path.trial is None else f"trial {path.trial}"
    how = (
        f"From the defaults of the study file to {winner}, one change at a time, all trained from the same "
        f"{amount(path.replicates, 'seed')}. Each round tried every remaining change by itself and kept the "
        "one with the best mean. Differences and colours are paired differences to the previous step, with "
        "95 % intervals. The difference of a single step is optimistic, because the same seeds chose the "
        "change and measured it; the total difference between default and winner involves no choice."
    )
    kept = ", ".join(f"{one.name} = {one.value} ({one.why})" for one in path.kept)
    return f"{how} Fixed at the winner's value in all steps: {kept}." if kept else how


def sentences(path: AblationPath, name: str) -> tuple[str, ...]:
    """Say what an ablation has found, in a few sentences."""
    file = shlex.quote(f"{name}.yaml")
    stale = (
        "The search has a new winner, and this ablation leads to the old one. To update it: hpsearch "
        f"ablate {file}"
    )
    found = _found(path, file) if path.total is not None else _under_way(path, file)
    return tuple(filter(None, ("" if path.current else stale, *found)))


def _under_way(path: AblationPath, file: str) -> tuple[str, ...]:
    done = f"{path.runs:,} of {amount(path.planned, 'run')} have ended"
    return (f"The ablation is not finished: {done}. To continue: hpsearch ablate {file}",)


def _found(path: AblationPath, file: str) -> tuple[str, ...]:
    if path.replicates < FEWEST_REPLICATES:
        more = f"hpsearch ablate {file} --replicates {FEWEST_REPLICATES}"
        return (
            f"Too few seeds ({path.replicates}) to say which changes carry the gain. To add more: {more}",
        )
    return (_total(path), _carriers(path), *_without_effect(path))


def _total(path: AblationPath) -> str:
    first, last = path.steps[0].taken.estimate, path.steps[-1].taken.estimate
    for name, own in (("default", first), ("winner", last)):
        if own.failed:
            return f"The {name} failed with {own.failed} of {amount(path.replicates, 'seed')}."
    assert path.total is not None  # noqa: S101 - it was asked before
    difference = with_interval(path.total.difference.estimate)
    return f"{path.metric} goes from {short(first.mean)} to {short(last.mean)}: {difference}."


def _carriers(path: AblationPath) -> str:
    assert path.total is not None  # noqa: S101 - it was asked before
    if path.total.order == "worse":
        return "The winner is worse than the default."
    if path.carried is None:
        return "Which changes carry the gain cannot be determined."
    if path.carried == 0:
        return "The winner cannot be told apart from the default."
    made = listed(map(_made, path.changes[: path.carried]))
    if path.carried == len(path.changes):
        return f"All changes are needed to match the winner: {made}."
    carry = "carries" if path.carried == 1 else "carry"
    return (
        f"{path.carried} of {len(path.changes)} changes {carry} the gain: {made}. The winner is not "
        "measurably better than the default with these changes alone."
    )


def _made(step: PathStep) -> str:
    change = step.taken.change
    return "" if change is None else f"{change.place} ({_from_to(change)})"


def _without_effect(path: AblationPath) -> tuple[str, ...]:
    """Name the changes that did nothing, or harm, and say where the path was better than its end."""
    same, worse = _places(path.changes, "cannot tell"), _places(path.changes, "worse")
    lines = (
        f"No measurable effect at its position in the path: {same}." if same else "",
        f"Made it worse at its position in the path: {worse}." if worse else "",
        _passed(path),
    )
    return tuple(filter(None, lines))


def _passed(path: AblationPath) -> str:
    """Say where the path was better than its end."""
    sign = 1 if path.minimize else -1
    passed = [step for step in path.changes if step.remaining and step.remaining.order == "better"]
    sound = [step for step in passed if step.taken.estimate.mean is not None]
    if not sound:
        return ""
    best = min(sound, key=lambda step: sign * (step.taken.estimate.mean or 0.0))
    place, mean = "" if best.taken.change is None else best.taken.change.place, best.taken.estimate.mean
    return (
        f"An intermediate step is better than the winner, the best being step {path.steps.index(best)} "
        f"({place}): {path.metric} {short(mean)}."
    )


def _places(steps: Iterable[PathStep], order: Order) -> str:
    tried = [step.taken for step in steps]
    return listed(
        one.change.place
        for one in tried
        if one.change is not None and one.standing is not None and one.standing.order == order
    )


def path_plot(path: AblationPath) -> DotPlot:
    """Show the metric of each step, the default on top, beside the winner's."""
    rows = tuple(_row(step.taken) for step in path.steps)
    winner = None if path.total is None else path.steps[-1].taken.estimate.mean
    return DotPlot(rows, path.metric, winner, f"the winner: {short(winner)}", thing="step")


def _row(tried: Tried) -> DotRow:
    own, standing = tried.estimate, tried.standing
    kind: Kind = "start" if standing is None else KINDS[standing.order]
    points = tuple(value for value in tried.values.values() if value is not None)
    note = f"{own.failed} failed" if own.failed else mean_text(own)
    label = label_of(tried.change)
    return DotRow(label, kind, own.mean, own.low, own.high, points, note)


def steps_table(path: AblationPath) -> ReportTable:
    """List the steps, the default first."""
    columns = ("step", "change", "from", "to", path.metric, *COMPARED, *DIFFERENCES, "than previous")
    remaining = ("minus the winner", "to winner, low", "to winner, high", "than winner")
    rows = tuple(
        (cell(number), *_tried(step.taken), *_remaining(step.remaining))
        for number, step in enumerate(path.steps)
    )
    caption = "Ablation steps from the default to the winner: means over seeds with 95 % intervals"
    return ReportTable(caption, (*columns, *remaining), rows, header=1)


def others_table(path: AblationPath) -> ReportTable | None:
    """List the changes that were tried and not taken, round by round; None where there are none."""
    columns = ("round", "change", "from", "to", path.metric, *COMPARED, *DIFFERENCES, "than previous")
    rows = tuple(
        (cell(number), *_tried(one)) for number, step in enumerate(path.steps) for one in step.others
    )
    return ReportTable("Changes tried in a round and not kept", columns, rows, header=1) if rows else None


def _tried(one: Tried) -> tuple[Cell, ...]:
    own, change, standing = one.estimate, one.change, one.standing
    described = (Cell("default"), cell(None), cell(None))
    if change is not None:
        described = (Cell(change.place), cell(change.old), cell(change.new))
    numbers = (own.mean, own.low, own.high, own.deviation, own.count, own.failed)
    probability = None if standing is None else standing.difference.probability
    return (*described, *map(cell, numbers), *_difference(standing), cell(probability), _order(standing))


def _difference(standing: Standing | None) -> tuple[Cell, ...]:
    if standing is None:
        return (cell(None),) * 3
    found = standing.difference.estimate
    return tuple(map(cell, (found.mean, found.low, found.high)))


def _order(standing: Standing | None) -> Cell:
    return cell(None if standing is None else standing.order)


def _remaining(standing: Standing | None) -> tuple[Cell, ...]:
    return (*_difference(standing), _order(standing))
