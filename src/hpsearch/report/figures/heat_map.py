"""The means of the combinations of two factors, as numbers on a ground that is the darker the better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from hpsearch.report.figures.colours import INK, PLAIN
from hpsearch.report.figures.svg import clip_label, drawing, new_figure, to_svg

STRONGEST = 0.55
"""Opacity of the best cell: the number on it stays readable on light and on dark paper."""

LEVEL = 9
"""Letters of a column's name that fit above it without turning it."""


@dataclass(frozen=True)
class HeatCell:
    """One combination: what stands in it, its strength from 0 (worst) to 1 (best), and its place in the set.

    `strength` is None where there is no mean; `best` tells that it cannot be told apart from the best.
    """

    text: str
    strength: float | None
    best: bool


@dataclass(frozen=True)
class HeatMap:
    """Cells by row and column; None where there is no such combination."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_factor: str
    column_factor: str
    cells: tuple[tuple[HeatCell | None, ...], ...]


def draw_heat_map(heat: HeatMap, what: str) -> Markup:
    """Draw the cells; those of the best arms are framed and bold."""
    turned = max(map(len, heat.columns)) > LEVEL * 6 / len(heat.columns)
    with drawing():
        figure, axes = new_figure((1.9 if turned else 0.9) + 0.34 * len(heat.rows))
        _lay_out(axes, heat, turned=turned)
        for row, cells in enumerate(heat.cells):
            _draw_row(axes, row, cells)
        label = (
            f"{what} by {heat.row_factor} and {heat.column_factor}; the table of arms has the same numbers"
        )
        return to_svg(figure, "heat", label)


def _lay_out(axes: Axes, heat: HeatMap, *, turned: bool) -> None:
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlim(0, len(heat.columns))
    axes.set_ylim(len(heat.rows), 0)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    look: dict[str, Any] = {"rotation": 35, "ha": "left", "rotation_mode": "anchor"} if turned else {}
    middles = [place + 0.5 for place in range(len(heat.columns))]
    axes.set_xticks(middles, [clip_label(name) for name in heat.columns], fontsize=9, **look)
    middles = [place + 0.5 for place in range(len(heat.rows))]
    axes.set_yticks(middles, [clip_label(name) for name in heat.rows], fontsize=9)
    axes.tick_params(length=0)
    axes.set_xlabel(clip_label(heat.column_factor))
    axes.set_ylabel(clip_label(heat.row_factor))


def _draw_row(axes: Axes, row: int, cells: Sequence[HeatCell | None]) -> None:
    for column, cell in enumerate(cells):
        if cell is not None:
            _draw_cell(axes, row, column, cell)


def _draw_cell(axes: Axes, row: int, column: int, cell: HeatCell) -> None:
    corner = (column + 0.03, row + 0.05)
    if cell.strength is not None:
        shade = 0.04 + (STRONGEST - 0.04) * cell.strength
        axes.add_patch(Rectangle(corner, 0.94, 0.9, facecolor=PLAIN, alpha=shade, linewidth=0))
    if cell.best:
        axes.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor=INK, linewidth=1.2))
    weight = "bold" if cell.best else "normal"
    axes.text(column + 0.5, row + 0.5, cell.text, ha="center", va="center", fontsize=9, weight=weight)
