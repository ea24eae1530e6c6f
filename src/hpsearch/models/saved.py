"""A saved model that others may have written: nothing but Keras' own layers is loaded."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from hpsearch.exceptions import ModelError, spoken


def load_stock(path: Path) -> keras.Model:
    """Load a `.keras` file in Keras' safe mode, for predictions only.

    Raises ModelError where the file is no such model, or holds anything that is not of Keras.
    """
    try:
        foreign = next(foreign_classes(saved_configuration(path)), None)
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, RecursionError):
        raise ModelError(
            f"{path}: expected a model as Keras saves it (.keras); found other content"
        ) from None
    if foreign is not None:
        raise ModelError(
            f"{path}: expected Keras' own layers only, found {foreign!r}: load it in Python with its code"
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as failure:  # noqa: BLE001 - Keras raises whatever a layer raises
        raise ModelError(f"{path}: it cannot be loaded in Keras' safe mode: {spoken(failure)}") from None


def saved_configuration(path: Path) -> Any:
    """Read the configuration of a `.keras` file; raises what zipfile and json raise."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def foreign_classes(node: Any) -> Iterator[str]:
    """Iterate over the names of the classes in a saved configuration that are not of Keras."""
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
