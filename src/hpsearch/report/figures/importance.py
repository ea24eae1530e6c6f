"""The importance of the parameters as bars."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hpsearch.analysis import ParameterImportance
from hpsearch.report.figures.svg import clip_label, drawing, new_figure, to_svg
from hpsearch.report.numbers import short

MOST_BARS = 25
COLOUR = "#1f7fc4"


def draw_importance(parameters: Sequence[ParameterImportance]) -> Markup:
    """Draw the shares of the most important parameters, the largest on top."""
    bars = [(clip_label(p.name), p.share) for p in parameters if p.share is not None][:MOST_BARS]
    with drawing():
        figure, axes = new_figure(0.8 + 0.26 * len(bars))
        places = range(len(bars))
        drawn = axes.barh(places, [share for _, share in bars], color=COLOUR, height=0.7)
        axes.bar_label(drawn, [short(share) for _, share in bars], padding=3, fontsize=9)
        axes.set_yticks(places, [name for name, _ in bars])
        axes.invert_yaxis()
        axes.set_xlim(0, max(share for _, share in bars) * 1.12 or 1.0)
        axes.set_xlabel("share of importance")
        axes.grid(visible=False, axis="y")
        return to_svg(figure, "importance", "Share of importance of each parameter; the table says the same")
