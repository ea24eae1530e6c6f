"""The winner of a study as a pipeline of scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from hpsearch.exceptions import ModelError, UnsupportedError
from hpsearch.study.predict import number_of, plain_rows, probabilities_of
from hpsearch.study.saved_winner import SavedWinner

Array = NDArray[Any]


class TrainedStep(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A step that a study has fitted.

    Args:
        winner: The winner's model and preprocessing as bytes.
    """

    def __init__(self, winner: SavedWinner) -> None:
        self.winner = winner

    def __sklearn_is_fitted__(self) -> bool:
        """Return true: it needs no `fit`."""
        return True


class RowPreparation(TransformerMixin, TrainedStep):  # type: ignore[misc]
    """Turns raw rows, a table of pandas or polars among them, into the numbers that the winner takes."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803 - scikit-learn's names
        """Return this step, which was fitted on the training rows of the study."""
        return self

    def transform(self, X: Any) -> Array:  # noqa: N803 - scikit-learn's name
        """Return (n, *features) for raw rows."""
        preprocessing = self.winner.load()[1].preprocessing
        return preprocessing.take(plain_rows(X, preprocessing)).x


class TrainedNetwork(TrainedStep):
    """The winner's network behind the preparation of its rows."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803 - scikit-learn's names
        """Return this step, which the study has trained."""
        return self

    def _given(self, x: Array) -> Array:
        """Return what the network gives for prepared rows: (n, units)."""
        from hpsearch.models.predictions import predictions_of

        given = predictions_of(self.winner.load()[0], x)
        finite = np.isfinite(given).all(axis=1)
        if not finite.all():
            raise ModelError(
                f"the predictions of the model are not finite for rows: {int((~finite).sum())}, the first of "
                f"them {int(finite.argmin())}"
            )
        return given


class TrainedClassifier(ClassifierMixin, TrainedNetwork):  # type: ignore[misc]
    """The winner of a study of classes."""

    @property
    def classes_(self) -> Array:
        """Return the labels of the classes in the order of `predict_proba`."""
        return np.array(self.winner.load()[1].preprocessing.labels)

    def predict_proba(self, X: Array) -> Array:  # noqa: N803 - scikit-learn's name
        """Return the probability of every class: (n, classes)."""
        return probabilities_of(self._given(X))

    def predict(self, X: Array) -> Array:  # noqa: N803 - scikit-learn's name
        """Return the label of each row: of two classes, by the threshold where one was chosen."""
        from hpsearch.training.evaluation import guessed

        given = self._given(X)
        return self.classes_[guessed(given, self.winner.load()[1].threshold)]


class TrainedRegressor(RegressorMixin, TrainedNetwork):  # type: ignore[misc]
    """The winner of a study of a number."""

    def predict(self, X: Array) -> Array:  # noqa: N803 - scikit-learn's name
        """Return a number for each row, in the units of the targets."""
        return np.array([number_of(value) for value in self._given(X)[:, 0]])


def winner_pipeline(winner: SavedWinner) -> Pipeline:
    """Make a pipeline that predicts what the winner does, and that nothing fits anew.

    Raises:
        UnsupportedError: The winner takes or gives what an estimator of scikit-learn does not.
    """
    known = winner.load()[1].preprocessing
    obstacles = {
        "named inputs": known.inputs,
        "windows over rows": known.window,
        "several targets": known.targets or known.target_layout,
    }
    found = [what for what, value in obstacles.items() if value]
    if found:
        raise UnsupportedError(
            f"no pipeline of scikit-learn can be made of this study, which has {', '.join(found)}: "
            "expected one array or table of rows and one target; predict() takes such rows"
        )
    kind = TrainedClassifier if known.task == "classification" else TrainedRegressor
    steps = [("prepare", RowPreparation(winner)), ("network", kind(winner))]
    return Pipeline([(name, FrozenEstimator(step)) for name, step in steps])
