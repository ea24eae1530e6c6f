"""How often what is predicted with a probability comes true."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hpsearch.report.figures.colours import INK, PLAIN
from hpsearch.report.figures.svg import drawing, new_figure, to_svg
from hpsearch.training.evaluation import ReliabilityBin


def draw_reliability(bins: Sequence[ReliabilityBin], whose: str) -> Markup:
    """Draw the observed share over the predicted probability with intervals, and where both are equal."""
    most = max(one.rows for one in bins)
    with drawing():
        figure, axes = new_figure(4.2)
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, dashes=(4, 2))
        for one in bins:
            axes.plot([one.predicted] * 2, [one.low, one.high], color=PLAIN, linewidth=1.2)
            size = 4 + 5 * (one.rows / most) ** 0.5
            axes.plot(one.predicted, one.observed, "o", color=PLAIN, markersize=size, markeredgewidth=0)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(f"predicted probability of {whose}")
        axes.set_ylabel("observed share")
        return to_svg(figure, "reliability", f"Observed share over predicted probability in {len(bins)} bins")
