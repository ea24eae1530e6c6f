"""What is measured inside a network, as frozen records without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from hpsearch.data.summary import DataSummary
from hpsearch.spec import StudySpec
from hpsearch.spec.space.parameter import Value

BINS = 121
EDGES = tuple((2 * index - BINS) / 40 for index in range(BINS + 1))
"""The histograms of all layers have the same bins, 0.05 wide, from -3.025 on: -1, 0, 0.5 and 1, where
activations pile up, lie in the middle of one."""

LOW, HIGH = EDGES[0], EDGES[-1]


@dataclass(frozen=True)
class LayerProbe:
    """One hidden layer on one batch: a single seed's, or the mean over several.

    `mean` and `deviation` are over all activations (rows times units), `deviation_between_rows` is the root
    mean square over the units of each unit's deviation between the rows; all three are infinite where an
    activation is not finite. `dead` is the share of units that are exactly 0 for every row; `saturated` the
    share of activations within 1 % of the range from one of its ends, None where the activation has no such
    range. `histogram` holds the share of the activations in each bin, `below` and `above` what lies outside.
    `gradient_norm` is that of the loss by the layer's kernel. In a `symmetric` layer all units are equal.
    """

    units: int
    mean: float
    deviation: float
    deviation_between_rows: float
    dead: float
    saturated: float | None
    histogram: tuple[float, ...]
    below: float
    above: float
    gradient_norm: float
    symmetric: bool


@dataclass(frozen=True)
class LayerSample:
    """One layer of a network in training, on one batch; a number that is not finite is None.

    `gradient_norm` is that of the whole loss, penalties included, by the layer's kernel before any clipping;
    `weight_norm` that of the kernel. The other three are of the activations of a hidden layer, as in
    `LayerProbe`, and None for the output layer.
    """

    name: str
    gradient_norm: float | None
    weight_norm: float | None
    deviation: float | None = None
    dead: float | None = None
    saturated: float | None = None


LOSS = "loss"
"""Stands for a layer where every layer gave finite numbers, and the loss of them was not finite."""


@dataclass(frozen=True)
class TrainingProbe:
    """The layers of a network at the end of an epoch, or where it diverged in the last step before that.

    `clipped` tells whether clipping changed the gradient, None where there is none. `broken` names the first
    layer whose output was not finite, in the step that ended the training, or is `LOSS` where only the loss,
    penalties included, was not.
    """

    layers: tuple[LayerSample, ...]
    clipped: bool | None = None
    broken: str | None = None

    def dump(self) -> dict[str, Any]:
        """Return the probe as plain data that JSON can hold."""
        return {**vars(self), "layers": [dict(vars(layer)) for layer in self.layers]}

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Self:
        """Read what `dump` gave."""
        return cls(**{**raw, "layers": tuple(LayerSample(**layer) for layer in raw["layers"])})


@dataclass(frozen=True)
class ArmProbe:
    """One combination of the probed choices, as the study file labels them, and its hidden layers.

    `epoch` tells how long it had been trained, 0 at its first weights.
    """

    initializer: str
    activation: str
    batch_norm: str
    layers: tuple[LayerProbe, ...]
    epoch: int = 0

    @property
    def behind(self) -> str:
        """Name the activation, and the position of batch normalization where there is one."""
        return self.activation if self.batch_norm == "none" else f"{self.activation}, {self.batch_norm}"

    @property
    def name(self) -> str:
        """Name the combination."""
        return f"{self.initializer} with {self.behind}"


@dataclass(frozen=True)
class Ending:
    """An arm whose training did not reach the last epoch that was asked for, and why."""

    name: str
    sentence: str


@dataclass(frozen=True)
class StudyProbe:
    """The probes of a study: every arm on the same `rows` rows, each a mean over the same `replicates` seeds.

    An arm stands there once for each epoch at which it was measured. `fixed` holds the searched values that
    were not varied: of the network, and of its training where it was trained.
    """

    spec: StudySpec
    data: DataSummary
    rows: int
    replicates: int
    fixed: dict[str, Value]
    arms: tuple[ArmProbe, ...]
    versions: dict[str, str]
    endings: tuple[Ending, ...] = ()

    @property
    def epochs(self) -> tuple[int, ...]:
        """List the epochs at which something was measured, in their order."""
        return tuple(sorted({arm.epoch for arm in self.arms}))

    @property
    def names(self) -> tuple[str, ...]:
        """List the arms, each once."""
        return tuple(dict.fromkeys(arm.name for arm in self.arms))

    @property
    def trained(self) -> bool:
        """Return whether anything was measured later than at its first weights."""
        return self.epochs != (0,)
