"""How good predictions are on rows that chose nothing, with intervals, and where they are wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import are_labels
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.training.measure import Measure, accuracy_measure, mean_measure, resampled_measure
from hpsearch.training.scorers import score
from hpsearch.training.threshold import HALF, Decided, Threshold, judge_threshold

Array = NDArray[Any]
Part = Literal["test", "validation"]
Measured = Callable[[Array, Array], float]
"""A metric of targets and predictions; NaN where it is undefined."""

MAX_CLASSES = 50
"""Above this a confusion matrix is too large to be read."""

BINS = 10
"""Bins of predicted probabilities."""

PAIRS = 200
"""Pairs of a true and a predicted number that are kept."""

SCORED = frozenset((*SCORERS["classification"], *SCORERS["regression"]))
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Residuals:
    """Predicted minus true values of a regression.

    Attributes:
        shares: Always `SHARES`.
        quantiles: The quantile of the residuals at each share.
        pairs: A sample of (true, predicted) values.

    Raises:
        ValueError: There is no pair, or not one quantile for each share.
    """

    shares: tuple[float, ...]
    quantiles: tuple[float, ...]
    pairs: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not self.pairs or len(self.shares) != len(self.quantiles):
            raise ValueError("the quantiles do not fit the shares")


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose predicted probability is alike.

    Attributes:
        rows: Their number.
        predicted: The mean of their predicted probabilities.
        observed: The share of them for which it came true.
        low: The lower end of its 95 % interval (Wilson).
        high: The upper end.
    """

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """A model on one part of the data.

    Attributes:
        part: The test set, or the validation set.
        rows: The number of its rows.
        measures: None on the validation set, which chose the model.
        confusion: Counts of rows by their true class (first index) and predicted class, in the order of the
            labels; None for regression and for more than 50 classes. Of two classes it is at the threshold.
        residuals: None for classification, and if a prediction is not finite.
        reliability: Of two classes by the probability of the second, of more by that of the predicted class;
            empty for other tasks, and if a prediction is not finite.
        decided: On the test set, what a threshold that was chosen gains over one half.
    """

    part: Part
    rows: int
    measures: tuple[Measure, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    residuals: Residuals | None
    reliability: tuple[ReliabilityBin, ...] = field(default=(), metadata={"where_given": True})
    decided: tuple[Decided, ...] = field(default=(), metadata={"where_given": True})

    @property
    def calibration_error(self) -> float | None:
        """Return the expected calibration error (Naeini et al. 2015); None where it is not known."""
        if not self.reliability:
            return None
        total = sum(one.rows for one in self.reliability)
        return sum(one.rows * abs(one.observed - one.predicted) for one in self.reliability) / total


@dataclass(frozen=True, eq=False)
class Predictions:
    """What an exported model predicts for rows.

    Attributes:
        y: (n,) true classes or numbers, or (n, targets) labels or numbers.
        given: (n, units) probabilities or numbers.
        losses: (n,).
        labels: The names of the classes; empty for other tasks.
        threshold: What was chosen to tell two classes apart; None where that is one half.
    """

    y: Array
    given: Array
    losses: Array
    labels: tuple[str, ...]
    threshold: Threshold | None = None

    @property
    def guesses(self) -> Array:
        """Return the predicted class of each row, as Keras counts accuracy: (n,) int."""
        return guessed(self.given)

    @property
    def decided(self) -> Array:
        """Return the class of each row by the threshold: (n,) int."""
        return guessed(self.given, self.threshold)


def guessed(given: Array, threshold: Threshold | None = None) -> Array:
    """Return the predicted classes of rows.

    Args:
        given: (n, units) probabilities; one unit is the probability of the second class.
        threshold: What tells two classes apart; None for one half.

    Returns:
        (n,) int64.
    """
    # A float64 is not rounded to the float32 of the probabilities, which may lie next to it.
    exact = np.float64(HALF if threshold is None else threshold.value)
    return (given[:, 0] > exact).astype(np.int64) if given.shape[1] == 1 else given.argmax(axis=-1)


def evaluate(
    predictions: Predictions,
    part: Part,
    metric: str,
    seed: int,
    further: Mapping[str, Measured] | None = None,
) -> Evaluation:
    """Evaluate predictions on a part of the data.

    Args:
        predictions: The predictions for the rows of the part, with their targets.
        part: On "test" the loss, accuracy or mae, and the metric are measured; on "validation" nothing is,
            because it chose the model.
        metric: The metric of the study; measured if it is a scorer of scikit-learn.
        seed: Draws the resamples of rows, and the pairs that are kept.
        further: The metrics beside that of the study, each of targets and predictions; measured with it.
    """
    by_name = dict(further or {})
    if metric in SCORED:
        by_name = {metric: partial(_score, metric, predictions.labels), **by_name}
    return Evaluation(
        part,
        len(predictions.y),
        tuple(_measures(predictions, by_name, seed)) if part == "test" else (),
        _confusion(predictions),
        None if predictions.labels or are_labels(predictions.y) else _where_wrong(predictions, seed),
        tuple(_reliability(predictions)),
        tuple(_decided(predictions, seed)) if part == "test" else (),
    )


def evaluate_measures(of_rows: Mapping[str, Array], part: Part) -> Evaluation:
    """Evaluate what was measured of each row, by the names of the measures; each is a mean over rows."""
    measures = tuple(
        accuracy_measure(values > 0.5, name)
        if name.endswith("_accuracy") and set(np.unique(values).tolist()) <= {0.0, 1.0}
        else mean_measure(name, values, most=1.0 if name.endswith("_accuracy") else math.inf)
        for name, values in of_rows.items()
    )
    return Evaluation(part, len(of_rows["loss"]), measures if part == "test" else (), None, None)


def _measures(predictions: Predictions, by_name: Mapping[str, Measured], seed: int) -> Iterator[Measure]:
    yield mean_measure("loss", predictions.losses)
    if predictions.labels:
        yield accuracy_measure(predictions.guesses == predictions.y)
    elif are_labels(predictions.y):
        yield mean_measure("accuracy", ((predictions.given > 0.5) == predictions.y).mean(axis=1), most=1.0)
    else:
        yield mean_measure(
            "mae", np.abs(_residuals(predictions)).reshape(len(predictions.y), -1).mean(axis=1)
        )
    for name, measured in by_name.items():
        yield _resampled_measure(name, measured, predictions, seed)


def _score(metric: str, labels: tuple[str, ...], y: Array, given: Array) -> float:
    return score(metric, y, given, labels)


def _residuals(predictions: Predictions) -> Array:
    """Return predicted minus true numbers, of the shape of the true ones."""
    true = predictions.y.astype(np.float64)
    return predictions.given.astype(np.float64).reshape(true.shape) - true


def _resampled_measure(name: str, measured: Measured, predictions: Predictions, seed: int) -> Measure:
    def on(rows: Any) -> float:
        return measured(predictions.y[rows], predictions.given[rows])

    return resampled_measure(name, on, len(predictions.y), seed)


def _confusion(predictions: Predictions) -> tuple[tuple[int, ...], ...] | None:
    classes = len(predictions.labels)
    if not 0 < classes <= MAX_CLASSES:
        return None
    places = predictions.y.astype(np.int64) * classes + predictions.decided
    counts = np.bincount(places, minlength=classes * classes).reshape(classes, classes)
    return tuple(map(tuple, counts.tolist()))


def _decided(predictions: Predictions, seed: int) -> Iterator[Decided]:
    if predictions.threshold is not None:
        yield from judge_threshold(predictions.threshold, predictions.y, predictions.given, seed)


def _reliability(predictions: Predictions) -> Iterator[ReliabilityBin]:
    """Compare probabilities with what came true, in bins of equal width."""
    if not predictions.labels or not np.isfinite(predictions.given).all():
        return
    given = predictions.given.astype(np.float64)
    if len(predictions.labels) == 2:
        said, true = given[:, -1], predictions.y == 1
    else:
        said, true = given.max(axis=1), predictions.guesses == predictions.y
    places = np.clip((said * BINS).astype(np.int64), 0, BINS - 1)
    for place in np.unique(places):
        rows = places == place
        hits = accuracy_measure(true[rows])
        assert hits.value is not None and hits.low is not None and hits.high is not None  # noqa: S101, PT018 - Wilson's are known
        yield ReliabilityBin(int(rows.sum()), float(said[rows].mean()), hits.value, hits.low, hits.high)


def _where_wrong(predictions: Predictions, seed: int) -> Residuals | None:
    residuals = _residuals(predictions).reshape(-1)
    if not np.isfinite(residuals).all():
        return None
    kept = np.arange(len(residuals))
    if len(kept) > PAIRS:
        kept = np.sort(np.random.default_rng(seed).choice(kept, PAIRS, replace=False))
    true, given = predictions.y.reshape(-1), predictions.given.reshape(-1)
    pairs = zip(true[kept].tolist(), given[kept].tolist(), strict=True)
    return Residuals(SHARES, tuple(np.quantile(residuals, SHARES).tolist()), tuple(pairs))
