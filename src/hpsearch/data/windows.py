"""Windows over the rows of a series, each within one part of it, so that no part sees rows of another."""

from __future__ import annotations

import numpy as np

from hpsearch.data.checks import fits_in_memory
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec.sections.parts_of_rows import Window


def starts_of(where: str, part: str, rows: range, window: Window) -> Array:
    """Return where the windows begin that lie within consecutive rows, their targets included.

    Args:
        where: The source, with which the message begins.
        part: What the rows are, for the message.
        rows: Positions of the rows.
        window: The windows.

    Raises:
        DataError: There are too few rows for one window.
    """
    if len(rows) < window.reach:
        raise DataError(
            f"{where}: {part} has {len(rows):,} rows, but a window takes {window.reach:,} with its target."
        )
    return np.arange(rows.start, rows.stop - window.reach + 1, window.stride)


def rows_of(starts: Array, window: Window) -> Array:
    """Return the positions of the consecutive rows that windows cover, from their inputs to their targets."""
    return np.arange(starts[0], starts[-1] + window.reach) if len(starts) else starts


def gathered(where: str, rows: Array, starts: Array, window: Window) -> Array:
    """Return the inputs of windows.

    Args:
        where: The source, with which the message begins.
        rows: (n, *features).
        starts: Where the windows begin.
        window: The windows.

    Returns:
        (windows, length, *features).

    Raises:
        DataError: They do not fit in memory.
    """
    size = rows[:1].size * rows.itemsize
    fits_in_memory(where, len(starts), window.length, size, "raise 'stride' or lower 'length'")
    return rows[starts[:, None] + np.arange(window.length) * window.sampling_rate]
