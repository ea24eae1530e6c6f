"""The tables of what mattered in a search, of its winner, and of what to search next."""

from __future__ import annotations

from collections.abc import Iterable

from hpsearch.analysis import Effect, Interaction, Level, SpaceChange, Spending, Winner
from hpsearch.analysis.arms.replicates import Replicate
from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.numbers import DASH


def effects_table(effects: Iterable[Effect], metric: str) -> ReportTable:
    """List the effects by their best and their worst level."""
    columns = (
        "parameter",
        "best at",
        "rank there",
        "from",
        "to",
        f"{metric} there",
        "worst at",
        "rank there",
        "from",
        "to",
        "trials where active",
    )
    return ReportTable(
        "Effect of each parameter: best and worst value", columns, tuple(map(_effect, effects))
    )


def _effect(effect: Effect) -> tuple[Cell, ...]:
    best = min(effect.levels, key=lambda level: level.place)
    worst = max(effect.levels, key=lambda level: level.place)
    return (
        Cell(effect.name),
        *_level(best),
        cell(best.metric),
        *_level(worst),
        cell(effect.trials),
    )


def _level(level: Level) -> tuple[Cell, ...]:
    return tuple(map(cell, (level.at, level.place, level.low, level.high)))


def interactions_table(interactions: Iterable[Interaction]) -> ReportTable:
    """List the pairs of parameters, those that act together most first."""
    rows = tuple(
        (cell(i.first), cell(i.second), cell(i.share), cell(i.low), cell(i.high)) for i in interactions
    )
    columns = ("parameter", "with", "share of joint effect", "from", "to")
    return ReportTable("Interactions of the most important parameters", columns, rows)


def spending_table(spending: Spending) -> ReportTable:
    """List what became of the epochs."""
    counts = {
        "planned": spending.planned,
        "trained to the end": spending.complete,
        "trained, then pruned": spending.pruned,
        "trained, then failed": spending.failed,
        "saved by pruning": spending.saved_by_pruning,
        "saved by early stopping": spending.saved_by_stopping,
        "not reached by failed trials": spending.lost_to_failures,
    }
    rows = tuple((Cell(what), cell(count)) for what, count in counts.items())
    return ReportTable("Epochs of the finished trials", ("epochs", "count"), rows)


def replicates_table(winner: Winner, metric: str) -> ReportTable:
    """List the runs of the winner."""
    rows = tuple(map(_replicate, winner.replicates))
    columns = ("replicate", "seed", metric, "at the last epoch", "best epoch", "epochs", "cause of failure")
    return ReportTable("Replicates of the winner", columns, rows)


def _replicate(one: Replicate) -> tuple[Cell, ...]:
    numbers = (one.replicate, one.seed, one.best, one.final, one.best_epoch, one.epochs)
    return (*map(cell, numbers), Cell(one.cause or DASH))


def changes_table(changes: Iterable[SpaceChange]) -> ReportTable:
    """List the changes that the next study makes."""
    rows = tuple(tuple(map(Cell, (c.parameter, c.kind, c.old, c.new, c.why))) for c in changes)
    return ReportTable("Changes in the next study", ("parameter", "change", "from", "to", "why"), rows)
