"""Keras' preprocessing layers inside a model train as they do in plain `fit`, or fail by the same exception."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from support.commands import LIMIT, python

NETS = """
import keras
from keras import layers

IMAGES = {
    "AugMix": lambda: layers.AugMix(seed=1),
    "AutoContrast": lambda: layers.AutoContrast(),
    "CenterCrop": lambda: layers.CenterCrop(6, 6),
    "ContrastLimitedAdaptiveHistogramEqualization":
        lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2)),
    "CutMix": lambda: layers.CutMix(seed=1),
    "Equalization": lambda: layers.Equalization(),
    "MixUp": lambda: layers.MixUp(seed=1),
    "Pipeline": lambda: layers.Pipeline([layers.Rescaling(0.1), layers.CenterCrop(6, 6)]),
    "RandAugment": lambda: layers.RandAugment(seed=1),
    "RandomBrightness": lambda: layers.RandomBrightness(0.3, seed=1),
    "RandomColorDegeneration": lambda: layers.RandomColorDegeneration(0.5, seed=1),
    "RandomColorJitter": lambda: layers.RandomColorJitter(brightness_factor=0.3, contrast_factor=0.3, seed=1),
    "RandomContrast": lambda: layers.RandomContrast(0.3, seed=1),
    "RandomCrop": lambda: layers.RandomCrop(8, 8, seed=1),
    "RandomElasticTransform": lambda: layers.RandomElasticTransform(seed=1),
    "RandomErasing": lambda: layers.RandomErasing(seed=1),
    "RandomFlip": lambda: layers.RandomFlip(seed=1),
    "RandomGaussianBlur": lambda: layers.RandomGaussianBlur(seed=1),
    "RandomGrayscale": lambda: layers.RandomGrayscale(seed=1),
    "RandomHue": lambda: layers.RandomHue(0.3, seed=1),
    "RandomInvert": lambda: layers.RandomInvert(seed=1),
    "RandomPerspective": lambda: layers.RandomPerspective(seed=1),
    "RandomPosterization": lambda: layers.RandomPosterization(4, seed=1),
    "RandomRotation": lambda: layers.RandomRotation(0.1, seed=1),
    "RandomSaturation": lambda: layers.RandomSaturation(0.5, seed=1),
    "RandomSharpness": lambda: layers.RandomSharpness(0.5, seed=1),
    "RandomShear": lambda: layers.RandomShear(0.1, 0.1, seed=1),
    "RandomTranslation": lambda: layers.RandomTranslation(0.1, 0.1, seed=1),
    "RandomZoom": lambda: layers.RandomZoom(0.1, seed=1),
    "Rescaling": lambda: layers.Rescaling(1 / 255),
    "Resizing": lambda: layers.Resizing(4, 4),
    "Solarization": lambda: layers.Solarization(0.1, 0.1, seed=1),
}
ROWS = {
    "CategoryEncoding": lambda: layers.CategoryEncoding(256),
    "Discretization": lambda: layers.Discretization([50.0, 100.0, 200.0], output_mode="multi_hot"),
    "Hashing": lambda: layers.Hashing(8, output_mode="multi_hot"),
    "IntegerLookup": lambda: layers.IntegerLookup(vocabulary=list(range(256)), output_mode="multi_hot"),
    "Normalization": lambda: layers.Normalization(mean=128.0, variance=5000.0),
    "StringLookup": lambda: layers.StringLookup(vocabulary=["a"], output_mode="multi_hot"),
    "TextVectorization": lambda: layers.TextVectorization(vocabulary=["a"], output_mode="multi_hot"),
    "MelSpectrogram": lambda: layers.MelSpectrogram(fft_length=32, sequence_stride=16, num_mel_bins=4),
    "STFTSpectrogram": lambda: layers.STFTSpectrogram(frame_length=32, fft_length=32),
}
LAYERS = {**IMAGES, **ROWS}


def build(features, outputs, kind):
    rows = keras.Input(features)
    hidden = rows
    if kind in ROWS:
        hidden = layers.Flatten()(hidden)
    if kind in ("Hashing", "IntegerLookup"):
        hidden = keras.ops.cast(hidden, "int32")
    if kind == "STFTSpectrogram":
        hidden = layers.Reshape((192, 1))(hidden)
    hidden = LAYERS[kind]()(hidden)
    return keras.Model(rows, layers.Dense(outputs)(layers.Flatten()(hidden)))
"""

QUICK = ("Rescaling", "Normalization", "RandomFlip", "CategoryEncoding", "Hashing")
"""One that scales by numbers, one by weights, one that draws, one that encodes, and one that needs TensorFlow."""

OTHER = {
    "HashedCrossing": "takes several features at once",
    "MaxNumBoundingBoxes": "takes boxes, not rows",
}
"""Layers that have no place in a model of one input, and why."""

BOTH_WAYS = """
import json, sys
from pathlib import Path
import numpy as np
from hpsearch.engines.process.imports import import_keras
import_keras("jax", spawned=True)
import keras
from hpsearch.data import load_dataset
from hpsearch.exceptions import spoken
from hpsearch.spec.sources.python_file import model_code
from hpsearch.models.sources.python import PythonSource; from hpsearch.models.sources.kinds import Sources
from hpsearch.seeds import derive
from hpsearch.spec import Data, StudySpec, read_configuration
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member
from hpsearch.training.interface import epoch_order
import nets

SEED = 5
TRAINING = {"epochs": 1, "batch_size": 64, "learning_rate": 0.01}
dataset = load_dataset(Data.model_validate({"npz": "rows.npz"}), Path())
train = dataset.splits[0].train


def ours(kind):
    model = {"python": {"file": "nets.py", "arguments": {"kind": kind}}}
    study = {"name": "a", "data": {"npz": "rows.npz"}, "model": model, "training": TRAINING}
    source = PythonSource(model_code(StudySpec.model_validate(study), Path()))
    trainer = FitTrainer(dataset, sources=Sources({"python": source}))
    trainer.start(Member(0, read_configuration({"model": model, "training": TRAINING}), SEED))
    report = trainer.advance(0)
    if report.failure is not None:
        raise RuntimeError(report.failure.cause)
    return list(trainer.weights(0).values())


def plain(kind):
    keras.utils.set_random_seed(derive(SEED, "build") % 2**32)
    model = nets.build(dataset.features, 3, kind)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    order = epoch_order(SEED, 1, len(train))
    keras.utils.set_random_seed(derive(SEED, "noise", 1) % 2**32)
    model.fit(train.x[order].astype("float32"), train.y[order], batch_size=64, shuffle=False, verbose=0)
    return model.get_weights()


def tried(way, kind):
    try:
        return None, way(kind)
    except Exception as failure:
        return str(failure) if way is ours else spoken(failure), None


for kind in sys.argv[1:]:
    cause, found = tried(ours, kind)
    early = "tensorflow" in sys.modules
    plain_cause, expected = tried(plain, kind)
    apart = None if found is None or expected is None else max(
        float(np.abs(a.astype("float64") - b).max()) for a, b in zip(found, expected, strict=True)
    )
    print(json.dumps([kind, cause, plain_cause, apart, early]), flush=True)
"""


def rows(directory: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (30, 8, 8, 3)).astype(np.float32)
    (directory / "nets.py").write_text(NETS)
    np.savez(directory / "rows.npz", x=x, y=np.arange(30) % 3)


def both_ways(directory: Path, *kinds: str, limit: int = LIMIT) -> dict[str, list[Any]]:
    rows(directory)
    done = python(BOTH_WAYS, *kinds, cwd=directory, limit=limit)
    assert done.returncode == 0, done.stderr
    return {found[0]: found[1:] for found in map(json.loads, done.stdout.splitlines())}


def kinds() -> list[str]:
    """List the layers that `NETS` makes."""
    found: dict[str, Any] = {}
    exec(NETS, found)  # noqa: S102 - it is our own
    return list(found["LAYERS"])


def check(found: dict[str, list[Any]]) -> None:
    """Check that each trained to the same weights, or failed by the same exception."""
    for kind, (cause, plain_cause, apart, _) in found.items():
        if plain_cause is None:
            assert (cause, apart) == (None, pytest.approx(0.0, abs=1e-6)), (kind, cause, apart)
        else:
            # Inside a larger model Keras names that one, too.
            name, _, text = plain_cause.partition(": ")
            assert cause is not None
            assert cause.startswith(f"{name}: "), (kind, cause, plain_cause)
            assert text.split("call(). ")[-1] in cause, (kind, cause, plain_cause)


def test_every_preprocessing_layer_of_keras_is_tried() -> None:
    own = {
        name
        for name, layer in vars(keras.layers).items()
        if inspect.isclass(layer) and layer.__module__.startswith("keras.src.layers.preprocessing")
    }
    assert own == {*kinds(), *OTHER}


@pytest.mark.long
def test_each_kind_trains_as_in_plain_keras(tmp_path: Path) -> None:
    found = both_ways(tmp_path, *QUICK)
    check(found)
    trained = [kind for kind, (cause, *_) in found.items() if cause is None]
    assert trained == [kind for kind in QUICK if kind != "Hashing"]
    # Only what computes with TensorFlow pays for it.
    assert [kind for kind, told in found.items() if told[-1]] == ["Hashing"]


@pytest.mark.long
def test_all_of_them_train_as_in_plain_keras(tmp_path: Path) -> None:
    check(both_ways(tmp_path, *kinds(), limit=1800))
