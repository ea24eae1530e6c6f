"""The interface between a program and the model that it trains: the forward pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import keras

from hpsearch.spec import Configuration

Array = Any

Tensors = dict[str, Array]
"""Arrays by the names of the variables whose values they are."""

Arguments = dict[str, Any]
"""Arrays by name: the numeric hyperparameters of a member, as a program takes them."""


class Passed(NamedTuple):
    """The results of one forward pass of a batch, a pytree for JAX.

    `moving` are all moved variables after the pass. `penalties` are those of the activations, divided by the
    rows of the batch as Keras does. `watched` are the outputs of the hidden layers behind their activations,
    before what follows them.
    """

    logits: Array
    moving: Tensors
    penalties: list[Array]
    watched: list[Array]


class Forward(ABC):
    """The forward pass of the networks of one program, a pure function of weights and hyperparameters.

    A call returns all its results, and sets no value on itself or on a layer that another call could read: a
    trace leaves nothing behind, whichever thread it runs in.
    """

    @property
    @abstractmethod
    def variables(self) -> dict[str, keras.Variable]:
        """Map the names of the trainable variables to Keras' own."""

    @property
    @abstractmethod
    def moving(self) -> list[str]:
        """List the names of the variables that training moves without a gradient."""

    @property
    @abstractmethod
    def kernels(self) -> list[str]:
        """List the names of the kernels: of the watched layers in order, and last of the output."""

    @property
    @abstractmethod
    def penalized(self) -> int:
        """Count the penalties of activations that a call returns."""

    @abstractmethod
    def activations(self, configuration: Configuration) -> list[str]:
        """List the names of the activations whose outputs are watched, for a configuration."""

    @abstractmethod
    def __call__(
        self,
        weights: Tensors,
        moving: Tensors,
        x: Array,
        arguments: Arguments,
        key: Array | None,
        *,
        training: bool,
    ) -> Passed:
        """Pass a batch through a network.

        In training, batches are normalized by themselves, and `key` (2,) is that of the step's noise; without
        a key there is no noise. Where it is not training, the key is not read.
        """

    @abstractmethod
    def penalties(self, weights: Tensors, arguments: Arguments, activity: list[Array]) -> Array:
        """Sum the penalties of the weights and the activations.

        Args:
            weights: The trained variables by name.
            arguments: The hyperparameters of the member, the factors of its penalties among them.
            activity: The penalties of activations, as `Passed.penalties` has them.
        """
