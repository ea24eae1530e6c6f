"""A number of each arm with its interval: a row for each arm, a small dot for each seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import CARETLEFT, CARETRIGHT

from hpsearch.report.figures.colours import FAILED, GREY, INK, PLAIN, WINNER
from hpsearch.report.figures.scale import Scale, fit_scale
from hpsearch.report.figures.svg import clip_label, drawing, new_figure, to_svg

Kind = Literal["best", "arm", "better", "worse", "cannot tell", "winner", "tied", "apart", "start"]

ROW = 0.215
"""Height of a row in inches: room for its label."""


BELOW = 0.27
"""Of a row, between the mean and the dots of the seeds."""


BESIDE = 0.15
"""Of the axis, on either side of a reference that it is centred on."""


@dataclass(frozen=True)
class Look:
    """How the mean of a row is drawn, and what the legend says of it."""

    shape: str
    colour: str
    legend: str


LOOKS: dict[Kind, Look] = {
    "best": Look("D", WINNER, "among the best"),
    "arm": Look("o", PLAIN, "other arm"),
    "better": Look("D", WINNER, "better"),
    "worse": Look("s", FAILED, "worse"),
    "cannot tell": Look("o", GREY, "cannot tell"),
    "winner": Look("D", WINNER, "the winner"),
    "tied": Look("o", PLAIN, "cannot be told apart"),
    "apart": Look("s", FAILED, "worse"),
    "start": Look("o", PLAIN, "the default"),
}


@dataclass(frozen=True)
class DotRow:
    """One arm: its mean and interval where it has one, the value of each seed, and a note in words."""

    label: str
    kind: Kind
    mean: float | None
    low: float | None
    high: float | None
    points: tuple[float, ...]
    note: str


@dataclass(frozen=True)
class DotPlot:
    """Rows from top to bottom on one axis; `thing` is what a row stands for.

    A line stands at `reference`; an axis that is `centred` holds it whatever the values are.
    """

    rows: tuple[DotRow, ...]
    what: str
    reference: float | None = None
    reference_name: str = ""
    centred: bool = False
    thing: str = "arm"

    def fit(self, *, minimize: bool) -> Scale:
        """Fit an axis to the means, with room for the intervals and seeds of those that are on it.

        The room is at most the length of the axis on either side.
        """
        scale = self._with_reference(fit_scale(self.values, minimize=minimize).around(self.values))
        inside = [row for row in self.rows if row.mean is not None and _is_on(row, scale)]
        ends = [end for row in inside for end in (row.low, row.high, *row.points) if end is not None]
        return _widened(scale, ends) if ends else scale

    @property
    def drawable(self) -> bool:
        """Return whether any row has a number."""
        return any(row.mean is not None or row.points for row in self.rows)

    def cut(self, scale: Scale) -> bool:
        """Return whether an interval goes on beyond the axis."""
        shown = [row for row in self.rows if _is_on(row, scale)]
        return any(
            end is not None and scale.place(end) != end for row in shown for end in (row.low, row.high)
        )

    def _with_reference(self, scale: Scale) -> Scale:
        if not self.centred or self.reference is None:
            return scale
        low, high = min(scale.low, self.reference), max(scale.high, self.reference)
        beside = BESIDE * (high - low)
        return replace(scale, low=min(low, self.reference - beside), high=max(high, self.reference + beside))

    @property
    def values(self) -> list[float]:
        """List what the axis has to hold: the means, and the seeds of rows that have none."""
        means = [row.mean for row in self.rows if row.mean is not None]
        means += [self.reference] if self.centred and self.reference is not None else []
        return means + [point for row in self.rows if row.mean is None for point in row.points]


def _widened(scale: Scale, ends: Sequence[float]) -> Scale:
    """Make room for the ends of intervals: on either side the length of the axis, or a factor of 4."""
    room = (scale.high - scale.low) or math.inf
    lowest, highest = (scale.low / 4, scale.high * 4) if scale.log else (scale.low - room, scale.high + room)
    low, high = min(scale.low, *ends), max(scale.high, *ends)
    return replace(scale, low=max(low, lowest), high=min(high, highest))


def draw_dots(plot: DotPlot, scale: Scale, name: str) -> Markup:
    """Draw the rows; values beyond the axis are marked at its edge.

    Args:
        plot: The rows.
        scale: The axis.
        name: The id of the figure, unique in the page.
    """
    with drawing():
        figure, axes = new_figure(1.05 + ROW * len(plot.rows))
        scale.apply_across(axes)
        _lay_out(axes, plot)
        if plot.reference is not None and scale.place(plot.reference) == plot.reference:
            axes.axvline(plot.reference, color=INK, linewidth=1, dashes=(4, 2), label=plot.reference_name)
        for place, row in enumerate(plot.rows):
            _draw_row(axes, place, row, scale)
        _draw_points(axes, plot.rows, scale)
        _draw_means(axes, plot.rows, scale)
        _add_legend(figure, axes)
        return to_svg(
            figure,
            name,
            f"{plot.what} of each {plot.thing} with its 95 % interval; the table has the same numbers",
        )


def _lay_out(axes: Axes, plot: DotPlot) -> None:
    axes.set_yticks(range(len(plot.rows)), [clip_label(row.label) for row in plot.rows], fontsize=8)
    axes.set_ylim(len(plot.rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(plot.what)


def _draw_row(axes: Axes, place: int, row: DotRow, scale: Scale) -> None:
    if row.low is not None and row.high is not None and _is_on(row, scale):
        _draw_interval(axes, place, row.low, row.high, scale, LOOKS[row.kind].colour)
    axes.text(
        1.015, place, row.note, transform=axes.get_yaxis_transform(), va="center", fontsize=8, clip_on=False
    )


def _draw_interval(axes: Axes, place: int, low: float, high: float, scale: Scale, colour: str) -> None:
    """Draw an interval, with an arrow where it goes on beyond the axis."""
    ends = [scale.place(low), scale.place(high)]
    axes.plot(ends, [place, place], color=colour, linewidth=2, alpha=0.75, solid_capstyle="butt")
    for end, drawn, arrow in ((low, ends[0], CARETLEFT), (high, ends[1], CARETRIGHT)):
        if end != drawn:
            axes.plot([drawn], [place], marker=arrow, color=colour, markersize=5, clip_on=False)


def _is_on(row: DotRow, scale: Scale) -> bool:
    """Return whether the mean of a row is on the axis; a row without one has its seeds there."""
    return row.mean is None or scale.place(row.mean) == row.mean


def _draw_points(axes: Axes, rows: Sequence[DotRow], scale: Scale) -> None:
    """Draw the seeds of the rows that are on the axis."""
    drawn = [
        (scale.place(point), place + BELOW)
        for place, row in enumerate(rows)
        if _is_on(row, scale)
        for point in row.points
    ]
    if drawn:
        across, down = zip(*drawn, strict=True)
        axes.plot(across, down, "o", color=INK, markersize=2.4, alpha=0.45, markeredgewidth=0, clip_on=False,
                  label="one seed")  # fmt: skip


def _draw_means(axes: Axes, rows: Sequence[DotRow], scale: Scale) -> None:
    for kind, look in LOOKS.items():
        own = [
            (row.mean, place) for place, row in enumerate(rows) if row.kind == kind and row.mean is not None
        ]
        for shape, some in _by_shape(own, look.shape, scale).items():
            across, down = zip(*some, strict=True)
            label = look.legend if shape == look.shape or len(some) == len(own) else None
            axes.plot(across, down, shape, color=look.colour, markersize=5, clip_on=False, label=label)


def _by_shape(
    means: Sequence[tuple[float, int]], shape: str, scale: Scale
) -> dict[str, list[tuple[float, int]]]:
    """Part the means into those on the axis and those that point over one of its ends."""
    parted: dict[str, list[tuple[float, int]]] = {}
    for mean, place in means:
        own = ">" if mean > scale.high else "<" if mean < scale.low else shape
        parted.setdefault(own, []).append((scale.place(mean), place))
    return parted


def _add_legend(figure: Figure, axes: Axes) -> None:
    if axes.get_legend_handles_labels()[1]:
        figure.legend(loc="outside upper left", ncols=5, frameon=False, fontsize=8)
