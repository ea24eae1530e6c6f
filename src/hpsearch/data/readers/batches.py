"""Batches of a tf.data.Dataset, a PyDataset of Keras or a loader of torch, read once into arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from hpsearch.exceptions import DataError

KINDS = {"tensorflow": "data.Dataset", "keras": "utils.PyDataset", "torch": "utils.data.DataLoader"}
"""What gives batches, by the package, which whoever has one has imported."""

INFINITE = -1
"""What TensorFlow says of a data set without an end."""


def is_batches(data: Any) -> bool:
    """Return whether rows are given batch by batch."""
    known = ((sys.modules.get(package), name) for package, name in KINDS.items())
    return any(package is not None and isinstance(data, attrgetter(name)(package)) for package, name in known)


def read_batches(where: str, data: Any) -> tuple[Any, Any, Any]:
    """Read all batches, or single rows, once.

    Returns:
        x, y and the weights of the rows, None where a batch has none; arrays, or mappings from names to them.

    Raises:
        DataError: There is no end of them, or one is not what `fit` takes.
    """
    parts = [_as_rows(_parts_of(where, batch)) for batch in _batches_of(where, data)]
    if not parts:
        raise _without_batches(where, data)
    try:
        x, y, weights = (_joined(values) for values in zip(*parts, strict=True))
    except (ValueError, KeyError, TypeError) as failure:
        raise DataError(f"{where}: the batches cannot be joined to arrays: {failure}.") from None
    return x, y, weights


def _batches_of(where: str, data: Any) -> Iterator[Any]:
    check_end(where, data, "they are read once and kept")
    if hasattr(data, "num_batches"):
        yield from (data[index] for index in range(data.num_batches))
    else:
        yield from data


def check_end(where: str, data: Any, why: str) -> None:
    """Check that batches have an end, as far as they tell.

    Raises:
        DataError: They have none; `why` says what needs one.
    """
    if hasattr(data, "cardinality"):
        endless = int(data.cardinality()) == INFINITE
    else:
        endless = hasattr(data, "num_batches") and data.num_batches is None
    if endless:
        raise DataError(
            f"{where}: expected batches that end, because {why}; the {type(data).__name__} goes on for ever: "
            "give a part of it, such as data.take(100)."
        )


def first_batch(where: str, data: Any) -> tuple[Any, Any, Any]:
    """Read the first batch as it is: x, y and the weights of the rows, None where it has none.

    Raises:
        DataError: There is none, or it is not what `fit` takes.
    """
    for batch in _batches_of(where, data):
        return _parts_of(where, batch)
    raise _without_batches(where, data)


def count_batches(data: Any) -> int:
    """Return how many batches there are, which are read to their end only where they do not tell."""
    if hasattr(data, "num_batches"):
        return int(data.num_batches)
    try:
        return len(data)
    except TypeError:
        return sum(1 for _ in data)


def _without_batches(where: str, data: Any) -> DataError:
    return DataError(f"{where}: expected batches; the {type(data).__name__} has none.")


def _parts_of(where: str, batch: Any) -> tuple[Any, Any, Any]:
    if not isinstance(batch, tuple | list) or len(batch) not in {2, 3}:
        raise DataError(
            f"{where}: expected batches (x, y) or (x, y, sample_weight); found an object of the type "
            f"{type(batch).__name__}."
        )
    x, y, *weights = map(_plain, batch)
    return x, y, weights[0] if weights else None


def _as_rows(parts: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return the parts of a batch, also where it is a single row."""
    y = parts[1]
    if all(array.ndim == 0 for array in (y.values() if isinstance(y, Mapping) else [y])):
        x, y, weights = map(_as_batch, parts)
        return x, y, weights
    return parts


def _plain(part: Any) -> Any:
    """Return a tensor as an array, and a mapping of them as one of arrays."""
    if isinstance(part, Mapping):
        return {name: np.asarray(array) for name, array in part.items()}
    return np.asarray(part)


def _as_batch(part: Any) -> Any:
    """Make a batch of a single row."""
    if isinstance(part, Mapping):
        return {name: array[None] for name, array in part.items()}
    return None if part is None else part[None]


def _joined(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        return {name: _concatenated(value[name] for value in values) for name in first}
    return None if first is None else _concatenated(values)


def _concatenated(arrays: Iterable[Any]) -> Any:
    return np.concatenate(list(arrays))
