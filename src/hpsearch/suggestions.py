"""Which values the next trial gets, for every kind of experiment."""

from __future__ import annotations

from typing import Protocol

from hpsearch.experiment import Comparison, Experiment, SearchExperiment
from hpsearch.samplers import Experience, Suggester
from hpsearch.search_space import Value


class Suggestions(Protocol):
    """Gives each trial its values, as a function of its number and the trials before it."""

    @property
    def stateful(self) -> bool:
        """Tell whether a state is kept that only asking again can rebuild."""

    def suggest(self, number: int) -> dict[str, Value] | None:
        """Suggest values for a trial; None where there are no more."""

    def recall(self, number: int) -> None:
        """Ask again for a trial that the tick log has."""

    def take(self, number: int, values: dict[str, Value]) -> None:
        """Give a trial its values."""


class Rounds:
    """Every arm of a comparison in turn, replicate by replicate."""

    stateful = False

    def __init__(self, comparison: Comparison, experience: Experience) -> None:
        self.comparison, self.experience = comparison, experience

    def suggest(self, number: int) -> dict[str, Value]:
        """Give the arm and the replicate of a trial."""
        self.experience.begin(number)
        values = self.comparison.values(number)
        self.take(number, values)
        return values

    def recall(self, number: int) -> None:
        """Nothing is kept from one trial to the next."""

    def take(self, number: int, values: dict[str, Value]) -> None:
        """Give a trial its values."""
        self.experience.put(number, values)


def suggester_of(experiment: Experiment, experience: Experience) -> Suggestions:
    """Give what suggests the trials of an experiment."""
    if isinstance(experiment, Comparison):
        return Rounds(experiment, experience)
    assert isinstance(experiment, SearchExperiment)  # noqa: S101 - there are two kinds
    return Suggester(experiment.spec, experiment.space, experience)
