"""Keras Tuner's tuners: the same call starts a study of hpsearch, or goes on with it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, ClassVar

from hpsearch.api.functions import Study, optimize
from hpsearch.exceptions import HpsearchError, UnsupportedError
from hpsearch.keras_tuner.code import caller, code_of, has_own_file, keep_code
from hpsearch.keras_tuner.objective import metric_of
from hpsearch.keras_tuner.search_arguments import SearchArguments
from hpsearch.models.components.hyperparameters import HyperParameters
from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import TrialRecord, ranked

FINALISTS = 5
"""How many of the best trials are trained again, where a trial is to be executed several times."""


class Tuner:
    """A search over a hypermodel, which becomes the study `project_name`.

    Args:
        hypermodel: A function `build(hp)`, or an object or class with a method of that name.
        objective: The metric: `val_loss`, `val_accuracy`, or another of the validation rows.
        max_trials: The number of trials.
        seed: The seed of the study.
        directory: The parent of `runs/` and `reports/`.
        project_name: The name of the study.
        overwrite: Whether an earlier study of that name is replaced; else it goes on.
        executions_per_trial: From how many seeds the five best trials are trained again; 1 is none.
        **others: Arguments of Keras Tuner that have no meaning here, at Keras Tuner's default.

    Attributes:
        study: The study, once it was searched.

    Raises:
        UnsupportedError: An argument asks for what hpsearch does not do.
        ModelCodeError: Workers cannot run what builds the models.
    """

    sampler: ClassVar[str] = "tpe"
    OTHERS: ClassVar[dict[str, Any]] = {
        "hyperparameters": None,
        "tune_new_entries": True,
        "allow_new_entries": True,
        "max_retries_per_trial": 0,
        "max_consecutive_failed_trials": 3,
        "max_model_size": None,
        "optimizer": None,
        "loss": None,
        "metrics": None,
        "distribution_strategy": None,
    }

    def __init__(
        self,
        hypermodel: Any,
        objective: Any = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        directory: str | os.PathLike[str] | None = None,
        project_name: str | None = None,
        overwrite: bool = False,  # noqa: FBT001, FBT002 - as there
        executions_per_trial: int = 1,
        **others: Any,
    ) -> None:
        self._check(others)
        self.hypermodel = hypermodel
        self._metric, self._trials, self._seed = metric_of(objective), max_trials, seed or 0
        self._files = StudyFiles(Path(directory or "."), project_name or "untitled_project")
        self._new, self._replicates = overwrite, executions_per_trial
        self._model = hypermodel if has_own_file(hypermodel) else code_of(caller(), self._files.code)
        self.study: Study | None = None

    def _check(self, others: dict[str, Any]) -> None:
        for name, value in others.items():
            if name not in self.OTHERS:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
            if value != self.OTHERS[name]:
                raise UnsupportedError(
                    f"{name}: expected {self.OTHERS[name]!r}; found {value!r}: "
                    + _REMEDIES.get(name, "hpsearch has no such setting; remove it")
                )

    def __init_subclass__(cls) -> None:
        if "run_trial" in vars(cls):
            raise UnsupportedError(
                f"{cls.__name__}: expected a tuner that trains by the model's fit; found a run_trial of its "
                "own: give hpsearch.keras_tuner.Oracle to the Tuner of Keras Tuner"
            )

    def _search(self) -> dict[str, Any]:
        """Return the search section."""
        return {
            "metric": self._metric,
            "trials": self._trials,
            "seed": self._seed,
            "sampler": self.sampler,
        }

    def _length(self, epochs: int) -> int:
        """Return the epochs of a trial."""
        return epochs

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search with the arguments of Keras' `fit`; the same script goes on where it was interrupted.

        Raises:
            HpsearchError: It cannot run, or all that it trained failed.
        """
        given = SearchArguments(*fit_args, **fit_kwargs)
        study = {
            "name": self._files.name,
            "model": {"keras_tuner": self._code()},
            "data": given.data,
            "training": {**given.training, "epochs": self._length(given.epochs)},
            "search": self._search(),
        }
        if self._replicates > 1:
            study["confirm"] = {"finalists": FINALISTS, "replicates": self._replicates}
        shown = None if given.verbose is None else bool(given.verbose)
        self.study = optimize(study, given.rows, out=self._files.out, new=self._new, progress=shown)
        self._new = False  # a second search goes on
        print(f"Report: {self.study.files.report}")  # noqa: T201 - a script of Keras Tuner prints

    def _code(self) -> Any:
        if not isinstance(self._model, str):
            return self._model
        if self._new:
            self._files.code.unlink(missing_ok=True)
        return keep_code(self._files, self._model)

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """Return the values of the best trials, the winner first."""
        return [HyperParameters(values) for _, values in self._best()[:num_trials]]

    def get_best_models(self, num_models: int = 1) -> list[Any]:
        """Return the winner's model, trained, and compiled as the hypermodel compiles it.

        Raises:
            UnsupportedError: More than one is asked for.
        """
        if num_models != 1:
            raise UnsupportedError(f"num_models: expected 1: hpsearch saves the winner; found {num_models}")
        best = self._searched().best
        if best is None:
            return []
        model, built = best.model(), self._build(self.get_best_hyperparameters()[0])
        if built.compiled:
            model.compile_from_config(_of_probabilities(built.get_compile_config()))
        return [model]

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials."""
        print(f"Results in {self._files.directory}\n{self._metric}")  # noqa: T201
        for trial, values in self._best()[:num_trials]:
            print(f"\nTrial {trial.number} summary\nHyperparameters:")  # noqa: T201
            print("\n".join(f"{name}: {value}" for name, value in values.items()))  # noqa: T201
            print(f"Score: {trial.value}")  # noqa: T201

    def search_space_summary(self, extended: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Print what the hypermodel asks for with its defaults."""
        hp = HyperParameters()
        self._build(hp)
        print(f"Search space summary\nDefault search space size: {len(hp.space)}")  # noqa: T201
        for one in hp.space:
            print(f"{one.name}: {one.value} (default: {one.default})")  # noqa: T201

    def _build(self, hp: HyperParameters) -> Any:
        found = self.hypermodel() if isinstance(self.hypermodel, type) else self.hypermodel
        return getattr(found, "build", found)(hp)

    def _searched(self) -> Study:
        if self.study is None:
            raise HpsearchError(f"{self._files.name}: nothing was searched yet: call search() first")
        return self.study

    def _best(self) -> list[tuple[TrialRecord, dict[str, Any]]]:
        """List the trials that have a value with what they were built from, the winner first."""
        study = self._searched()
        trials = ranked(study.record.trials, study.record.spec.search)
        first = None if study.best is None else study.best.trial
        trials.sort(key=lambda trial: trial.number != first)
        return [(trial, _values(trial.configuration.model)) for trial in trials]


_REMEDIES = {
    "optimizer": "compile the model in build",
    "loss": "compile the model in build",
    "metrics": "compile the model in build",
}


def _values(model: Any) -> dict[str, Any]:
    """Return the values of a configuration by the names that `build` asks for."""
    return {one.name: one.value for one in model.hyperparameters or ()}


def _of_probabilities(compiled: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a `compile` for a saved model, which gives probabilities in place of logits."""
    loss = compiled.get("loss")
    config = loss.get("config") if isinstance(loss, dict) else None
    if not isinstance(loss, dict) or not isinstance(config, dict) or "from_logits" not in config:
        return compiled
    return {**compiled, "loss": {**loss, "config": {**config, "from_logits": False}}}


class RandomSearch(Tuner):
    """Draws each trial at random."""

    sampler = "random"


class BayesianOptimization(Tuner):
    """Draws trials where earlier ones were good, by TPE."""

    OTHERS: ClassVar = {**Tuner.OTHERS, "num_initial_points": None, "alpha": 1e-4, "beta": 2.6}


class GridSearch(Tuner):
    """Goes through all values; a range of numbers has ten."""

    sampler = "grid"

    def _search(self) -> dict[str, Any]:
        return {**super()._search(), "trials": self._trials or 10**6}


class Hyperband(Tuner):
    """Stops trials early by hyperband.

    Args:
        hypermodel: What builds the models.
        objective: The metric.
        max_epochs: The epochs of a trial that is not stopped.
        factor: By which the epochs grow and the trials are fewer from rung to rung.
        hyperband_iterations: How often all brackets are gone through.
        **others: See `Tuner`.
    """

    def __init__(
        self,
        hypermodel: Any,
        objective: Any = None,
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: int = 1,
        **others: Any,
    ) -> None:
        self.max_epochs, self.factor = max_epochs, factor
        brackets = math.floor(math.log(max_epochs, factor) + 1e-9)
        each = (math.ceil((brackets + 1) / (one + 1) * factor**one) for one in range(brackets + 1))
        trials = max(1, math.ceil(hyperband_iterations * sum(each)))
        super().__init__(hypermodel, objective, trials, **others)

    def _search(self) -> dict[str, Any]:
        return {**super()._search(), "pruner": {"hyperband": {"reduction_factor": self.factor}}}

    def _length(self, epochs: int) -> int:
        del epochs  # as with Keras Tuner
        return self.max_epochs
