"""Losses as Keras computes them, by the names of the study file, and what each is computed from."""

from __future__ import annotations

from typing import Any, Literal

import keras

LOSSES: dict[str, type[keras.losses.Loss]] = {
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "mean_absolute_percentage_error": keras.losses.MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": keras.losses.MeanSquaredLogarithmicError,
    "huber": keras.losses.Huber,
    "log_cosh": keras.losses.LogCosh,
    "poisson": keras.losses.Poisson,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "binary_focal_crossentropy": keras.losses.BinaryFocalCrossentropy,
    "hinge": keras.losses.Hinge,
    "squared_hinge": keras.losses.SquaredHinge,
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "categorical_focal_crossentropy": keras.losses.CategoricalFocalCrossentropy,
    "categorical_generalized_cross_entropy": keras.losses.CategoricalGeneralizedCrossEntropy,
    "categorical_hinge": keras.losses.CategoricalHinge,
    "kl_divergence": keras.losses.KLDivergence,
    "cosine_similarity": keras.losses.CosineSimilarity,
}

FROM_LOGITS = frozenset(name for name in LOSSES if "crossentropy" in name)
"""Losses that Keras computes from logits too, which is more exact."""

FROM_SCORES = frozenset({"hinge", "squared_hinge", "categorical_hinge"})
"""Losses of what a network gives before its output activation."""

OF_NUMBERS = frozenset({"sparse_categorical_crossentropy", "categorical_generalized_cross_entropy"})
"""Losses of several classes that take the numbers of the classes; the others take a 1 among zeros."""

Given = Literal["logits", "predictions"]
"""What a model gives: its outputs before their activation, or behind it."""


class LossOfRows(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """A loss that takes targets as the data have them, and what a model gives.

    `inner` is Keras' own loss, whose numbers may be changed in place.
    """

    def __init__(self, objective: Any, given: Given) -> None:
        super().__init__(name="loss_of_rows")
        self.objective, self.given = objective, given
        self.inner = objective.inner_loss(given)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row."""
        return self.objective.losses_with(self.inner, self.objective.flat(y_true), y_pred, self.given)
