"""The structure of a configuration: all that needs a program of its own, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.spec import Architecture, Component, Configuration, Layered
from hpsearch.spec.sections.optimizers import SWITCHES
from hpsearch.training.compiled.forward.interface import Arguments
from hpsearch.training.compiled.forward.options import (
    NO_LIMIT,
    NO_NORM,
    PositionKind,
    ProgramOptions,
    activation_kind,
    position_index,
    site_branches,
)
from hpsearch.training.compiled.optimization import Optimization

ARGUMENTS = 3
"""The most numbers that an activation takes."""


@dataclass(frozen=True)
class Structure:
    """What distinguishes programs: layers, batch size, optimizer and constants, prelus, options, loss."""

    architecture: Architecture
    batch_size: int
    optimizer: str
    constants: tuple[tuple[str, Any], ...]
    prelu: tuple[bool, ...]
    options: ProgramOptions
    loss: Component | None = None

    @property
    def layers(self) -> range:
        """Iterate over the hidden layers."""
        return range(len(self.architecture.hidden))

    @property
    def optimization(self) -> Optimization:
        """Return what is compiled in of the optimizer."""
        own = f"{self.optimizer}."
        fed = (name.removeprefix(own) for name in self.options.coefficients if name.startswith(own))
        return Optimization(self.optimizer, self.constants, frozenset(fed), self.options.clipping)


def structure_of(configuration: Configuration, options: ProgramOptions) -> Structure:
    """Return the structure of a configuration in a program with these options."""
    model, training = configuration.model, configuration.training
    assert isinstance(model, Layered)  # noqa: S101 - narrows the type; other models have trainers of their own
    optimizer = training.optimizer
    constants = tuple(
        (name, value)
        for name, value in optimizer.items()
        if name in SWITCHES or f"{optimizer.name}.{name}" not in options.coefficients
    )
    architecture = model.architecture
    layers = range(len(architecture.hidden))
    prelu = tuple(model.of_layer("activation", layer).name == "prelu" for layer in layers)
    return Structure(
        architecture, training.batch_size, optimizer.name, constants, prelu, options, training.loss
    )


def arguments_of(configuration: Configuration, structure: Structure) -> Arguments:
    """Return the numeric hyperparameters of a configuration as the arrays that its program takes.

    The arrays of layers have shape (layers,), those of activations (layers, 3).
    """
    model, training, options = configuration.model, configuration.training, structure.options
    assert isinstance(model, Layered)  # noqa: S101 - as above
    activations = _per_layer(model, "activation")
    return {
        "activation": np.array([_branch(options, activation) for activation in activations], np.int32),
        "activation_arguments": np.array([_numbers(one) for one in activations], np.float32).reshape(
            -1, ARGUMENTS
        ),
        **_normalization(options.positions, _per_layer(model, "batch_norm")),
        **{name: _rates(model, name) for name in ("dropout", "l1", "l2")},
        **_where_asked_for(model, options),
        "clipping": np.int32(options.clipping.index(training.clipping.name)),
        "threshold": np.float32(getattr(training.clipping, "threshold", 0.0)),
        "coefficients": {
            # Weight decay that a configuration leaves out where others have some is none.
            name: np.float32(0.0 if value is None else value)
            for name, value in training.optimizer.items()
            if (name, value) not in structure.constants
        },
    }


def _per_layer(model: Layered, field: str) -> list[Any]:
    return [model.of_layer(field, layer) for layer in range(len(model.architecture.hidden))]


def _rates(model: Layered, field: str) -> NDArray[np.float32]:
    return np.array(_per_layer(model, field), np.float32)


def _normalization(kinds: tuple[PositionKind, ...], positions: list[Any]) -> Arguments:
    chosen = [kinds[position_index(kinds, position)] for position in positions]
    sites = {kind.name: site_branches(kinds, kind.name) for kind in kinds if kind.name != NO_NORM.name}
    return {
        **{
            # The first branch is that of all that stand elsewhere.
            site: np.array([branches.index(kind) if kind.name == site else 0 for kind in chosen], np.int32)
            for site, branches in sites.items()
        },
        "momentum": np.array([getattr(p, "momentum", 0.99) for p in positions], np.float32),
        "epsilon": np.array([getattr(p, "epsilon", 1e-3) for p in positions], np.float32),
    }


def _where_asked_for(model: Layered, options: ProgramOptions) -> Arguments:
    """Return the arguments that a program has only where its study asks for what they set."""
    asked: Arguments = {}
    if options.input_norms:
        asked["input_batch_norm"] = _normalization(options.input_norms, [model.input_batch_norm])
    if "input_dropout" in options.dropouts:
        asked["input_dropout"] = np.array([model.input_dropout], np.float32)
    if "alpha_dropout" in options.dropouts:
        asked["alpha_dropout"] = _rates(model, "alpha_dropout")
    if options.activity:
        asked |= {name: _rates(model, name) for name in ("activity_l1", "activity_l2")}
    return asked


def _branch(options: ProgramOptions, activation: Component) -> int:
    return 0 if activation.name == "prelu" else options.activations.index(activation_kind(activation))


def _numbers(activation: Component) -> NDArray[np.float32]:
    """Return the numbers of an activation in the order of its fields, padded; no limit is infinity."""
    numbers = [
        NO_LIMIT if value is None else float(value)
        for _, value in activation.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    ]
    return np.array(numbers + [0.0] * (ARGUMENTS - len(numbers)), np.float32)
