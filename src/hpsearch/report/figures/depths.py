"""A number of each hidden layer by depth.

There is a panel for each activation with a line for each initializer; of networks that were trained, a panel
for each arm with a line for each epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from hpsearch.report.figures.curves import COLOURS, STROKES
from hpsearch.report.figures.scale import LARGEST
from hpsearch.report.figures.svg import clip_label, drawing, name_panels, new_panels, to_svg
from hpsearch.report.words.numbers import short
from hpsearch.training.probes.record import ArmProbe, LayerProbe

ABREAST = 3
MARGIN = 0.06
TICKS = 7
NARROW = 24
"""Characters that fit above one of three panels in a row; longer titles are set small."""

Measured = Callable[[LayerProbe], float]


@dataclass(frozen=True)
class Grouping:
    """What has a panel of its own, what has a line in it, and how both are called."""

    panel: Callable[[ArmProbe], str]
    line: Callable[[ArmProbe], str]
    panels: str
    lines: str


BY_ARM = Grouping(lambda arm: arm.behind, lambda arm: arm.initializer, "activation", "initializer")
BY_EPOCH = Grouping(
    lambda arm: f"{arm.initializer}\n{arm.behind}", lambda arm: str(arm.epoch), "arm", "epoch"
)


def draw_depths(
    arms: Sequence[ArmProbe], measured: Measured, name: str, what: str, by: Grouping = BY_ARM
) -> Markup:
    """Draw one number of every layer on a logarithmic axis; values that are 0 or infinite are left out.

    Args:
        arms: The arms.
        measured: Returns the number of a layer.
        name: The id of the figure, unique in the page.
        what: What the number is, for the axis.
        by: Which arms share a panel, and which a line.
    """
    groups = list(dict.fromkeys(map(by.panel, arms)))
    labels = dict.fromkeys(map(by.line, arms))
    columns = min(ABREAST, len(groups))
    rows = math.ceil(len(groups) / columns)
    with drawing():
        lines = {label: _line(place) for place, label in enumerate(labels)}
        figure, panels = new_panels(0.9 + 2.2 * rows + 0.07 * len(labels), rows, columns)
        flat = [axes for row in panels for axes in row]
        _set_scale(flat[0], [measured(layer) for arm in arms for layer in arm.layers])
        for axes, group in zip(flat, groups, strict=False):
            own = {by.line(arm): arm for arm in arms if by.panel(arm) == group}
            _draw_panel(axes, group, own, measured, lines)
        name_panels(flat, len(groups), columns, "hidden layer", what)
        _add_legend(figure, lines, by.lines)
        alternative = f"{what} by layer, for each {by.panels} and {by.lines}; see the table"
        return to_svg(figure, name, alternative)


def _line(place: int) -> Line2D:
    """Make the line of the legend, whose look the lines of the panels take."""
    stroke: Any = STROKES[place // len(COLOURS) % len(STROKES)]
    return Line2D([], [], color=COLOURS[place % len(COLOURS)], linestyle=stroke, marker=".", linewidth=1.5)


def _draw_panel(
    axes: Axes, title: str, arms: Mapping[str, ArmProbe], measured: Measured, lines: dict[str, Line2D]
) -> None:
    lines_of_title = [clip_label(line) for line in title.split("\n")]
    size = 10 if max(map(len, lines_of_title)) <= NARROW else 7
    axes.set_title("\n".join(lines_of_title), fontsize=size)
    for label, arm in arms.items():
        values = [_on_axis(measured(layer)) for layer in arm.layers]
        look = lines[label]
        axes.plot(
            range(1, len(values) + 1),
            values,
            color=look.get_color(),
            linestyle=look.get_linestyle(),
            linewidth=look.get_linewidth(),
            marker=look.get_marker(),
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, steps=[1, 2, 5, 10]))


def _on_axis(value: float) -> float:
    return value if 1 / LARGEST < value < LARGEST else math.nan


def _set_scale(axes: Axes, values: Sequence[float]) -> None:
    """Set the vertical axis that all panels share."""
    inside = [value for value in values if not math.isnan(_on_axis(value))] or [1.0]
    low, high = min(inside), max(inside)
    factor = max((high / low) ** MARGIN, 1.2)
    axes.set_yscale("log")
    axes.set_ylim(low / factor, high * factor)
    axes.yaxis.set_major_locator(LogLocator(numticks=TICKS))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))


def _add_legend(figure: Figure, lines: dict[str, Line2D], title: str) -> None:
    figure.legend(lines.values(), map(clip_label, lines), loc="outside lower center", ncols=2, frameon=False,
                  fontsize=9, title=title)  # fmt: skip
