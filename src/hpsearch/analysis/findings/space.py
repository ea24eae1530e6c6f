"""The search space against what was found in it: ranges that end too soon, options that no trial took."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hpsearch.analysis.findings.chance import chanceless
from hpsearch.analysis.findings.finding import StudyFinding, spoken
from hpsearch.analysis.findings.limits import EDGE, EDGE_TRIALS, FEWEST_TRIALS
from hpsearch.spec import Choice, Numeric
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.store.record import StudyRecord, TrialRecord


def edge_of_the_range(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the ranges at one end of which all of the best trials lie."""
    lost = {trial.number for trial in chanceless(record)}
    if len(record.ranking) < FEWEST_TRIALS or record.ranking[0].number in lost:
        return
    for parameter in record.parameters:
        distribution = parameter.distribution
        if not isinstance(distribution, Numeric):
            continue
        count = _best_trials(distribution)
        own = [trial for trial in record.ranking if parameter.name in trial.parameters][:count]
        # A condition that the best trials do not meet says that the parameter is not the point.
        if own == list(record.ranking[:count]) and len(own) == count:
            yield from _at_an_end(parameter.name, distribution, own)


def _best_trials(distribution: Numeric) -> int:
    """Count the best trials that must lie at an end: of few values more, because many lie there anyway."""
    step = 1 if distribution.integer and distribution.step is None else distribution.step
    if step is None or distribution.log:
        return EDGE_TRIALS
    share = max(1 / (math.floor((distribution.high - distribution.low) / step + 1e-8) + 1), EDGE)
    return EDGE_TRIALS if share == 1 else math.ceil(EDGE_TRIALS * math.log(EDGE) / math.log(share) - 1e-9)


def _at_an_end(name: str, distribution: Numeric, trials: list[TrialRecord]) -> Iterator[StudyFinding]:
    values = [float(trial.parameters[name]) for trial in trials]
    places = [_place(distribution, value) for value in values]
    ends = {
        "lower": (all(place <= EDGE for place in places), distribution.low),
        "upper": (all(place >= 1 - EDGE for place in places), distribution.high),
    }
    for end, (reached, bound) in ends.items():
        if reached and not _is_natural(distribution, bound):
            low, high = spoken(distribution.low), spoken(distribution.high)
            sentence = (
                f"{name} of the best {len(trials)} trials lies at the {end} end of its range, {low} to "
                f"{high} (best: {spoken(values[0])}); widen it"
            )
            numbers = tuple(trial.number for trial in trials)
            evidence: dict[str, Value] = {"parameter": name, "best": values[0], "end": bound}
            yield StudyFinding("edge of the range", sentence, numbers, evidence)


def _place(distribution: Numeric, value: float) -> float:
    """Place a value in its range, from 0 to 1, on the scale of the range."""
    low, high = distribution.low, distribution.high
    if low == high:
        return 0.5
    if distribution.log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return value / (high - low) - low / (high - low)


def _is_natural(distribution: Numeric, bound: float) -> bool:
    """Return whether a range cannot go on: shares end at 0 and 1, counts begin at 1."""
    if distribution.integer:
        return bound <= 1
    return not distribution.log and bound in (0, 1)


def never_tried(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the options that no trial took, although their choice was made often enough."""
    ended = [trial for trial in record.trials if trial.state != "running"]
    for parameter in record.parameters:
        taken = [t.parameters[parameter.name] for t in ended if parameter.name in t.parameters]
        missing = _missing(parameter, taken)
        if len(taken) >= FEWEST_TRIALS and missing:
            sentence = f"{parameter.name}: none of {len(taken)} trials tried {' or '.join(missing)}"
            evidence: dict[str, Value] = {"parameter": parameter.name, "trials": len(taken)}
            yield StudyFinding("never tried", sentence, (), {**evidence, "options": ", ".join(missing)})


def _missing(parameter: Parameter, taken: list[Value]) -> list[str]:
    if not isinstance(parameter.distribution, Choice):
        return []
    return [str(option) for option in parameter.options if option not in taken]
