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
from hpsearch.training.scorers import score

Array = NDArray[Any]
Part = Literal["test", "validation"]
Method = Literal["normal", "wilson", "bootstrap"]
Measured = Callable[[Array, Array], float]
"""A metric of targets and predictions; NaN where it is undefined."""

LEVEL = 0.95
RESAMPLES = 500
FEWEST_RESAMPLES = 0.9
"""The share of the resamples on which a scorer must give a number; below it there is no interval."""

MAX_CLASSES = 50
"""Above this a confusion matrix is too large to be read."""

BINS = 10
"""Bins of predicted probabilities."""

PAIRS = 200
"""Pairs of a true and a predicted number that are kept."""

SCORED = frozenset((*SCORERS["classification"], *SCORERS["regression"]))
LONGEST_NAME = 1_000
"""Letters of the name of a measure."""

SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Measure:
    """A number over rows with its 95 % interval, and how that was found.

    Attributes:
        name: `loss`, `accuracy`, `mae`, a scorer of scikit-learn, or a metric that the study records beside.
        value: None if it is not finite.
        low: The lower end of the interval; None if there is no interval.
        high: Its upper end.
        method: How the interval was computed.
        chance: What a constant prediction of the training rows gives on the same rows; None if not known.

    Raises:
        ValueError: No measure can have this name.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    method: Method
    chance: float | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not 0 < len(self.name) <= LONGEST_NAME:
            raise ValueError(f"{self.name!r} is no measure")

    @property
    def beats_chance(self) -> bool | None:
        """Return whether the value is better than a constant prediction; None where one is not known."""
        if self.value is None or self.chance is None:
            return None
        lower = self.name in ("loss", "mae") or self.name.endswith(("_loss", "_mae"))
        return self.value < self.chance if lower else self.value > self.chance


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
            labels; None for regression and for more than 50 classes.
        residuals: None for classification, and if a prediction is not finite.
        reliability: Of two classes by the probability of the second, of more by that of the predicted class;
            empty for other tasks, and if a prediction is not finite.
    """

    part: Part
    rows: int
    measures: tuple[Measure, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    residuals: Residuals | None
    reliability: tuple[ReliabilityBin, ...] = field(default=(), metadata={"where_given": True})

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
    """

    y: Array
    given: Array
    losses: Array
    labels: tuple[str, ...]

    @property
    def guesses(self) -> Array:
        """Return the predicted class of each row, as Keras counts accuracy: (n,) int."""
        return guessed(self.given)


def guessed(given: Array) -> Array:
    """Return the predicted classes of rows.

    Args:
        given: (n, units) probabilities; one unit is the probability of the second class.

    Returns:
        (n,) int64.
    """
    return (given[:, 0] > 0.5).astype(np.int64) if given.shape[1] == 1 else given.argmax(axis=-1)


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
    )


def evaluate_measures(of_rows: Mapping[str, Array], part: Part) -> Evaluation:
    """Evaluate what was measured of each row, by the names of the measures; each is a mean over rows."""
    measures = tuple(
        _accuracy(values > 0.5, name)
        if name.endswith("_accuracy") and set(np.unique(values).tolist()) <= {0.0, 1.0}
        else mean_measure(name, values, most=1.0 if name.endswith("_accuracy") else math.inf)
        for name, values in of_rows.items()
    )
    return Evaluation(part, len(of_rows["loss"]), measures if part == "test" else (), None, None)


def _measures(predictions: Predictions, by_name: Mapping[str, Measured], seed: int) -> Iterator[Measure]:
    yield mean_measure("loss", predictions.losses)
    if predictions.labels:
        yield _accuracy(predictions.guesses == predictions.y)
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


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def mean_measure(name: str, of_rows: Array, most: float = math.inf) -> Measure:
    """Return the mean with its normal interval, which is not below 0 where no row is."""
    from scipy.stats import norm

    rows = of_rows.astype(np.float64)
    value = _finite(rows.mean())
    if value is None or len(rows) < 2:
        return Measure(name, value, None, None, "normal")
    reach = float(norm.ppf((1 + LEVEL) / 2) * rows.std(ddof=1) / math.sqrt(len(rows)))
    least = 0.0 if rows.min() >= 0 else -math.inf
    return Measure(name, value, max(value - reach, least), min(value + reach, most), "normal")


def _accuracy(hits: Array, name: str = "accuracy") -> Measure:
    from scipy.stats import binomtest

    found = binomtest(int(hits.sum()), len(hits)).proportion_ci(LEVEL, method="wilson")
    return Measure(name, float(hits.mean()), float(found.low), float(found.high), "wilson")


def _resampled_measure(name: str, measured: Measured, predictions: Predictions, seed: int) -> Measure:
    def on(rows: Any) -> float:
        return measured(predictions.y[rows], predictions.given[rows])

    return resampled_measure(name, on, len(predictions.y), seed)


def resampled_measure(name: str, on: Callable[[Any], float], rows: int, seed: int) -> Measure:
    """Measure all of some rows, with the interval of the bootstrap.

    Args:
        name: Of the measure.
        on: The measure of some rows, by their numbers or a slice; NaN where it is undefined.
        rows: How many there are.
        seed: Draws the resamples.
    """
    value = _finite(on(slice(None)))
    low, high = (None, None) if value is None else _resampled(on, rows, seed)
    return Measure(name, value, low, high, "bootstrap")


def _resampled(on: Callable[[Array], float], rows: int, seed: int) -> tuple[float, float] | tuple[None, None]:
    """Return the percentile interval of the bootstrap (Efron 1979) over rows."""
    generator = np.random.default_rng(seed)
    found = np.array([on(generator.integers(rows, size=rows)) for _ in range(RESAMPLES)])
    found = found[np.isfinite(found)]
    if len(found) < FEWEST_RESAMPLES * RESAMPLES:
        return None, None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # Where every resample gives the same number, as where no row is predicted positive, nothing was learned.
    return (float(low), float(high)) if low < high else (None, None)


def _confusion(predictions: Predictions) -> tuple[tuple[int, ...], ...] | None:
    classes = len(predictions.labels)
    if not 0 < classes <= MAX_CLASSES:
        return None
    places = predictions.y.astype(np.int64) * classes + predictions.guesses
    counts = np.bincount(places, minlength=classes * classes).reshape(classes, classes)
    return tuple(map(tuple, counts.tolist()))


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
        hits = _accuracy(true[rows])
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
