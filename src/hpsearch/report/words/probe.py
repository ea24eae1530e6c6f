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
        f"{amount(len(probe.names), 'arm')} with {layers} {_when(probe)}: one batch of "
        f"{amount(probe.rows, 'row')}, one step back, the mean over {amount(probe.replicates, 'seed')}."
    )
    return " ".join((measured, _untroubled(probe, summaries), *_ended(probe)))


def _when(probe: StudyProbe) -> str:
    if not probe.trained:
        return "at first weights, without any training"
    return f"in training, after epoch {', '.join(map(str, probe.epochs))}"


def _ended(probe: StudyProbe) -> list[str]:
    ended = len(probe.endings)
    if not ended:
        return []
    return [f"{amount(ended, 'arm')} could not be trained that far: {probe.endings[0].sentence}."]


def _untroubled(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> str:
    troubled = {summary.arm.name for summary in summaries if summary.findings}
    names = [name for name in probe.names if name not in troubled]
    if not names:
        return "Every arm has a finding."
    if len(names) == len(probe.names):
        return "None has a finding."
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} without a finding: {'; '.join(names[:NAMED])}{more}."


def limits_note() -> str:
    """Say when a number becomes a finding."""
    return f"{_limits_of_activations()} {_limits_of_gradients()} {_limits_of_shares()}"


def _limits_of_activations() -> str:
    low, high = short(VANISHING_ACTIVATIONS), short(EXPLODING_ACTIVATIONS)
    return (
        f"Activations vanish or explode where the deviation of the last hidden layer is below {low} or above "
        f"{high} times that of the first. Rows are alike where the deviation between the rows is below "
        f"{short(ROWS_ALIKE)} times that of the first."
    )


def _limits_of_gradients() -> str:
    low, high = short(VANISHING_GRADIENT), short(EXPLODING_GRADIENT)
    return (
        f"The gradient vanishes or explodes where its norm in the first hidden layer is below {low} or above "
        f"{high} times that in the last."
    )


def _limits_of_shares() -> str:
    return (
        f"Dead units are a finding from {_percent(DEAD)} of a layer on, saturated activations from "
        f"{_percent(SATURATED)}, and symmetry wherever all units of a layer are equal. An en dash stands "
        "where there is no number: only activations that flatten out at both ends saturate."
    )


def histograms_note(probe: StudyProbe) -> str:
    """Explain the grid of histograms."""
    layers = len(probe.arms[0].layers)
    shown = shown_layers(layers)
    some = "" if len(shown) == layers else f" Of {layers} layers, {len(shown)} evenly spaced ones are shown."
    return (
        f"All axes run from {short(LOW)} to {short(HIGH)}. The height of a bar is the square root of the "
        f"share of the activations in it, so that what is rare stays visible. Where {_percent(OUTSIDE)} or "
        f"more lie beyond the axis, the share is written.{some}"
    )


def _lines_note(probe: StudyProbe) -> str:
    if not probe.trained:
        return ""
    return " A panel for each arm, a line for each epoch, and the same axes for all."


def deviations_note(probe: StudyProbe) -> str:
    """Explain the figure of the deviations."""
    return (
        "The standard deviation of all activations of a layer. A level line is what an initializer is made "
        f"for. A deviation of 0 has no place on this axis.{_lines_note(probe)}"
    )


def gradients_note(probe: StudyProbe) -> str:
    """Explain the figure of the gradients."""
    return (
        "The norm of the gradient of the loss, without penalties, by the kernel of each hidden layer. A line "
        "that falls towards the first layer means that the first layers hardly learn. A norm of 0 has no "
        f"place on this axis.{_lines_note(probe)}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
