"""Targets: quantities, or classes numbered from 0 with their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpsearch.data.checks import meant
from hpsearch.data.loaded import Loaded
from hpsearch.data.types import Array, Task
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

MAX_CLASSES = 50
"""Whole numbers with more distinct values than this are taken for a quantity where no task is given."""

LEFT_OUT = -1


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes:
        task: Whether classes or quantities are predicted.
        values: The classes as the data have them, in the order of their numbers.
        labels: The names of the classes.
        guessed: Whether numbers were taken for classes because they are whole and few are distinct.
        targets: The names of several targets, which are labels or quantities; empty for one.
    """

    task: Task
    values: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    guessed: bool = False
    targets: tuple[str, ...] = ()

    @property
    def doubt(self) -> str:
        """Return a hint for messages about classes that may be quantities; empty if they are not guessed."""
        if not self.guessed:
            return ""
        return (
            f" The {len(self.labels)} distinct whole numbers of the target were treated as classes; if they"
            " are a quantity, write 'task: regression' in the data section."
        )

    def read(self, raw: Array) -> Array:
        """Convert targets.

        Args:
            raw: (n,) or (n, targets) as loaded.

        Returns:
            float32 of the same shape for a regression; int32 for labels; (n,) int32 for classes, -1 for a
            class that was not selected.
        """
        if self.task in ("regression", "multitask"):
            return raw.astype(np.float32)
        if self.task == "multilabel":
            return raw.astype(np.int32)
        raw = plain_classes(raw)
        numbers = {value: number for number, value in enumerate(self.values)}
        values, inverse = np.unique(raw, return_inverse=True)
        table = np.array([numbers.get(value, LEFT_OUT) for value in values.tolist()], dtype=np.int32)
        return table[inverse]


def find_target(loaded: Loaded, data: Data) -> Target:
    """Determine what is predicted, from the study file, the source or the values.

    Raises:
        DataError: The targets do not suit the task, or a class of the study file does not exist.
    """
    if loaded.task == "multitask":
        return Target("multitask")
    if loaded.y.ndim == 2 and data.task != "classification":
        return _several(loaded, data)
    task: Task = data.task if data.task != "auto" else loaded.task or guess_task(loaded.y)
    if task == "multilabel":
        raise DataError(f"{loaded.where}: the task is multilabel, but each row has a single target.")
    if task == "classification":
        guessed = data.task == "auto" and loaded.task is None and loaded.y.dtype.kind in "iuf"
        return replace(_classes(loaded, data), guessed=guessed and data.classes is None)
    if data.classes is not None:
        raise DataError(
            f"{loaded.where}: 'classes' is only for classification; these targets are continuous."
        )
    if loaded.y.dtype.kind == "U":
        raise DataError(
            f"{loaded.where}: the task is regression, but the targets are text such as {str(loaded.y[0])!r}."
        )
    return Target(task)


def plain_classes(y: Array) -> Array:
    """Return classes as (n,), also where they are one-hot."""
    return y if y.ndim == 1 else y.argmax(axis=1)


def _several(loaded: Loaded, data: Data) -> Target:
    """Return labels where every target is 0 or 1, or else quantities.

    Raises:
        DataError: The targets may be one-hot classes, or do not suit the task.
    """
    if data.classes is not None:
        raise DataError(f"{loaded.where}: 'classes' is only for classification; these are several targets.")
    binary = is_binary(loaded.y)
    if data.task == "auto" and binary and is_one_hot(loaded.y):
        raise DataError(
            f"{loaded.where}: each row has a single 1 among {loaded.y.shape[1]} targets: write "
            "'task: classification' if they are one-hot classes, 'task: multilabel' if they are labels."
        )
    if data.task == "multilabel" and not binary:
        raise DataError(f"{loaded.where}: the task is multilabel, but some targets are neither 0 nor 1.")
    labels = binary and data.task != "regression"
    return Target("multilabel" if labels else "regression", targets=loaded.targets)


def is_binary(y: Array) -> bool:
    """Return whether all targets are 0 or 1."""
    return bool(((y == 0) | (y == 1)).all())


def is_one_hot(y: Array) -> bool:
    """Return whether each row of targets has one 1, and 0 elsewhere."""
    return is_binary(y) and bool((y.sum(axis=1) == 1).all())


def guess_task(y: Array) -> Task:
    """Return whether targets are classes or quantities.

    Text, true and false are classes; so are whole numbers with at most `MAX_CLASSES` distinct values and at
    most half as many as rows. Everything else is a quantity.
    """
    if y.dtype.kind in "Ub":
        return "classification"
    if y.dtype.kind == "f" and not bool((y == np.floor(y)).all()):
        return "regression"
    distinct = len(np.unique(y))
    return "classification" if distinct <= min(MAX_CLASSES, len(y) // 2) else "regression"


def _classes(loaded: Loaded, data: Data) -> Target:
    if loaded.y.ndim == 2 and not is_one_hot(loaded.y):
        raise DataError(
            f"{loaded.where}: the task is classification, but the rows have {loaded.y.shape[1]} targets that "
            "are not one-hot: write 'task: multilabel' or 'task: regression'."
        )
    values = np.unique(plain_classes(loaded.y)).tolist()
    names = {value: loaded.names.get(value, _name(value)) for value in values}
    if data.classes is not None:
        values = _chosen(loaded.where, data.classes, names)
    if len(values) < 2:
        only = names[values[0]]
        raise DataError(
            f"{loaded.where}: there is only one class, {only!r}; classification needs two or more."
        )
    return Target("classification", tuple(values), tuple(names[value] for value in values))


def _name(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _chosen(where: str, classes: tuple[int | str, ...], names: Mapping[Any, str]) -> list[Any]:
    by_name = {name: value for value, name in names.items()}
    chosen = [_find(where, item, by_name, names) for item in classes]
    for item, value in zip(classes, chosen, strict=True):
        if chosen.count(value) > 1:
            raise DataError(f"{where}: 'classes' names the class {str(item)!r} twice.")
    return chosen


def _find(where: str, item: int | str, by_name: Mapping[str, Any], names: Mapping[Any, str]) -> Any:
    if str(item) in by_name:
        return by_name[str(item)]
    if isinstance(item, int) and item in names:
        return item
    shown = ", ".join(list(by_name)[:20]) + (", ..." if len(by_name) > 20 else "")
    raise DataError(
        f"{where}: there is no class {str(item)!r}{meant(str(item), by_name)}; the classes are {shown}."
    )
