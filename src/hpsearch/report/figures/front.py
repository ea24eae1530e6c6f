"""The trials of a search with several objectives, and those of its Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes

from hpsearch.analysis import Front, RankedTrial
from hpsearch.report.figures.colours import GREY, INK, PLAIN, WINNER
from hpsearch.report.figures.scale import Scale, fit_scale
from hpsearch.report.figures.svg import drawing, new_panels, to_svg

MOST_PANELS = 3
MOST_MARKS = 2_000
"""Trials beside the front that are marked; of more the best by the first objective."""

Point = tuple[float, float]
"""Another objective and the first one of a trial."""


def draw_front(front: Front, ranking: Sequence[RankedTrial]) -> Markup:
    """Draw the first objective over each of the others, a mark for each trial that has a value."""
    first, *others = front.objectives
    others = others[:MOST_PANELS]
    with drawing():
        figure, (panels,) = new_panels(4.2, 1, len(others), sharex=False)
        marks: dict[str, Sequence[int]] = {}
        for place, (axes, name) in enumerate(zip(panels, others, strict=True)):
            points = {
                trial.number: (other, trial.value)
                for trial in ranking
                if trial.value is not None and (other := trial.metrics.get(name)) is not None
            }
            marks |= _draw_panel(axes, front, points, name, place)
        panels[0].set_ylabel(first)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
        label = f"{first} of each trial over {' and '.join(others)}; the table lists the Pareto front"
        return to_svg(figure, "front", label, marks)


def _draw_panel(
    axes: Axes, front: Front, points: dict[int, Point], name: str, place: int
) -> dict[str, Sequence[int]]:
    """Draw the trials over one objective; give their numbers in the order of their marks."""
    first = next(iter(front.objectives))
    across = fit_scale([x for x, _ in points.values()], minimize=front.objectives[name] == "minimize")
    up = fit_scale([y for _, y in points.values()], minimize=front.objectives[first] == "minimize")
    across.apply_across(axes)
    up.apply(axes)
    members = [member.number for member in front.members]
    rest = [number for number in points if number not in set(members)][:MOST_MARKS]
    if len(front.objectives) == 2:
        ordered = sorted(points[number] for number in members)
        style = "steps-post" if front.objectives[name] == "minimize" else "steps-pre"
        axes.plot(*_placed(ordered, across, up), color=GREY, linewidth=1, drawstyle=style, zorder=1)
    groups = (
        (f"others-{place}", rest, "o", PLAIN, 4, "trial"),
        (f"front-{place}", members, "D", WINNER, 6, "on the Pareto front"),
    )
    for gid, numbers, shape, colour, size, label in groups:
        marked = _placed([points[number] for number in numbers], across, up)
        axes.plot(*marked, shape, color=colour, markersize=size, alpha=0.8, label=label, gid=gid)
    _draw_means(axes, front, name, across, up)
    axes.set_xlabel(name)
    return {gid: numbers for gid, numbers, *_ in groups}


def _placed(points: Sequence[Point], across: Scale, up: Scale) -> tuple[list[float], list[float]]:
    return [across.place(x) for x, _ in points], [up.place(y) for _, y in points]


def _draw_means(axes: Axes, front: Front, name: str, across: Scale, up: Scale) -> None:
    """Draw the means of the members that were confirmed, with the intervals of the first objective."""
    first = next(iter(front.objectives))
    pairs = [(one.estimates[name].mean, one.estimates[first]) for one in front.members if one.estimates]
    known = [(across.place(x), y, y.mean) for x, y in pairs if x is not None and y.mean is not None]
    for x, estimate, _ in known:
        if estimate.low is not None and estimate.high is not None:
            axes.plot([x, x], [up.place(estimate.low), up.place(estimate.high)], color=INK, linewidth=1.2)
    if known:
        where, means = [x for x, *_ in known], [up.place(mean) for *_, mean in known]
        label = "mean over fresh seeds, 95 % interval"
        axes.plot(where, means, "s", color=INK, markerfacecolor="none", markersize=7, label=label)
