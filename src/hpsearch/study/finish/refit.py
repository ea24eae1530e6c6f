"""Refit the winner: it is trained once more, on training and validation rows together."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from hpsearch.engines import Worker
from hpsearch.engines.messages import TickResult, WeightsOrder
from hpsearch.engines.single_member import SingleMember
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.store.identity import digest
from hpsearch.store.record import StudyRecord
from hpsearch.store.refit_weights import Arrays, arrays_of, refitted_weights
from hpsearch.store.winner import Refit, write_refit
from hpsearch.study.open_study import OpenStudy
from hpsearch.study.snapshots import SnapshotClock
from hpsearch.training.messages import Member, MemberState, RefitRun


def refit_winner(study: OpenStudy, conclusion: Conclusion, worker: Worker) -> Conclusion:
    """Train the winner of a confirmation on training and validation rows together, or resume that.

    A refit of the same winner that is complete is not repeated.

    Returns:
        The conclusion with the refit, or unchanged if the study asks for none.
    """
    record, planned, done = conclusion.record, conclusion.planned, conclusion.refit
    if not record.spec.confirm.refit:
        return conclusion
    if planned is None:
        study.display.note("no finalist succeeded with fresh seeds: refit skipped")
        return conclusion
    if done is None or not (done.cause or refitted_weights(study.files, record.identity, planned)):
        study.display.note(f"refitting the winner: {planned.rows:,} rows, {planned.winner.epoch} epochs")
        done = _Refitting(study, record, planned, worker).run()
    return conclusion.with_record(replace(record, refit=done))


class _Refitting:
    """One refit under way."""

    def __init__(self, study: OpenStudy, record: StudyRecord, planned: Refit, worker: Worker) -> None:
        self.files, self.lease, self.planned, self.worker = study.files, study.lease, planned, worker
        self.identity = record.identity
        search, name = record.spec.search, planned.winner
        trial = record.trial(name.trial)
        self.member = Member(
            trial.number, trial.configuration, name.seed, search.first_metric, search.direction, "whole"
        )
        self.clock = SnapshotClock()

    def run(self) -> Refit:
        """Train to the end, and write what came of it; the weights first."""
        run = RefitRun(self.planned.winner.epoch or 1, self.planned.drops)
        refitted = SingleMember(self.worker, self.member, state=self._stored(), refit=run)
        failure = refitted.train(snapshot_due=lambda: self.clock.due, save=self._save)
        cause = None if failure is None else failure.told
        if cause is None:
            weights = dict(self.worker.do(WeightsOrder(self.member.number)))
            cause = None if _finite(weights) else "the weights are not finite"
        refitted.stop()
        self.lease.check()
        if cause is None:
            write_arrays(self.files.refit_weights, weights, {"refit": repr(self.planned)}, self._stamp)
        done = replace(self.planned, cause=cause)
        write_refit(self.files.refit, done, self._stamp)
        self.files.refit_checkpoint.unlink(missing_ok=True)
        return done

    @property
    def _stamp(self) -> dict[str, Any] | None:
        name = self.planned.winner
        return self.identity.stamp(trial=name.trial, seed=name.seed, of=digest(repr(self.planned)))

    def _stored(self) -> MemberState | None:
        """Read where an interrupted refit was."""
        stored = read_arrays(self.files.refit_checkpoint, self.identity)
        arrays = arrays_of(self.planned, stored)
        return (
            MemberState(arrays, stored[1]["trainer"]) if stored is not None and arrays is not None else None
        )

    def _save(self, told: TickResult) -> None:
        """Save where the training is; a damaged file costs only time."""
        for state in told.states.values():
            begun = time.monotonic()
            progress = {"trainer": state.progress, "refit": repr(self.planned)}
            self.lease.check()
            write_arrays(self.files.refit_checkpoint, state.arrays, progress, self._stamp)
            self.clock.saved(told.snapshot_seconds + time.monotonic() - begun)


def _finite(weights: Arrays) -> bool:
    return all(np.isfinite(array).all() for array in weights.values() if array.dtype.kind == "f")
