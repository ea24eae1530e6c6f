"""Predicted numbers over true ones."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hpsearch.report.figures.colours import INK, PLAIN
from hpsearch.report.figures.svg import drawing, new_figure, to_svg


def draw_residuals(pairs: Sequence[tuple[float, float]]) -> Markup:
    """Draw pairs of a true and a predicted number, and the line on which both are equal."""
    true, predicted = zip(*pairs, strict=True)
    ends = [min(*true, *predicted), max(*true, *predicted)]
    with drawing():
        figure, axes = new_figure(4.2)
        axes.plot(ends, ends, color=INK, linewidth=1, dashes=(4, 2))
        axes.plot(true, predicted, "o", color=PLAIN, markersize=4, alpha=0.6, markeredgewidth=0)
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
        label = (
            f"Predicted over true numbers of {len(pairs)} rows; the table gives quantiles of the residuals"
        )
        return to_svg(figure, "residuals", label)
