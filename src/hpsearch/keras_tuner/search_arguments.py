"""What `tuner.search(...)` is given as Keras' `fit` takes it: as rows and sections of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.exceptions import UnsupportedError
from hpsearch.keras_tuner.objective import metric_of
from hpsearch.spec.sections.monitor import MONITORED

KEPT_ANYWAY = ("ModelCheckpoint", "BackupAndRestore", "TerminateOnNaN", "History", "ProgbarLogger")
"""Keras' callbacks that do what hpsearch does by itself."""


@dataclass(frozen=True)
class SearchArguments:
    """The arguments of `search`; those of Keras' `fit` that say only what is printed are not looked at."""

    x: Any
    y: Any = None
    batch_size: int | None = None
    epochs: int = 1
    verbose: Any = None
    callbacks: Iterable[Any] | None = None
    validation_split: float = 0.0
    validation_data: Any = None
    class_weight: Any = None
    sample_weight: Any = None

    @property
    def rows(self) -> dict[str, Any]:
        """Return the arrays by their names in an npz file.

        Raises:
            UnsupportedError: They are no arrays.
        """
        found = {"x_train": self.x, "y_train": self._numbers(self.y)}
        if self.sample_weight is not None:
            found["sample_weight_train"] = self.sample_weight
        if self.validation_data is not None:
            names = ("x_val", "y_val", "sample_weight_val")
            given = dict(zip(names, self.validation_data, strict=False))
            found |= {**given, "y_val": self._numbers(given.get("y_val"))}
        return found

    @property
    def data(self) -> dict[str, Any]:
        """Return the data section: as in Keras the validation rows are the last ones."""
        if self.validation_data is not None or not self.validation_split:
            return {}
        rows = len(self.x)
        return {"validation": {"last": rows - math.floor(rows * (1 - self.validation_split))}}

    @property
    def training(self) -> dict[str, Any]:
        """Return the training section.

        Raises:
            UnsupportedError: A callback does what no setting of a study does.
        """
        found: dict[str, Any] = {"epochs": self.epochs, "batch_size": self.batch_size or 32}
        if self.class_weight is not None:
            found["class_weight"] = {str(name): weight for name, weight in self.class_weight.items()}
        for callback in self.callbacks or ():
            kind = type(callback).__name__
            if kind == "EarlyStopping":
                found["early_stopping"] = _early_stopping(callback)
            elif kind not in KEPT_ANYWAY:
                raise UnsupportedError(
                    f"callbacks: expected EarlyStopping, or one of {', '.join(KEPT_ANYWAY)}, which change "
                    f"nothing here; found {kind}: remove it, or give the hypermodel a fit that adds it"
                )
        return found

    def _numbers(self, y: Any) -> Any:
        """Return targets; of classes as ones among zeros their numbers."""
        if y is None:
            raise UnsupportedError("search: expected arrays, as in search(x, y); found no y")
        found = np.asarray(y)
        ones = found.ndim == 2 and found.shape[1] > 1 and set(np.unique(found)) <= {0, 1}
        if ones and (found.sum(axis=1) == 1).all():
            return found.argmax(axis=1)
        return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def _early_stopping(callback: Any) -> dict[str, Any]:
    monitor = callback.monitor if callback.monitor in MONITORED else metric_of(callback.monitor)
    return {
        "monitor": monitor,
        "patience": max(callback.patience, 1),
        "min_delta": abs(callback.min_delta),
        "mode": callback.mode,
        **({} if callback.baseline is None else {"baseline": callback.baseline}),
        "start_from_epoch": callback.start_from_epoch,
    }
