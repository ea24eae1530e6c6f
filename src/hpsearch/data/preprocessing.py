"""Preparation of new rows for an exported model, without the data it was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np

from hpsearch.data.checks import features, meant
from hpsearch.data.encoding import Column, Encoding
from hpsearch.data.named_inputs import InputLayout
from hpsearch.data.named_targets import TargetLayout
from hpsearch.data.readers.frames import is_frame, read_frame
from hpsearch.data.readers.npz import read_features, read_inputs
from hpsearch.data.readers.tables import TableOptions, read_table
from hpsearch.data.table import Cells, Table
from hpsearch.data.types import Array, Task
from hpsearch.data.windows import gathered
from hpsearch.exceptions import DataError
from hpsearch.spec.sections.parts_of_rows import Window

SHOWN = 10
"""Names that a message lists."""


@dataclass(frozen=True, eq=False)
class NewRows:
    """Rows as a model takes them, (n, *features), with notes on how they were read."""

    x: Array
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preprocessing:
    """How new rows are prepared for an exported model, which contains the scaling.

    Attributes:
        source: The source of the study's data.
        task: Whether classes, labels or quantities are predicted.
        labels: The names of the classes; empty for other tasks.
        features: The shape of a row.
        encoding: How the columns of a csv file become features, for one split; None where rows are arrays.
        origin: What is subtracted from the numbers of a row before they become float32; None for nothing.
        window: The windows over rows that the model takes; None where it takes rows.
        targets: The names of several targets; empty for one.
        images: The height, width and channels that files of images are decoded to; None for other data.
        inputs: The named inputs that flat rows hold; None where rows have no names.
        target_layout: The named targets that the model predicts; None where they have no names.

    Raises:
        ValueError: The parts do not belong together.
    """

    source: str
    task: Task
    labels: tuple[str, ...]
    features: tuple[int, ...]
    encoding: Encoding | None
    origin: tuple[float, ...] | None = None
    window: Window | None = None
    targets: tuple[str, ...] = ()
    images: tuple[int, ...] | None = None
    inputs: InputLayout | None = None
    target_layout: TargetLayout | None = None

    def __post_init__(self) -> None:
        shaped = bool(self.features) and min(self.features) > 0
        shaped = shaped and (self.inputs is None or self.features == (self.inputs.width,))
        shaped = shaped and (self.window is None or self.features[0] == self.window.length)
        shaped = shaped and (self.origin is None or len(self.origin) == prod(self._row))
        encoded = self.encoding is None or _is_whole(self.encoding, prod(self._row))
        if not shaped or not encoded or (self.task == "classification") != (len(self.labels) > 1):
            raise ValueError("the parts of a preprocessing do not belong together")

    @property
    def units(self) -> int:
        """Return the number of outputs that the model has for a row."""
        if self.target_layout is not None:
            return sum(one.units for one in self.target_layout.targets)
        if self.targets:
            return len(self.targets)
        return len(self.labels) if len(self.labels) > 2 else 1

    @property
    def _row(self) -> tuple[int, ...]:
        """Return the shape of one row, also where the model takes windows."""
        return self.features if self.window is None else self.features[1:]

    def read(self, path: Path) -> NewRows:
        """Read new rows from a csv file, `x` of an npz file, or images, whichever the study's own data were.

        Columns that the encoding lacks, such as the target, are ignored.

        Raises:
            DataError: The file cannot be read or does not fit the model.
        """
        wrong = ".csv" if self.encoding is None else ".npz"
        if path.suffix.lower() == wrong:
            raise DataError(
                f"{path}: expected {self._expected}, because the study was trained on {self.source}."
            )
        try:
            if self.images is not None and path.suffix.lower() != ".npz":
                return self._images(path, self.images)
            if self.encoding is None:
                if self.inputs is not None:
                    return NewRows(self._rows(read_inputs(path, self.inputs)))
                return self._arrays(str(path), read_features(path))
            given = read_table([path], _options(self.encoding, typed=True)).table
            return self._table(given, self.encoding)
        except MemoryError:
            raise DataError(f"{path}: there is not enough memory for these rows.") from None

    @property
    def _expected(self) -> str:
        """Say what new rows may be read from."""
        if self.encoding is not None:
            return "a csv file with its columns"
        images = "" if self.images is None else "an image, a folder of images, or "
        return f"{images}an npz file with x, the rows"

    def _images(self, path: Path, form: tuple[int, ...]) -> NewRows:
        """Decode an image, or those of a folder in the order of their names."""
        # Pillow is imported only where images are decoded.
        from hpsearch.data.readers.images import decoded, images_in

        if not path.is_dir():
            return NewRows(self._rows(decoded([path], form)))
        paths = images_in(path)
        note = f"the rows are the images of {path} in the order of their names, from {paths[0].name} on"
        return NewRows(self._rows(decoded(paths, form)), (note,))

    def take(self, x: Array | Mapping[str, Array]) -> NewRows:
        """Return new rows that are in memory as a model takes them.

        Args:
            x: (n, *features), or arrays by the names of the inputs, with or without `x_`; a table of pandas,
                polars or pyarrow where the study was trained on a table.

        Raises:
            DataError: They do not fit the model.
        """
        if self.encoding is not None:
            if is_frame(x):
                return self._table(read_frame(x, _options(self.encoding)).table, self.encoding)
            raise DataError(
                "x: expected a csv file with its columns, or a table of pandas or polars, because the study "
                f"was trained on {self.source}."
            )
        if self.inputs is not None or isinstance(x, Mapping):
            return self._inputs(x)
        return self._arrays("x", features("x", "x", x))

    def _inputs(self, x: Array | Mapping[str, Array]) -> NewRows:
        if self.inputs is None:
            raise DataError("x: expected an array of rows, because the model has a single input.")
        if not isinstance(x, Mapping):
            listed = ", ".join(one.name for one in self.inputs.inputs)
            raise DataError(f"x: expected arrays by the names of the inputs, {listed}; found one array.")
        return NewRows(self._rows(self.inputs.joined("x", {name.removeprefix("x_"): x[name] for name in x})))

    def _arrays(self, where: str, x: Array) -> NewRows:
        found = x.shape[1:]
        if self.window is not None and prod(found) == prod(self._row) != prod(self.features):
            return self._windows(where, x, self.window)
        if prod(found) != prod(self.features):
            shown, known = (" x ".join(map(str, shape)) for shape in (found, self.features))
            raise DataError(f"{where}: a row of x has {shown} numbers, but the model takes {known}.")
        return NewRows(self._rows(x))

    def _table(self, given: Table, encoding: Encoding) -> NewRows:
        by_name = {column.name: column for column in given.columns}
        chosen = tuple(one.of(_named(given.where, one.source, by_name)) for one in encoding.columns)
        table = replace(given, columns=chosen)
        x = encoding.encode_rows(table, wide=self.origin is not None)
        notes = [*_left_out(encoding, self.targets, by_name), *_unseen(encoding, chosen)]
        if self.window is not None:
            found = self._windows(given.where, x, self.window)
            return replace(found, notes=(*notes, *found.notes))
        return NewRows(self._rows(x), tuple(notes))

    def _windows(self, where: str, x: Array, window: Window) -> NewRows:
        """Return every window over the rows of a series, also the last ones, whose targets are not known."""
        if len(x) < window.span:
            raise DataError(f"{where}: there are {len(x):,} rows, but a window takes {window.span:,}.")
        starts = np.arange(len(x) - window.span + 1)
        note = (
            f"row 0 of the predictions is for row {window.reach - 1:,} (from 0), from the window of the rows "
            f"0 to {window.span - 1:,}; the further ones are for the rows after it"
        )
        return NewRows(gathered(where, self._rows(x)[:, 0], starts, window), (note,))

    def _rows(self, x: Array) -> Array:
        """Return rows as the model takes them, shifted by the origin before they are rounded."""
        flat = x.reshape(len(x), -1)
        if self.origin is not None:
            origin = np.array(self.origin)
            flat = flat.astype(np.float64) - np.tile(origin, flat.shape[1] // len(origin))
        if flat.dtype != np.uint8:
            flat = flat.astype(np.float32, copy=False)
        return flat.reshape(len(x), *(self.features if self.window is None else (-1, *self._row)))


def _options(encoding: Encoding, *, typed: bool = False) -> TableOptions:
    """Return how new rows are read: as the study read its own."""
    notations = {column.name: column.notation for column in encoding.columns if column.view is None}
    return TableOptions(encoding.text, typed=typed, notations=notations)


def _is_whole(encoding: Encoding, features: int) -> bool:
    """Return whether the encoding is consistent, has one split, and gives as many features as a row has."""
    for column in encoding.columns:
        numeric = column.kind == "numeric"
        (value,), (_,) = column.imputation, column.unseen
        if numeric == bool(column.categories) or numeric == isinstance(value, str):
            return False
    return sum(column.width for column in encoding.columns) == features


def _named(where: str, name: str, columns: dict[str, Cells]) -> Cells:
    if name in columns:
        return columns[name]
    raise DataError(
        f"{where}: there is no column {name!r}{meant(name, columns)}, which the model needs; "
        f"the columns are {_listed(columns)[:500]}."
    )


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    return ", ".join(map(repr, known[:SHOWN])) + (", ..." if len(known) > SHOWN else "")


def _left_out(encoding: Encoding, targets: tuple[str, ...], columns: dict[str, Cells]) -> Iterator[str]:
    known = {encoding.target, *targets, *(column.source for column in encoding.columns)}
    others = [name for name in columns if name not in known]
    if others:
        yield f"ignored columns that the model does not use: {_listed(others)}"


def _unseen(encoding: Encoding, columns: tuple[Cells, ...]) -> Iterator[str]:
    for known, cells in zip(encoding.columns, columns, strict=True):
        if known.kind == "categorical":
            yield from _unseen_in(known, cells)


def _unseen_in(known: Column, cells: Cells) -> Iterator[str]:
    seen = set(known.categories) - set(known.unseen[0])
    strange = cells.spread([word not in seen for word in cells.words], bool) & ~cells.missing
    others = np.flatnonzero(strange)
    if len(others) and not known.pooled:
        rows = "1 row has a category" if len(others) == 1 else f"{len(others):,} rows have categories"
        yield (
            f"column {known.name!r}: {rows} that no training row had, such as {cells.at(int(others[0]))!r}: "
            "encoded as zeros, as in training"
        )
