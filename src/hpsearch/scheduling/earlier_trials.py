"""The trials of other studies, from which a sampler learns at the beginning.

Their values are on scales of their own, so that only their order counts, within each study: the place of a
trial is the share of its study's trials that are better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from optuna.trial import FrozenTrial

from hpsearch.scheduling.history import Observed, TrialHistory, rank_of
from hpsearch.scheduling.learned_trials import Rank
from hpsearch.spec import Search, StudySpec
from hpsearch.spec.sections.search import EarlierStudy
from hpsearch.spec.space.parameter import Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.events import Event

T = TypeVar("T")
Values = dict[str, Value]

MOST = 25
"""Trials of other studies that are kept, of all of them together."""


@dataclass(frozen=True)
class Overlap:
    """What trials of another study say about a search space.

    Attributes:
        values: The values of the parameters that both have, by trial, the best one first.
        left_out: How many trials are not among them for which reason.
        unknown: Parameters of the space that the other study does not have.
    """

    values: tuple[Values, ...]
    left_out: Counter[str]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Observations:
    """The trials of another study as a sampler sees them, and the parameters that it searches."""

    names: frozenset[str]
    trials: Sequence[Observed]


def observed_in_log(spec: StudySpec, events: Iterable[Event]) -> Observations:
    """Return the trials of a study that hpsearch has run, from its log."""
    parameters = SearchSpace(spec).parameters
    history = TrialHistory(spec.search, parameters)
    for event in events:
        history.apply(event)
    return Observations(frozenset(one.name for one in parameters), history.everything())


def observed_in_storage(trials: Iterable[FrozenTrial], *, minimize: bool) -> Observations:
    """Return the trials of any study of Optuna's."""
    kept = [(one.number, dict(one.params), rank_of(one, minimize=minimize)) for one in trials]
    return Observations(frozenset(name for _, values, _ in kept for name in values), kept)


def overlap(found: Observations, space: SearchSpace) -> Overlap:
    """Find the trials of a study whose values lie in the space of another one."""
    here = {parameter.name: parameter for parameter in space.parameters}
    ranked: list[tuple[Rank, int, Values]] = []
    left_out = Counter[str]()
    for trial, values, rank in found.trials:
        common = {name: value for name, value in values.items() if name in here}
        outside = [name for name, value in common.items() if not here[name].contains(value)]
        if rank is None:
            left_out["that did not end"] += 1
        elif outside:
            left_out[f"with {outside[0]} outside of {here[outside[0]].describe()}"] += 1
        elif not common:
            left_out["without a parameter that is searched here"] += 1
        else:
            ranked.append((rank, trial, common))
    ranked.sort(key=lambda one: one[:2])
    unknown = tuple(name for name in here if name not in found.names)
    return Overlap(tuple(values for _, _, values in ranked), left_out, unknown)


def placed(ranked: Sequence[T]) -> list[tuple[float, T]]:
    """Give trials, the best first, their places between 0 and 1."""
    return [((at + 0.5) / len(ranked), trial) for at, trial in enumerate(ranked)]


def spread(ranked: Sequence[T], count: int) -> Sequence[T]:
    """Take at most so many, evenly, from the best one on."""
    if count >= len(ranked):
        return ranked
    step = (len(ranked) - 1) / max(count - 1, 1)
    return [ranked[round(at * step)] for at in range(count)]


def earlier_trials(search: Search) -> list[tuple[float, Values]]:
    """Return the trials of other studies that a search keeps, with their places, the best first."""
    kept = [one for one in search.warm_start or () if isinstance(one, EarlierStudy)]
    return sorted((one for study in kept for one in placed(study.trials)), key=lambda one: one[0])
