"""Which values the next trial gets, for every kind of experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from optuna.trial import TrialState

from hpsearch.analysis.ablation import by_changes, path_of
from hpsearch.analysis.evidence.confirmation import race_of
from hpsearch.experiment import (
    ARM,
    REPLICATE,
    Ablation,
    Comparison,
    Confirmation,
    Experiment,
    SearchExperiment,
)
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


class Planned:
    """What a plan asks for next, which decides from what has ended; it waits for what is under way."""

    waits: ClassVar[bool] = True
    stateful = False

    def __init__(self, plan: Plan, experience: Experience) -> None:
        self.plan, self.experience = plan, experience
        self.taken: dict[int, dict[str, Value]] = {}

    def suggest(self, number: int) -> dict[str, Value] | None:
        """Give the values that the plan asks for next."""
        ended: list[tuple[dict[str, Value], float | None]] = []
        under_way: list[dict[str, Value]] = []
        for trial, values in self.taken.items():
            known = self.experience.frozen(trial)
            if known.state == TrialState.RUNNING:
                under_way.append(values)
            else:
                ended.append((values, finite(known.value)))
        following = self.plan(ended, under_way)
        if following is None:
            return None
        self.experience.begin(number)
        self.take(number, following)
        return following

    def recall(self, number: int) -> None:
        """Nothing is kept but what has ended."""

    def take(self, number: int, values: dict[str, Value]) -> None:
        """Give a trial its values."""
        self.taken[number] = values
        self.experience.put(number, values)


Ended = Iterable[tuple[dict[str, Value], float | None]]
"""The values of runs that have ended, each with its metric; None where it failed."""

Plan = Callable[[Ended, Iterable[dict[str, Value]]], dict[str, Value] | None]
"""From what has ended and what is under way to the values of the next run; None to wait, or at the end."""


def racing(confirmation: Confirmation) -> Plan:
    """Plan the replicates of the finalists that may still win, as a race decides."""
    race = race_of(confirmation.spec)

    def plan(ended: Ended, under_way: Iterable[dict[str, Value]]) -> dict[str, Value] | None:
        known: dict[str, dict[int, float | None]] = {name: {} for name in race.finalists}
        for values, metric in ended:
            known[str(values[ARM])][int(values[REPLICATE])] = metric
        busy = [(str(values[ARM]), int(values[REPLICATE])) for values in under_way]
        following = race.next(known, busy)
        return None if following is None else dict(zip((ARM, REPLICATE), following, strict=True))

    return plan


def greedy(ablation: Ablation) -> Plan:
    """Plan the runs of the present round of an ablation."""
    path = path_of(ablation)

    def plan(ended: Ended, under_way: Iterable[dict[str, Value]]) -> dict[str, Value] | None:
        busy = [(ablation.made(values), int(values[REPLICATE])) for values in under_way]
        following = path.next(by_changes(ablation, ended), busy)
        return None if following is None else ablation.values(*following)

    return plan


def suggester_of(experiment: Experiment, experience: Experience) -> Suggestions:
    """Give what suggests the trials of an experiment."""
    if isinstance(experiment, Ablation):
        return Planned(greedy(experiment), experience)
    if isinstance(experiment, Confirmation):
        return Planned(racing(experiment), experience)
    if isinstance(experiment, Comparison):
        return Rounds(experiment, experience)
    assert isinstance(experiment, SearchExperiment)  # noqa: S101 - there are no other kinds
    return Suggester(experiment.spec, experiment.space, experience)
