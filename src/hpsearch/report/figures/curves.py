"""The learning curves of the trials."""

from __future__ import annotations

import math

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hpsearch.analysis import LearningCurve, LearningCurves
from hpsearch.report.figures.colours import GREY, PLAIN, PRUNED
from hpsearch.report.figures.scale import Scale
from hpsearch.report.figures.svg import drawing, new_figure, to_svg
from hpsearch.report.words.numbers import short

COLOURS = (PLAIN, "#d55e00", "#009e73", "#c45a93", PRUNED)
STROKES = ("-", "--")
"""Five colours and two strokes tell ten curves apart, also without seeing every colour."""

STRONGEST, FAINTEST = 0.9, 0.2
"""How strong the curves of the better and of the worse ranks are drawn."""


def draw_curves(curves: LearningCurves, scale: Scale, metric: str) -> Markup:
    """Draw the curves of the best trials over those of the rest."""
    with drawing():
        figure, axes = new_figure(4.3)
        scale.apply(axes)
        for index in reversed(range(len(curves.rest))):
            strength = STRONGEST - (STRONGEST - FAINTEST) * index / len(curves.rest)
            _draw_other(axes, curves.rest[index], strength)
        for index in reversed(range(len(curves.best))):
            _draw_best(axes, curves.best[index], index)
        axes.set_xlabel("epoch")
        axes.set_ylabel(metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        handles, labels = axes.get_legend_handles_labels()
        if handles:
            figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=4, frameon=False,
                          fontsize=9, title="trial: value")  # fmt: skip
        label = f"{metric} by epoch: the best {len(curves.best)} trials in colour, others in grey"
        return to_svg(figure, "curves", label, {_gid(curve): [curve.number] for curve in curves.shown})


def _draw_other(axes: Axes, curve: LearningCurve, strength: float) -> None:
    axes.plot(curve.epochs, _numbers(curve), color=GREY, alpha=strength, linewidth=0.8, marker=_marker(curve))


def _draw_best(axes: Axes, curve: LearningCurve, index: int) -> None:
    axes.plot(
        curve.epochs,
        _numbers(curve),
        color=COLOURS[index % len(COLOURS)],
        linestyle=STROKES[index // len(COLOURS) % len(STROKES)],
        linewidth=1.6,
        marker=_marker(curve),
        label=f"{curve.number}: {short(curve.value)}",
        gid=_gid(curve),
    )


def _numbers(curve: LearningCurve) -> list[float]:
    return [math.nan if value is None else value for value in curve.values]


def _gid(curve: LearningCurve) -> str:
    return f"trial-{curve.number}"


def _marker(curve: LearningCurve) -> str:
    """Mark the points of a curve in which a line alone could leave one out of sight."""
    return "." if len(curve.values) < 3 or None in curve.values else ""
