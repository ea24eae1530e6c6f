"""What chooses and stops the trials of Keras Tuner's own `Tuner`: a sampler and a pruner of hpsearch."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.trial import Trial, TrialStatus
from optuna.exceptions import ExperimentalWarning

from hpsearch.exceptions import UnsupportedError
from hpsearch.keras_tuner.space import TunedSpace, hyperparameters_of
from hpsearch.scheduling.interface import StartTrial, Stop
from hpsearch.scheduling.schedulers.search import SearchScheduler
from hpsearch.store.events import Asked, Ended, Event, Reported, dump_event, read_event
from hpsearch.store.optuna.storage import open_storage
from hpsearch.store.optuna.urls import url_of


class PrunedError(Exception):
    """Ends the training of a trial that is pruned; Keras Tuner catches what training raises."""


class HeardObjective(keras_tuner.Objective):  # type: ignore[misc]  # Keras Tuner has no types
    """An objective that tells an oracle the logs of every epoch, of which Keras Tuner asks it alone."""

    def __init__(self, objective: Any, oracle: Oracle) -> None:
        super().__init__(objective.name, objective.direction)
        self.oracle = oracle

    def has_value(self, logs: Any) -> bool:
        """Tell the oracle, and say whether the logs of an epoch have the objective."""
        if self.name in logs:
            self.oracle.hear(float(logs[self.name]))
        return bool(super().has_value(logs))

    def __deepcopy__(self, memo: Any) -> HeardObjective:
        return self

    __hash__ = None  # type: ignore[assignment]  # as there


class Oracle(keras_tuner.Oracle):  # type: ignore[misc]
    """A sampler and a pruner of hpsearch for `keras_tuner.Tuner(oracle=...)`; `study.db` beside its files.

    Args:
        objective: One objective.
        max_trials: The number of trials.
        seed: The seed of the sampler.
        sampler: A sampler as the study file has it.
        pruner: A pruner as the study file has it; it hears the epochs of one trial at a time.
        max_epochs: The length of the longest trial, which hyperband needs.
        **others: Arguments of `keras_tuner.Oracle`.

    Raises:
        UnsupportedError: There are several objectives.
    """

    objective: Any

    def __init__(
        self,
        objective: Any = None,
        max_trials: int = 10,
        seed: int | None = None,
        sampler: Any = "tpe",
        pruner: Any = "none",
        max_epochs: int = 100,
        **others: Any,
    ) -> None:
        super().__init__(objective=objective, max_trials=max_trials, seed=seed or 1, **others)
        if hasattr(self.objective, "objectives"):
            raise UnsupportedError("objective: expected one; found several: choose one of them")
        self.objective = HeardObjective(self.objective, self)
        metric = "val_loss" if self.objective.direction == "min" else "val_accuracy"
        self._search = {"metric": metric, "seed": self.seed, "sampler": sampler, "pruner": pruner}
        self._max_epochs = max_epochs
        self._events: list[Event] = []
        self._space: TunedSpace | None = None
        self._pruned: dict[int, str] = {}

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial, as Keras Tuner asks for them."""
        number, scheduler = int(trial_id), self._scheduled()
        following = scheduler.next(number)
        if not isinstance(following, StartTrial):
            return {"status": TrialStatus.STOPPED}
        self._take(Asked(number, following.values))
        assert self._space is not None  # noqa: S101 - there is a scheduler
        return {"status": TrialStatus.RUNNING, "values": self._space.given(following.values)}

    def hear(self, value: float) -> None:
        """Take in an epoch of the trial under way.

        Raises:
            PrunedError: The trial is not worth more epochs.
        """
        if len(self.ongoing_trials) != 1:
            return  # whose epoch it is cannot be told
        (trial,) = self.ongoing_trials.values()
        number = int(trial.trial_id)
        self._take(Reported(number, len(self._epochs(number)) + 1, value, {}, 0.0))
        decision = self._scheduled().decide(number)
        if isinstance(decision, Stop):
            self._pruned[number] = decision.reason
            raise PrunedError(decision.reason)

    def end_trial(self, trial: Trial) -> None:
        """Keep how a trial ended; one that was pruned has the value of its best epoch."""
        number = int(trial.trial_id)
        reason = self._pruned.pop(number, None)
        if reason is not None:
            values = self._epochs(number)
            best = max(values) if self.objective.direction == "max" else min(values)
            self.update_trial(trial.trial_id, {self.objective.name: best}, step=values.index(best))
            trial.status, trial.message = TrialStatus.COMPLETED, reason
        super().end_trial(trial)
        ended = self.trials[trial.trial_id]
        if ended.status in (TrialStatus.COMPLETED, TrialStatus.FAILED):
            failed = ended.status == TrialStatus.FAILED
            state: Any = "failed" if failed else "complete" if reason is None else "pruned"
            epochs, value = len(self._epochs(number)), None if failed else float(ended.score)
            self._take(Ended(number, state, value, epochs, None, 0.0, ended.message))
            self.save()
            self._show(number)

    def get_state(self) -> dict[str, Any]:
        """Return what Keras Tuner keeps, and what was decided."""
        return {**super().get_state(), "hpsearch": [dump_event(event) for event in self._events]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what was kept."""
        super().set_state(state)
        self._events = [read_event(event) for event in state["hpsearch"]]

    def _scheduled(self) -> SearchScheduler:
        """Return what decides; what trials before did not ask for counts with its default."""
        found = hyperparameters_of(self.hyperparameters.space)
        if self._space is None or self._space.found != found:
            self._space = TunedSpace(found, self._project_name, self._max_epochs, self._search)
            self._scheduler = SearchScheduler(self._space.experiment, 1)
            for event in self._events:
                self._apply(event)
        return self._scheduler

    def _take(self, event: Event) -> None:
        self._scheduled()
        self._events.append(event)
        self._apply(event)

    def _apply(self, event: Event) -> None:
        assert self._space is not None  # noqa: S101 - there is a scheduler
        if isinstance(event, Asked):
            event = Asked(event.number, self._space.completed(event.values))
        self._scheduler.apply(event)

    def _epochs(self, number: int) -> list[float]:
        heard = [event for event in self._events if isinstance(event, Reported) and event.number == number]
        return [event.value for event in heard if event.value is not None]

    def _show(self, number: int) -> None:
        """Add a trial that ended to the Optuna storage."""
        self._shown.add_trial(self._scheduler.history.trial(number))

    @cached_property
    def _shown(self) -> optuna.Study:
        """The study in the Optuna storage."""
        path = Path(self._project_dir) / "study.db"
        study = optuna.create_study(
            storage=open_storage(url_of(path), own=path),
            study_name=self._project_name,
            direction="minimize" if self.objective.direction == "min" else "maximize",
            load_if_exists=True,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([self.objective.name])
        return study
