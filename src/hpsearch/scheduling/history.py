"""The trials of a study as Optuna's samplers take them: an Optuna study in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import optuna
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState

from hpsearch.spec import Search
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.store.events import Asked, Ended, Event, Reported
from hpsearch.store.optuna.distributions import optuna_distribution

NAME = "hpsearch"
"""One name for all studies in memory, because Hyperband's brackets depend on it."""


class TrialHistory:
    """The trials of a study as Optuna represents them, built from the study's events.

    Args:
        search: The search section, whose direction says which values are better.
        parameters: The parameters of the search space.
    """

    def __init__(self, search: Search, parameters: Iterable[Parameter]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.distributions = {p.name: optuna_distribution(p) for p in parameters}
        self.storage = InMemoryStorage()
        direction = StudyDirection[search.direction.upper()]
        self.study_id = self.storage.create_new_study([direction], NAME)
        self.minimize = search.direction == "minimize"
        self.worst = float("inf") if self.minimize else float("-inf")
        self._ids: dict[int, int] = {}

    def apply(self, event: Event) -> None:
        """Update the trials with an event of the study."""
        if isinstance(event, Asked):
            self.begin(event.number)
            self._put(event.number, event.values)
        elif isinstance(event, Reported) and event.value is not None:
            trial = self._ids[event.number]
            self.storage.set_trial_intermediate_value(trial, event.epoch, event.value)
        elif isinstance(event, Ended):
            self._end(event)

    def begin(self, number: int) -> None:
        """Create a trial without values, unless it exists.

        Args:
            number: The number of the trial; numbers follow each other from 0.
        """
        if number not in self._ids:
            self._ids[number] = self.storage.create_new_trial(self.study_id)

    def _put(self, number: int, values: dict[str, Value]) -> None:
        for name, value in values.items():
            distribution = self.distributions[name]
            internal = distribution.to_internal_repr(value)
            self.storage.set_trial_param(self._ids[number], name, internal, distribution)

    def _end(self, event: Ended) -> None:
        """Record how a trial ended; a failed one gets the worst value, so that its region is avoided."""
        value = self.worst if event.value is None or event.state == "failed" else event.value
        state = TrialState.PRUNED if event.state == "pruned" else TrialState.COMPLETE
        self.storage.set_trial_state_values(self._ids[event.number], state, [value])

    def study(self) -> Study:
        """Return a new Optuna study over the same storage.

        A study object caches its trials between two calls of `ask`, which is never called here; so each use
        needs a new object.
        """
        sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.NopPruner()
        return Study(NAME, self.storage, sampler=sampler, pruner=pruner)

    def trials(self) -> list[Any]:
        """Return all trials by number, as Optuna's frozen trials; they are shared, not copied."""
        return self.storage.get_all_trials(self.study_id, deepcopy=False)

    def trial(self, number: int) -> Any:
        """Return the trial of this number as Optuna's frozen trial."""
        return self.storage.get_trial(self._ids[number])
