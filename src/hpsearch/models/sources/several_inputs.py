"""A user's model of several named inputs or outputs, as a model from rows to a list of numbers."""

from __future__ import annotations

from typing import Any

import keras

from hpsearch.data.checks import meant
from hpsearch.data.named_inputs import InputLayout
from hpsearch.exceptions import ModelError
from hpsearch.models.components.inputs import cut, named_tensors
from hpsearch.models.components.joined_objective import JoinedObjective
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.output_activation import is_readable
from hpsearch.models.sources.several_outputs import joined_outputs, logits_of_outputs
from hpsearch.models.sources.user_model import HONOURED, REFUSED, overridden
from hpsearch.spec.sections.architecture import Shape


def on_flat_rows(
    built: keras.Model, layout: InputLayout | None, features: Shape, objective: Objective
) -> keras.Model:
    """Return a model from rows to a list of numbers, which has another with named inputs or outputs in it.

    Args:
        built: The other model, with all of its layers.
        layout: The named inputs that flat rows hold; None where the model has a single input.
        features: The shape of a row.
        objective: The losses; of named targets there is an output for each.

    Raises:
        ModelError: The model has other inputs or outputs, or trains by methods or a loss of its own.
    """
    _check_own(built)
    rows = keras.Input(features, name="rows")
    given = None if layout is None else cut(layout, rows)
    joined = isinstance(objective, JoinedObjective)
    if not is_readable(built):
        if joined:
            wanted = "keras.Model(inputs, {NAME: output})"
            raise ModelError(f"a model of several outputs must be functional: {wanted}")
        return keras.Model(rows, built(given), name=f"{built.name}_of_rows")
    inputs, parts = list(built.inputs), [rows]
    if layout is not None and given is not None:
        check_inputs(built, layout)
        by_name = {tensor.name: tensor for tensor in built.inputs}
        inputs, parts = [by_name[one.name] for one in layout.inputs], list(given.values())
    outputs = list(built.outputs)
    if isinstance(objective, JoinedObjective):
        outputs = logits_of_outputs(built, inputs, rows, parts, objective)
    # Its layers between inputs in the order of the rows, whatever form the function has given these.
    found = keras.Model(inputs, outputs, name=built.name)(parts)
    return keras.Model(rows, joined_outputs(found) if joined else found[0], name=f"{built.name}_of_rows")


def _check_own(built: keras.Model) -> None:
    """Refuse a model that trains by methods or a loss of its own, which would be given joined arrays."""
    own = overridden(built, (*HONOURED, *REFUSED))
    if own or built.compiled:
        found = f"its own {own[0]}" if own else "a compile of its own"
        raise ModelError(
            f"the model has {found}, and is trained on its inputs and targets joined in one array each, "
            "which its code would be given: leave that out, or give data with a single x and y"
        )


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
