"""The tables of what mattered in a search, of its winner, and of what to search next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from hpsearch.analysis import (
    Effect,
    Front,
    FrontMember,
    Interaction,
    Level,
    RungResult,
    SpaceChange,
    Spending,
    Winner,
)
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


def front_table(front: Front, names: Iterable[str]) -> ReportTable:
    """List the Pareto front: the objectives, their means over fresh seeds where known, and the parameters.

    Args:
        front: The front.
        names: The parameters, in their order.
    """
    names = tuple(names)
    varying = [name for name in front.objectives if any(map(partial(_varies, name), front.members))]
    means = [f"{name}, {end}" for name in varying for end in ("mean", "low", "high")]
    confirmed = (*means, "fresh seeds", "beaten by means") if front.confirmed else ()
    rows = tuple(
        (
            *map(cell, (member.number, *member.values.values())),
            *(_confirmed(member, varying) if front.confirmed else ()),
            *(cell(member.parameters.get(name)) for name in names),
        )
        for member in front.members
    )
    caption = f"Pareto front, best first by {next(iter(front.objectives))}"
    return ReportTable(caption, ("trial", *front.objectives, *confirmed, *names), rows)


def _varies(name: str, member: FrontMember) -> bool:
    """Return whether an objective differs between the replicates of a member."""
    return bool(member.estimates and member.estimates[name].deviation)


def _confirmed(member: FrontMember, varying: Sequence[str]) -> tuple[Cell, ...]:
    if not member.estimates:
        return (cell(None),) * (3 * len(varying) + 2)
    found = [member.estimates[name] for name in varying]
    numbers = [number for one in found for number in (one.mean, one.low, one.high)]
    count = next(iter(member.estimates.values())).count
    return (*map(cell, (*numbers, count)), Cell("yes" if member.dominated else "no"))


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
    if spending.infeasible or spending.saved_by_constraints:
        counts["trained, then infeasible"] = spending.infeasible
        counts["saved by constraints"] = spending.saved_by_constraints
    rows = tuple((Cell(what), cell(count)) for what, count in counts.items())
    return ReportTable("Epochs of the finished trials", ("epochs", "count"), rows)


def rungs_table(rungs: Iterable[RungResult]) -> ReportTable:
    """List the rungs, and how far the next ones agreed with them."""
    columns = ("rung", "epoch", "trials that reached it", "promoted", "rank correlation with the next")
    rows = tuple(
        tuple(map(cell, (number, rung.epoch, rung.reached, rung.promoted, rung.agreement)))
        for number, rung in enumerate(rungs, 1)
    )
    return ReportTable("Rungs", columns, rows)


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
