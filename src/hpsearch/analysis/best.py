"""What a search found to be best, and the model that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hpsearch.analysis.confirmation import judge_finalists
from hpsearch.analysis.refit import judge_refit
from hpsearch.spec.experiments import experiment_of
from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import StudyRecord, TrialRecord, winner_name
from hpsearch.store.refit_weights import refitted_weights
from hpsearch.store.winner import Refit, WinnerName
from hpsearch.training.messages import SplitName


@dataclass(frozen=True)
class Best:
    """What a search found: the trial whose configuration is best, and the replicate that stands for it.

    `run` is None where nothing was confirmed: then the trial's own model stands for it. `split` names the
    rows that it was trained on. With `refit` the model of all rows stands for it instead.
    """

    trial: TrialRecord | None
    run: TrialRecord | None
    split: SplitName = None
    refit: Refit | None = None

    @property
    def trained(self) -> TrialRecord:
        """The trial, or its replicate, whose model stands for it where nothing was refitted."""
        found = self.run or self.trial
        assert found is not None  # noqa: S101 - it was asked before
        return found

    @property
    def name(self) -> WinnerName:
        """The name of its model."""
        if self.refit is not None:
            return self.refit.winner
        assert self.trial is not None  # noqa: S101 - it was asked before
        return winner_name(self.trial, self.run)


def best_of(record: StudyRecord, confirmation: StudyRecord | None) -> Best:
    """Give the winner of the confirmation, or where there is none the best trial of the search."""
    verdict = None if confirmation is None else judge_finalists(record, confirmation)
    if confirmation is None or verdict is None or verdict.winner is None or verdict.named is None:
        return Best(record.best, None)
    trial = record.trial(verdict.winner)
    run = confirmation.trial(verdict.named.number)
    split = experiment_of(confirmation.spec, "confirmation").split(run.parameters)
    refit = judge_refit(record, confirmation, verdict)
    return Best(trial, run, split, refit if refit is not None and refit.cause is None else None)


def best_at_hand(files: StudyFiles, record: StudyRecord, confirmation: StudyRecord | None) -> Best:
    """Give what is best, without a refit whose weights are lost: the next run trains it again."""
    best = best_of(record, confirmation)
    if best.refit is None or refitted_weights(files, record, best.refit) is not None:
        return best
    return replace(best, refit=None)
