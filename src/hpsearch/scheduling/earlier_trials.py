"""The trials of other studies, from which a sampler learns at the beginning.

Their values are on scales of their own, so that only their order counts, within each study: the place of a
trial is the share of its study's trials that are better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hpsearch.scheduling.history import TrialHistory
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


def overlap(spec: StudySpec, events: Iterable[Event], space: SearchSpace) -> Overlap:
    """Find the trials of a study whose values lie in the space of another one.

    Args:
        spec: The study that has the trials.
        events: Its log.
        space: The space of the other one.
    """
    others = SearchSpace(spec).parameters
    history = TrialHistory(spec.search, others)
    for event in events:
        history.apply(event)
    here = {parameter.name: parameter for parameter in space.parameters}
    ranked: list[tuple[Rank, int, Values]] = []
    left_out = Counter[str]()
    for trial, values, rank in history.everything():
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
    known = {parameter.name for parameter in others}
    unknown = tuple(name for name in here if name not in known)
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
