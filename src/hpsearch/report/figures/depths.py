"""A number of each hidden layer by depth: a panel for each activation, a line for each initializer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from hpsearch.probes.record import ArmProbe, LayerProbe
from hpsearch.report.figures.curves import COLOURS, STROKES
from hpsearch.report.figures.scale import LARGEST
from hpsearch.report.figures.svg import clip_label, drawing, name_panels, new_panels, to_svg
from hpsearch.report.numbers import short

ABREAST = 3
MARGIN = 0.06
TICKS = 7

Measured = Callable[[LayerProbe], float]


def draw_depths(arms: Sequence[ArmProbe], measured: Measured, name: str, what: str) -> Markup:
    """Draw one number of every layer on a logarithmic axis; `what` says which, `name` is unique in the page.

    What is 0 or infinite has no place on such an axis and is left out.
    """
    groups = list(dict.fromkeys(arm.behind for arm in arms))
    labels = dict.fromkeys(arm.initializer for arm in arms)
    columns = min(ABREAST, len(groups))
    rows = math.ceil(len(groups) / columns)
    with drawing():
        lines = {label: _line(place) for place, label in enumerate(labels)}
        figure, panels = new_panels(0.9 + 2.2 * rows + 0.07 * len(labels), rows, columns)
        flat = [axes for row in panels for axes in row]
        _set_scale(flat[0], [measured(layer) for arm in arms for layer in arm.layers])
        for axes, group in zip(flat, groups, strict=False):
            _draw_panel(axes, group, [arm for arm in arms if arm.behind == group], measured, lines)
        name_panels(flat, len(groups), columns, "hidden layer", what)
        _add_legend(figure, lines)
        return to_svg(figure, name, f"{what} by layer, for each activation and initializer; see the table")


def _line(place: int) -> Line2D:
    """Make the line of the legend, whose look the lines of the panels take."""
    stroke: Any = STROKES[place // len(COLOURS) % len(STROKES)]
    return Line2D([], [], color=COLOURS[place % len(COLOURS)], linestyle=stroke, marker=".", linewidth=1.5)


def _draw_panel(
    axes: Axes, title: str, arms: Sequence[ArmProbe], measured: Measured, lines: dict[str, Line2D]
) -> None:
    axes.set_title(clip_label(title), fontsize=10)
    for arm in arms:
        values = [_on_axis(measured(layer)) for layer in arm.layers]
        look = lines[arm.initializer]
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


def _add_legend(figure: Figure, lines: dict[str, Line2D]) -> None:
    figure.legend(lines.values(), map(clip_label, lines), loc="outside lower center", ncols=2, frameon=False,
                  fontsize=9, title="initializer")  # fmt: skip
