"""The data sets that scikit-learn ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from hpsearch.data.loaded import Loaded, from_arrays
from hpsearch.data.types import Task

LOADERS: Mapping[str, Callable[[], Any]] = {
    "digits": load_digits,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
    "iris": load_iris,
    "diabetes": load_diabetes,
}


def load_bundled(name: str) -> Loaded:
    """Load a data set of scikit-learn with the names of its classes."""
    bunch = LOADERS[name]()
    arrays = {"x_train": bunch.data, "y_train": bunch.target}
    task: Task = "regression" if name == "diabetes" else "classification"
    loaded = from_arrays(f"sklearn:{name}", arrays, task)
    return replace(loaded, names=dict(enumerate(map(str, bunch.get("target_names", ())))))
