"""A search as an estimator of scikit-learn: for pipelines, cross-validation and whatever takes one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    check_random_state,
    column_or_1d,
    validate_data,
)

from hpsearch.api.functions import optimize
from hpsearch.data.loaded import fingerprint
from hpsearch.exceptions import DataError, HpsearchError
from hpsearch.study.results import Trials
from hpsearch.study.saved_winner import SavedWinner

if TYPE_CHECKING:
    import keras

    from hpsearch.engines import EngineName
    from hpsearch.spec.sections.engine import WorkerCount
    from hpsearch.study.handle import Study

Array = NDArray[Any]

MODEL: Mapping[str, Any] = {
    "mlp": {
        "hidden": {"choice": [[64], [128, 64]]},
        "activation": {"choice": ["relu", "gelu", "tanh"]},
        "batch_norm": {"choice": ["none", "before_activation"]},
        "dropout": {"uniform": [0.0, 0.4]},
        "l2": {"log_uniform": [1e-7, 1e-2]},
    }
}
"""What is searched where nothing is said."""

TRAINING: Mapping[str, Any] = {
    "learning_rate": {"log_uniform": [1e-3, 3e-2]},
    "epochs": 50,
    "batch_size": 32,
    "early_stopping": {"patience": 10},
}

LARGEST_SEED = 2**31


class KerasSearch(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor have in common.

    Args:
        model: The model section of a study file as plain data; None for a space of perceptrons.
        training: The training section; None for Adam with a searched learning rate.
        sections: Further sections of a study file, such as `search`, `confirm`, and `data`, where
            `standardize` is true if nothing else is said.
        trials: The number of configurations.
        epochs: The most epochs of each; None for those of `training`.
        metric: By what they are ranked on the validation rows.
        validation: The share or the number of validation rows, or a mapping such as `{"folds": 5}`.
        random_state: An int, or a random state of NumPy: the seed of the search and of its split.
        out: The parent of `runs/` and `reports/`, where a fit on the same rows goes on; None for none.
        workers: The number of training processes, or "auto"; None for what `sections` say, else 1.
        engine: Where training runs: "local" in processes of its own, "in_process" in this one, or "ray".
        progress: Whether progress is shown on the standard error.
    """

    def __init__(
        self,
        model: Mapping[str, Any] | None = None,
        *,
        training: Mapping[str, Any] | None = None,
        sections: Mapping[str, Any] | None = None,
        trials: int = 20,
        epochs: int | None = None,
        metric: str = "val_loss",
        validation: Any = 0.2,
        random_state: Any = None,
        out: str | os.PathLike[str] | None = None,
        workers: WorkerCount | None = None,
        engine: EngineName = "local",
        progress: bool = False,
    ) -> None:
        self.model = model
        self.training = training
        self.sections = sections
        self.trials = trials
        self.epochs = epochs
        self.metric = metric
        self.validation = validation
        self.random_state = random_state
        self.out = out
        self.workers = workers
        self.engine = engine
        self.progress = progress

    def _search(self, x: Array, y: Array, weights: Any, task: str) -> Self:
        """Run the search, and keep of it what predictions and reports need."""
        if len(x) < 2:
            raise ValueError("expected rows to train on and rows to validate on; found 1 sample")
        arrays = {"x_train": x, "y_train": y}
        if weights is not None:
            arrays["sample_weight"] = _check_sample_weight(weights, x)
        if self.out is not None:
            self._keep(self._run(arrays, task, Path(self.out)))
            return self
        with TemporaryDirectory(prefix="hpsearch-") as place:
            self._keep(self._run(arrays, task, Path(place)))
        return self

    def _run(self, arrays: Mapping[str, Array], task: str, out: Path) -> Study:
        study = self._study(arrays, task)
        try:
            return optimize(
                study,
                dict(arrays),
                out=out,
                workers=self.workers,
                engine=self.engine,
                progress=self.progress,
            )
        except DataError as failure:
            raise ValueError(str(failure)) from failure

    def _study(self, arrays: Mapping[str, Array], task: str) -> dict[str, Any]:
        """Return the study file as plain data."""
        seed = int(check_random_state(self.random_state).randint(LARGEST_SEED))
        given = dict(self.sections or {})
        training = dict(TRAINING if self.training is None else self.training)
        if self.epochs is not None:
            training["epochs"] = self.epochs
        data = {
            "task": task,
            "validation": self.validation,
            "standardize": True,
            "split_seed": seed,
            **given.pop("data", {}),
        }
        return {
            "name": f"search-{fingerprint(arrays)[:12]}",
            "data": data,
            "model": dict(MODEL if self.model is None else self.model),
            "training": training,
            "search": {
                "trials": self.trials,
                "metric": self.metric,
                "seed": seed,
                **given.pop("search", {}),
            },
            "baseline": "off",
            **given,
        }

    def _keep(self, study: Study) -> None:
        best = study.best
        if best is None:
            raise HpsearchError("no trial has a value, so there is no best model")
        maximized = study.spec.search.direction == "maximize"
        self.winner_ = SavedWinner.of(study.files)
        self.best_params_ = dict(best.parameters)
        self.best_configuration_ = dict(best.configuration)
        self.best_index_ = best.trial
        self.best_score_ = best.value if maximized else -best.value
        self.cv_results_ = results_of(study.trials, maximized=maximized)
        self.n_trials_ = len(study.trials)
        self.study_name_ = study.name

    def _given(self, x: Any) -> Array:
        """Return what the winner gives for rows: (n, units)."""
        check_is_fitted(self)
        checked = validate_data(self, x, reset=False, dtype="numeric")
        model, applied = self.winner_.load()
        from hpsearch.models.predictions import predictions_of

        return predictions_of(model, applied.preprocessing.take(checked).x, applied.preprocessing.inputs)

    def keras_model(self) -> keras.Model:
        """Return the winner as a Keras model that takes raw rows."""
        check_is_fitted(self)
        return self.winner_.load()[0]


class KerasSearchClassifier(ClassifierMixin, KerasSearch):  # type: ignore[misc]
    """Search for a network that tells classes apart, and predict with the winner.

    The arguments are those of `KerasSearch`.

    Attributes:
        classes_: The classes in the order of `predict_proba`.
        best_params_: The searched values of the winner.
        best_score_: Its metric on the validation rows; a loss with a minus, so that more is better.
        cv_results_: A table of the trials with the columns of `RandomizedSearchCV`.
        winner_: The winner's model and preprocessing as bytes.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Search on rows (n, features) of numbers with their classes (n,), and weights of the rows."""
        x, y = validate_data(self, X, y, dtype="numeric")
        check_classification_targets(y)
        self.classes_, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"expected at least 2 classes; found one class, {self.classes_[0]}")
        return self._search(x, codes, sample_weight, "classification")

    def predict_proba(self, X: Any) -> Array:  # noqa: N803 - scikit-learn's name
        """Return the probability of every class: (n, classes)."""
        given = np.asarray(self._given(X), np.float64)
        return np.hstack([1 - given, given]) if given.shape[1] == 1 else given

    def predict(self, X: Any) -> Array:  # noqa: N803 - scikit-learn's name
        """Return the class of each row: of two, by the threshold where one was chosen."""
        from hpsearch.training.evaluation import guessed

        given = self._given(X)
        return self.classes_[guessed(given, self.winner_.load()[1].threshold)]


class KerasSearchRegressor(RegressorMixin, KerasSearch):  # type: ignore[misc]
    """Search for a network that predicts a number, and predict with the winner.

    The arguments are those of `KerasSearch`, the attributes those of `KerasSearchClassifier` but `classes_`.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Search on rows (n, features) of numbers with their targets (n,), and weights of the rows."""
        x, y = validate_data(self, X, y, dtype="numeric", y_numeric=True)
        y = column_or_1d(y, warn=True)
        return self._search(x, y, sample_weight, "regression")

    def predict(self, X: Any) -> Array:  # noqa: N803 - scikit-learn's name
        """Return a number for each row, in the units of the targets."""
        return np.asarray(self._given(X)[:, 0], np.float64)


def results_of(trials: Trials, *, maximized: bool) -> dict[str, Any]:
    """Return a table of trials as `RandomizedSearchCV` has it; one without a value has NaN and ranks last."""
    from scipy.stats import rankdata

    sign = 1 if maximized else -1
    scores = np.array([np.nan if trial.value is None else sign * trial.value for trial in trials])
    names = list(dict.fromkeys(name for trial in trials for name in trial.parameters))
    table: dict[str, Any] = {}
    for name in names:
        given = [trial.parameters.get(name) for trial in trials]
        absent = [name not in trial.parameters for trial in trials]
        table[f"param_{name}"] = np.ma.MaskedArray(np.array(given, dtype=object), mask=absent)
    seconds = np.array([trial.seconds for trial in trials])
    ranks = rankdata(-np.where(np.isnan(scores), -np.inf, scores), method="min").astype(np.int32)
    return {
        "mean_fit_time": seconds,
        "std_fit_time": np.zeros_like(seconds),
        **table,
        "params": [dict(trial.parameters) for trial in trials],
        "mean_test_score": scores,
        "std_test_score": np.zeros_like(scores),
        "rank_test_score": ranks,
    }
