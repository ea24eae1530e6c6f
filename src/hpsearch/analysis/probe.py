"""From probes to what they mean: the numbers that are compared, and findings with their evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpsearch.training.probes.record import ArmProbe, LayerProbe

VANISHING_ACTIVATIONS = 0.1
"""Deviation of the last hidden layer, as a multiple of the first one's, below which activations vanish."""

EXPLODING_ACTIVATIONS = 10.0
"""The same from above."""

ROWS_ALIKE = 0.01
"""Deviation between the rows in the last layer, as a multiple of the first, below which rows are alike."""

DEAD = 0.25
"""Share of dead units in a layer from which they are a finding."""

SATURATED = 0.25
"""Share of saturated activations in a layer from which they are a finding."""

VANISHING_GRADIENT = 0.01
"""Gradient norm of the first hidden layer, as a multiple of the last one's, below which it vanishes."""

EXPLODING_GRADIENT = 100.0
"""The same from above."""

Layers = Sequence[LayerProbe]


@dataclass(frozen=True)
class Finding:
    """A trouble that was found, by its name, and the sentence that gives the evidence."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class ArmSummary:
    """An arm in the numbers by which arms are compared.

    A ratio is None where one of its numbers is infinite, or the lower one 0.
    """

    arm: ArmProbe
    deviation_ratio: float | None
    gradient_ratio: float | None
    findings: tuple[Finding, ...]

    @property
    def first(self) -> LayerProbe:
        """The first hidden layer."""
        return self.arm.layers[0]

    @property
    def last(self) -> LayerProbe:
        """The last hidden layer."""
        return self.arm.layers[-1]


def summarize(arm: ArmProbe) -> ArmSummary:
    """Compare the first and the last hidden layer of an arm, and look for every trouble."""
    first, last = arm.layers[0], arm.layers[-1]
    found = ((kind, look(arm.layers)) for kind, look in LOOKS.items())
    return ArmSummary(
        arm,
        deviation_ratio=_ratio(last.deviation, first.deviation),
        gradient_ratio=_ratio(first.gradient_norm, last.gradient_norm),
        findings=tuple(Finding(kind, sentence) for kind, sentence in found if sentence),
    )


def _ratio(top: float, bottom: float) -> float | None:
    return None if bottom == 0 or math.inf in (top, bottom) else top / bottom


def _symmetry(layers: Layers) -> str:
    equal = [index + 1 for index, layer in enumerate(layers) if layer.symmetric]
    if not equal:
        return ""
    return f"all units of {_named(equal, len(layers))} are identical, so they act as one unit"


def _exploding_activations(layers: Layers) -> str:
    endless = [index + 1 for index, layer in enumerate(layers) if layer.deviation == math.inf]
    if endless:
        return f"activations overflow float32 from layer {endless[0]} on"
    ratio = _ratio(layers[-1].deviation, layers[0].deviation)
    if ratio is None or ratio <= EXPLODING_ACTIVATIONS:
        return ""
    return f"the deviation grows from {_course(layers[0].deviation, layers[-1].deviation)}"


def _vanishing_activations(layers: Layers) -> str:
    ratio = _ratio(layers[-1].deviation, layers[0].deviation)
    if ratio is None or ratio >= VANISHING_ACTIVATIONS:
        return ""
    return f"the deviation falls from {_course(layers[0].deviation, layers[-1].deviation)}"


def _rows_alike(layers: Layers) -> str:
    first, last = layers[0].deviation_between_rows, layers[-1].deviation_between_rows
    ratio = _ratio(last, first)
    if ratio is None or ratio >= ROWS_ALIKE or _vanishing_activations(layers):
        return ""
    return (
        f"the deviation between the rows falls from {_course(first, last)}, so the rows are almost "
        "indistinguishable"
    )


def _dead_units(layers: Layers) -> str:
    # Where all units are equal, that is the trouble, and a unit at 0 may yet learn.
    shares = [0.0 if layer.symmetric else layer.dead for layer in layers]
    return _worst(shares, DEAD, "of the units are 0 for every row")


def _saturation(layers: Layers) -> str:
    shares = [layer.saturated or 0.0 for layer in layers]
    return _worst(shares, SATURATED, "of the activations are saturated")


def _worst(shares: Sequence[float], limit: float, told: str) -> str:
    worst = max(shares)
    if worst < limit:
        return ""
    return f"{100 * worst:.0f} % {told} in layer {shares.index(worst) + 1}"


def _exploding_gradient(layers: Layers) -> str:
    first, last = layers[0].gradient_norm, layers[-1].gradient_norm
    if math.inf in (first, last):
        return "the gradient overflows float32"
    ratio = _ratio(first, last)
    if ratio is None or ratio <= EXPLODING_GRADIENT:
        return ""
    return f"in the backward pass, the gradient norm grows from {_number(last)} to {_number(first)}"


def _vanishing_gradient(layers: Layers) -> str:
    first, last = layers[0].gradient_norm, layers[-1].gradient_norm
    if last == 0:
        return "the gradient is already 0 in the last hidden layer"
    ratio = _ratio(first, last)
    if ratio is None or ratio >= VANISHING_GRADIENT:
        return ""
    return f"in the backward pass, the gradient norm falls from {_number(last)} to {_number(first)}"


LOOKS: dict[str, Callable[[Layers], str]] = {
    "symmetry": _symmetry,
    "exploding activations": _exploding_activations,
    "vanishing activations": _vanishing_activations,
    "rows alike": _rows_alike,
    "dead units": _dead_units,
    "saturation": _saturation,
    "exploding gradient": _exploding_gradient,
    "vanishing gradient": _vanishing_gradient,
}
"""Each trouble with the function that gives its evidence, or nothing."""


def _named(numbers: Sequence[int], layers: int) -> str:
    if len(numbers) == layers:
        return "every hidden layer"
    return f"layer {', '.join(map(str, numbers))}"


def _course(first: float, last: float) -> str:
    return f"{_number(first)} in the first to {_number(last)} in the last hidden layer"


def compact(number: float, digits: int) -> str:
    """Write a number with so many significant digits, an exponent without its zeros."""
    return f"{number:.{digits}g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def _number(number: float) -> str:
    return compact(number, 3)
