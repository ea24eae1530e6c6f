"""From the data section of a spec to the checked rows of its source."""

from __future__ import annotations

import os
from pathlib import Path

from hpsearch.data.loaded import Loaded, from_arrays, of_themselves
from hpsearch.data.readers.arrays import read_arrays
from hpsearch.data.readers.dialect import TextOptions
from hpsearch.data.readers.keras import load_keras
from hpsearch.data.readers.npz import read_npz
from hpsearch.data.readers.random import draw_normal
from hpsearch.data.readers.tables import TableOptions, load_table
from hpsearch.exceptions import DataError
from hpsearch.spec import Data
from hpsearch.spec.sections.data import ITSELF
from hpsearch.spec.sections.parts_of_rows import TestFile

DATA_DIR = "HPSEARCH_DATA"


def load_source(data: Data, directory: Path, data_dir: Path | None) -> Loaded:
    """Load the rows that a data section names.

    Args:
        data: The data section.
        directory: The directory that relative paths start from.
        data_dir: The directory with npz files of Keras' data sets; None for that of the environment.

    Raises:
        DataError: They cannot be read, or the options do not suit them.
    """
    loaded = _loaded(data, directory, data_dir)
    if loaded.inputs is not None:
        loaded.inputs.check_options(loaded.where, data)
    return of_themselves(loaded) if not data.tables and data.target == ITSELF else loaded


def _loaded(data: Data, directory: Path, data_dir: Path | None) -> Loaded:
    if data.sklearn is not None:
        # scikit-learn takes a second to import, and most data do without.
        from hpsearch.data.readers.sklearn import load_bundled

        return load_bundled(data.sklearn)
    if data.keras is not None:
        return load_keras(data.keras, data_dir or _data_dir(), data.num_words, data.sequence)
    if data.random_normal is not None:
        return draw_normal(data.source, data.random_normal, data.split_seed)
    return _read(data, directory)


def _read(data: Data, directory: Path) -> Loaded:
    """Load the data of files whose path the study gives."""
    if data.tables:
        return _table(data, directory)
    if data.images is not None and data.decoded is not None:
        # Pillow is imported only where images are decoded.
        from hpsearch.data.readers.images import load_images

        return load_images(_place(directory, data.images), data.decoded)
    if data.arrays is not None:
        path = _place(directory, data.arrays)
        return from_arrays(str(path), read_arrays(path))
    path = _place(directory, str(data.npz))
    return from_arrays(str(path), read_npz(path, targets=data.target != ITSELF))


def _table(data: Data, directory: Path) -> Loaded:
    tested = data.test.file if isinstance(data.test, TestFile) else None
    return load_table(
        [path for name in data.tables for path in _places(directory, name)],
        data.targets,
        data.weight,
        tested=[] if tested is None else _places(directory, tested),
        options=TableOptions(text_options(data), data.csv is None, data.decimal, data.thousands),
        classes=data.task == "classification",
        past=data.window is not None,
    )


def text_options(data: Data) -> TextOptions:
    """Return what a study says of how its csv files are written."""
    return TextOptions(data.separator, data.encoding, data.header)


def _places(directory: Path, pattern: str) -> list[Path]:
    """Return the files that a name stands for, which may be a pattern, in the order of their names."""
    path = _place(directory, pattern)
    if path.exists() or not any(mark in pattern for mark in "*?["):
        return [path]
    root = Path(path.anchor)
    found = sorted(root.glob(str(path.relative_to(root))))
    if not found:
        raise DataError(f"{path}: there is no file whose name is of this form.")
    return found


def _data_dir() -> Path | None:
    named = os.environ.get(DATA_DIR)
    return Path(named) if named else None


def _place(directory: Path, path: str) -> Path:
    try:
        return directory / Path(path).expanduser()
    except RuntimeError:
        raise DataError(f"{path}: there is no such user's directory.") from None
