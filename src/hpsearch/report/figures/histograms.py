"""The distribution of the activations, with the same axes for all.

A row for each arm, of those that were trained for each epoch; a column for each layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from markupsafe import Markup
from matplotlib.axes import Axes

from hpsearch.report.figures.colours import GREY
from hpsearch.report.figures.curves import COLOURS
from hpsearch.report.figures.svg import clip_label, drawing, new_figure, to_svg
from hpsearch.training.probes.record import EDGES, HIGH, LOW, ArmProbe, LayerProbe

COLUMNS = 8
TICKS = (-2, 0, 2)
PAD = 0.05
"""Of a cell's width, on either side."""

TALLEST = 0.85
"""Height of a bar that holds everything, as a share of its cell."""

OUTSIDE = 0.01
"""Share of the activations beyond the axis from which the figure prints it."""


def draw_histograms(arms: Sequence[ArmProbe]) -> Markup:
    """Draw the histograms of evenly spaced layers; the height is the square root of the share."""
    columns = shown_layers(len(arms[0].layers))
    colours = _colours(arms)
    with drawing():
        figure, axes = new_figure(0.8 + 0.48 * len(arms))
        _lay_out(axes, arms, columns)
        for row, arm in enumerate(arms):
            for column, index in enumerate(columns):
                _draw_cell(axes, row, column, arm.layers[index], colours[arm.behind])
        return to_svg(figure, "histograms", "Distribution of the activations of each arm, layer by layer")


def shown_layers(layers: int) -> list[int]:
    """Choose the layers that are shown, by their index: at most eight, evenly spaced, both ends included."""
    count = min(layers, COLUMNS)
    return [round(place * (layers - 1) / max(count - 1, 1)) for place in range(count)]


def _colours(arms: Sequence[ArmProbe]) -> dict[str, str]:
    names = dict.fromkeys(arm.behind for arm in arms)
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}


def _lay_out(axes: Axes, arms: Sequence[ArmProbe], columns: Sequence[int]) -> None:
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(arms), 0)
    trained = any(arm.epoch for arm in arms)
    axes.set_yticks(
        [row + 0.6 for row in range(len(arms))],
        [_label(arm, trained=trained) for arm in arms],
        fontsize=8,
    )
    places = [(_across(column, tick), str(tick)) for column in range(len(columns)) for tick in TICKS]
    axes.set_xticks([place for place, _ in places], [text for _, text in places], fontsize=8)
    axes.tick_params(length=0)
    axes.set_xlabel("activation")
    axes.vlines([_across(column, 0) for column in range(len(columns))], 0, len(arms), GREY, alpha=0.4, lw=0.6)
    for column, index in enumerate(columns):
        axes.text(column + 0.5, 0, f"layer {index + 1}", ha="center", va="bottom", fontsize=9)


def _label(arm: ArmProbe, *, trained: bool) -> str:
    epoch = f", epoch {arm.epoch}" if trained else ""
    return f"{clip_label(arm.initializer)}\n{clip_label(arm.behind)}{epoch}"


def _across(column: int, value: float) -> float:
    """Place an activation in its column."""
    return column + PAD + (1 - 2 * PAD) * (value - LOW) / (HIGH - LOW)


def _draw_cell(axes: Axes, row: int, column: int, layer: LayerProbe, colour: str) -> None:
    points = list(_outline(layer.histogram))
    across = [_across(column, value) for value, _ in points]
    down = [row + 1 - TALLEST * math.sqrt(share) for _, share in points]
    axes.fill(across, down, color=colour, linewidth=0.6)
    axes.plot([_across(column, LOW), _across(column, HIGH)], [row + 1, row + 1], color=GREY, linewidth=0.6)
    outside = _outside(layer)
    if outside:
        axes.text(_across(column, HIGH), row + 0.15, outside, ha="right", va="top", fontsize=7)


def _outside(layer: LayerProbe) -> str:
    if not math.isfinite(layer.deviation):
        return "overflow"
    outside = layer.below + layer.above
    return f"{100 * outside:.0f} % outside" if outside >= OUTSIDE else ""


def _outline(shares: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Walk along the tops of the bars, from edge to edge; bars of one height are one step."""
    yield LOW, 0.0
    begin = 0
    for share, bars in groupby(shares):
        end = begin + len(list(bars))
        yield EDGES[begin], share
        yield EDGES[end], share
        begin = end
    yield HIGH, 0.0
