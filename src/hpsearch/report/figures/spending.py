"""The epochs of a search in one bar: trained, saved, lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.ticker import FuncFormatter

from hpsearch.report.figures.colours import GREY
from hpsearch.report.figures.svg import drawing, new_figure, to_svg


@dataclass(frozen=True)
class Share:
    """A part of the bar: how many epochs, what they are, and how they look."""

    epochs: int
    what: str
    colour: str
    hatch: str = ""


def draw_spending(shares: Sequence[Share]) -> Markup:
    """Draw the parts side by side; those of no epochs are left out."""
    shown = [share for share in shares if share.epochs]
    with drawing():
        figure, axes = new_figure(1.35)
        start = 0
        for share in shown:
            axes.barh(0, share.epochs, left=start, color=share.colour, hatch=share.hatch, edgecolor=GREY,
                      linewidth=0.5, height=0.6, label=f"{share.what}: {share.epochs:,}")  # fmt: skip
            start += share.epochs
        axes.set_yticks([])
        axes.set_xlim(0, start)
        axes.set_ylim(-0.4, 0.4)
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_xlabel("epochs")
        figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=8)
        return to_svg(figure, "spending", "Epochs trained, saved and lost")
