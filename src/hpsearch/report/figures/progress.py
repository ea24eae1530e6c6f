"""The value of each trial by number, with the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hpsearch.analysis import ProgressPoint
from hpsearch.report.figures.colours import FAILED, INFEASIBLE, INK, PLAIN, PRUNED
from hpsearch.report.figures.scale import Scale
from hpsearch.report.figures.svg import drawing, new_figure, to_svg
from hpsearch.store.events import State


@dataclass(frozen=True)
class Mark:
    """How trials of one state are drawn."""

    shape: str
    colour: str


MARKS: dict[State, Mark] = {
    "complete": Mark("o", PLAIN),
    "pruned": Mark("^", PRUNED),
    "infeasible": Mark("s", INFEASIBLE),
    "failed": Mark("X", FAILED),
}


def draw_progress(points: Sequence[ProgressPoint], scale: Scale, metric: str) -> Markup:
    """Draw the values of the finished trials over their numbers."""
    with drawing():
        figure, axes = new_figure(3.7)
        scale.apply(axes)
        trials: dict[str, list[int]] = {}
        for state, mark in MARKS.items():
            own = [point for point in points if point.state == state]
            trials |= _draw_state(axes, own, scale, state, mark)
        _draw_best(axes, points)
        axes.set_xlabel("trial")
        axes.set_ylabel(metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if axes.get_legend_handles_labels()[1]:
            figure.legend(loc="outside upper center", ncols=4, frameon=False)
        label = f"{metric} of each trial by number, with the best value so far"
        return to_svg(figure, "progress", label, trials)


def _draw_state(
    axes: Axes, points: Sequence[ProgressPoint], scale: Scale, state: State, mark: Mark
) -> dict[str, list[int]]:
    """Draw the trials of one state; give their numbers in the order of their marks, by the name of a line."""
    valued = [(point.number, scale.place(point.value)) for point in points if point.value is not None]
    absent = [point.number for point in points if point.value is None]
    if valued:
        numbers, values = zip(*valued, strict=True)
        axes.plot(
            numbers, values, mark.shape, color=mark.colour, markersize=5, alpha=0.8, label=state, gid=state
        )
    if absent:
        label = "_" if valued else state
        axes.plot(absent, [0.0] * len(absent), mark.shape, color=mark.colour, label=label, clip_on=False,
                  transform=axes.get_xaxis_transform(), gid=f"{state}-absent")  # fmt: skip
    return {state: [number for number, _ in valued], f"{state}-absent": absent}


def _draw_best(axes: Axes, points: Sequence[ProgressPoint]) -> None:
    known = [(point.number, point.best) for point in points if point.best is not None]
    steps = [pair for pair, before in zip(known, [None, *known], strict=False) if _is_step(pair, before)]
    if known:
        numbers, best = zip(*steps, known[-1], strict=True)
        axes.step(numbers, best, where="post", color=INK, linewidth=1.4, label="best so far")


def _is_step(pair: tuple[int, float], before: tuple[int, float] | None) -> bool:
    return before is None or pair[1] != before[1]
