"""Several targets with names, each of its own kind: kept as columns of one array, and cut apart again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.data.checks import meant
from hpsearch.data.precision import lossy
from hpsearch.data.rows import Rows
from hpsearch.data.target import Target, find_target, plain_classes
from hpsearch.data.types import Array, Task
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

if TYPE_CHECKING:
    from hpsearch.data.loaded import Loaded


@dataclass(frozen=True)
class NamedTarget:
    """One of several targets, which one output of a model predicts.

    Attributes:
        name: The name of the model's output, and of the array behind `y_`.
        task: Whether classes, labels or quantities are predicted.
        labels: The names of the classes; empty for other tasks.
        columns: How many numbers a row has: 1 for classes, else as many as it has labels or quantities.
    """

    name: str
    task: Task
    labels: tuple[str, ...] = ()
    columns: int = 1

    @property
    def outputs(self) -> int:
        """Return the number of classes, or of labels or quantities."""
        return len(self.labels) if self.task == "classification" else self.columns

    @property
    def units(self) -> int:
        """Return how many numbers a model gives for a row."""
        return 1 if self.task == "classification" and self.outputs == 2 else self.outputs

    @property
    def metric(self) -> str:
        """Return the name of the metric that is reported beside the loss."""
        return "mae" if self.task == "regression" else "accuracy"

    def own(self, y: Array) -> Array:
        """Return targets in the form that data with this target alone have."""
        if self.task == "classification":
            return y[:, 0].astype(np.int32)
        whole = y.astype(np.int32) if self.task == "multilabel" else y
        return whole[:, 0] if self.columns == 1 else whole


@dataclass(frozen=True)
class TargetLayout:
    """Several targets in the order in which their numbers stand in a row of targets."""

    targets: tuple[NamedTarget, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the names of what is measured of each target, as Keras has them: `age_loss`, `age_mae`."""
        names = ((f"{one.name}_loss", f"{one.name}_{one.metric}") for one in self.targets)
        return tuple(name for pair in names for name in pair)

    @property
    def quantities(self) -> Array:
        """Return which numbers of a row of targets are quantities: (columns,) bool."""
        return np.repeat(
            [one.task == "regression" for one in self.targets], [one.columns for one in self.targets]
        )

    def places(self) -> Iterator[tuple[NamedTarget, slice]]:
        """Iterate over the targets, each with its place in a row of targets."""
        ends = accumulate(one.columns for one in self.targets)
        for one, end in zip(self.targets, ends, strict=True):
            yield one, slice(end - one.columns, end)

    def given(self) -> Iterator[tuple[NamedTarget, slice]]:
        """Iterate over the targets, each with its place in a row of what a model gives."""
        ends = accumulate(one.units for one in self.targets)
        for one, end in zip(self.targets, ends, strict=True):
            yield one, slice(end - one.units, end)

    def rows_of(self, rows: Rows) -> Iterator[tuple[NamedTarget, Rows]]:
        """Iterate over the targets, each with rows that have it alone."""
        for one, place in self.places():
            yield one, replace(rows, y=one.own(rows.y[:, place]))


def with_joined_targets(loaded: Loaded, data: Data) -> Loaded:
    """Join the named targets of a source, if it has some, into one array with a layout.

    Raises:
        DataError: A target does not suit its task.
    """
    if not loaded.named_targets:
        return loaded
    tasks = _tasks(loaded.where, data, loaded.named_targets)
    parts: list[tuple[NamedTarget, Array, Array | None]] = []
    for name, raw in loaded.named_targets.items():
        own = replace(loaded, where=f"{loaded.where}: y_{name}", y=raw, task=None, targets=_columns(raw))
        target = find_target(own, data.model_copy(update={"task": tasks.get(name, "auto")}))
        if target.task == "regression" and lossy(raw).any():
            raise DataError(
                f"{own.where}: float32 cannot resolve the targets: subtract their mean from them."
            )
        test = loaded.named_targets_test.get(name)
        read = None if test is None else _read(own, target, test)
        columns = raw.shape[1] if raw.ndim == 2 and target.task != "classification" else 1
        parts.append((NamedTarget(name, target.task, target.labels, columns), _read(own, target, raw), read))
    test_parts = [test for _, _, test in parts if test is not None]
    return replace(
        loaded,
        y=np.concatenate([y for _, y, _ in parts], axis=1),
        y_test=np.concatenate(test_parts, axis=1) if test_parts else None,
        task="multitask",
        target_layout=TargetLayout(tuple(one for one, _, _ in parts)),
    )


def _columns(raw: Array) -> tuple[str, ...]:
    return tuple(map(str, range(raw.shape[1]))) if raw.ndim == 2 else ()


def _read(own: Loaded, target: Target, raw: Array) -> Array:
    """Return targets as columns of float32.

    Raises:
        DataError: They hold a class that the training part lacks.
    """
    if (raw.dtype.kind == "U") != (own.y.dtype.kind == "U"):
        raise DataError(f"{own.where}: the training and the test part must both hold numbers or both text.")
    if raw.shape[1:] != own.y.shape[1:]:
        raise DataError(
            f"{own.where}: rows have the shape {own.y.shape[1:]} in training, {raw.shape[1:]} in test."
        )
    if target.task == "classification":
        unknown = ~np.isin(plain_classes(raw), plain_classes(own.y))
        if unknown.any():
            shown = str(plain_classes(raw)[int(unknown.argmax())])
            raise DataError(f"{own.where}: the test part has the class {shown!r}, which is not in training.")
    return target.read(raw).reshape(len(raw), -1).astype(np.float32)


def _tasks(where: str, data: Data, known: Mapping[str, Array]) -> Mapping[str, Task]:
    """Return the tasks that the study file gives, by target.

    Raises:
        DataError: It gives one for all of them, or for a target that is not there.
    """
    if data.classes is not None:
        raise DataError(f"{where}: 'classes' is for a single target, and these are {', '.join(known)}.")
    if data.task != "auto":
        raise DataError(
            f"{where}: expected a task for each target, as in 'tasks: {{{next(iter(known))}: {data.task}}}'; "
            f"found 'task: {data.task}' for all."
        )
    tasks: dict[str, Task] = {} if data.tasks is None else dict(data.tasks.items())
    for name in tasks:
        if name not in known:
            raise DataError(
                f"{where}: 'tasks' names {name!r}{meant(name, known)}; the targets are {', '.join(known)}."
            )
    return tasks
