"""What a search leaves behind: its best models, its configuration, its table and its report."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.analysis import BestModel, Conclusion, find_influence
from hpsearch.analysis.analysis import analyze_search, with_evaluation
from hpsearch.analysis.best_study import best_spec
from hpsearch.engines import Worker
from hpsearch.engines.messages import ExportOrder, WeightsOrder
from hpsearch.engines.single_member import SingleMember
from hpsearch.report.html.reports import render_report
from hpsearch.report.html.study import search_page
from hpsearch.spec import print_spec
from hpsearch.store.arrays import read_arrays
from hpsearch.store.disk import encoded, rename, write_atomically
from hpsearch.store.documents import write_document
from hpsearch.store.identity import sealed_page
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.record import StudyRecord, TrialRecord, winner_name
from hpsearch.store.refit_weights import refitted_weights
from hpsearch.store.trials_table import trials_csv
from hpsearch.store.winner import model_stamp
from hpsearch.study.finish.held_out import keep, order_for
from hpsearch.study.open_study import OpenStudy
from hpsearch.study.report import write_report
from hpsearch.training.messages import Member, SplitName


def leave_results(study: OpenStudy, conclusion: Conclusion, worker: Worker, *, ended: bool) -> Conclusion:
    """Write the best models, the best configuration, the table of trials and the report.

    The best model is that of the refit; without one that of the winner's median replicate; without a
    confirmation that of the best trial. The worker saves it while the importance is computed and drawn here.

    Args:
        study: The search.
        conclusion: What it has come to.
        worker: A worker of its pool.
        ended: Whether the search has ended; only then the worker evaluates the model on the test set.

    Returns:
        The conclusion with the evaluation.
    """
    files, lease, record = study.files, study.lease, conclusion.record
    best = _at_hand(files, conclusion)
    if best.trial is not None:
        export = _export(files, record, best, worker)
        worker.submit(order_for(record, best.name, export, ended=ended))
        _write(lease, files.best_configuration, print_spec(best_spec(record, best.trial)))
    _write(lease, files.table, trials_csv(record))
    analysis = analyze_search(conclusion, find_influence(record, files))
    page = search_page(analysis, record)
    if best.trial is not None:
        record = keep(files, record, best.name, _export_to(files.best_model, files, worker, lease), lease)
    text = render_report(with_evaluation(analysis, record), record, page)
    lease.check()
    write_atomically(files.report, sealed_page(encoded(text), record.identity))
    _keep_others(files, record, best, worker, lease)
    return conclusion.with_record(record)


def _at_hand(files: StudyFiles, conclusion: Conclusion) -> BestModel:
    """Return what is best, without a refit whose weights are lost: the next run trains it again."""
    best = conclusion.best
    if best.refit is None or refitted_weights(files, conclusion.record, best.refit) is not None:
        return best
    return replace(best, refit=None)


def _keep_others(
    files: StudyFiles, record: StudyRecord, best: BestModel, worker: Worker, lease: Lease
) -> None:
    """Save as many models beside the best as the study wants to keep."""
    keep_in_all = record.spec.search.keep
    others = [trial for trial in record.ranking[:keep_in_all] if trial is not best.trial]
    for trial in others[: keep_in_all - 1]:
        worker.submit(_export(files, record, BestModel(trial, None), worker))
        model = files.model(trial.number)
        _export_to(model, files, worker, lease)
        stamp = record.identity.stamp(**model_stamp(winner_name(trial, None), model))
        write_document(files.model_note(trial.number), str, model.name, stamp)


def _export_to(path: Path, files: StudyFiles, worker: Worker, lease: Lease) -> Any:
    told = worker.result()
    lease.check()
    rename(_temporary(files), path)
    return told


def leave_comparison(study: OpenStudy, record: StudyRecord) -> None:
    """Write the table and the report of a comparison."""
    _write(study.lease, study.files.table, trials_csv(record))
    write_report(study.files, record, None, study.lease)


def _write(lease: Lease, path: Path, text: str) -> None:
    lease.check()
    write_atomically(path, encoded(text))


def _temporary(files: StudyFiles) -> Path:
    return files.best_model.with_name(f".best.{os.getpid()}.tmp.keras")


def _export(files: StudyFiles, record: StudyRecord, best: BestModel, worker: Worker) -> ExportOrder:
    """Ask for the model that stands for what is best, which is trained again where its weights are gone."""
    trial, seed, split = best.trained, best.trained.seed, best.split
    stored = None
    if best.refit is not None:
        stored, seed, split = refitted_weights(files, record, best.refit), best.refit.winner.seed, "whole"
    elif best.run is None:
        arrays = read_arrays(files.weights(trial.number), record.identity, **trial.stamp)
        stored = None if arrays is None else arrays[0]
    weights = stored or _train_again(record, trial, split, worker)
    return ExportOrder(trial.configuration.dump(), weights, str(_temporary(files)), seed, split)


def _train_again(record: StudyRecord, best: TrialRecord, split: SplitName, worker: Worker) -> dict[str, Any]:
    """Train a trial or a replicate up to its best epoch: the same seed gives the same weights."""
    search = record.spec.search
    member = Member(best.number, best.configuration, best.seed, search.metric, search.direction, split)
    again = SingleMember(worker, member)
    again.train(best.best_epoch or 0)
    weights = dict(worker.do(WeightsOrder(best.number)))
    again.stop()
    return weights
