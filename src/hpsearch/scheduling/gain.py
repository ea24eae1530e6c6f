"""Whether more trials pay: what they may gain, against the noise of a single score over seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import variance
from typing import Protocol, TypeVar

from hpsearch.scheduling.racing.estimates import Values, failures
from hpsearch.scheduling.racing.spread import Spread
from hpsearch.spec import Configuration
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Origin, State
from hpsearch.store.record import StudyRecord, finite

FEWEST_TRIALS = 20
"""Ended trials from which on it is said what more of them may gain."""

REPLICATES = 3
"""How often a search that is to end by itself trains its best configuration again each time it is judged."""


class ScoredTrial(Protocol):
    """What is asked here of a trial."""

    @property
    def number(self) -> int: ...  # noqa: D102 - as in `TrialRecord`
    @property
    def state(self) -> State: ...  # noqa: D102 - the same
    @property
    def value(self) -> float | None: ...  # noqa: D102 - the same
    @property
    def origin(self) -> Origin | None: ...  # noqa: D102 - the same
    @property
    def configuration(self) -> Configuration: ...  # noqa: D102 - the same


Scored = TypeVar("Scored", bound=ScoredTrial)


@dataclass(frozen=True)
class ExpectedGain:
    """By how much a search may get better by half as many trials again, in units of its metric.

    Attributes:
        trials: The number of further trials, as many as the later half of those that ended.
        gain: What they may gain at most.
        noise: The standard deviation of a single score over seeds.
    """

    trials: int
    gain: float
    noise: float

    @property
    def pays(self) -> bool:
        """Whether the gain exceeds the noise; scores that differ by noise alone gain about 0.3 of it."""
        return self.gain > self.noise


def expect_gain(record: StudyRecord, replicates: Iterable[Values]) -> ExpectedGain | None:
    """Expect what more trials gain from what the later half of the trials gained.

    Args:
        record: The search.
        replicates: The values of each finalist, by replicate, of which those without a failure count.

    Returns:
        None where there are too few trials or replicates, or no configuration is left to be tried.
    """
    ended = [trial for trial in suggested(record.trials) if trial.state != "running"]
    sound = [
        {number: value for number, value in values.items() if value is not None}
        for values in replicates
        if not failures(values)
    ]
    spread = Spread.of(sound, fewest=2)
    exhausted = SearchExperiment(record.spec).space.size() <= len(ended)
    if spread.seeds < 2 or exhausted:
        return None
    return _expected(ended, math.sqrt(spread.single), minimize=record.minimize)


def last_judgement(trials: Iterable[ScoredTrial], *, minimize: bool) -> ExpectedGain | None:
    """Judge a search by the trials up to its last `REPLICATES` replicates, whenever which of them ended.

    Returns:
        None where it was not judged yet, or too few replicates were trained to their end.
    """
    known = sorted(trials, key=lambda trial: trial.number)
    numbers = [trial.number for trial in known if trial.origin == "replicate"]
    whole = len(numbers) // REPLICATES * REPLICATES
    known = [trial for trial in known if whole and trial.number <= numbers[whole - 1]]
    noise = _deviation(trial for trial in known if trial.origin == "replicate")
    if noise is None or any(trial.state == "running" for trial in known):
        return None
    return _expected(suggested(known), noise, minimize=minimize)


def no_gain(record: StudyRecord) -> ExpectedGain | None:
    """Return for what expectation a search ended by itself; None where it did not."""
    if record.kind != "search" or record.spec.search.until != "no_gain":
        return None
    judgement = last_judgement(record.trials, minimize=record.minimize)
    return None if judgement is None or judgement.pays else judgement


def suggested(trials: Iterable[Scored]) -> list[Scored]:
    """List the trials without replicates, by number."""
    return sorted((t for t in trials if t.origin != "replicate"), key=lambda trial: trial.number)


def _expected(ended: Sequence[ScoredTrial], noise: float, *, minimize: bool) -> ExpectedGain | None:
    scores = _scores(ended, 1 if minimize else -1)
    if len(ended) < FEWEST_TRIALS or not scores:
        return None
    later = len(scores) // 2
    return ExpectedGain(later, later_gain(scores, later), noise)


def _scores(ended: Sequence[ScoredTrial], sign: int) -> list[float]:
    """List the scores in the order of the trials, lower is better; a failed trial has the worst of all."""
    values = [None if trial.value is None else finite(trial.value) for trial in ended]
    worst = max((sign * value for value in values if value is not None), default=None)
    return [] if worst is None else [worst if value is None else sign * value for value in values]


def _deviation(replicates: Iterable[ScoredTrial]) -> float | None:
    """Pool the standard deviation between replicates of the same configuration."""
    values: dict[Configuration, list[float]] = defaultdict(list)
    for trial in replicates:
        if trial.state == "complete" and trial.value is not None:
            values[trial.configuration].append(trial.value)
    pooled = [(len(own) - 1, variance(own)) for own in values.values() if len(own) > 1]
    if not pooled:
        return None
    return math.sqrt(sum(freedom * own for freedom, own in pooled) / sum(freedom for freedom, _ in pooled))


def later_gain(scores: Sequence[float], later: int) -> float:
    """Return what the last scores gained: in the order that they have, or on average over all orders if more.

    The average is the difference of two expected minima (Dodge et al., Show Your Work, arXiv 1909.03004,
    without replacement). The expected minimum falls ever more slowly in the number of scores, so that as many
    more of the same kind gain less than that; a sampler that learns may go on as it did last.

    Args:
        scores: The scores, lower is better.
        later: How many of them are the last ones; at least two are earlier.
    """
    count, best = len(scores), min(scores)
    earlier, weight, expected = count - later, (count - later) / count, 0.0
    for place, score in enumerate(sorted(scores)[: later + 1], start=1):
        expected += weight * score
        # The chance that of `earlier` scores drawn from all the least is the next one.
        weight *= (later + 1 - place) / (count - place)
    return max(expected, min(scores[:earlier])) - best
