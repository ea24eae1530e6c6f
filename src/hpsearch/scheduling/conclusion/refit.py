"""How the winner is trained once more, on training and validation rows together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from hpsearch.scheduling.conclusion.verdict import Verdict, name_of
from hpsearch.seeds import derive
from hpsearch.spec.experiments import ARM, REPLICATE
from hpsearch.spec.sections.schedules import ReduceOnPlateau
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.winner import Refit, WinnerName
from hpsearch.training.schedules import Plateau


def plan_refit(record: StudyRecord, confirmation: StudyRecord, verdict: Verdict) -> Refit | None:
    """Plan the refit of the winner; None if the study asks for none, or no finalist succeeded.

    Without validation rows nothing shows when to stop. So the length is the median of the best epochs of the
    replicates, which a single early or late one does not move. It is rounded up, because more rows take
    longer to overfit.
    """
    if not record.spec.confirm.refit or record.data is None:
        return None
    if verdict.winner is None or verdict.named is None:
        return None
    trial = record.trial(verdict.winner)
    own = [run for run in confirmation.ranking if run.parameters[ARM] == name_of(trial)]
    ordered = sorted(own, key=lambda run: int(run.parameters[REPLICATE]))
    best = tuple(run.best_epoch for run in ordered if run.best_epoch is not None)
    epochs, seed = math.ceil(median(best)), derive(record.spec.search.seed, "refit")
    named = confirmation.trial(verdict.named.number)
    rows = record.data.train_rows + record.data.validation_rows
    drops = tuple(_drops(record, named, epochs))
    return Refit(WinnerName(trial.number, None, seed, epochs, refitted=True), best, rows, drops)


def _drops(record: StudyRecord, run: TrialRecord, epochs: int) -> Iterator[tuple[int, float]]:
    """Repeat what a plateau did in a run, from the metric that it looked at."""
    schedule, plateau = run.configuration.training.schedule, Plateau()
    if not isinstance(schedule, ReduceOnPlateau):
        return
    name = schedule.monitor or record.metric
    for epoch, value in enumerate(run.history.get(name, ())[: epochs - 1], start=2):
        training, before = run.configuration.training_at(epoch), plateau.factor
        plateau = plateau.after(training, {name: value}, name, record.spec.search.direction)
        if plateau.factor != before:
            yield epoch, plateau.factor
