"""The best model of a study in formats that other programs load."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpsearch.engines.isolation import apart
from hpsearch.engines.policy.backend import INSTALLED_BY
from hpsearch.engines.process.imports import choose_backend
from hpsearch.exceptions import HpsearchError, ModelError, UnsupportedError, spoken
from hpsearch.store.layout import StudyFiles
from hpsearch.study.predict import applied_model

if TYPE_CHECKING:
    import keras

Format = Literal["keras", "savedmodel", "litert", "onnx"]

ENDINGS: dict[Format, str] = {
    "keras": ".keras",
    "savedmodel": "_savedmodel",
    "litert": ".tflite",
    "onnx": ".onnx",
}
NAMES: dict[Format, str] = {"savedmodel": "tf_saved_model", "litert": "litert", "onnx": "onnx"}
"""What Keras calls the formats that it exports to."""

ROWS = 16
"""Random rows on which an exported model is held against the model itself."""

TOLERANCE = 1e-4
"""How far an exported model may be from the model, relative to numbers above one: others round otherwise."""


def export_model(
    files: StudyFiles, to: Format, output: Path | None = None, *, ensemble: bool = False
) -> Path:
    """Write the best model of a study, or its ensemble, in another format, and hold it against the model.

    Args:
        files: The study.
        to: The format.
        output: Where; None for the name of the study with the ending of the format, here.
        ensemble: Whether to write the ensemble of the trials instead.

    Raises:
        StudyNotFoundError: There is no model yet.
        UnsupportedError: What the format needs is not installed.
        HpsearchError: There is something at `output` already, or Keras cannot write the model so.
    """
    model = applied_model(files, ensemble=ensemble).model
    place = output or Path(f"{files.name}{'_ensemble' if ensemble else ''}{ENDINGS[to]}")
    if place.exists():
        raise HpsearchError(f"{place}: this exists and is left as it is: say another place with --output.")
    if to == "keras":
        shutil.copyfile(model, place)
        return place
    _check_installed(to)
    apart(_export, model, to, place)  # Keras writes these formats on TensorFlow
    return place


def _check_installed(to: Format) -> None:
    needed = {"tensorflow": INSTALLED_BY["tensorflow"]}
    if to == "onnx":
        needed |= {name: f"pip install {name}" for name in ("tf2onnx", "onnx", "onnxruntime")}
    for package, install in needed.items():
        if find_spec(package) is None:
            raise UnsupportedError(f"--to {to}: {package} is not installed: {install}")


def _export(path: Path, to: Format, place: Path) -> None:
    """Export in a process of its own."""
    choose_backend("tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from hpsearch.models.saved import load_stock

    model = load_stock(path)
    try:
        model.export(str(place), format=NAMES[to], verbose=False)
        _check_same(model, to, place)
    except Exception as failure:
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        if isinstance(failure, HpsearchError):
            raise
        raise ModelError(f"{path}: Keras cannot export this model to {to}: {spoken(failure)}") from None


def _check_same(model: keras.Model, to: Format, place: Path) -> None:
    """Compare what was written with the model, on random rows."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return  # its rows would have to be named, in each format otherwise
    rows = _rows_for(model)
    known, found = np.asarray(model.predict(rows, verbose=0)), READERS[to](place, rows)
    wrong = float(np.max(np.abs(known - found) / np.maximum(1, np.abs(known))))
    if not wrong <= TOLERANCE:
        raise ModelError(
            f"{place}: it does not compute what the model does: predictions for random rows differ by "
            f"{wrong:.2g}"
        )


def _rows_for(model: keras.Model) -> NDArray[np.float32]:
    """Draw rows: numbers, or for a model that embeds tokens such as every embedding has."""
    import keras

    layers, shape = model._flatten_layers(), (ROWS, *model.input_shape[1:])  # noqa: SLF001 - nested ones too
    words = [layer.input_dim for layer in layers if isinstance(layer, keras.layers.Embedding)]
    random = np.random.default_rng(0)
    rows = random.integers(min(words), size=shape) if words else random.normal(size=shape)
    return rows.astype(np.float32)


def _by_savedmodel(place: Path, rows: NDArray[Any]) -> NDArray[Any]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(place))  # its variables go with it
    return np.asarray(loaded.serve(rows))


def _by_litert(place: Path, rows: NDArray[Any]) -> NDArray[Any]:
    import tensorflow as tf

    with warnings.catch_warnings(action="ignore"):  # TensorFlow is about to move this class elsewhere
        reader = tf.lite.Interpreter(model_path=str(place))
    taken, given = reader.get_input_details()[0], reader.get_output_details()[0]
    reader.resize_tensor_input(taken["index"], rows.shape)
    reader.allocate_tensors()
    reader.set_tensor(taken["index"], rows)
    reader.invoke()
    return np.asarray(reader.get_tensor(given["index"]))


def _by_onnx(place: Path, rows: NDArray[Any]) -> NDArray[Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(place))
    return np.asarray(session.run(None, {session.get_inputs()[0].name: rows})[0])


READERS: dict[Format, Callable[[Path, NDArray[Any]], NDArray[Any]]] = {
    "savedmodel": _by_savedmodel,
    "litert": _by_litert,
    "onnx": _by_onnx,
}
