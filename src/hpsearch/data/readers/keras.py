"""Keras' named data sets, from a directory of npz files or through `keras.datasets`."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.checks import fits_in_memory
from hpsearch.data.loaded import Loaded, from_arrays
from hpsearch.data.readers.npz import read_npz
from hpsearch.data.types import Array, Task
from hpsearch.exceptions import DataError, shortened
from hpsearch.spec.sections.data import TEXTS

TASKS: Mapping[str, Task] = {
    "mnist": "classification",
    "fashion_mnist": "classification",
    "cifar10": "classification",
    "reuters": "classification",
    "imdb": "classification",
    "california_housing": "regression",
}
PADDING, OUT_OF_VOCABULARY = 0, 2
"""Token ids with a meaning of their own in Keras' data sets."""


def load_keras(name: str, data_dir: Path | None, num_words: int, sequence: int | None = None) -> Loaded:
    """Load a data set by its name in Keras.

    Args:
        name: The name in `keras.datasets`.
        data_dir: A directory whose `NAME.npz` is read if it exists. Otherwise `keras.datasets` looks in
            KERAS_HOME, and downloads.
        num_words: How many of the most frequent words a text is encoded with.
        sequence: The length of the sequences of tokens that texts become; None for bags of words.

    Raises:
        DataError: The data set cannot be read or downloaded.
    """
    path = None if data_dir is None else data_dir / f"{name}.npz"
    if path is not None and path.is_file():
        where, arrays = str(path), read_npz(path)
    else:
        where, arrays = f"keras:{name}", _from_keras(name, num_words)
    if name not in TEXTS:
        return from_arrays(where, arrays, TASKS[name])
    texts = [key for key in arrays if key.startswith("x")]
    if sequence is None:
        arrays |= {key: bags_of_words(where, key, arrays[key], num_words) for key in texts}
    else:
        arrays |= {key: sequences(where, key, arrays[key], num_words, sequence) for key in texts}
    loaded = from_arrays(where, arrays, TASKS[name])
    return replace(loaded, x=arrays["x_train"], x_test=arrays.get("x_test"), whole=True)


def bags_of_words(where: str, key: str, texts: Array, num_words: int) -> Array:
    """Mark the words that occur in each text.

    Args:
        where: The source, with which the message begins.
        key: The array's name, for the message.
        texts: (n, length) integers padded with 0, or (n,) lists of integers.
        num_words: The number of features. A larger id counts as 2, Keras' id for a word outside the
            vocabulary; padding is ignored.

    Returns:
        (n, num_words) uint8, 1 for each word that occurs.

    Raises:
        DataError: The texts are no token ids, or too many for memory.
    """
    fits_in_memory(where, len(texts), num_words, 1, "lower num_words")
    ids, rows = _tokens(where, key, texts, num_words)
    bags = np.zeros((len(texts), num_words), dtype=np.uint8)
    bags[rows, ids] = 1
    return bags


def sequences(where: str, key: str, texts: Array, num_words: int, length: int) -> Array:
    """Return texts of one length: the last tokens of longer ones, and 0 before shorter ones.

    This is what Keras' `pad_sequences` does with its defaults.

    Args:
        where: The source, with which the message begins.
        key: The array's name, for the message.
        texts: As `bags_of_words` takes them.
        num_words: One more than the largest id; a larger one becomes 2.
        length: The length.

    Returns:
        (n, length) int32.

    Raises:
        DataError: The texts are no token ids, or too many for memory.
    """
    fits_in_memory(where, len(texts), length, 4, "lower sequence")
    ids, rows = _tokens(where, key, texts, num_words)
    ends = np.cumsum(np.bincount(rows, minlength=len(texts)))
    from_end = ends[rows] - np.arange(len(rows))
    kept = from_end <= length
    padded = np.full((len(texts), length), PADDING, dtype=np.int32)
    padded[rows[kept], length - from_end[kept]] = ids[kept]
    return padded


def _tokens(where: str, key: str, texts: Array, num_words: int) -> tuple[Array, Array]:
    """Return the ids of all texts one after the other, without padding, and the text of each.

    Raises:
        DataError: The texts are no token ids.
    """
    ragged = texts.dtype == object
    if not ragged and (texts.dtype.kind not in "iu" or texts.ndim != 2):
        raise DataError(f"{where}: {key} must hold token ids, whole numbers of shape (texts, length).")
    lengths = [len(text) for text in texts] if ragged else texts.shape[1]
    ids = np.concatenate(list(texts)).astype(np.int64) if ragged else texts.astype(np.int64).ravel()
    rows = np.repeat(np.arange(len(texts)), lengths)
    if ids.size and ids.min() < 0:
        row = int(rows[int(ids.argmin())])
        raise DataError(f"{where}: {key}[{row}] holds the negative token id {ids.min()}.")
    ids[ids >= num_words] = OUT_OF_VOCABULARY
    words = (ids != PADDING) & (ids < num_words)
    return ids[words], rows[words]


def _from_keras(name: str, num_words: int) -> dict[str, Array]:
    options = {"num_words": num_words} if name in TEXTS else {}
    try:
        train, test = _load_data(name, **options)
    except Exception as failure:  # noqa: BLE001 - Keras raises a bare Exception where a download fails
        reason = shortened(" ".join(str(failure).split()))
        raise DataError(
            f"keras:{name} cannot be loaded ({reason}). Without network access, put {name}.npz with the "
            "arrays x_train, y_train, x_test and y_test in the directory named by --data-dir or "
            "HPSEARCH_DATA, or Keras' own file for it in the folder 'datasets' of the directory named by "
            "KERAS_HOME."
        ) from None
    return {"x_train": train[0], "y_train": train[1], "x_test": test[0], "y_test": test[1]}


def _load_data(name: str, **options: int) -> Any:
    module = importlib.import_module(f"keras.datasets.{name}")
    with contextlib.redirect_stdout(sys.stderr):
        return module.load_data(**options)
