"""Typed results drawn as figures for the report."""

from hpsearch.report.figures.bands import BandPanel, BandPlot, DrawnBand, draw_bands
from hpsearch.report.figures.column_effects import draw_column_effects
from hpsearch.report.figures.confusion import draw_confusion
from hpsearch.report.figures.curves import draw_curves
from hpsearch.report.figures.depths import BY_ARM, BY_EPOCH, draw_depths
from hpsearch.report.figures.dots import DotPlot, DotRow, draw_dots
from hpsearch.report.figures.effects import draw_effects
from hpsearch.report.figures.front import draw_front
from hpsearch.report.figures.heat_map import HeatCell, HeatMap, draw_heat_map
from hpsearch.report.figures.histograms import draw_histograms
from hpsearch.report.figures.importance import draw_columns, draw_importance
from hpsearch.report.figures.progress import draw_progress
from hpsearch.report.figures.reliability import draw_reliability
from hpsearch.report.figures.residuals import draw_residuals
from hpsearch.report.figures.scale import Scale, fit_curves, fit_scale
from hpsearch.report.figures.spending import Share, draw_spending
from hpsearch.report.figures.svg import alone

__all__ = [
    "BY_ARM",
    "BY_EPOCH",
    "BandPanel",
    "BandPlot",
    "DotPlot",
    "DotRow",
    "DrawnBand",
    "HeatCell",
    "HeatMap",
    "Scale",
    "Share",
    "alone",
    "draw_bands",
    "draw_column_effects",
    "draw_columns",
    "draw_confusion",
    "draw_curves",
    "draw_depths",
    "draw_dots",
    "draw_effects",
    "draw_front",
    "draw_heat_map",
    "draw_histograms",
    "draw_importance",
    "draw_progress",
    "draw_reliability",
    "draw_residuals",
    "draw_spending",
    "fit_curves",
    "fit_scale",
]
