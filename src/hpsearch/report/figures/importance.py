"""The importance of the parameters as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes

from hpsearch.analysis import ParameterImportance
from hpsearch.report.figures.colours import INK, PLAIN
from hpsearch.report.figures.svg import clip_label, drawing, new_figure, to_svg
from hpsearch.report.words.numbers import short
from hpsearch.training.column_importance import ColumnImportance

MOST_BARS = 25


def draw_importance(parameters: Sequence[ParameterImportance]) -> Markup:
    """Draw the shares of the most important parameters with their intervals, the largest on top."""
    bars = [bar for bar in map(_bar, parameters) if bar is not None][:MOST_BARS]
    with drawing():
        figure, axes = new_figure(0.8 + 0.26 * len(bars))
        places = range(len(bars))
        axes.barh(places, [bar.share for bar in bars], color=PLAIN, height=0.7)
        for place, bar in enumerate(bars):
            _draw_interval(axes, place, bar)
        axes.set_yticks(places, [bar.name for bar in bars])
        axes.invert_yaxis()
        axes.set_xlim(0, max(bar.high for bar in bars) * 1.12 or 1.0)
        axes.set_xlabel("share of importance")
        axes.grid(visible=False, axis="y")
        return to_svg(
            figure, "importance", "Share of importance of each parameter; the table has the same numbers"
        )


def draw_columns(columns: Sequence[ColumnImportance]) -> Markup:
    """Draw by how much the loss grows where each column is shuffled, with intervals, the largest on top."""
    known = [(one, one.value) for one in columns if one.value is not None][:MOST_BARS]
    bars = [
        _Bar(
            clip_label(one.column),
            value,
            value if one.low is None else one.low,
            value if one.high is None else one.high,
        )
        for one, value in known
    ]
    with drawing():
        figure, axes = new_figure(0.8 + 0.26 * len(bars))
        axes.barh(range(len(bars)), [bar.share for bar in bars], color=PLAIN, height=0.7)
        for place, bar in enumerate(bars):
            _draw_interval(axes, place, bar)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel("increase of the loss where the column is shuffled")
        axes.grid(visible=False, axis="y")
        return to_svg(figure, "columns", "Permutation importance of each column; the table has the numbers")


@dataclass(frozen=True)
class _Bar:
    name: str
    share: float
    low: float
    high: float


def _bar(parameter: ParameterImportance) -> _Bar | None:
    share, low, high = parameter.told, parameter.low, parameter.high
    if share is None:
        return None
    ends = (share, share) if low is None or high is None else (low, high)
    return _Bar(clip_label(parameter.name), share, *ends)


def _draw_interval(axes: Axes, place: int, bar: _Bar) -> None:
    """Draw the interval of a share, and the share as a number behind it."""
    if bar.high > bar.low:
        ends = [[bar.share - bar.low], [bar.high - bar.share]]
        axes.errorbar(bar.share, place, xerr=ends, fmt="none", ecolor=INK, elinewidth=1.1, capsize=3)
    axes.annotate(
        short(bar.share), (bar.high, place), (4, 0), textcoords="offset points", va="center", fontsize=9
    )
