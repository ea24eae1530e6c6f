"""The sentences of the page on probes."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.analysis import ArmSummary
from hpsearch.analysis.probe import (
    DEAD,
    EXPLODING_ACTIVATIONS,
    EXPLODING_GRADIENT,
    ROWS_ALIKE,
    SATURATED,
    VANISHING_ACTIVATIONS,
    VANISHING_GRADIENT,
)
from hpsearch.report.figures.histograms import OUTSIDE, shown_layers
from hpsearch.report.words.numbers import amount, short
from hpsearch.training.probes.record import HIGH, LOW, StudyProbe

NAMED = 12
"""Arms that are named in a sentence."""


def answer(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> str:
    """Say what was measured, and which arms have no finding."""
    layers = amount(len(probe.arms[0].layers), "hidden layer")
    measured = (
        f"{amount(len(probe.names), 'arm')} with {layers} {_when(probe)}: one forward and "
        f"backward pass of {amount(probe.rows, 'row')}, the mean over {amount(probe.replicates, 'seed')}."
    )
    return " ".join((measured, _untroubled(probe, summaries), *_ended(probe)))


def _when(probe: StudyProbe) -> str:
    if not probe.trained:
        return "at initialization, before any training"
    return f"during training, after epoch {', '.join(map(str, probe.epochs))}"


def _ended(probe: StudyProbe) -> list[str]:
    ended = len(probe.endings)
    if not ended:
        return []
    return [f"{amount(ended, 'arm')} could not be trained that long: {probe.endings[0].sentence}."]


def _untroubled(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> str:
    troubled = {summary.arm.name for summary in summaries if summary.findings}
    names = [name for name in probe.names if name not in troubled]
    if not names:
        return "Every arm has a finding."
    if len(names) == len(probe.names):
        return "No arm has a finding."
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{amount(len(names), 'arm')} without a finding: {'; '.join(names[:NAMED])}{more}."


def limits_note() -> str:
    """Say when a number becomes a finding."""
    return f"{_limits_of_activations()} {_limits_of_gradients()} {_limits_of_shares()}"


def _limits_of_activations() -> str:
    low, high = short(VANISHING_ACTIVATIONS), short(EXPLODING_ACTIVATIONS)
    return (
        "Vanishing or exploding activations: the standard deviation of the last hidden layer is below "
        f"{low} or above {high} times that of the first. Rows alike: the deviation between the rows is below "
        f"{short(ROWS_ALIKE)} times that of the first."
    )


def _limits_of_gradients() -> str:
    low, high = short(VANISHING_GRADIENT), short(EXPLODING_GRADIENT)
    return (
        "Vanishing or exploding gradient: its norm in the first hidden layer is below "
        f"{low} or above {high} times that in the last."
    )


def _limits_of_shares() -> str:
    return (
        f"Dead units: at least {_percent(DEAD)} of a layer. Saturation: at least {_percent(SATURATED)} of "
        "the activations of a layer. Symmetry: all units of a layer are equal. An en dash means not "
        "applicable: only activations that are flat at both ends can saturate."
    )


def histograms_note(probe: StudyProbe) -> str:
    """Explain the grid of histograms."""
    layers = len(probe.arms[0].layers)
    shown = shown_layers(layers)
    some = "" if len(shown) == layers else f" Of {layers} layers, {len(shown)} evenly spaced ones are shown."
    return (
        f"All axes run from {short(LOW)} to {short(HIGH)}. The height of a bar is the square root of its "
        f"share of the activations, so that rare values stay visible. If {_percent(OUTSIDE)} or more lie "
        f"beyond the axis, their share is printed.{some}"
    )


def _lines_note(probe: StudyProbe) -> str:
    if not probe.trained:
        return ""
    return " One panel for each arm, one line for each epoch, the same axes in all panels."


def deviations_note(probe: StudyProbe) -> str:
    """Explain the figure of the deviations."""
    return (
        "The standard deviation of all activations of a layer. Initializers aim at a horizontal line. A "
        f"deviation of 0 cannot be shown on this logarithmic axis.{_lines_note(probe)}"
    )


def gradients_note(probe: StudyProbe) -> str:
    """Explain the figure of the gradients."""
    return (
        "The norm of the gradient of the loss, without penalties, with respect to the kernel of each "
        "hidden layer. A line that falls towards the first layer means that the first layers hardly learn. "
        f"A norm of 0 cannot be shown on this logarithmic axis.{_lines_note(probe)}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
