"""How often each class is taken for each other, as counts on a ground that is the darker the more often."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from hpsearch.report.figures.colours import GREY, PLAIN
from hpsearch.report.figures.svg import clip_label, drawing, new_figure, to_svg

STRONGEST = 0.55
"""Opacity of a whole class: the count on it stays readable on light and on dark paper."""

WRITTEN = 16
"""Classes up to which counts fit into the cells."""

LABEL = 14


def draw_confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Markup:
    """Draw counts of rows by true class (down) and predicted class (across)."""
    classes = len(labels)
    with drawing():
        figure, axes = new_figure(min(1.5 + 0.34 * classes, 7.0))
        _lay_out(axes, labels)
        for true, row in enumerate(counts):
            _draw_row(axes, true, row, written=classes <= WRITTEN)
        label = f"Confusion matrix of {classes} classes; the table below lists the confusions"
        return to_svg(figure, "confusion", label)


def _lay_out(axes: Axes, labels: Sequence[str]) -> None:
    axes.grid(visible=False)
    axes.set_xlim(0, len(labels))
    axes.set_ylim(len(labels), 0)
    size = 9 if len(labels) <= WRITTEN else 6
    middles = [place + 0.5 for place in range(len(labels))]
    names = [clip_label(label, LABEL) for label in labels]
    turned = max(map(len, names)) * len(labels) > 6 * WRITTEN
    axes.set_xticks(middles, names, fontsize=size, rotation=90 if turned else 0)
    axes.set_yticks(middles, names, fontsize=size)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")


def _draw_row(axes: Axes, true: int, row: Sequence[int], *, written: bool) -> None:
    total = sum(row)
    for predicted, count in enumerate(row):
        if not count:
            continue
        shade = 0.06 + (STRONGEST - 0.06) * count / total
        edge = GREY if predicted == true else "none"
        corner = (predicted + 0.02, true + 0.02)
        axes.add_patch(Rectangle(corner, 0.96, 0.96, facecolor=PLAIN, alpha=shade, edgecolor=edge))
        if written:
            axes.text(predicted + 0.5, true + 0.5, str(count), ha="center", va="center", fontsize=8)
