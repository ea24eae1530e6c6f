"""Tables in memory, of pandas, polars or pyarrow, which are read as those of files are, and kept as one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.checks import NUMBERS
from hpsearch.data.readers.arrow import text_columns
from hpsearch.data.readers.kept_rows import folder_of, written
from hpsearch.data.readers.tables import ReadTable, TableOptions, read_parts, read_table
from hpsearch.exceptions import DataError
from hpsearch.spec.sections.data import FRAME, ITSELF, TABLE_OPTIONS

WHERE = "data"
"""Opens each message about a table in memory."""


@dataclass(frozen=True, eq=False)
class GivenFrame:
    """A table from memory.

    Attributes:
        table: Its columns, as pyarrow has them.
        fingerprint: The SHA-256 that a file with this table has.
    """

    table: Any
    fingerprint: str


def is_frame(data: Any) -> bool:
    """Return whether rows in memory are a table with named columns."""
    return hasattr(data, "column_names") or (hasattr(data, "columns") and hasattr(data, "to_numpy"))


def is_of_arrays(frame: Any, target: str | None, options: Collection[str]) -> bool:
    """Return whether a table is taken as two arrays: finite numbers, and nothing that only a table has.

    Args:
        frame: The table.
        target: The name of the target column.
        options: The names of the options that the study has for its data.
    """
    if any(name in TABLE_OPTIONS or name == "weight" for name in options):
        return False
    columns = [np.asarray(column) for name, column in columns_of(frame) if name != target]
    numbers = (one.dtype.kind in NUMBERS and one.dtype.kind != "b" for one in columns)
    return all(numbers) and all(bool(np.isfinite(one).all()) for one in columns)


def given_frame(frame: Any, target: str | None) -> GivenFrame:
    """Check a table in memory.

    Raises:
        DataError: It cannot be read, or has no such target.
    """
    table = _arrow_table(frame)
    names = [name.strip() for name in table.column_names]
    if target is None or target not in names or target == ITSELF:
        raise DataError(f"{WHERE}: {target_expected(names, target)}")
    return GivenFrame(table, _read(table, TableOptions()).fingerprint)


def target_expected(names: Iterable[str], target: str | None) -> str:
    """Say which target is expected of a table with these columns."""
    if target == ITSELF:
        return f"expected another name than {ITSELF!r} for the target, which stands for the rows themselves."
    found, shown = "no target" if target is None else repr(target), ", ".join(map(repr, list(names)[:10]))
    return f"expected target=, the name of a column of {shown}; found {found}."


def read_frame(frame: Any, options: TableOptions) -> ReadTable:
    """Read a table in memory as the same table in a file would be.

    Raises:
        DataError: It cannot be read.
    """
    return _read(_arrow_table(frame), options)


def write_frame(folder: Path, given: GivenFrame) -> None:
    """Write a table into a folder atomically, unless it exists and is complete."""
    import pyarrow as pa

    if is_whole_frame(folder):
        return
    with (
        written(folder) as new,
        pa.OSFile(str(new / FRAME), "wb") as sink,
        pa.ipc.new_file(sink, given.table.schema) as file,
    ):
        file.write_table(given.table)


def is_whole_frame(folder: Path) -> bool:
    """Return whether a folder holds the table that it is named after."""
    with suppress(DataError):
        found = read_table([folder / FRAME], TableOptions(typed=True)).fingerprint
        return folder_of(folder.parent, found) == folder
    return False


def _read(table: Any, options: TableOptions) -> ReadTable:
    return read_parts([text_columns(WHERE, table)], options)


def columns_of(frame: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the names and columns of a table of pyarrow, pandas or polars."""
    if hasattr(frame, "column_names"):
        yield from zip(frame.column_names, frame.columns, strict=True)
    elif hasattr(frame, "iloc"):
        yield from ((str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns))
    else:
        yield from ((str(name), frame[name]) for name in frame.columns)


def _arrow_table(frame: Any) -> Any:
    """Return a table as pyarrow has it; the index of pandas, which is no column, is left out."""
    import pyarrow as pa

    pairs = list(columns_of(frame))
    if not pairs or not len(pairs[0][1]):
        raise DataError(f"{WHERE}: the table has no rows or no columns.")
    return pa.Table.from_arrays([_arrow(column) for _, column in pairs], [name for name, _ in pairs])


def _arrow(column: Any) -> Any:
    """Return a column as pyarrow has it, and what it has no type for as the text of a csv file."""
    import pyarrow as pa

    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column
    if hasattr(column, "to_arrow"):
        return column.to_arrow()
    try:
        found = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array(_texts(column), pa.string())
    return pa.array(_texts(column), pa.string()) if isinstance(found.type, pa.BaseExtensionType) else found


def _texts(column: Sequence[Any]) -> list[str | None]:
    return [None if _is_missing(value) else str(value) for value in column]


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value  # noqa: PLR0124 - only NaN differs from itself
