"""Named inputs as Keras tensors: joined to flat rows as data have them, and cut out of these again."""

from __future__ import annotations

from typing import Any

import keras

from hpsearch.data.named_inputs import InputLayout


def named_tensors(layout: InputLayout) -> dict[str, Any]:
    """Return a symbolic tensor for each input, by its name; whole numbers are int32."""
    return {
        one.name: keras.Input(one.shape, name=one.name, dtype="int32" if one.whole else "float32")
        for one in layout.inputs
    }


def float_tensors(layout: InputLayout) -> dict[str, Any]:
    """Return a symbolic tensor of float32 for each input, as an exported model takes them."""
    return {one.name: keras.Input(one.shape, name=one.name) for one in layout.inputs}


def joined(layout: InputLayout, tensors: dict[str, Any]) -> Any:
    """Return inputs as flat rows."""
    flat = [keras.layers.Flatten(name=f"flat.{one.name}")(tensors[one.name]) for one in layout.inputs]
    return flat[0] if len(flat) == 1 else keras.layers.Concatenate(name="joined")(flat)


def cut(layout: InputLayout, rows: Any) -> dict[str, Any]:
    """Return the inputs that flat rows hold, by their names."""
    tensors = {}
    for one, place in layout.places():
        tensor = keras.layers.Reshape(one.shape)(rows[:, place])
        tensors[one.name] = keras.ops.cast(tensor, "int32") if one.whole else tensor
    return tensors
