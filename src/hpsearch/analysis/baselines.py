"""The winner against models without a search."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.analysis.chance import score_of_winner
from hpsearch.scheduling.conclusion.verdict import Verdict
from hpsearch.store.record import StudyRecord
from hpsearch.training.baselines import Baseline


@dataclass(frozen=True)
class BaselineComparison:
    """The winner of a search and the baselines, by the metric of the study.

    Attributes:
        metric: Its name.
        winner: The value of the winner; None before there is one.
        rows: The baselines.
        unbeaten: The names of those that are at least as good as the winner.
    """

    metric: str
    winner: float | None
    rows: tuple[Baseline, ...]
    unbeaten: tuple[str, ...]


def compare_baselines(record: StudyRecord, verdict: Verdict | None) -> BaselineComparison | None:
    """Hold the winner of a search against its baselines; None where there are none."""
    if record.baselines is None:
        return None
    found = score_of_winner(record, verdict)
    winner = None if found is None else found.mean
    rows, sign = record.baselines.rows, -1 if record.minimize else 1
    unbeaten = tuple(
        one.name
        for one in rows
        if winner is not None and one.value is not None and sign * one.value >= sign * winner
    )
    return BaselineComparison(record.baselines.metric, winner, rows, unbeaten)
