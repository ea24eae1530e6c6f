"""The outputs of a user's model by the names of the targets, checked, as logits."""

from __future__ import annotations

from math import prod
from typing import Any

import keras

from hpsearch.data.checks import meant
from hpsearch.exceptions import ModelError
from hpsearch.models.components.joined_objective import JoinedObjective
from hpsearch.models.components.objectives import Objective
from hpsearch.models.sources.output_activation import (
    OutputActivation,
    check_output_activation,
    logits_of,
    output_activation_of,
)

WANTED = "return keras.Model(inputs, {NAME: output, ...}) with an output for each target"


def logits_of_outputs(
    built: keras.Model, inputs: list[Any], rows: Any, given: list[Any], objective: JoinedObjective
) -> list[Any]:
    """Return the logits of each output in the order of the targets, as tensors of the model's own graph.

    Args:
        built: A functional model.
        inputs: Its inputs.
        rows: A symbolic tensor of rows as data have them.
        given: The same rows as the model takes them.
        objective: The losses.

    Raises:
        ModelError: The model has other outputs, or one does not suit its target.
    """
    outputs = _by_name(built, objective)
    logits = []
    for target, part in zip(objective.layout.targets, objective.parts, strict=True):
        output = outputs[target.name]
        try:
            own = keras.Model(inputs, output)
            ending = output_activation_of(own)
            _check(output, ending, part)
            check_output_activation(keras.Model(rows, own(given)), ending, part, tuple(rows.shape[1:]))
        except ModelError as failure:
            raise ModelError(f"output {target.name!r}: {failure}") from None
        logits.append(logits_of(own, ending).outputs[0])
    return logits


def _by_name(built: keras.Model, objective: JoinedObjective) -> dict[str, Any]:
    found = built.output
    if not isinstance(found, dict):
        found = dict(zip(built.output_names, built.outputs, strict=True))
    names = [target.name for target in objective.layout.targets]
    listed = ", ".join(names)
    for name in found:
        if name not in names:
            hint = meant(name, dict.fromkeys(names))
            raise ModelError(
                f"the model has an output {name!r}{hint}, and the targets are {listed}: {WANTED}"
            )
    for name in names:
        if name not in found:
            raise ModelError(f"the model has no output {name!r}, and the targets are {listed}: {WANTED}")
    return found


def _check(output: Any, ending: OutputActivation, part: Objective) -> None:
    shape = tuple(output.shape[1:])
    fits = None not in shape and (prod(shape) == part.units if part.several else shape == (part.units,))
    if not fits:
        raise ModelError(f"it has the shape {shape}, and its target needs ({part.units},)")
    layer = ending.layer
    if ending.probable and layer is not None and layer._outbound_nodes:  # noqa: SLF001 - no other door
        raise ModelError(
            f"other layers take the {ending.activation} of the last layer, {layer.name}, which is taken off "
            "in training: put it into a layer of its own behind that one"
        )


def joined_outputs(tensors: list[Any]) -> Any:
    """Return outputs of any shape as one list of numbers for each row."""
    flat = [one if len(one.shape) == 2 else keras.layers.Flatten()(one) for one in tensors]
    return flat[0] if len(flat) == 1 else keras.layers.Concatenate()(flat)
