"""A user's model of several named inputs, as a model of the flat rows that hold them."""

from __future__ import annotations

from typing import Any

import keras

from hpsearch.data.checks import meant
from hpsearch.data.named_inputs import InputLayout
from hpsearch.exceptions import ModelError
from hpsearch.models.components.inputs import cut, named_tensors
from hpsearch.models.sources.output_activation import is_readable
from hpsearch.models.sources.user_model import HONOURED, REFUSED, overridden


def on_flat_rows(built: keras.Model, layout: InputLayout) -> keras.Model:
    """Return a model that cuts flat rows into the inputs of another, which is in it with all of its layers.

    Raises:
        ModelError: The model has other inputs, or trains by methods or a loss of its own.
    """
    own = overridden(built, (*HONOURED, *REFUSED))
    if own or built.compiled:
        found = f"its own {own[0]}" if own else "a compile of its own"
        raise ModelError(
            f"the model has {found}, and is trained on several inputs joined in one array, which its code "
            "would be given: leave that out, or join the arrays of the data and cut them in the model"
        )
    rows = keras.Input((layout.width,), name="rows")
    given = cut(layout, rows)
    if not is_readable(built):
        return keras.Model(rows, built(given), name=f"{built.name}_of_rows")
    check_inputs(built, layout)
    inputs = {tensor.name: tensor for tensor in built.inputs}
    names = [one.name for one in layout.inputs]
    # Its layers between inputs in the order of the rows, whatever form the function has given these.
    plain = keras.Model([inputs[name] for name in names], built.outputs[0], name=built.name)
    return keras.Model(rows, plain([given[name] for name in names]), name=f"{built.name}_of_rows")


def check_inputs(built: keras.Model, layout: InputLayout) -> None:
    """Check that a model takes the inputs that the data have, by name and shape.

    Raises:
        ModelError: It does not.
    """
    found = {tensor.name: tuple(tensor.shape[1:]) for tensor in built.inputs}
    known = {one.name: one.shape for one in layout.inputs}
    listed = ", ".join(f"{name} {shape}" for name, shape in known.items())
    for name in found:
        if name not in known:
            raise ModelError(
                f"the model has an input {name!r}{meant(name, known)}, and the data have {listed}: give each "
                "keras.Input the name of its array, as in keras.Input(features['NAME'], name='NAME')"
            )
    for name, shape in known.items():
        if name not in found:
            raise ModelError(
                f"the model has no input {name!r}, and the data have {listed}: make a "
                f"keras.Input(features[{name!r}], name={name!r}), which layers may leave unused"
            )
        if not _suits(shape, found[name]):
            raise ModelError(
                f"the input {name!r} of the model takes rows of the shape {found[name]}, and those of the "
                f"data have {shape}: make it keras.Input(features[{name!r}], name={name!r})"
            )


def _suits(shape: tuple[int, ...], taken: tuple[Any, ...]) -> bool:
    if len(shape) != len(taken):
        return False
    return all(size is None or size == known for size, known in zip(taken, shape, strict=True))


def called(built: keras.Model, layout: InputLayout) -> Any:
    """Call a model on symbolic inputs, by name, as Keras' `fit` does; return its outputs."""
    if is_readable(built):
        check_inputs(built, layout)
    return built(named_tensors(layout))
