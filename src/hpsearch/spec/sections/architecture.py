"""The layers of a network as plain data: their sizes, the shapes that pass through, and the work."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]
"""The shape of one row, or of what it has become: units, or height, width and channels."""


@dataclass(frozen=True)
class Dense:
    """A dense layer."""

    units: int

    def kernel(self, inputs: Shape) -> Shape:
        """Return the shape of the kernel."""
        return (inputs[-1], self.units)

    def activated(self, inputs: Shape) -> Shape:  # noqa: ARG002 - the interface of layers
        """Return the shape of what the kernel makes of its inputs, which the activation keeps."""
        return (self.units,)

    def outputs(self, inputs: Shape) -> Shape:
        """Return the shape of what leaves the layer."""
        return self.activated(inputs)


@dataclass(frozen=True)
class Pooling:
    """Pooling over squares of `size` by `size` that do not overlap; `kind` is max or average."""

    kind: str
    size: int


@dataclass(frozen=True)
class Convolution:
    """A block: a convolution with square kernels of `size` by `size`, and the pooling behind it."""

    filters: int
    size: int
    padding: str = "same"
    pooling: Pooling | None = None

    def kernel(self, inputs: Shape) -> Shape:
        """Return the shape of the kernel."""
        return (self.size, self.size, inputs[-1], self.filters)

    def activated(self, inputs: Shape) -> Shape:
        """Return the shape of what the kernel makes of its inputs; none is left where a side is below 1."""
        lost = self.size - 1 if self.padding == "valid" else 0
        return (inputs[0] - lost, inputs[1] - lost, self.filters)

    def outputs(self, inputs: Shape) -> Shape:
        """Return the shape of what leaves the block: pooling drops what does not fill a square."""
        height, width, channels = self.activated(inputs)
        size = 1 if self.pooling is None else self.pooling.size
        return (height // size, width // size, channels)


Hidden = Dense | Convolution


@dataclass(frozen=True)
class Architecture:
    """The hidden layers of a network, convolutions first; `head` is how images become rows of units."""

    hidden: tuple[Hidden, ...]
    head: str = "flatten"

    @property
    def convolutions(self) -> int:
        """Count the convolutions."""
        return sum(isinstance(layer, Convolution) for layer in self.hidden)

    def entering(self, features: Shape) -> Shape:
        """Return the shape in which rows enter: images with their channels, anything else flat."""
        if not self.convolutions:
            return (prod(features),)
        return features if len(features) == 3 else (*features, 1)

    def shapes(self, features: Shape) -> tuple[Shape, ...]:
        """Return the shapes of what enters each hidden layer, and of what enters the output layer."""
        shapes = [self.entering(features)]
        for number, layer in enumerate(self.hidden, 1):
            shape = layer.outputs(shapes[-1])
            shapes.append(self._behind_head(shape) if number == self.convolutions else shape)
        return tuple(shapes)

    def _behind_head(self, image: Shape) -> Shape:
        return image[-1:] if self.head == "global_average" else (prod(image),)

    def multiplications(self, features: Shape, outputs: int) -> int:
        """Count the multiplications that one row takes: of a dense layer, its weights."""
        layers = zip((*self.hidden, Dense(outputs)), self.shapes(features), strict=True)
        return sum(prod(layer.kernel(i)) * prod(layer.activated(i)[:-1]) for layer, i in layers)
