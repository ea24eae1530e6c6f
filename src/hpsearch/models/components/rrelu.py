"""The randomized leaky rectifier, which Keras lacks, as a layer for `fit`."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="hpsearch")
class RReLU(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Multiply each negative input by a random slope (Xu et al., 2015, arXiv 1505.00853, section 2.4).

    `f(x) = x` for `x >= 0`, else `a * x`. In training `a` is uniform in [lower, upper] and drawn for each
    entry; otherwise it is `(lower + upper) / 2`. The paper's parameters are divisors, the inverses of slopes.

    Args:
        lower: The smallest slope.
        upper: The largest slope.
        seed: The seed of the slopes.
        arguments: Further arguments of a Keras layer.
    """

    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, seed: int | None = None, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.lower, self.upper, self.seed = lower, upper, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, *, training: bool | None = None) -> Any:
        """Apply the activation."""
        if not training:
            return keras.ops.leaky_relu(inputs, (self.lower + self.upper) / 2)
        slopes = keras.random.uniform(
            keras.ops.shape(inputs), self.lower, self.upper, dtype=inputs.dtype, seed=self.seed_generator
        )
        return keras.ops.where(inputs >= 0, inputs, slopes * inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which the layer can be made again."""
        own = {"lower": self.lower, "upper": self.upper, "seed": self.seed}
        return {**super().get_config(), **own}
