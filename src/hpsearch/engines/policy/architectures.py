"""The architectures that bound what a study can ask for, and whether its data can pass through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Literal

from hpsearch.data import Dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Architecture, Choice, Cnn, Mlp, StudySpec
from hpsearch.spec.sections.architecture import Convolution, Dense, Pooling, Shape
from hpsearch.spec.sections.cnn import MaxPooling
from hpsearch.spec.sections.layered import item_of
from hpsearch.spec.study_file.distributions import alternatives, bounds

Pools = Literal["smallest", "largest"]


def bounding_architectures(spec: StudySpec, pools: Pools) -> Iterator[Architecture]:
    """Iterate over architectures with all numbers at their largest, but for the sizes of the pools."""
    for model in alternatives(spec.model):
        if model.name in BOUNDING:
            yield from BOUNDING[model.name](model, pools)


def are_sizes_known(spec: StudySpec) -> bool:
    """Return whether the study file says how large every network is that a study can ask for."""
    models = alternatives(spec.model)
    return all(model.name in BOUNDING and getattr(model, "is_plain", True) for model in models)


def _perceptrons(model: Mlp, pools: Pools) -> Iterator[Architecture]:
    del pools
    yield from (Architecture(tuple(layers)) for layers in _dense_layers(model))


def _dense_layers(model: Mlp) -> Iterator[list[Dense]]:
    if model.hidden is None:
        yield [Dense(_largest(model.units))] * _largest(model.layers)
    else:
        yield from map(_dense, alternatives(model.hidden))


def _dense(sizes: tuple[Any, ...] | None) -> list[Dense]:
    return [Dense(_largest(units)) for units in sizes or ()]


def _convolutional(model: Cnn, pools: Pools) -> Iterator[Architecture]:
    heads = alternatives(model.head)
    head = "flatten" if "flatten" in heads else heads[0]
    for blocks, dense in product(_blocks(model, pools), map(_dense, alternatives(model.hidden))):
        yield Architecture((*blocks, *dense), head)


def _blocks(model: Cnn, pools: Pools) -> Iterator[list[Convolution]]:
    paddings = alternatives(model.padding)
    narrow = "valid" if pools == "largest" else "same"
    padding = narrow if narrow in paddings else paddings[0]
    settings = (_shared_or_listed(value) for value in (model.filters, model.kernel, model.pooling))
    for filters, kernel, pooling in product(*settings):
        depth = len(filters) if isinstance(filters, tuple) else _largest(model.blocks)
        yield [
            Convolution(
                _largest(item_of(filters, block)),
                _largest(item_of(kernel, block)),
                padding,
                _pool(item_of(pooling, block), pools),
            )
            for block in range(depth)
        ]


BOUNDING: dict[str, Callable[[Any, Pools], Iterator[Architecture]]] = {
    "mlp": _perceptrons,
    "cnn": _convolutional,
}
"""The kinds of model whose layers the study file tells."""


def _shared_or_listed(value: Any) -> list[Any]:
    """List the lists that can stand in a place, and, as one choice, what all layers can share."""
    options = alternatives(value)
    lists = [option for option in options if isinstance(option, tuple)]
    shared = tuple(option for option in options if not isinstance(option, tuple))
    return [*lists, Choice(shared)] if shared else lists


def _pool(pooling: Any, pools: Pools) -> Pooling | None:
    """Return the pool of a block: of the images' shapes nothing but its size matters."""
    sizes = [
        bounds(option.size) if isinstance(option, MaxPooling) else (1, 1) for option in alternatives(pooling)
    ]
    size = min(low for low, _ in sizes) if pools == "smallest" else max(high for _, high in sizes)
    return Pooling("max", int(size)) if size > 1 else None


def _largest(value: Any) -> int:
    return int(bounds(value)[1])


def check_images(spec: StudySpec, dataset: Dataset) -> None:
    """Check that the rows are images if a cnn needs them, and that no block reduces them to nothing.

    Raises:
        UnsupportedError: They are not, or one does.
    """
    for architecture in bounding_architectures(spec, "largest"):
        if architecture.convolutions:
            _check_axes(dataset.features)
            _check_sides(architecture, dataset.features)


def _check_axes(features: Shape) -> None:
    if len(features) in (2, 3):
        return
    found = f"{features[0]} features" if len(features) == 1 else f"the shape {_spoken(features)}"
    raise UnsupportedError(
        f"model.cnn: a cnn needs images: rows of height x width [x channels]; these rows have {found}: "
        "give their shape in the data section, as in 'shape: [8, 8]'"
    )


def _check_sides(architecture: Architecture, features: Shape) -> None:
    image = architecture.entering(features)
    for number, layer in enumerate(architecture.hidden[: architecture.convolutions], 1):
        left = layer.outputs(image)
        if min(left) < 1:
            raise UnsupportedError(
                f"model.cnn: the output of block {number} would be empty: its input is {_spoken(image[:2])} "
                f"(images are {_spoken(features[:2])}); use fewer blocks, smaller pools or kernels, "
                "'pooling: none' or 'padding: same'"
            )
        image = left


def _spoken(shape: Shape) -> str:
    return " x ".join(map(str, shape))
