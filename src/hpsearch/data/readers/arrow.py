"""Columns of text from Parquet and Arrow files, which pyarrow reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hpsearch.data.archives import MAX_BYTES
from hpsearch.data.readers.text import MAX_CELLS, Read
from hpsearch.data.table import MAX_COLUMNS
from hpsearch.exceptions import DataError

BATCH = 4096
"""Rows that are unpacked at one time: few, because a small file may hold rows of any size."""


def read_columns(path: Path, kind: str) -> Read:
    """Read a file of typed columns as text: numbers with all their digits, dates as ISO 8601 has them.

    Args:
        path: The file.
        kind: What it is, as `kind_of_file` says.

    Raises:
        DataError: It cannot be read, or a column holds lists, mappings or bytes.
    """
    import pyarrow as pa

    where = str(path)
    try:
        table = _parquet(where, path) if "parquet" in kind else _arrow(where, path)
    except (pa.ArrowException, OSError, ValueError, TypeError) as failure:
        raise DataError(f"{where}: the file cannot be read ({failure}).") from None
    return text_columns(where, table)


def text_columns(where: str, table: Any) -> Read:
    """Return the typed columns of a table as text, as `read_columns` does.

    Raises:
        DataError: It is empty or too large, or a column holds lists, mappings or bytes.
    """
    import pyarrow as pa

    if table.num_columns == 0 or table.num_rows == 0:
        raise DataError(f"{where}: the table has no rows or no columns.")
    refuse_many(where, table.num_rows, table.column_names)
    try:
        arrays = [_as_text(where, name, table.column(place)) for place, name in enumerate(table.column_names)]
    except (pa.ArrowException, ValueError, TypeError) as failure:
        raise DataError(f"{where}: the table cannot be read ({failure}).") from None
    return Read(where, [name.strip() for name in table.column_names], arrays)


def _parquet(where: str, path: Path) -> Any:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        refuse_many(where, file.metadata.num_rows, file.schema_arrow.names)
        return _within_memory(where, file.iter_batches(BATCH, use_threads=False), file.schema_arrow)


def _arrow(where: str, path: Path) -> Any:
    import pyarrow as pa

    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
        batches = (file.get_batch(number) for number in range(file.num_record_batches))
        return _within_memory(where, batches, file.schema)


def _within_memory(where: str, batches: Iterable[Any], schema: Any) -> Any:
    """Join pieces of a table, stopping once they exceed memory: sizes need not be as declared."""
    import pyarrow as pa

    kept, size = [], 0
    for batch in batches:
        size += batch.nbytes
        if size > MAX_BYTES:
            raise DataError(f"{where}: the table unpacks to more than the limit of {MAX_BYTES:,} bytes.")
        kept.append(batch)
    return pa.Table.from_batches(kept, schema)


def refuse_many(where: str, rows: int, names: list[str]) -> None:
    """Check that a table is not too large, and that its columns have different names.

    Raises:
        DataError: It is, or they have not.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{where}: {len(names)} columns exceed the limit of {MAX_COLUMNS}.")
    if rows * len(names) > MAX_CELLS:
        raise DataError(f"{where}: the file has more than {MAX_CELLS:,} cells, which is the limit.")
    name, count = Counter(name.strip() for name in names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{where}: {count} columns are named {name!r}; column names must be unique.")


def _as_text(where: str, name: str, column: Any) -> Any:
    """Return a column as text, with empty text where it has no value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise DataError(
            f"{where}: column {name!r} holds {kind}; expected numbers, text, dates, or true and false."
        )
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp(kind.unit))
    return pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.string()), ""))
