"""What bounds the networks of a study, against every network that it can ask for."""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.policy.architectures import check_images
from hpsearch.engines.policy.cores import largest_network
from hpsearch.exceptions import UnsupportedError
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import training_model
from hpsearch.spec import Data, StudySpec, read_configuration
from hpsearch.spec.space.space import SearchSpace


@cache
def digits(*shape: int) -> Dataset:
    data = {"sklearn": "digits", **({"shape": list(shape)} if shape else {})}
    return load_dataset(Data.model_validate(data), Path())


def spec_of(model: Any) -> StudySpec:
    parts = {"name": "a", "data": "sklearn:digits", "model": model, "training": {"epochs": 1}}
    return StudySpec.model_validate(parts)


def multiplications(model: keras.Model) -> int:
    """Count them layer by layer in the model that Keras builds: each number of an output has a kernel's."""
    kernels = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)]
    return sum(prod(layer.output.shape[1:-1]) * prod(layer.kernel.shape) for layer in kernels)


@pytest.mark.parametrize(
    ("cnn", "shape"),
    [
        ({"filters": [4, 6]}, (8, 8)),
        ({"filters": [4, 6], "kernel": [2, 3], "pooling": ["none", {"average": {"size": 3}}]}, (8, 8)),
        ({"filters": 5, "blocks": 2, "padding": "valid", "hidden": [7, 3]}, (16, 16, 3)),
        ({"filters": [4], "head": "global_average", "hidden": [9]}, (4, 8, 2)),
    ],
)
def test_multiplications_are_those_of_the_model_that_keras_builds(cnn: Any, shape: tuple[int, ...]) -> None:
    config = read_configuration({"model": {"cnn": cnn}, "training": {"epochs": 1}})
    model = training_model(config, shape, Objective("classification", 10), 0)
    assert config.model.architecture.multiplications(shape, 10) == multiplications(model)  # type: ignore[attr-defined]


sizes = st.integers(1, 4)
pools = st.sampled_from(["none", "max", {"average": {"size": 3}}, {"max": {"size": {"int": [2, 3]}}}])


@st.composite
def searched(draw: st.DrawFn) -> dict[str, Any]:
    """Generate a model in which every field of the blocks may be searched, by few values."""
    blocks = draw(st.integers(1, 3))

    def each(setting: Any) -> Any:
        return st.lists(setting, min_size=blocks, max_size=blocks)

    filters = draw(
        st.sampled_from([{"filters": [2] * blocks}, {"filters": {"int": [2, 3]}, "blocks": blocks}])
    )
    kernel = draw(sizes | each(sizes) | st.just({"choice": [[1] * blocks, [4] + [1] * (blocks - 1), 2]}))
    pooling = draw(pools | each(pools) | st.just({"choice": ["none", ["max"] * blocks]}))
    padding = draw(st.sampled_from(["same", "valid", {"choice": ["same", "valid"]}]))
    head = draw(st.sampled_from(["flatten", "global_average", {"choice": ["global_average", "flatten"]}]))
    hidden = draw(st.sampled_from([{}, {"hidden": {"choice": [None, [2], [1, 3]]}}]))
    return {
        "cnn": {**filters, "kernel": kernel, "pooling": pooling, "padding": padding, "head": head, **hidden}
    }


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(searched())
def test_the_bounds_are_those_of_all_configurations(model: dict[str, Any]) -> None:
    spec, dataset = spec_of(model), digits(8, 8)
    space = SearchSpace(spec)
    all_of_them = [space.configuration(values).model.architecture for values in space.grid()]  # type: ignore[attr-defined]
    leaves_something = all(
        min(shape) >= 1
        for one in all_of_them
        for layer, inputs in zip(one.hidden, one.shapes((8, 8)), strict=False)
        for shape in (layer.activated(inputs), layer.outputs(inputs))
    )
    if not leaves_something:
        with pytest.raises(UnsupportedError, match=r"would be empty: its input is .*\(images are 8 x 8\)"):
            check_images(spec, dataset)
        return
    check_images(spec, dataset)
    largest = max(one.multiplications((8, 8), 10) for one in all_of_them)
    assert largest <= largest_network(spec, dataset)
    if "choice" not in str(model) and "int" not in str(model["cnn"]["pooling"]):
        assert largest == largest_network(spec, dataset)


@pytest.mark.parametrize("shape", [(), (4, 4, 2, 2)])
def test_rows_that_are_no_images_are_refused(shape: tuple[int, ...]) -> None:
    found = "4 x 4 x 2 x 2" if shape else "64 features"
    nested = {"choice": [{"mlp": {"hidden": [4]}}, {"choice": [{"cnn": {"filters": [4]}}]}]}
    with pytest.raises(UnsupportedError, match=rf"height x width \[x channels\]; these rows have .*{found}"):
        check_images(spec_of(nested), digits(*shape))
    check_images(spec_of({"mlp": {"hidden": [4]}}), digits(*shape))
