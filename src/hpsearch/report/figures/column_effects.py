"""How the mean prediction moves with each of the most important columns, a panel for each."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hpsearch.report.figures.colours import PLAIN
from hpsearch.report.figures.svg import clip_label, drawing, new_panels, to_svg
from hpsearch.report.words.numbers import short
from hpsearch.training.column_effects import ColumnEffect

TITLE, OPTION = 28, 18
"""Characters of a name that fit above a panel, and of a category below it."""


def draw_column_effects(effects: Sequence[ColumnEffect]) -> Markup:
    """Draw the mean prediction over the values of each column, with intervals."""
    with drawing():
        figure, panels = new_panels(2.5, 1, len(effects), sharex=False)
        for axes, effect in zip(panels[0], effects, strict=True):
            _draw(axes, effect)
        panels[0][0].set_ylabel("mean probability" if effects[0].of else "mean prediction")
        return to_svg(
            figure, "column-effects", "Mean prediction over the values of the most important columns"
        )


def _draw(axes: Axes, effect: ColumnEffect) -> None:
    title = clip_label(effect.column, TITLE)
    axes.set_title(f"{title}\n{clip_label(f'class {effect.of}', TITLE)}" if effect.of else title, fontsize=9)
    axes.tick_params(labelsize=8)
    known = [(one, one.mean) for one in effect.values if one.mean is not None]
    means = [mean for _, mean in known]
    lows = [mean if one.low is None else one.low for one, mean in known]
    highs = [mean if one.high is None else one.high for one, mean in known]
    if all(isinstance(one.value, float) for one, _ in known):
        values = [float(one.value) for one, _ in known]
        axes.fill_between(values, lows, highs, color=PLAIN, alpha=0.25, linewidth=0)
        axes.plot(values, means, color=PLAIN, linewidth=1.6, marker=".")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(float(value))))
        return
    axes.vlines(range(len(known)), lows, highs, color=PLAIN, linewidth=2)
    axes.plot(range(len(known)), means, "o", color=PLAIN, markersize=4)
    names = [clip_label(str(one.value), OPTION) for one, _ in known]
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor", fontsize=7)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(visible=False, axis="x")
