"""Which values the next trial gets, for every kind of experiment."""

from __future__ import annotations

from typing import ClassVar, Protocol

from optuna.trial import TrialState

from hpsearch.analysis.evidence.confirmation import race_of
from hpsearch.experiment import ARM, REPLICATE, Comparison, Confirmation, Experiment, SearchExperiment
from hpsearch.samplers import Experience, Suggester
from hpsearch.search_space import Value
from hpsearch.store.record import finite


class Suggestions(Protocol):
    """Gives each trial its values, as a function of its number and the trials before it.

    Where it `waits`, there may be more when trials under way have ended.
    """

    waits: ClassVar[bool]

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

    waits: ClassVar[bool] = False
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


class Racing:
    """The finalists that may still win, as a race decides from what has ended."""

    waits: ClassVar[bool] = True
    stateful = False

    def __init__(self, confirmation: Confirmation, experience: Experience) -> None:
        self.race, self.experience = race_of(confirmation.spec), experience
        self.taken: dict[int, tuple[str, int]] = {}

    def suggest(self, number: int) -> dict[str, Value] | None:
        """Give the finalist and the replicate that the race asks for next."""
        ended: dict[str, dict[int, float | None]] = {name: {} for name in self.race.finalists}
        under_way: list[tuple[str, int]] = []
        for trial, run in self.taken.items():
            known = self.experience.frozen(trial)
            if known.state == TrialState.RUNNING:
                under_way.append(run)
            else:
                ended[run[0]][run[1]] = finite(known.value)
        following = self.race.next(ended, under_way)
        if following is None:
            return None
        self.experience.begin(number)
        values: dict[str, Value] = dict(zip((ARM, REPLICATE), following, strict=True))
        self.take(number, values)
        return values

    def recall(self, number: int) -> None:
        """Nothing is kept but what has ended."""

    def take(self, number: int, values: dict[str, Value]) -> None:
        """Give a run its finalist and replicate."""
        self.taken[number] = (str(values[ARM]), int(values[REPLICATE]))
        self.experience.put(number, values)


def suggester_of(experiment: Experiment, experience: Experience) -> Suggestions:
    """Give what suggests the trials of an experiment."""
    if isinstance(experiment, Confirmation):
        return Racing(experiment, experience)
    if isinstance(experiment, Comparison):
        return Rounds(experiment, experience)
    assert isinstance(experiment, SearchExperiment)  # noqa: S101 - there are no other kinds
    return Suggester(experiment.spec, experiment.space, experience)
