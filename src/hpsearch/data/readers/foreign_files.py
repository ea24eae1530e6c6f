"""Recognize files of another kind than the expected one."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpsearch.spec.study_file.text import is_number

ZIP = b"PK\x03\x04"

MAGIC: Mapping[bytes, str] = {
    b"PAR1": "a parquet file",
    b"ARROW1": "a feather (Arrow) file",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"SQLite format 3\0": "an SQLite database",
    b"\x93NUMPY": "a single NumPy array (npy)",
    ZIP: "a zip archive, as xlsx and npz files are",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel file (xls)",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh91AY&SY": "compressed by bzip2",
    b"\xfd7zXZ\0": "compressed by xz",
    b"(\xb5/\xfd": "compressed by zstd",
    b"\x80\x04\x95": "a Python pickle",
    b"\x80\x05\x95": "a Python pickle",
}

COMPRESSED = ("gzip", "bzip2", "xz")
"""What files of text are unpacked from."""


WORKBOOK = "a workbook of Excel (xlsx)"


def kind_of_file(path: Path) -> str | None:
    """Return what a file is, by its first bytes; None where it may be text."""
    with path.open("rb") as file:
        start = file.read(max(map(len, MAGIC)))
    if start.startswith(ZIP) and _is_workbook(path):
        return WORKBOOK
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def header_hint(names: Sequence[str]) -> str:
    """Return a sentence on what the first line of a file looks like, if not like names of columns."""
    if names[0].startswith(("{", "[")):
        return " This looks like JSON, not csv."
    if all(is_number(name) for name in names):
        return (
            " The first line holds numbers: it must hold the names of the columns, or write 'header: false', "
            "which names them column_1, column_2 and so on."
        )
    return ""
