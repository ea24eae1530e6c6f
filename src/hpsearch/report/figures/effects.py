"""The effect of each parameter: the expected place of a trial at each of its values, a panel for each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from hpsearch.analysis import Effect
from hpsearch.report.figures.colours import PLAIN
from hpsearch.report.figures.svg import clip_label, drawing, new_panels, to_svg
from hpsearch.report.words.numbers import short

ABREAST = 3
MOST_PANELS = 9
MOST_OPTIONS = 8
TITLE, OPTION = 28, 18
"""Characters of a name that fit above a panel, and of an option that fit next to it."""

WHAT = "expected rank"


def draw_effects(effects: Sequence[Effect], level: float) -> Markup:
    """Draw the effects three abreast; `level` is what an interval holds. At most `MOST_PANELS` are drawn."""
    shown = effects[:MOST_PANELS]
    columns = min(ABREAST, len(shown))
    rows = math.ceil(len(shown) / columns)
    with drawing():
        figure, panels = new_panels(0.4 + 2.1 * rows, rows, columns, sharex=False)
        flat = [axes for row in panels for axes in row]
        for axes, effect in zip(flat, shown, strict=False):
            _draw_effect(axes, effect)
        for axes in flat[len(shown) :]:
            axes.set_visible(False)
        for axes in flat[::columns]:
            axes.set_ylabel(WHAT)
        _fit(flat[0], [end for effect in shown for one in effect.levels for end in (one.low, one.high)])
        label = (
            f"{WHAT} among all trials by the value of each parameter, with {100 * level:.0f} % intervals; "
            "the table has the same numbers"
        )
        return to_svg(figure, "effects", label)


def _draw_effect(axes: Axes, effect: Effect) -> None:
    axes.set_title(clip_label(effect.name, TITLE), fontsize=9)
    axes.tick_params(labelsize=8)
    places, lows, highs = zip(*((one.place, one.low, one.high) for one in effect.levels), strict=True)
    if effect.ordered:
        values = [float(one.at) for one in effect.levels]
        axes.fill_between(values, lows, highs, color=PLAIN, alpha=0.25, linewidth=0)
        axes.plot(values, places, color=PLAIN, linewidth=1.6, marker="." if len(values) < 4 else "")
        _set_axis(axes, effect)
    else:
        _draw_options(axes, effect)


def _set_axis(axes: Axes, effect: Effect) -> None:
    if effect.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=4))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))


def _draw_options(axes: Axes, effect: Effect) -> None:
    """Draw the options of a choice as dots, the best of them if there are too many."""
    levels = effect.levels
    if len(levels) > MOST_OPTIONS:
        kept = sorted(levels, key=lambda one: one.place)[:MOST_OPTIONS]
        levels = tuple(one for one in levels if one in kept)
    ends = [[one.place - one.low for one in levels], [one.high - one.place for one in levels]]
    axes.errorbar(
        range(len(levels)), [one.place for one in levels], yerr=ends, fmt="o", color=PLAIN, markersize=4,
        elinewidth=2, capsize=0,
    )  # fmt: skip
    names = [clip_label(short(one.at), OPTION) for one in levels]
    axes.set_xticks(range(len(levels)), names, rotation=30, ha="right", rotation_mode="anchor", fontsize=7)
    axes.set_xlim(-0.5, len(levels) - 0.5)
    axes.grid(visible=False, axis="x")


def _fit(axes: Axes, ends: Sequence[float]) -> None:
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 0.05
    axes.set_ylim(low - room, high + room)
