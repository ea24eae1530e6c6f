"""What the rungs of a search decided, and whether later epochs agreed."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import spearmanr

from hpsearch.scheduling.pruners import longest_run
from hpsearch.scheduling.schedulers.bracket import rungs_of
from hpsearch.spec.sections.search import Rungs
from hpsearch.store.record import StudyRecord, TrialRecord

FEWEST = 3
"""Trials of which a rank correlation says anything."""


@dataclass(frozen=True)
class RungResult:
    """A rung of a search.

    Attributes:
        epoch: From 1.
        reached: The number of ended trials that were compared here.
        promoted: The number of these that went on.
        agreement: Spearman's correlation of the promoted ones' values here with those at the next rung, or at
            their end; None where too few went on.
    """

    epoch: int
    reached: int
    promoted: int
    agreement: float | None


def follow_rungs(record: StudyRecord) -> tuple[RungResult, ...]:
    """Return the rungs of a search, from the first; none where it has no such schedule."""
    schedule = record.spec.search.schedule
    if not isinstance(schedule, Rungs) or record.data is None:
        return ()
    epochs = [rung.epoch for rung in rungs_of(schedule, longest_run(record.spec, record.data.train_rows))]
    return tuple(_rung(record, *pair) for pair in zip(epochs, [*epochs[1:], None], strict=True))


def _rung(record: StudyRecord, epoch: int, following: int | None) -> RungResult:
    trials = [trial for trial in record.trials if trial.state != "running"]
    promoted = [trial for trial in trials if trial.epochs > epoch]
    whole = [trial for trial in promoted if trial.state != "failed"]
    pairs = [(_best(record, trial, epoch), _best(record, trial, following)) for trial in whole]
    here, later = ({pair[place] for pair in pairs} for place in (0, 1))
    known = len(pairs) >= FEWEST and len(here) > 1 and len(later) > 1
    agreement = float(spearmanr(*zip(*pairs, strict=True)).statistic) if known else None
    reached = sum(trial.epochs >= epoch for trial in trials)
    return RungResult(epoch, reached, len(promoted), agreement)


def _best(record: StudyRecord, trial: TrialRecord, epoch: int | None) -> float:
    """Return the best value of a trial up to an epoch."""
    curve = trial.history[record.metric][:epoch]
    return (min if record.minimize else max)(value for value in curve if value is not None)
