"""What the figures of a search show."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.analysis import Analysis, Effect, Spending, Winner
from hpsearch.report.figures import (
    BandPanel,
    BandPlot,
    DotPlot,
    DotRow,
    DrawnBand,
    Scale,
    Share,
    fit_curves,
    fit_scale,
)
from hpsearch.report.figures.colours import FAILED, GREY, INFEASIBLE, PLAIN, PRUNED
from hpsearch.report.figures.dots import Kind
from hpsearch.report.words.estimates import mean_text
from hpsearch.report.words.numbers import replicates_words, short
from hpsearch.scheduling.conclusion import Verdict
from hpsearch.scheduling.racing.race import FinalistStanding


def finalists_of(analysis: Analysis, verdict: Verdict) -> DotPlot:
    """Show the metric of each finalist, beside the best single score of the search."""
    rows = tuple(_finalist(standing, verdict) for standing in verdict.conclusion.standings)
    best = None if analysis.best is None else analysis.best.value
    name = f"best of the search: {short(best)}"
    return DotPlot(rows, analysis.metric, best, name, thing="finalist")


def _finalist(standing: FinalistStanding, verdict: Verdict) -> DotRow:
    own, values = standing.estimate, verdict.values.get(standing.name, {})
    points = tuple(value for value in values.values() if value is not None)
    note = f"{own.failed} failed" if own.failed else mean_text(own)
    return DotRow(standing.name, _kind(standing, verdict), own.mean, own.low, own.high, points, note)


def fit_finalists(plot: DotPlot, *, minimize: bool) -> Scale:
    """Fit an axis to all that is shown of the finalists, for they are few: means, intervals, seeds."""
    ends = [end for row in plot.rows for end in (row.mean, row.low, row.high, *row.points, plot.reference)]
    return fit_scale([end for end in ends if end is not None], minimize=minimize)


def _kind(standing: FinalistStanding, verdict: Verdict) -> Kind:
    if standing.name == verdict.conclusion.winner:
        return "winner"
    return "tied" if standing.tied else "apart"


def winner_of(winner: Winner, metric: str) -> BandPlot:
    """Show how the replicates of the winner learned."""
    sound = [one for one in winner.replicates if not one.failed]
    failed = tuple(one.history.get(metric, ()) for one in winner.replicates if one.failed)
    note = replicates_words(winner.splits, len(sound)) if winner.confirmed else "one seed, from the search"
    validation, training = DrawnBand.of(winner.validation), DrawnBand.of(winner.training)
    panel = BandPanel(f"trial {winner.number}", note, validation, training, failed)
    return BandPlot((panel,), None, metric)


def fit_winner(plot: BandPlot, *, minimize: bool) -> Scale:
    """Fit an axis to the curves of the winner, on the training set too."""
    bands = [band for panel in plot.panels for band in (panel.validation, panel.training)]
    return fit_curves(
        [value for band in bands for value in band.mean if value is not None], minimize=minimize
    )


def fit_shown(analysis: Analysis) -> Scale:
    """Fit an axis to the learning curves that are shown."""
    values = [value for curve in analysis.curves.shown for value in curve.values if value is not None]
    return fit_scale(values, minimize=analysis.minimize)


def effects_in_order(analysis: Analysis) -> list[Effect]:
    """List the effects that are known, those of the most important parameters first."""
    known = {effect.name: effect for effect in analysis.effects.parameters if effect.levels}
    names = [row.name for row in analysis.importance.parameters]
    return [known[name] for name in dict.fromkeys([*names, *known]) if name in known]


def shares_of(spending: Spending) -> Sequence[Share]:
    """List what became of the epochs."""
    return (
        Share(spending.complete, "trained to the end", PLAIN),
        Share(spending.pruned, "trained, then pruned", PRUNED),
        Share(spending.infeasible, "trained, then infeasible", INFEASIBLE),
        Share(spending.failed, "trained, then failed", FAILED),
        Share(spending.saved_by_pruning or 0, "saved by pruning", "none", "////"),
        Share(spending.saved_by_stopping or 0, "saved by early stopping", "none", "...."),
        Share(spending.saved_by_constraints or 0, "saved by constraints", "none", "xxxx"),
        Share(spending.lost_to_failures or 0, "not reached by failed trials", GREY),
    )
