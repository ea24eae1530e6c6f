"""The trials of a study as Optuna's samplers take them: an Optuna study in memory."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from copy import copy
from math import inf, isfinite
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.scheduling.learned_trials import LearnedTrials, Rank
from hpsearch.spec import Search
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.store.events import Asked, Ended, Event, Metrics, Reported
from hpsearch.store.optuna.distributions import optuna_distribution

NAME = "hpsearch"
"""One name for all studies in memory, because Hyperband's brackets depend on it."""


Observed = tuple[int, dict[str, Value], Rank | None]
"""The number of a trial, its values and its rank, None while it is under way."""


class ShownTrials(InMemoryStorage):
    """Shows trials as samplers best learn from them: a part of them, and by rungs where these compare them.

    Optuna's samplers rank complete trials before pruned ones, those by their last epoch and then by their
    value, and take a trial under way for bad. So by rungs one that waits or goes on is shown as pruned where
    it stands, and a failed one as pruned before it reported anything.
    """

    def __init__(self, *, by_rungs: bool) -> None:
        super().__init__()
        self.by_rungs = by_rungs
        self._only: Sequence[int] | None = None

    def only(self, numbers: Sequence[int]) -> ShownTrials:
        """Return a view that shows these trials."""
        view = copy(self)
        view._only = numbers  # noqa: SLF001 - our own
        return view

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,  # noqa: FBT001, FBT002 - Optuna's signature
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials as they are shown, by number."""
        trials = super().get_all_trials(study_id, deepcopy)
        if self._only is not None:
            trials = [trials[number] for number in self._only]
        shown = map(_ranked_by_rungs, trials) if self.by_rungs else trials
        return [trial for trial in shown if states is None or trial.state in states]


def _ranked_by_rungs(trial: FrozenTrial) -> FrozenTrial:
    waits = trial.state == TrialState.RUNNING and bool(trial.intermediate_values)
    failed = trial.state == TrialState.COMPLETE and trial.value in (inf, -inf)
    if not waits and not failed:
        return trial
    shown = copy(trial)
    shown.state = TrialState.PRUNED
    if failed:
        shown.intermediate_values = {}
    return shown


class TrialHistory:
    """The trials of a study as Optuna represents them, built from the study's events.

    Args:
        search: The search section, whose directions say which values are better.
        parameters: The parameters of the search space.
    """

    def __init__(self, search: Search, parameters: Iterable[Parameter]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.distributions = {p.name: optuna_distribution(p) for p in parameters}
        self.storage = ShownTrials(by_rungs=search.schedule.name == "rungs")
        directions = [StudyDirection[direction.upper()] for direction in search.directions]
        self.study_id = self.storage.create_new_study(directions, NAME)
        self.minimize = search.direction == "minimize"
        self.worst = [inf if direction == "minimize" else -inf for direction in search.directions]
        self._others = search.objectives[1:]
        self._ids: dict[int, int] = {}
        self._learned, self._changed = LearnedTrials(), set[int]()
        self._reports: dict[int, list[Metrics]] = {}

    def apply(self, event: Event) -> None:
        """Update the trials with an event of the study."""
        if isinstance(event, Asked):
            self.begin(event.number)
            self._put(event.number, event.values)
        elif isinstance(event, Reported) and event.value is not None:
            trial = self._ids[event.number]
            self.storage.set_trial_intermediate_value(trial, event.epoch, event.value)
            if self._others:
                self._reports.setdefault(event.number, []).append(event.metrics)
        elif isinstance(event, Ended):
            self._end(event)
        else:
            return
        self._changed.add(event.number)

    def begin(self, number: int) -> None:
        """Create a trial without values, unless it exists.

        Args:
            number: The number of the trial; numbers follow each other from 0.
        """
        if number not in self._ids:
            self._ids[number] = self.storage.create_new_trial(self.study_id)
            self._changed.add(number)

    def _put(self, number: int, values: dict[str, Value]) -> None:
        for name, value in values.items():
            distribution = self.distributions[name]
            internal = distribution.to_internal_repr(value)
            self.storage.set_trial_param(self._ids[number], name, internal, distribution)

    def _end(self, event: Ended) -> None:
        """Record how a trial ended; a failed one gets the worst value, so that its region is avoided."""
        state = TrialState.PRUNED if event.state == "pruned" else TrialState.COMPLETE
        for text, violation in (event.violations or {}).items():
            self.storage.set_trial_system_attr(self._ids[event.number], f"constraints:{text}", violation)
        self.storage.set_trial_state_values(self._ids[event.number], state, self._values(event))

    def _values(self, event: Ended) -> list[float]:
        """Return the value of each objective at a trial's best epoch; of a failed one the worst."""
        reports, best = self._reports.pop(event.number, []), event.best_epoch
        at_best = reports[best - 1] if reports and best else {}
        values = [event.value, *(at_best.get(name) for name in self._others)]
        known = [value for value in values if value is not None and event.state != "failed"]
        return known if len(known) == len(values) else self.worst

    def study(self, *, whole: bool = False) -> Study:
        """Return a new Optuna study with the trials that a sampler learns from, or with the `whole` history.

        Of several objectives it is always whole: the best trials by one are not those of the front.
        A study object caches its trials between two calls of `ask`, which is never called here; so each use
        needs a new object.
        """
        sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.NopPruner()
        storage = self.storage if whole or self._others else self.storage.only(self._ranked().numbers())
        return Study(NAME, storage, sampler=sampler, pruner=pruner)

    def trials(self) -> list[Any]:
        """Return all trials by number, as Optuna's frozen trials; they are shared, not copied."""
        return self.storage.get_all_trials(self.study_id, deepcopy=False)

    def trial(self, number: int) -> Any:
        """Return the trial of this number as Optuna's frozen trial."""
        return self.storage.get_trial(self._ids[number])

    def observed(self, number: int) -> list[Observed]:
        """Return what a sampler learns from when it suggests a trial: the number, values and rank of others.

        Args:
            number: The number of the trial that is to be suggested.

        Returns:
            By number. The least rank is the best one; None while a trial is under way.
        """
        return self._told([other for other in self._ranked().numbers() if other != number])

    def everything(self) -> list[Observed]:
        """Return all trials in the same way, however many they are."""
        return self._told(sorted(self._ranked().ranks))

    def _told(self, numbers: Sequence[int]) -> list[Observed]:
        trials = self.storage.only(numbers).get_all_trials(self.study_id, deepcopy=False)
        return [(trial.number, trial.params, self._learned.ranks[trial.number]) for trial in trials]

    def _ranked(self) -> LearnedTrials:
        """Return what is learned from, after the trials that have changed were ranked again."""
        changed, self._changed = sorted(self._changed), set()
        for trial in self.storage.only(changed).get_all_trials(self.study_id, deepcopy=False):
            self._learned.put(trial.number, rank_of(trial, minimize=self.minimize))
        return self._learned


def rank_of(trial: FrozenTrial, *, minimize: bool) -> Rank | None:
    """Rank a trial as Optuna's samplers do: complete ones by value, then those that were stopped.

    A trial that went further was found better than those that were stopped before; among these the value
    decides (Falkner et al., BOHB, arXiv 1807.01774, learn from the longest runs, too). Then come those that
    violate constraints, by how much, and failures are last.
    """
    sign = 1 if minimize else -1
    if violation := sum(trial.constraints.values()):
        return (2.0, violation)
    if trial.state == TrialState.COMPLETE:
        value = sign * float(trial.values[0])
        return (0.0, value) if isfinite(value) else (3.0,)
    if trial.state != TrialState.PRUNED:
        return None
    if trial.last_step is None:
        return (3.0,)
    return (1.0, -trial.last_step, sign * trial.intermediate_values[trial.last_step])
