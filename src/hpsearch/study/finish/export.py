"""The models that a search leaves behind: its best one, an ensemble, and those that are kept beside it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.engines import Worker
from hpsearch.engines.messages import ExportOrder, SavedWinner, WeightsOrder
from hpsearch.engines.single_member import SingleMember
from hpsearch.exceptions import HpsearchError
from hpsearch.scheduling.conclusion import BestModel, Conclusion
from hpsearch.spec.sections.parts_of_rows import TestRows
from hpsearch.store.arrays import read_arrays
from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import StudyRecord, TrialRecord, winner_name
from hpsearch.store.refit_weights import Arrays, refitted_weights
from hpsearch.store.results import BestResults, SavedEnsemble, SavedModel, StudyResults
from hpsearch.store.winner import InferenceInfo
from hpsearch.study.finish.ensemble import save_ensemble
from hpsearch.study.finish.held_out import found_by, order_for
from hpsearch.training.messages import Member, SplitName


def best_export(
    files: StudyFiles, conclusion: Conclusion, worker: Worker
) -> tuple[BestModel, ExportOrder] | None:
    """Return what is best and how it is saved; None where no trial has a value.

    The best model is that of the refit; without one that of the winner's median replicate; without a
    confirmation that of the best trial.
    """
    best, weights = _at_hand(files, conclusion)
    if best.trial is None:
        return None
    return best, _export(_temporary(files, "best"), conclusion.record, best, weights, worker)


def save_best(
    files: StudyFiles,
    record: StudyRecord,
    chosen: tuple[BestModel, ExportOrder] | None,
    worker: Worker,
    *,
    ended: bool,
) -> StudyResults:
    """Have a worker save and evaluate the best model of a search, and its ensemble where it asks for one."""
    if chosen is None:
        return StudyResults(record)
    best, export = chosen
    winner: SavedWinner = worker.do(order_for(record, best.name, export, ended=ended))
    found = found_by(record, best.name, winner)
    saved = BestResults(
        model=SavedModel(Path(export.path), best.name),
        applied=InferenceInfo(record.name, best.name, winner.weights, winner.preprocessing, winner.threshold),
        insides=None if found.insides == record.insides else found.insides,
        looks=None if found.looks == record.looks else found.looks,
        problem=winner.problem,
    )
    joined = _joined(files, record, export, worker, ended=ended)
    if joined is not None:
        found = replace(found, ensemble=joined.ensemble)
    return StudyResults(found, saved, joined)


def save_others(
    files: StudyFiles, results: StudyResults, worker: Worker
) -> tuple[StudyResults, HpsearchError | None]:
    """Save as many models beside the best as the study wants to keep, up to one that cannot be saved."""
    record, saved, keep_in_all = results.record, list[SavedModel](), results.record.spec.search.keep
    best = None if results.best is None else results.best.model.name.trial
    others = [trial for trial in record.ranking[:keep_in_all] if trial.number != best]
    failure = None
    try:
        for trial in others[: keep_in_all - 1]:
            weights = _kept_weights(files, record, trial)
            path = _temporary(files, f"best.{trial.number}")
            order = _export(path, record, BestModel(trial, None), weights, worker)
            worker.do(order)
            saved.append(SavedModel(Path(order.path), winner_name(trial, None)))
    except HpsearchError as caught:
        failure = caught
    return replace(results, others=tuple(saved)), failure


def _at_hand(files: StudyFiles, conclusion: Conclusion) -> tuple[BestModel, Arrays | None]:
    """Return what is best, and its weights if they are kept.

    A refit whose weights are lost is left out: the next run trains it again.
    """
    best, record = conclusion.best, conclusion.record
    if best.refit is not None:
        weights = refitted_weights(files, record.identity, best.refit)
        if weights is not None:
            return best, weights
        best = replace(best, refit=None)
    known = best.trial is not None and best.run is None
    return best, _kept_weights(files, record, best.trained) if known else None


def _kept_weights(files: StudyFiles, record: StudyRecord, trial: TrialRecord) -> Arrays | None:
    arrays = read_arrays(files.weights(trial.number), record.identity, **trial.stamp)
    return None if arrays is None else arrays[0]


def _joined(
    files: StudyFiles, record: StudyRecord, winner: ExportOrder, worker: Worker, *, ended: bool
) -> SavedEnsemble | None:
    """Join trials to one model where the study asks for it; the winner is what it is held against."""
    path = _temporary(files, "ensemble")

    def export(trial: TrialRecord) -> ExportOrder:
        weights = _kept_weights(files, record, trial)
        return _export(path, record, BestModel(trial, None), weights, worker)

    tested = record.data is not None and record.data.test_rows > 0
    looked = ended and tested and not isinstance(record.spec.data.validation, TestRows)
    return save_ensemble(record, worker, path, export, winner if looked else None)


def _export(
    path: Path, record: StudyRecord, best: BestModel, weights: Arrays | None, worker: Worker
) -> ExportOrder:
    """Ask for the model that stands for what is best, which is trained again where its weights are gone."""
    trial, seed, split = best.trained, best.trained.seed, best.split
    if best.refit is not None:
        seed, split = best.refit.winner.seed, "whole"
    stored = weights or _train_again(record, trial, split, worker)
    return ExportOrder(trial.configuration.dump(), stored, str(path), seed, split)


def _temporary(files: StudyFiles, name: str) -> Path:
    return files.best_model.with_name(f".{name}.{os.getpid()}.tmp.keras")


def _train_again(record: StudyRecord, best: TrialRecord, split: SplitName, worker: Worker) -> dict[str, Any]:
    """Train a trial or a replicate up to its best epoch: the same seed gives the same weights."""
    search = record.spec.search
    member = Member(best.number, best.configuration, best.seed, search.first_metric, search.direction, split)
    again = SingleMember(worker, member)
    again.train(best.best_epoch or 0)
    weights = dict(worker.do(WeightsOrder(best.number)))
    again.stop()
    return weights
