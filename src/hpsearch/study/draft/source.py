"""From what a person calls their data to the part of a data section that names them."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.data.readers.tables import TableOptions, read_table
from hpsearch.exceptions import DataError
from hpsearch.spec.sections.data import KERAS, SKLEARN, TEXTS

TYPED = (".parquet", ".feather", ".arrow", ".ipc", ".xlsx")
TEXT = (".csv", ".tsv", ".txt", ".data")
PACKED = (".gz", ".bz2", ".xz")
FILES = (*TEXT, *TYPED, ".npz")

TARGETS = ("target", "label", "labels", "class", "y", "outcome", "response")
"""What a column to predict is often called."""

LOOKED_AT = 50
"""Images whose sizes are read to find one for all."""

LARGEST = 96
"""Sides of images, beyond which a first study takes too long without an accelerator."""


@dataclass(frozen=True)
class DataSource:
    """What a first study file says of its data before they are loaded.

    Attributes:
        name: A name for the study.
        section: The fields of the data section.
        comments: What stands behind a field, by its name.
    """

    name: str
    section: dict[str, Any]
    comments: dict[str, str] = field(default_factory=dict)


def source_of(given: str | None, target: str | None, directory: Path) -> DataSource:
    """Find out what data a person means.

    Args:
        given: A file, a folder of images, or a data set that comes along, such as `sklearn:digits`; None for
            the only file of data here.
        target: The column to predict, of a table; None to guess it.
        directory: The directory of the study file, from which relative paths start.

    Raises:
        DataError: There is nothing of the kind.
    """
    kind, _, name = (given or "").partition(":")
    if kind in ("sklearn", "keras"):
        _check_no_target(target)
        return _known(kind, name)
    path = _only_file(Path()) if given is None else Path(given).expanduser()
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder. {_EXPECTED}")
    written = os.path.relpath(path, directory) if not path.is_absolute() else str(path)
    if path.is_dir():
        _check_no_target(target)
        return _images(path, written)
    if path.suffix == ".npz":
        _check_no_target(target)
        return DataSource(path.stem, {"npz": written})
    return _table(path, written, target)


_EXPECTED = (
    "Expected a table (csv, Parquet, Arrow, Excel), arrays (npz), a folder with a folder of images for each "
    f"class, sklearn:NAME ({', '.join(SKLEARN)}) or keras:NAME ({', '.join(KERAS)})."
)


def _known(kind: str, name: str) -> DataSource:
    names = SKLEARN if kind == "sklearn" else KERAS
    if name not in names:
        raise DataError(f"{kind}:{name}: there is no such data set; expected one of {', '.join(names)}.")
    if name in TEXTS:
        return DataSource(name, {kind: name, "sequence": 200}, {"sequence": "words of a text that are read"})
    return DataSource(name, {kind: name})


def _check_no_target(target: str | None) -> None:
    if target is not None:
        raise DataError("--target: only a table has columns, of which one is the target.")


def _only_file(directory: Path) -> Path:
    found = sorted(path for path in directory.iterdir() if path.is_file() and _ending(path) in FILES)
    if len(found) == 1:
        return found[0]
    if not found:
        raise DataError(f"there is no file of data here. {_EXPECTED}")
    shown = ", ".join(path.name for path in found[:5]) + (", ..." if len(found) > 5 else "")
    raise DataError(f"there are {len(found)} files of data here ({shown}): say which one.")


def _ending(path: Path) -> str:
    """Return the suffix of a file, of a compressed one that of what is inside."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in PACKED else path.suffix.lower()


def _table(path: Path, written: str, target: str | None) -> DataSource:
    columns = [column.name for column in read_table([path], TableOptions(typed=True)).table.columns]
    if target is not None and target not in columns:
        listed = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
        raise DataError(f"{path}: there is no column {target!r}; the columns are {listed}.")
    usual = [name for name in columns if name.lower() in TARGETS]
    why = ""
    if target is None and len(usual) == 1:
        target, why = usual[0], "by its name; --target says another column"
    elif target is None:
        target, why = columns[-1], "the last column; --target says another one"
    kind = "table" if _ending(path) in TYPED else "csv"
    section = {kind: written, "target": target, "standardize": True}
    return DataSource(path.name.split(".")[0], section, {"target": why})


def _images(folder: Path, written: str) -> DataSource:
    from hpsearch.data.readers.images import sizes_of

    sizes = sizes_of(folder, LOOKED_AT)
    height, width = (_side([size[axis] for size in sizes]) for axis in (0, 1))
    section = {"images": written, "size": [height, width], "rescale": "1/255"}
    return DataSource(folder.resolve().name, section, {"size": "height and width that all images get"})


def _side(sizes: Sequence[int]) -> int:
    """Return the side that most images have about, a multiple of 8 within bounds."""
    return min(LARGEST, max(8, int(statistics.median(sizes) / 8 + 0.5) * 8))
