"""Typed results drawn as figures for the report."""

from hpsearch.report.figures.curves import draw_curves
from hpsearch.report.figures.depths import draw_depths
from hpsearch.report.figures.histograms import draw_histograms
from hpsearch.report.figures.importance import draw_importance
from hpsearch.report.figures.progress import draw_progress
from hpsearch.report.figures.scale import Scale, fit_scale

__all__ = [
    "Scale",
    "draw_curves",
    "draw_depths",
    "draw_histograms",
    "draw_importance",
    "draw_progress",
    "fit_scale",
]
