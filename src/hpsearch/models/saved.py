"""Saved models of unknown origin: only Keras' own layers are loaded."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
from keras.src.backend.common import global_state

from hpsearch.data.archives import FREE_BYTES, MAX_BYTES, MAX_GROWTH, ArchiveError, opened
from hpsearch.exceptions import ModelError, spoken

MAX_CONFIGURATION = 2**24
"""Bytes of the description of a model's layers."""

NO_MODEL = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError),
    *(NotImplementedError, RecursionError),
)
"""What zipfile and json raise for a file that is no saved model."""


def load_stock(path: Path) -> keras.Model:
    """Load a `.keras` file in Keras' safe mode, for predictions only.

    Raises:
        ModelError: The file is not a saved model, or contains classes that are not part of Keras.
    """
    try:
        foreign = next(foreign_classes(saved_configuration(path)), None)
    except ArchiveError as failure:
        raise ModelError(f"{path}: the archive is refused: {failure}") from None
    except NO_MODEL:
        raise ModelError(
            f"{path}: expected a model as Keras saves it (.keras); found other content"
        ) from None
    if foreign is not None:
        raise ModelError(
            f"{path}: expected Keras' own layers only, found {foreign!r}: load it in Python with its code"
        )
    try:
        return load_measured(path)
    except Exception as failure:  # noqa: BLE001 - Keras raises whatever a layer raises
        raise ModelError(f"{path}: it cannot be loaded in Keras' safe mode: {spoken(failure)}") from None


def saved_configuration(path: Path) -> Any:
    """Read the configuration of a `.keras` file after its archive has been measured.

    Raises:
        ArchiveError: It unpacks to too much.
        Exception: One of `NO_MODEL`, where the file is not a saved model.
    """
    with opened(path) as archive:
        size = archive.getinfo("config.json").file_size
        if size > MAX_CONFIGURATION:
            raise ArchiveError(f"config.json has {size:,} bytes; the limit is {MAX_CONFIGURATION:,}")
        return json.loads(archive.read("config.json"))


def load_measured(path: Path) -> keras.Model:
    """Load a saved model of Keras' own layers, provided its weights fit the size of its file.

    Raises:
        ArchiveError: Its layers take more memory than a file of its size can fill.
        Exception: Whatever Keras raises.
    """
    with _without_numbers():
        config = _uncompiled(saved_configuration(path))
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    _check_claims(model, path)
    if keras.backend.backend() != "jax" or _has_assets(path):
        # Elsewhere a variable without numbers takes none from a file.
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    # Keras draws initial weights first, and compiles a program for each shape to do so: 3 s for TabM.
    model.load_weights(path)
    for variable in model.variables:
        if variable._value is None:  # noqa: SLF001 - states of seed generators are not saved
            variable._deferred_initialize()  # noqa: SLF001
    return model


@contextmanager
def _without_numbers() -> Iterator[None]:
    """Let models be made whose weights have shapes and no numbers, which no later scope gives them either."""
    waiting = "uninitialized_variables"
    others = global_state.get_global_attribute(waiting, [])
    global_state.set_global_attribute(waiting, [])
    try:
        with keras.StatelessScope() as scope:
            scope.initialize_variables = False
            yield
    finally:
        global_state.set_global_attribute(waiting, others)


def _check_claims(model: keras.Model, path: Path) -> None:
    """Refuse layers with more weights than the file can hold, before memory is allocated for them."""
    size = sum(4 * math.prod(variable.shape) for variable in model.variables)
    limit = min(MAX_BYTES, FREE_BYTES + MAX_GROWTH * path.stat().st_size)
    if size > limit:
        raise ArchiveError(f"its layers take {size:,} bytes, of at most {limit:,} for a file of its size")


def _has_assets(path: Path) -> bool:
    """Return whether layers keep more than weights in a file, as vocabularies."""
    with zipfile.ZipFile(path) as archive:
        return any(name.startswith("assets/") for name in archive.namelist())


def _uncompiled(node: Any) -> Any:
    """Return a saved configuration without optimizers, which models inside of it may have too.

    They would make variables of their own, which they cannot without numbers; nothing is trained.
    """
    if isinstance(node, list):
        return [_uncompiled(item) for item in node]
    if isinstance(node, dict):
        return {key: _uncompiled(item) for key, item in node.items() if key != "compile_config"}
    return node


def foreign_classes(node: Any) -> Iterator[str]:
    """Iterate over the names of the classes in a saved configuration that are not part of Keras."""
    if isinstance(node, list):
        for item in node:
            yield from foreign_classes(item)
    elif isinstance(node, dict):
        if "class_name" in node and "registered_name" in node:
            module = str(node.get("module"))
            if module != "builtins" and module.partition(".")[0] != "keras":
                yield str(node["class_name"])
        for item in node.values():
            yield from foreign_classes(item)
