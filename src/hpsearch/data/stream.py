"""Batches that Python gives to train on: read anew in each epoch, and never kept."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hpsearch.data.loaded import Loaded, fingerprint
from hpsearch.data.readers.arrays import Given, given_arrays
from hpsearch.data.readers.batches import check_end, count_batches, first_batch, is_batches, read_batches
from hpsearch.data.target import Target
from hpsearch.exceptions import DataError

if TYPE_CHECKING:
    from hpsearch.spec import Data

WHERE = "stream"
"""Opens each message about a stream."""

PARTS = ("training", "validation", "test")

SHOWN = 12
"""Hexadecimal digits of a fingerprint that are shown."""


@dataclass(frozen=True, eq=False)
class Stream:
    """Batches to train on, and the rows that validate and test, which are kept.

    Attributes:
        batches: A `tf.data.Dataset`, a `PyDataset` or a loader of torch.
        steps: How many batches an epoch has.
        batch_size: How many rows each of them has, but perhaps the last.
        first: The SHA-256 of the first batch.
        repeats: Whether the first batch was the same when it was read a second time.
        kept: The rows that validate, as training rows, and the test rows.
    """

    batches: Any
    steps: int
    batch_size: int
    first: str
    repeats: bool
    kept: Given

    @property
    def section(self) -> dict[str, Any]:
        """Return what a data section says of it."""
        rows = len(self.kept.arrays["y_train"])
        batches = {"steps": self.steps, "batch_size": self.batch_size}
        return {"arrays": self.kept.fingerprint, "stream": batches, "validation": {"last": rows}}

    @property
    def told(self) -> str:
        """Say what is known of the training rows."""
        shuffled = "" if self.repeats else ", which differs each time it is read"
        return f"{self.steps} batches of {self.batch_size} rows, the first {self.first[:SHOWN]}{shuffled}"


def read_stream(given: Any) -> Stream:
    """Read what validates and tests to its end, and the first batch of what trains.

    Args:
        given: (train, validation) or (train, validation, test).

    Raises:
        DataError: They are no batches, have no end, or do not belong together.
    """
    if not isinstance(given, tuple | list) or len(given) not in {2, 3} or not all(map(is_batches, given)):
        raise DataError(
            f"{WHERE}: expected (train, validation) or (train, validation, test), each a tf.data.Dataset, "
            f"PyDataset or loader of torch; found an object of the type {type(given).__name__}."
        )
    train, *kept = given
    check_end(f"{WHERE}: training", train, "each epoch reads them all")
    seed_generators(0)
    first = _first(train)
    seed_generators(0)
    again = _first(train)
    rows = _kept(kept)
    _check_alike(first, rows)
    print_of_first = fingerprint(first)
    return Stream(
        train,
        count_batches(train),
        len(first["y_train"]),
        print_of_first,
        print_of_first == fingerprint(again),
        given_arrays(rows),
    )


def seed_generators(seed: int) -> None:
    """Seed what loaders and augmentations draw from, where they have no generator of their own."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - what others draw from
    for package, place in (("tensorflow", "random.set_seed"), ("torch", "manual_seed")):
        found: Any = sys.modules.get(package)
        for name in place.split(".") if found is not None else ():
            found = getattr(found, name)
        if found is not None:
            found(seed % 2**31)


def check_stream(data: Data, loaded: Loaded, target: Target, stream: Stream | None) -> None:
    """Check that the stream of a study is there, is that of its beginning, and needs no conversion.

    Raises:
        DataError: It is not, or it would have to be converted.
    """
    section = data.stream
    if section is None:
        return
    if stream is None:
        raise DataError(
            f"{loaded.where}: the training rows of this study are a stream, which is not kept: give it again "
            "in Python, hpsearch.load(NAME, stream=(train, validation)).resume()."
        )
    now, begun = ((one.steps, one.batch_size) for one in (stream, section))
    if now != begun:
        raise DataError(
            f"{WHERE}: expected {begun[0]} batches of {begun[1]} rows, as when the study began; found "
            f"{now[0]} of {now[1]}."
        )
    if stream.kept.fingerprint != loaded.fingerprint:
        raise DataError(f"{WHERE}: the validation or test rows are others than when the study began.")
    if target.task == "classification" and (
        loaded.y.ndim > 1 or target.values != tuple(range(len(target.values)))
    ):
        raise DataError(
            f"{WHERE}: expected classes as whole numbers from 0, each of them among the validation rows; "
            f"found {'one-hot rows' if loaded.y.ndim > 1 else ', '.join(target.labels[:20])}."
        )


def _first(train: Any) -> dict[str, Any]:
    """Return the first batch under the names of an npz file."""
    return _named(*first_batch(f"{WHERE}: training", train), part=0)


def _kept(parts: list[Any]) -> dict[str, Any]:
    """Return the rows that validate and test under the names of an npz file."""
    found: dict[str, Any] = {}
    for number, part in enumerate(parts, 1):
        found |= _named(*read_batches(f"{WHERE}: {PARTS[number]}", part), part=number)
    return found


def _named(x: Any, y: Any, weights: Any, part: int) -> dict[str, Any]:
    if isinstance(x, Mapping) or isinstance(y, Mapping):
        raise DataError(
            f"{WHERE}: {PARTS[part]}: expected one x and one y; found "
            f"{'several inputs' if isinstance(x, Mapping) else 'several targets'}: give arrays instead."
        )
    name, end = ("test", "_test") if PARTS[part] == "test" else ("train", "")
    weighted = {} if weights is None else {f"sample_weight{end}": weights}
    return {f"x_{name}": x, f"y_{name}": y, **weighted}


def _check_alike(first: Mapping[str, Any], rows: Mapping[str, Any]) -> None:
    """Check that the batches of training have what the rows that validate have."""
    if first["y_train"].ndim == 0:
        raise DataError(f"{WHERE}: training: expected batches of rows, as data.batch(32) gives.")
    for name, array in first.items():
        if name in rows and array.shape[1:] != rows[name].shape[1:]:
            raise DataError(
                f"{WHERE}: a row of {name[0]} has the shape {array.shape[1:]} in training, but "
                f"{rows[name].shape[1:]} in validation."
            )
    if ("sample_weight" in first) != ("sample_weight" in rows):
        raise DataError(f"{WHERE}: expected weights of rows in training and validation, or in neither.")
