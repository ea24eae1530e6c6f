"""How the columns of a csv file become numbers: one-hot categories and imputed values, as plain data.

They compute what scikit-learn's SimpleImputer (mean, most frequent), OneHotEncoder (handle_unknown="ignore")
and ColumnTransformer do, in a form that is fast for 10^5 columns and that can be written as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from hpsearch.data.checks import fits_in_memory
from hpsearch.data.columns.bags import LEAST_ROWS, bag_of, frequencies, vocabulary
from hpsearch.data.columns.views import BOOLEAN, viewed
from hpsearch.data.notation import PLAIN, Notation
from hpsearch.data.precision import CHUNK, lossy
from hpsearch.data.readers.dialect import TextOptions
from hpsearch.data.table import MAX_COLUMNS, MISSING, Cells, Table, View
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError

MAX_CATEGORIES = 1_000
"""Categories of one column, each of which becomes a feature."""

MAX_ONE_HOT = 2**30
"""Bytes that the features of all categories may take; several copies of them are held."""

FEW_CATEGORIES = 50
"""Up to so many, a column may have a category of its own for nearly every row."""

KEPT_CATEGORIES = 255
"""Of more categories, so many of the most frequent become features, and the others one together."""

LEAST_FREQUENT = 5
"""Training rows that each of those has at least."""

RARE = "(rare)"
"""The category of all rare and unknown ones."""

SplitIndex = tuple["Array", "Array"]


@dataclass(frozen=True)
class Column:
    """One column of the file, or what is taken of it.

    Attributes:
        name: The name in the header; of what is taken of a column, that and what is taken.
        kind: `numeric`, `categorical`, or `text`, which is a bag of words.
        categories: The categories or words of the training rows, sorted; each becomes a feature. Empty for
            numbers.
        imputation: For each split, the value that replaces a missing one.
        unseen: For each split, the categories that its training part lacks, which are encoded as zeros.
        notation: How the numbers of the column are written in files of text.
        view: What is taken of the column in the place of its cells; None for the cells.
        pooled: Whether the last category stands for all that the others do not name.
    """

    name: str
    kind: Literal["numeric", "categorical", "text"]
    categories: tuple[str, ...]
    imputation: tuple[float | str, ...]
    unseen: tuple[tuple[str, ...], ...]
    notation: Notation = PLAIN
    view: View | None = None
    pooled: bool = False

    @property
    def source(self) -> str:
        """Return the name of the column in the file."""
        return self.name if self.view is None else self.view.source

    @property
    def binary(self) -> bool:
        """Return whether all its features are 0 or 1 and stand for words."""
        return self.kind != "numeric" or (self.view is not None and self.view.binary)

    def of(self, cells: Cells) -> Cells:
        """Return what the column takes of cells of the file."""
        return cells if self.view is None else viewed(cells, self.view)

    @property
    def width(self) -> int:
        """Return the number of features that the column becomes."""
        return len(self.categories) if self.kind != "numeric" else 1


@dataclass(frozen=True)
class Encoding:
    """The columns in the order of the file, which is that of the features, fitted for each split.

    Attributes:
        target: The name of the target column.
        columns: The columns.
        text: What the study says of how its csv files are written.
    """

    target: str
    columns: tuple[Column, ...]
    text: TextOptions = field(default_factory=TextOptions)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Return the name of each feature: `age`, or `colour=red` for a category."""
        return tuple(
            name
            for column in self.columns
            for name in ([f"{column.name}={c}" for c in column.categories] or [column.name])
        )

    @property
    def places(self) -> dict[str, list[int]]:
        """Return the places of the features that each column of the file became."""
        places: dict[str, list[int]] = {}
        first = 0
        for column in self.columns:
            places.setdefault(column.source, []).extend(range(first, first + column.width))
            first += column.width
        return places

    @property
    def indicators(self) -> Array:
        """Return which features are 0 or 1, one for each category: (features,) bool."""
        return np.concatenate([np.full(c.width, c.binary) for c in self.columns])

    def as_data(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, texts and numbers."""
        return asdict(self)

    def of_split(self, split: int) -> Encoding:
        """Return the encoding as fitted on a single split."""
        own = (
            replace(column, imputation=(column.imputation[split],), unseen=(column.unseen[split],))
            for column in self.columns
        )
        return replace(self, columns=tuple(own))

    def encode(self, cells: Mapping[str, Sequence[str]], split: int = 0) -> Array:
        """Encode new rows as fitted on a split.

        Args:
            cells: The cells of each column as text, all of one length n; names of other columns are ignored.
            split: The split.

        Returns:
            (n, features) float32.

        Raises:
            DataError: A column is missing, or a column of numbers holds text.
        """
        absent = [column.source for column in self.columns if column.source not in cells]
        if absent:
            raise DataError(f"The rows have no column {absent[0]!r}.")
        columns = tuple(
            one.of(Cells.of(one.source, cells[one.source]).noted(one.notation)) for one in self.columns
        )
        rows = Table("The rows", columns, len(columns[0]), lambda row: f"The rows:{row + 1}")
        return self.encode_rows(rows, split)

    def encode_rows(self, table: Table, split: int = 0, *, wide: bool = False) -> Array:
        """Encode the rows of a table whose columns are those of the encoding, in its order.

        Args:
            table: The rows.
            split: The split.
            wide: Whether to return float64.

        Returns:
            (n, features) float32 or float64.

        Raises:
            DataError: A column of numbers holds text.
        """
        for known, column in zip(self.columns, table.columns, strict=True):
            if known.kind == "numeric":
                table.complain_of_numbers(column)
        kind = np.float64 if wide else np.float32
        return _imputation(self.columns, split).apply(_encoded(table, self.columns, kind))


@dataclass(frozen=True, eq=False)
class Imputation:
    """The values that replace missing ones in a split, and which features its training part has.

    Attributes:
        fill: (features,) float64.
        seen: (features,) bool; None where all are seen.
    """

    fill: Array
    seen: Array | None

    def apply(self, x: Array) -> Array:
        """Return (n, features) with NaN replaced, and 0 for features that the training part lacks."""
        filled = np.where(np.isnan(x), self.fill.astype(x.dtype), x)
        return filled if self.seen is None else np.where(self.seen, filled, x.dtype.type(0))


def encode_table(
    table: Table, target: str, splits: Sequence[SplitIndex]
) -> tuple[Encoding, Array, tuple[Imputation, ...]]:
    """Fit the encoding on the training part of each split and encode every row.

    The kind of a column is found in the rows of all training and validation parts, its categories in all
    training parts.

    Args:
        table: The columns of the features.
        target: The name of the target column.
        splits: Positions of the training and the validation rows of each split.

    Returns:
        The encoding; (n, features) float32, or float64 where float32 would lose something, with NaN where a
        cell is missing; and the imputation of each split.

    Raises:
        DataError: A column is ambiguous, has no value to train on, or has too many categories.
    """
    known = np.unique(np.concatenate([np.concatenate(pair) for pair in splits]))
    trains = [train for train, _ in splits]
    layout = np.unique(np.concatenate(trains))
    columns = tuple(_column(table, cells, known, layout, trains) for cells in table.columns)
    _fits(table, columns)
    x = _encoded(table, columns, _kind_of_numbers(table, columns))
    return Encoding(target, columns), x, tuple(_imputation(columns, split) for split in range(len(splits)))


def _fits(table: Table, columns: Sequence[Column]) -> None:
    """Check that the columns, and the categories among them, do not become too many features.

    Raises:
        DataError: They do.
    """
    rows = table.rows
    width, one_hot = (sum(c.width for c in some) for some in (columns, [c for c in columns if c.categories]))
    widest = max(columns, key=lambda column: len(column.categories))
    alone = f"{widest.name!r} alone has {len(widest.categories)} categories. {REMEDY}"
    if width > MAX_COLUMNS:
        raise DataError(
            f"{table.where}: one-hot encoding gives {width} columns, more than {MAX_COLUMNS}; {alone}"
        )
    size = rows * one_hot * np.dtype(np.float32).itemsize
    if size > MAX_ONE_HOT:
        raise DataError(
            f"{table.where}: one-hot encoding gives {rows} rows by {one_hot} columns, which take"
            f" {size / 2**30:.1f} GB, more than {MAX_ONE_HOT / 2**30:.0f} GB; {alone}"
        )
    fits_in_memory(table.where, rows, width, 4, "leave out columns with many categories")


FEATURES = (
    "Leave the cell empty, or write NA, where a value is missing; if all cells are names of categories,"
    " write them as words, such as c1 for 1."
)

REMEDY = "Leave the column out by 'drop' in the data section, or join rare categories into one."


def _column(table: Table, cells: Cells, known: Array, layout: Array, trains: Sequence[Array]) -> Column:
    for number, train in enumerate(trains, start=1):
        if cells.missing[train].all():
            which = f" of fold {number}" if len(trains) > 1 else ""
            raise DataError(f"{table.where}: column {cells.name!r} has no value in the training set{which}.")
    if cells.taken_as == "text":
        return _bag(table, cells, layout, trains)
    if not (cells.taken_as or cells.text[known].any()):
        return _numeric(table, cells, trains)
    if not cells.taken_as:
        table.complain_of_text(cells, known, FEATURES)
    return _categorical(cells, layout, trains)


def _numeric(table: Table, cells: Cells, trains: Sequence[Array]) -> Column:
    table.complain_of_numbers(cells)
    whole = not cells.missing.any()
    means = tuple(float((cells.numbers[t] if whole else _present(cells, t)).mean()) for t in trains)
    if cells.view is not None and cells.view.part == BOOLEAN:
        means = tuple(float(mean > 1 / 2) for mean in means)
    return Column(cells.name, "numeric", (), means, ((),) * len(trains), cells.notation, cells.view)


def _present(cells: Cells, index: Array) -> Array:
    return cells.numbers[index][~cells.missing[index]]


def _categorical(cells: Cells, layout: Array, trains: Sequence[Array]) -> Column:
    categories, pooled = _kept(cells, layout)
    numbers = _numbered(cells, categories, pooled=pooled)
    counts = [np.bincount(numbers[train] + 1, minlength=len(categories) + 1)[1:] for train in trains]
    return Column(
        cells.name,
        "categorical",
        tuple(categories),
        tuple(categories[int(count.argmax())] for count in counts),
        tuple(tuple(categories[i] for i in np.flatnonzero(count == 0)) for count in counts),
        pooled=pooled,
    )


def _bag(table: Table, cells: Cells, layout: Array, trains: Sequence[Array]) -> Column:
    words = tuple(vocabulary(cells, layout))
    if not words:
        raise DataError(
            f"data.columns.{cells.name}: {table.where}: no word of column {cells.name!r} occurs in "
            f"{LEAST_ROWS} training rows or more, so it cannot become a bag of words."
        )
    found = [frequencies(cells, train) for train in trains]
    unseen = tuple(tuple(word for word in words if word not in known) for known in found)
    return Column(cells.name, "text", words, ("",) * len(trains), unseen)


def are_many(categories: int, rows: int) -> bool:
    """Return whether a column has so many categories that the rare ones are pooled."""
    return categories > MAX_CATEGORIES or (categories > FEW_CATEGORIES and categories > rows / 2)


def _kept(cells: Cells, layout: Array) -> tuple[list[str], bool]:
    """Return the categories that become features, and whether the last one pools all others."""
    categories = cells.present(layout)
    if not are_many(len(categories), int((~cells.missing[layout]).sum())):
        return categories, False
    counts = dict(zip(cells.words, cells.counts(layout).tolist(), strict=True))
    frequent = sorted(categories, key=lambda word: -counts[word])[:KEPT_CATEGORIES]
    return [*sorted(word for word in frequent if counts[word] >= LEAST_FREQUENT), RARE], True


def _numbered(cells: Cells, categories: Sequence[str], *, pooled: bool) -> Array:
    """Return the position of each cell's category: (n,) int, -1 if it is missing, or unknown to all."""
    positions = {category: position for position, category in enumerate(categories)}
    unknown = len(categories) - 1 if pooled else -1
    positions |= dict.fromkeys(MISSING, -1)
    return cells.spread([positions.get(word, unknown) for word in cells.words], np.int64)


def _kind_of_numbers(table: Table, columns: Sequence[Column]) -> type[np.floating[Any]]:
    """Return float32, or float64 where that would lose the differences within a column."""
    pairs = zip(table.columns, columns, strict=True)
    numeric = [cells.numbers for cells, column in pairs if column.kind == "numeric"]
    size = max(1, CHUNK // table.rows)
    blocks = (np.column_stack(numeric[start : start + size]) for start in range(0, len(numeric), size))
    return np.float64 if any(lossy(block).any() for block in blocks) else np.float32


def _encoded(table: Table, columns: Sequence[Column], kind: type[np.floating[Any]]) -> Array:
    """Encode every row, column by column, because that is how the cells are stored."""
    encoded = np.zeros((sum(column.width for column in columns), table.rows), dtype=kind)
    start = 0
    for cells, column in zip(table.columns, columns, strict=True):
        _fill(encoded[start : start + column.width], cells, column)
        start += column.width
    return np.ascontiguousarray(encoded.T)


def _fill(block: Array, cells: Cells, column: Column) -> None:
    if column.kind == "numeric":
        block[0] = cells.numbers
        return
    if column.kind == "text":
        block[:] = bag_of(cells, column.categories)
        return
    numbers = _numbered(cells, column.categories, pooled=column.pooled)
    rows = np.flatnonzero(numbers >= 0)
    block[numbers[rows], rows] = 1
    block[:, cells.missing] = np.nan


def _imputation(columns: Sequence[Column], split: int) -> Imputation:
    fills: list[float] = []
    seen: list[bool] = []
    for column in columns:
        value, unseen = column.imputation[split], set(column.unseen[split])
        fills += [float(c == value) for c in column.categories] if column.categories else [float(value)]
        seen += [c not in unseen for c in column.categories] if column.categories else [True]
    return Imputation(np.array(fills, dtype=np.float64), None if all(seen) else np.array(seen))
