"""Fill the list of docs/training.md: what is fed into programs, what parts structures, what `fit` trains.

Run `python docs/generate_programs.py` after a change of `keras_model/table.py`, or with another Keras; a test
fails while the page is behind. Layers whose configuration does not tell everything are run, to see what
becomes of them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

from hpsearch.training.compiled.keras_model import table
from hpsearch.training.compiled.keras_model.execution import CompiledModel, UntracedError
from hpsearch.training.compiled.keras_model.programs import Programs

PAGE = Path(__file__).with_name("training.md")

ROWS = 8
IMAGES, NUMBERS, SOUND = (12, 12, 3), (6,), (512,)
WHOLE = "whole numbers"

kl = keras.layers
MADE: dict[str, tuple[Any, Callable[[], Any]]] = {
    "CategoryEncoding": (WHOLE, lambda: kl.CategoryEncoding(num_tokens=4)),
    "Discretization": (NUMBERS, lambda: kl.Discretization(bin_boundaries=[0.0])),
    "Hashing": (WHOLE, lambda: kl.Hashing(5)),
    "IntegerLookup": (WHOLE, lambda: kl.IntegerLookup(vocabulary=[1, 2])),
    "JaxLayer": (NUMBERS, lambda: kl.JaxLayer(lambda params, inputs: inputs * params, params=np.ones(6))),
    "Lambda": (NUMBERS, lambda: kl.Lambda(lambda x: 2 * x)),
    "MelSpectrogram": (SOUND, lambda: kl.MelSpectrogram(fft_length=64, num_mel_bins=8, sequence_stride=32)),
    "Normalization": (NUMBERS, lambda: kl.Normalization(mean=1.0, variance=2.0)),
    "Pipeline": (NUMBERS, lambda: kl.Pipeline([kl.Rescaling(2.0)])),
    "RandomBrightness": (IMAGES, lambda: kl.RandomBrightness(0.1)),
    "RandomColorDegeneration": (IMAGES, lambda: kl.RandomColorDegeneration(0.5)),
    "RandomContrast": (IMAGES, lambda: kl.RandomContrast(0.1)),
    "RandomCrop": (IMAGES, lambda: kl.RandomCrop(8, 8)),
    "RandomHue": (IMAGES, lambda: kl.RandomHue(0.1)),
    "RandomPosterization": (IMAGES, lambda: kl.RandomPosterization(4)),
    "RandomRotation": (IMAGES, lambda: kl.RandomRotation(0.1)),
    "RandomSaturation": (IMAGES, lambda: kl.RandomSaturation(0.1)),
    "RandomSharpness": (IMAGES, lambda: kl.RandomSharpness(0.1)),
    "RandomShear": (IMAGES, lambda: kl.RandomShear(0.1, 0.1)),
    "RandomTranslation": (IMAGES, lambda: kl.RandomTranslation(0.1, 0.1)),
    "RandomZoom": (IMAGES, lambda: kl.RandomZoom(0.1)),
    "Resizing": (IMAGES, lambda: kl.Resizing(8, 8)),
    "STFTSpectrogram": ((512, 1), lambda: kl.STFTSpectrogram(frame_length=64, frame_step=32, fft_length=64)),
}
"""What a layer is given, and how it is made; the others take images, and no arguments."""

NOT_RUN = {
    "CutMix": "change targets too",
    "MixUp": "change targets too",
    "MaxNumBoundingBoxes": "take no rows of numbers",
    "HashedCrossing": "take several inputs",
    "FlaxLayer": "hold models of other libraries",
    "TFSMLayer": "hold models of other libraries",
    "TorchModuleWrapper": "hold models of other libraries",
    "StringLookup": "take texts",
    "TextVectorization": "take texts",
}


def main() -> None:
    """Write the page again, with a new list."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(page: str) -> str:
    """Fill the block between `<!-- programs -->` and `<!-- end -->`."""
    pattern = r"(?<=<!-- programs -->\n).*?(?=<!-- end -->)"
    if len(re.findall(pattern, page, re.DOTALL)) != 1:
        raise ValueError(f"{PAGE.name} needs one block called programs")
    return re.sub(pattern, lambda _: "\n".join(lines()) + "\n", page, flags=re.DOTALL)


def lines() -> Iterator[str]:
    """List what is fed, by class, and what becomes of all else."""
    yield "| class of Keras | numbers that are arguments of programs |"
    yield "| --- | --- |"
    for kinds in (table.LAYERS, table.REGULARIZERS, table.OPTIMIZERS, table.LOSSES):
        for kind, fed in kinds.items():
            names = ", ".join(f"`{one.argument or one.attribute}`" for one in fed)
            yield f"| `{kind.__name__}` | {names} |"
    yield ""
    without = sorted(table.CONFIGURED - {kind.__name__ for kind in table.LAYERS})
    yield f"- all arguments part structures, but for those of regularizers and of cells: {_names(without)}"
    yield f"- and of optimizers made of others: {_names(table.UNFED_OPTIMIZERS)}"
    found: dict[str, list[str]] = {}
    for name in sorted(table.KEYED_BY_TEXT - NOT_RUN.keys()):
        found.setdefault(fate(name), []).append(name)
    for what, names in sorted(found.items()):
        yield f"- {what}: {_names(names)}"
    for why in sorted(set(NOT_RUN.values())):
        names = [name for name, reason in sorted(NOT_RUN.items()) if reason == why]
        yield f"- not tried, because they {why}: {_names(names)}"


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def fate(name: str) -> str:
    """Train a model with a layer for an epoch, and say how."""
    given, make = MADE.get(name, (IMAGES, getattr(kl, name)))
    shape = NUMBERS if given == WHOLE else given
    draw = np.random.default_rng(0)
    x = draw.integers(0, 4, (ROWS, *shape)) if given == WHOLE else draw.random((ROWS, *shape))
    try:
        _train(make(), (jax.device_put(x.astype(np.float32)), jax.device_put(draw.random((ROWS, 1)))))
    except UntracedError:
        return "JAX cannot trace, and `fit` trains"
    return "keyed by the text of what they compute"


def _train(layer: Any, rows: tuple[Any, Any]) -> None:
    inputs = keras.Input(rows[0].shape[1:])
    model = keras.Model(inputs, kl.Dense(1)(kl.Flatten()(layer(inputs))))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.optimizer.build(model.trainable_variables)
    program = CompiledModel(model, model, Programs())
    order, rates = np.arange(ROWS, dtype=np.int32), np.full(1, 0.01, np.float32)
    program.fit(rows, order, rates, ROWS)


if __name__ == "__main__":
    sys.exit(main())
