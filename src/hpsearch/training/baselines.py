"""Models without a search on the rows of a study: what its winner has to be better than."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Rows, Split
from hpsearch.training.scorers import score

Array = NDArray[Any]

MOST_NUMBERS = 2_000_000
"""Numbers of training rows of all folds, times the classes, that a model is fitted to; of more rows an even
sample serves. So each takes seconds."""

MOST_FEATURES = 2_000
"""Features up to which trees are grown: each of them is binned by itself."""

CONSTANT, LINEAR, BOOSTED = "constant", "linear", "histogram gradient boosting"


@dataclass(frozen=True)
class Baseline:
    """One model without a search.

    Attributes:
        name: What it is.
        value: Its value by the metric of the study on the validation rows, the mean over folds; None if it is
            not finite.
        seconds: How long it took to fit and to predict.
        rows: The number of training rows that it was fitted to.

    Raises:
        ValueError: There is no name.
    """

    name: str
    value: float | None
    seconds: float
    rows: int

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not self.name:
            raise ValueError("a baseline has no name")


@dataclass(frozen=True)
class Baselines:
    """The baselines of a study by its metric."""

    metric: str
    rows: tuple[Baseline, ...]


def fit_baselines(dataset: Dataset, metric: str) -> Baselines | None:
    """Fit a constant, a linear model and scikit-learn's histogram gradient boosting as they come.

    Args:
        dataset: The rows of a classification, or of a regression with one target.
        metric: `val_loss`, which is the mean squared error or the cross-entropy, `val_accuracy`, `val_mae`,
            or a scorer of scikit-learn.

    Returns:
        None where rows have another form.
    """
    single = dataset.task == "classification" or (dataset.task == "regression" and dataset.outputs == 1)
    if not single or dataset.unscaled.itself or dataset.unscaled.weights is not None:
        return None
    models = _classifiers(dataset) if dataset.labels else _regressors()
    if np.prod(dataset.features) > MOST_FEATURES:
        models.pop(BOOSTED)
    from threadpoolctl import threadpool_limits

    # The other cores are those of the workers. Only libraries that are imported by now are limited.
    with threadpool_limits(1):
        rows = tuple(_fitted(name, make, dataset, metric) for name, make in models.items())
    return Baselines(metric, rows)


def _classifiers(dataset: Dataset) -> dict[str, Callable[[], Any]]:
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "class frequencies": lambda: DummyClassifier(strategy="prior"),
        "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        BOOSTED: lambda: HistGradientBoostingClassifier(random_state=0, max_iter=_rounds(dataset)),
    }


def _regressors() -> dict[str, Callable[[], Any]]:
    from sklearn.dummy import DummyRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "mean": DummyRegressor,
        "ridge regression": lambda: make_pipeline(StandardScaler(), Ridge()),
        BOOSTED: lambda: HistGradientBoostingRegressor(random_state=0),
    }


def _rounds(dataset: Dataset) -> int:
    """Return how many rounds of trees are grown: scikit-learn's 100, of more than ten classes fewer."""
    return max(20, min(100, 1_000 // len(dataset.labels)))


def _fitted(name: str, make: Callable[[], Any], dataset: Dataset, metric: str) -> Baseline:
    begun, values, rows = time.perf_counter(), [], 0
    for split in dataset.splits:
        x, y = _sample(split, len(dataset.splits) * (len(dataset.labels) or 1))
        with warnings.catch_warnings():
            # That a solver has not converged is no matter of the study's.
            warnings.simplefilter("ignore")
            given = _predicted(make().fit(x, y), split.validation, dataset)
        values.append(_value(metric, split.validation, given, dataset.labels))
        rows = len(y)
    value = float(np.mean(values))
    return Baseline(name, value if np.isfinite(value) else None, time.perf_counter() - begun, rows)


def _sample(split: Split, fits: int) -> tuple[Array, Array]:
    """Return the training rows, flat, or as many as fit the time where there are so many `fits`."""
    x, y = split.train.x.reshape(len(split.train), -1), split.train.y
    step = max(1, -(-x.size * fits // MOST_NUMBERS))
    return x[::step], y[::step]


def _predicted(model: Any, rows: Rows, dataset: Dataset) -> Array:
    """Return probabilities (n, classes), also of classes that the sample lacks, or numbers (n, 1)."""
    x = rows.x.reshape(len(rows), -1)
    if not dataset.labels:
        return np.asarray(model.predict(x), np.float64).reshape(-1, 1)
    given = np.zeros((len(rows), len(dataset.labels)))
    given[:, model.classes_] = model.predict_proba(x)
    return given


def _value(metric: str, rows: Rows, given: Array, labels: tuple[str, ...]) -> float:
    y = rows.y
    if metric == "val_accuracy":
        return float((given.argmax(axis=1) == y).mean())
    if metric == "val_mae":
        return float(np.abs(given[:, 0] - y).mean())
    if metric == "val_loss" and labels:
        return float(-np.log(np.clip(given[np.arange(len(y)), y], 1e-7, 1)).mean())
    if metric == "val_loss":
        return float(np.square(given[:, 0] - y).mean())
    return score(metric, y, given, labels)
