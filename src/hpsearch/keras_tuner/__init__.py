"""Keras Tuner's names for scripts that were written for it: `from hpsearch import keras_tuner`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpsearch.exceptions import HpsearchError
from hpsearch.keras_tuner.hypermodel import HyperModel
from hpsearch.keras_tuner.objective import Objective
from hpsearch.keras_tuner.tuners import BayesianOptimization, GridSearch, Hyperband, RandomSearch
from hpsearch.models.components.hyperparameters import HyperParameters

if TYPE_CHECKING:
    from hpsearch.keras_tuner.oracle import Oracle

__all__ = [
    "BayesianOptimization",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "Objective",
    "Oracle",
    "RandomSearch",
]


def __getattr__(name: str) -> Any:
    """Import the oracle when it is asked for: it alone needs Keras Tuner."""
    if name != "Oracle":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return import_module("hpsearch.keras_tuner.oracle").Oracle
    except ModuleNotFoundError as failure:
        raise HpsearchError(
            f"Oracle is for the Tuner of Keras Tuner, and {failure.name} is not installed: "
            "pip install 'hpsearch[keras-tuner]'"
        ) from None
