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
    """

    task: Task
    values: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    guessed: bool = False

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
            raw: (n,) as loaded.

        Returns:
            (n,) float32 for a regression; int32 for classes, -1 for a class that was not selected.
        """
        if self.task == "regression":
            return raw.astype(np.float32)
        numbers = {value: number for number, value in enumerate(self.values)}
        values, inverse = np.unique(raw, return_inverse=True)
        table = np.array([numbers.get(value, LEFT_OUT) for value in values.tolist()], dtype=np.int32)
        return table[inverse]


def find_target(loaded: Loaded, data: Data) -> Target:
    """Determine what is predicted, from the study file, the source or the values.

    Raises:
        DataError: The targets do not suit the task, or a class of the study file does not exist.
    """
    if data.task != "auto":
        task: Task = data.task
    else:
        task = loaded.task or guess_task(loaded.y)
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
    values = np.unique(loaded.y).tolist()
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
