"""The base class of hypermodels, which may also have none."""

from __future__ import annotations

from typing import Any

from hpsearch.models.components.hyperparameters import HyperParameters


class HyperModel:
    """Builds a model from hyperparameters, as `keras_tuner.HyperModel` does.

    Args:
        name: A name; hpsearch makes no use of it.
        tunable: Whether what it asks for is searched; else it has its defaults.
    """

    def __init__(self, name: str | None = None, tunable: bool = True) -> None:  # noqa: FBT001, FBT002 - as there
        self.name, self.tunable = name, tunable

    def build(self, hp: HyperParameters) -> Any:
        """Return a model."""
        raise NotImplementedError

    def declare_hyperparameters(self, hp: HyperParameters) -> None:
        """Ask for hyperparameters before any model is built."""

    def fit(self, hp: HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Train a model, and return its history."""
        return model.fit(*args, **kwargs)
