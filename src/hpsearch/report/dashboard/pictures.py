"""The figures of the report as files of their own."""

from __future__ import annotations

from hpsearch.analysis import AblationPath, Analysis, ComparisonResult, Winner
from hpsearch.report.figures import alone, draw_bands, draw_curves, draw_dots
from hpsearch.report.figures.comparison import bands_of, means_of
from hpsearch.report.figures.study import finalists_of, fit_finalists, fit_shown, fit_winner, winner_of
from hpsearch.report.html.comparison import scale_of
from hpsearch.report.words.ablation import path_plot


def picture_of_winner(winner: Winner, metric: str, *, minimize: bool) -> bytes | None:
    """Draw the learning curve of a trial, or the mean of a winner's replicates; None where there is none."""
    plot = winner_of(winner, metric)
    return alone(draw_bands(plot, fit_winner(plot, minimize=minimize))) if plot.values else None


def picture_of_search(analysis: Analysis) -> bytes | None:
    """Draw the learning curves of the trials; None where no trial has one."""
    if not analysis.curves.shown:
        return None
    return alone(draw_curves(analysis.curves, fit_shown(analysis), analysis.metric))


def picture_of_finalists(search: Analysis) -> bytes | None:
    """Draw the means of the finalists with their intervals; None where there are none."""
    if search.verdict is None or not search.verdict.conclusion.standings:
        return None
    plot = finalists_of(search, search.verdict)
    scale = fit_finalists(plot, minimize=search.minimize)
    return alone(draw_dots(plot, scale, "finalists")) if plot.drawable else None


def picture_of_path(path: AblationPath) -> bytes | None:
    """Draw the means of the steps from the default to the winner; None where there are none."""
    plot = path_plot(path)
    if not plot.drawable:
        return None
    return alone(draw_dots(plot, fit_finalists(plot, minimize=path.minimize), "ablation"))


def picture_of_arms(comparison: ComparisonResult) -> bytes | None:
    """Draw the means of the arms with their intervals; None where there are none."""
    plot = means_of(comparison)
    if not plot.drawable:
        return None
    return alone(draw_dots(plot, plot.fit(minimize=comparison.minimize), "means"))


def picture_of_arms_learning(comparison: ComparisonResult) -> bytes | None:
    """Draw the learning curves of the arms; None where there are none."""
    plot = bands_of(comparison)
    if not plot.values:
        return None
    return alone(draw_bands(plot, scale_of(plot, minimize=comparison.minimize)))
