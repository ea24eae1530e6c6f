"""Keras' metrics by the names of the study file, and the form of what each is computed from."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.spec import Component

Array = NDArray[Any]

METRICS: dict[str, Any] = {
    "mean_squared_error": keras.metrics.MeanSquaredError,
    "mean_absolute_error": keras.metrics.MeanAbsoluteError,
    "root_mean_squared_error": keras.metrics.RootMeanSquaredError,
    "log_cosh_error": keras.metrics.LogCoshError,
    "mean_absolute_percentage_error": keras.metrics.MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": keras.metrics.MeanSquaredLogarithmicError,
    "poisson": keras.metrics.Poisson,
    "r2_score": keras.metrics.R2Score,
    "binary_accuracy": keras.metrics.BinaryAccuracy,
    "binary_crossentropy": keras.metrics.BinaryCrossentropy,
    "binary_iou": keras.metrics.BinaryIoU,
    "mean_iou": keras.metrics.MeanIoU,
    "categorical_accuracy": keras.metrics.CategoricalAccuracy,
    "sparse_categorical_accuracy": keras.metrics.SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": keras.metrics.TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": keras.metrics.SparseTopKCategoricalAccuracy,
    "categorical_crossentropy": keras.metrics.CategoricalCrossentropy,
    "sparse_categorical_crossentropy": keras.metrics.SparseCategoricalCrossentropy,
    "kl_divergence": keras.metrics.KLDivergence,
    "cosine_similarity": keras.metrics.CosineSimilarity,
    "auc": keras.metrics.AUC,
    "precision": keras.metrics.Precision,
    "recall": keras.metrics.Recall,
    "true_positives": keras.metrics.TruePositives,
    "true_negatives": keras.metrics.TrueNegatives,
    "false_positives": keras.metrics.FalsePositives,
    "false_negatives": keras.metrics.FalseNegatives,
    "precision_at_recall": keras.metrics.PrecisionAtRecall,
    "recall_at_precision": keras.metrics.RecallAtPrecision,
    "sensitivity_at_specificity": keras.metrics.SensitivityAtSpecificity,
    "specificity_at_sensitivity": keras.metrics.SpecificityAtSensitivity,
    "f1_score": keras.metrics.F1Score,
    "fbeta_score": keras.metrics.FBetaScore,
}

OF_GUESSES = frozenset({"mean_iou"})
"""Metrics of the numbers of the true and of the predicted classes."""

OF_NUMBERS = frozenset(name for name in METRICS if name.startswith("sparse_"))
"""Metrics that take the numbers of the true classes; the others take a 1 among zeros."""


def keras_metric(metric: Component, outputs: int, *, classes: bool) -> Any:
    """Make Keras' own metric object.

    Args:
        metric: That of the study file.
        outputs: The number of classes, labels or quantities.
        classes: Whether one of several classes is predicted, so that F scores take the most probable one.
    """
    arguments = {name: value for name, value in metric.items() if value is not None}
    if metric.name == "mean_iou":
        arguments["num_classes"] = outputs
    if metric.name in ("f1_score", "fbeta_score") and not (classes and outputs > 2):
        # Without a threshold Keras takes the largest output of a row, also where there is only one.
        arguments.setdefault("threshold", 0.5)
    return METRICS[metric.name](**arguments)


def formed(name: str, y: Array, predictions: Array, labels: tuple[str, ...]) -> tuple[Array, Array]:
    """Return targets and predictions of rows in the form that a metric of Keras takes.

    Args:
        name: The metric.
        y: (n,) classes or numbers, or (n, targets).
        predictions: (n, units) probabilities or numbers.
        labels: The names of the classes; empty for other tasks.
    """
    if name in OF_GUESSES:
        one = predictions.shape[1] == 1
        guesses = predictions[:, 0] > 0.5 if one else predictions.argmax(axis=-1)
        return y.astype(np.int32), guesses.astype(np.int32)
    if name in OF_NUMBERS:
        return y.astype(np.int32), predictions
    if len(labels) > 2:
        return np.eye(len(labels), dtype=np.float32)[y], predictions
    return y.astype(np.float32).reshape(predictions.shape), predictions
