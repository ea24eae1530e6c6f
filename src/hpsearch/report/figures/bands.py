"""Learning curves of arms: the mean over the seeds with its 95 % band, a panel for each arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hpsearch.analysis.arms.bands import Band
from hpsearch.analysis.curves import POINTS, evenly
from hpsearch.report.figures.colours import FAILED, GREY, PLAIN, PRUNED
from hpsearch.report.figures.scale import Scale
from hpsearch.report.figures.svg import clip_label, drawing, name_panels, new_panels, to_svg
from hpsearch.store.record import Curve

ABREAST = 3
VALIDATION, TRAINING = PLAIN, PRUNED
TITLE = 28
"""Letters of a name that fit above a panel."""

ALONE = 3.7
"""Height in inches of a panel that is alone in its row."""

DASHES = (4.0, 1.6)


@dataclass(frozen=True)
class DrawnBand:
    """A mean with its band at some epochs; `common` counts those of them that every seed has."""

    epochs: tuple[int, ...]
    mean: Curve
    low: Curve
    high: Curve
    common: int

    @classmethod
    def of(cls, band: Band) -> DrawnBand:
        """Keep so many epochs of a band as a panel can show."""
        kept = evenly(range(len(band.mean)), POINTS)
        low, mean, high = (
            tuple(curve[epoch] for epoch in kept) for curve in (band.low, band.mean, band.high)
        )
        return cls(
            tuple(epoch + 1 for epoch in kept), mean, low, high, sum(epoch < band.common for epoch in kept)
        )


@dataclass(frozen=True)
class BandPanel:
    """One arm: its bands, the metric of the seeds that failed, and what is said of it below its name."""

    title: str
    note: str
    validation: DrawnBand
    training: DrawnBand
    failed: tuple[Curve, ...]


@dataclass(frozen=True)
class BandPlot:
    """Panels that share their axes; the baseline's mean is drawn in each of them, for comparison."""

    panels: tuple[BandPanel, ...]
    baseline: DrawnBand | None
    what: str

    @property
    def values(self) -> list[float]:
        """List what the axis is fitted to: the means on the validation set."""
        bands = [panel.validation for panel in self.panels]
        bands += [] if self.baseline is None else [self.baseline]
        return [value for band in bands for value in band.mean if value is not None]


def draw_bands(plot: BandPlot, scale: Scale) -> Markup:
    """Draw the panels, three abreast."""
    columns = min(ABREAST, len(plot.panels))
    rows = math.ceil(len(plot.panels) / columns)
    with drawing():
        figure, panels = new_panels(ALONE if len(plot.panels) == 1 else 0.7 + 2.1 * rows, rows, columns)
        flat = [axes for row in panels for axes in row]
        scale.apply(flat[0])
        for axes, panel in zip(flat, plot.panels, strict=False):
            _draw_panel(axes, panel, plot.baseline, scale)
        name_panels(flat, len(plot.panels), columns, "epoch", plot.what)
        _add_legend(figure, flat[: len(plot.panels)])
        return to_svg(
            figure, "bands", f"{plot.what} by epoch, the mean over the seeds with its 95 % interval"
        )


def _draw_panel(axes: Axes, panel: BandPanel, baseline: DrawnBand | None, scale: Scale) -> None:
    axes.set_title(f"{clip_label(panel.title, TITLE)}\n{panel.note}", fontsize=9)
    if baseline is not None:
        axes.plot(baseline.epochs, _placed(baseline.mean, scale), color=GREY, linewidth=1.1, label="baseline")
    _draw_band(axes, panel.training, scale, TRAINING, "training")
    _draw_band(axes, panel.validation, scale, VALIDATION, "validation")
    for index, curve in enumerate(panel.failed):
        _draw_failed(axes, curve, scale, "a seed that failed" if not index else "")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5, steps=[1, 2, 5, 10]))


def _draw_band(axes: Axes, band: DrawnBand, scale: Scale, colour: str, label: str) -> None:
    """Draw a band; its line is thinner where some seeds have stopped already."""
    if not any(value is not None for value in band.mean):
        return
    low, mean, high = (_placed(curve, scale) for curve in (band.low, band.mean, band.high))
    axes.fill_between(band.epochs, low, high, color=colour, alpha=0.25, linewidth=0)
    dashes = DASHES if colour == TRAINING else (None, None)
    marker = "." if len(mean) < 3 else ""
    common = slice(band.common)
    axes.plot(band.epochs[common], mean[common], color=colour, linewidth=1.6, dashes=dashes, marker=marker,
              label=label)  # fmt: skip
    rest = slice(max(band.common - 1, 0), None)
    axes.plot(band.epochs[rest], mean[rest], color=colour, linewidth=0.7, dashes=dashes)


def _draw_failed(axes: Axes, curve: Curve, scale: Scale, label: str) -> None:
    known = [(epoch, scale.place(value)) for epoch, value in enumerate(curve, 1) if value is not None]
    if known:
        epochs, values = zip(*known, strict=True)
        axes.plot(epochs, values, color=FAILED, linewidth=0.8)
        axes.plot(
            epochs[-1:], values[-1:], "X", color=FAILED, markersize=5, clip_on=False, label=label or None
        )


def _placed(curve: Curve, scale: Scale) -> list[float]:
    return [math.nan if value is None else scale.place(value) for value in curve]


def _add_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """Explain each look once, whichever panels have it."""
    found: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in found}
    if found:
        figure.legend(
            list(found.values()), list(found), loc="outside lower center", ncols=4, frameon=False, fontsize=9
        )
