"""What a search leaves behind: its best models, its configuration, its table and its report."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.analysis import BestModel, Conclusion, compare
from hpsearch.analysis.analysis import analyze_stored
from hpsearch.engines import Worker
from hpsearch.engines.messages import ExportOrder, SavedWinner, WeightsOrder
from hpsearch.engines.single_member import SingleMember
from hpsearch.exceptions import HpsearchError
from hpsearch.report.html.reports import render_comparison, render_report
from hpsearch.report.html.study import search_page
from hpsearch.spec import print_spec
from hpsearch.spec.sections.parts_of_rows import TestRows
from hpsearch.store.arrays import read_arrays
from hpsearch.store.layout import StudyFiles
from hpsearch.store.probes import Probes
from hpsearch.store.record import StudyRecord, TrialRecord, winner_name
from hpsearch.store.refit_weights import Arrays, refitted_weights
from hpsearch.store.results import BestResults, SavedEnsemble, SavedModel, StudyResults, write_results
from hpsearch.store.winner import InferenceInfo
from hpsearch.study.finish.ensemble import save_ensemble
from hpsearch.study.finish.held_out import found_by, order_for
from hpsearch.study.open_study import OpenStudy
from hpsearch.training.messages import Member, SplitName


def leave_results(
    study: OpenStudy, conclusion: Conclusion, worker: Worker, *, ended: bool, probes: Probes | None = None
) -> Conclusion:
    """Write the best models, the best configuration, the table of trials and the report.

    The best model is that of the refit; without one that of the winner's median replicate; without a
    confirmation that of the best trial. The worker saves it while the importance is computed and drawn here;
    what came of all is then written at once.

    Args:
        study: The search.
        conclusion: What it has come to.
        worker: A worker of its pool.
        ended: Whether the search has ended; only then the worker evaluates the model on the test set.
        probes: What else is to be written: the probes of trials that did not learn, where there are new ones.

    Returns:
        The conclusion with the evaluation.

    Raises:
        HpsearchError: Something cannot be saved or written; of a model beside the best, after all else is.
    """
    files, record = study.files, conclusion.record
    best, weights = _at_hand(files, conclusion)
    if best.trial is not None:
        export = _export(_temporary(files, "best"), record, best, weights, worker)
        worker.submit(order_for(record, best.name, export, ended=ended))
    analysis = analyze_stored(conclusion, files)
    page = search_page(analysis, record)
    results = StudyResults(record, "", probes=probes)
    failure = None
    if best.trial is not None:
        saved = SavedModel(Path(export.path), best.name)
        results = _with_best(results, conclusion, saved, worker.result())
        joined = _joined(files, record, export, worker, ended=ended)
        if joined is not None:
            found = replace(results.record, ensemble=joined.ensemble)
            results = replace(results, record=found, ensemble=joined)
        results, failure = _with_others(files, results, best.trial, worker)
    text = render_report(analysis.evaluated(results.record), results.record, page)
    write_results(files, replace(results, page=text), study.lease)
    if failure is not None:
        raise failure
    return conclusion.with_record(results.record)


def leave_comparison(study: OpenStudy, record: StudyRecord) -> None:
    """Write the table and the report of a comparison."""
    page = render_comparison(compare(record), record)
    write_results(study.files, StudyResults(record, page), study.lease)


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


def _with_best(
    results: StudyResults, conclusion: Conclusion, model: SavedModel, winner: SavedWinner
) -> StudyResults:
    before, record, study = (
        results.record,
        found_by(results.record, model.name, winner),
        conclusion.best_study,
    )
    assert study is not None  # noqa: S101 - it has a winner
    saved = BestResults(
        model=model,
        configuration=print_spec(study),
        applied=InferenceInfo(record.name, model.name, winner.weights, winner.preprocessing),
        insides=None if record.insides == before.insides else record.insides,
        looks=None if record.looks == before.looks else record.looks,
    )
    return replace(results, record=record, best=saved)


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


def _with_others(
    files: StudyFiles, results: StudyResults, best: TrialRecord, worker: Worker
) -> tuple[StudyResults, HpsearchError | None]:
    """Save as many models beside the best as the study wants to keep, up to one that cannot be saved."""
    record, saved = results.record, list[SavedModel]()
    keep_in_all = record.spec.search.keep
    others = [trial for trial in record.ranking[:keep_in_all] if trial is not best]
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
    member = Member(best.number, best.configuration, best.seed, search.metric, search.direction, split)
    again = SingleMember(worker, member)
    again.train(best.best_epoch or 0)
    weights = dict(worker.do(WeightsOrder(best.number)))
    again.stop()
    return weights
