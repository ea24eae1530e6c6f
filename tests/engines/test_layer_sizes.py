"""The sizes of what layers give are those of Keras, and what Keras cannot apply is told before."""

from __future__ import annotations

import random
from typing import Any

import keras
import pytest

from hpsearch.engines.policy.layer_sizes import ALIKE, MisfitError, reshaped, shape_after
from hpsearch.models.components.layers import apply_layer
from hpsearch.spec.sections.layer_kinds import LAYERS, TABLE
from hpsearch.spec.study_file.parts import required_fields

WINDOWED = [name for name in TABLE["layers"] if "conv" in name or "pooling" in name]


def drawn(name: str, generator: random.Random, sides: int) -> dict[str, Any]:
    """Draw arguments of a convolution or a pool, all sides alike or each by itself."""

    def size(most: int) -> Any:
        each = [generator.randint(1, most) for _ in range(sides)]
        return each if generator.random() < 0.5 else each[0]

    fields = LAYERS[name].model_fields
    draws = {
        "filters": lambda: 3,
        "kernel_size": lambda: size(4),
        "pool_size": lambda: size(3),
        "strides": lambda: size(3),
        "dilation_rate": lambda: 1 if generator.random() < 0.5 else 2,
        "depth_multiplier": lambda: generator.randint(1, 2),
        "padding": lambda: generator.choice(["valid", "same"]),
        "keepdims": lambda: False,
        "output_size": lambda: 1,
    }
    found = {argument: draw() for argument, draw in draws.items() if argument in fields}
    if found.get("dilation_rate", 1) > 1:
        found["strides"] = 1  # Keras allows one of the two
    return found


def given_by_keras(layer: Any, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape of Keras' outputs; None where it cannot apply the layer, or nothing is left."""
    try:
        outputs = apply_layer(layer, "one", 0, keras.Input(shape), training=True)
    except ValueError:
        return None
    found: tuple[int, ...] = tuple(outputs.shape[1:])
    return found if min(found) > 0 else None


@pytest.mark.long
@pytest.mark.parametrize("name", WINDOWED)
def test_windows_fit_as_often_as_in_keras(name: str) -> None:
    generator = random.Random(name)  # noqa: S311 - of sizes
    known = refused = 0
    for _ in range(25):
        (axes,) = map(int, LAYERS[name].told["axes"])  # type: ignore[attr-defined]
        shape = tuple(generator.randint(1, 6) for _ in range(axes))
        layer = LAYERS[name].model_validate(drawn(name, generator, axes - 1))
        expected = given_by_keras(layer, shape)
        try:
            found = shape_after(layer, shape)  # type: ignore[arg-type]
        except MisfitError:
            assert expected is None, (layer, shape)
            refused += 1
        else:
            assert found is None or found == expected, (layer, shape)
            known += found is not None
    others = "transpose" in name or "lstm" in name or "adaptive" in name
    assert bool(known) != others
    assert bool(refused) == (not others and not name.startswith("global_"))


@pytest.mark.parametrize("name", sorted(ALIKE & set(LAYERS)))
def test_other_layers_keep_the_shape(name: str) -> None:
    arguments: dict[str, Any] = {"rate": 0.5, "activation": "tanh", "scale": 0.5, "stddev": 0.5}
    required = {argument: arguments[argument] for argument in required_fields(LAYERS[name])}
    if name == "group_normalization":
        required["groups"] = 1
    layer = LAYERS[name].model_validate(required)
    axes = int(next(reversed(getattr(layer, "told", {"axes": {"3": 3}})["axes"])))
    shape = (4, 3, 2, 2)[: min(axes, 4)]
    assert shape_after(layer, shape) == given_by_keras(layer, shape) == shape  # type: ignore[arg-type]


@pytest.mark.parametrize("target", [(6, 4), (-1, 4), (2, -1, 3), (24,), (5, -1), (4, 4), (-1, -1)])
def test_reshaping_is_that_of_keras(target: tuple[int, ...]) -> None:
    layer = LAYERS["reshape"].model_validate({"target_shape": list(target)})
    expected = given_by_keras(layer, (4, 6))
    if expected is None:
        with pytest.raises(MisfitError):
            reshaped(target, (4, 6))
    else:
        assert reshaped(target, (4, 6)) == expected
