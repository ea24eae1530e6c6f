"""Predictions of an exported model for many rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.data.named_inputs import InputLayout

BATCH = 256


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Batches of rows: Keras would feed plain arrays through TensorFlow, which may not be installed."""

    def __init__(self, x: NDArray[Any], layout: InputLayout | None) -> None:
        super().__init__()
        self.x, self.layout = x, layout

    def __len__(self) -> int:
        return math.ceil(len(self.x) / BATCH)

    def __getitem__(self, index: int) -> tuple[Any]:
        rows = self.x[index * BATCH : (index + 1) * BATCH].astype(np.float32, copy=False)
        return (rows if self.layout is None else self.layout.cut(rows),)


def predictions_of(
    model: keras.Model,
    x: NDArray[Any],
    layout: InputLayout | None = None,
    outputs: Sequence[str] = (),
) -> NDArray[np.float32]:
    """Return a model's predictions for raw rows.

    Args:
        model: An exported model.
        x: (n, *features) raw rows.
        layout: The named inputs that the model takes instead of flat rows.
        outputs: The names of several outputs, which are joined; empty for one.

    Returns:
        (n, units) probabilities, or numbers for a regression.
    """
    given = model.predict(_Batches(x, layout), verbose=0)
    return np.concatenate([given[name] for name in outputs], axis=1) if outputs else np.asarray(given)


def both_of(
    model: keras.Model,
    x: NDArray[Any],
    layout: InputLayout | None = None,
    outputs: Sequence[str] = (),
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the logits and the predictions of an exported model, with the arguments of `predictions_of`."""
    last = [model.get_layer(name) for name in outputs or ("predictions",)]
    calls = [one._inbound_nodes[-1] for one in last]  # noqa: SLF001 - a model's own `input` is inside it
    logits = [call.input_tensors[0] for call in calls]
    both = keras.Model(model.inputs, [*logits, *(call.output_tensors[0] for call in calls)])
    found = both.predict(_Batches(x, layout), verbose=0)
    computed, given = found[: len(last)], found[len(last) :]
    return np.concatenate(computed, axis=1), np.concatenate(given, axis=1)
