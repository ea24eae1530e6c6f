"""What an experiment leaves behind when it ends, handed over at once.

Each file is written in one step, and what tells of another one after it: a kill may come in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpsearch.spec import print_spec
from hpsearch.store.baselines import write_baselines
from hpsearch.store.best_study import best_spec
from hpsearch.store.disk import encoded, rename, write_atomically
from hpsearch.store.documents import write_document
from hpsearch.store.ensemble import write_ensemble
from hpsearch.store.identity import StudyIdentity, sealed_page
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.probes import Probes, write_probes
from hpsearch.store.record import StudyRecord
from hpsearch.store.trials_table import trials_csv
from hpsearch.store.winner import (
    ErrorAnalysis,
    HeldOutEvaluations,
    InferenceInfo,
    WinnerName,
    model_stamp,
    write_error_analysis,
    write_held_out,
    write_inference_info,
)
from hpsearch.training.baselines import Baselines
from hpsearch.training.ensemble import Ensemble


@dataclass(frozen=True)
class SavedModel:
    """A model that a worker has saved at `path`, from where it is renamed."""

    path: Path
    name: WinnerName


@dataclass(frozen=True)
class BestResults:
    """The best model, and what belongs to it.

    Attributes:
        model: The model.
        applied: What applies it to new rows.
        insides: Its error analysis; None where the stored one is its own, or none was made.
        looks: All test-set evaluations; None where there is no new one.
        problem: Why its evaluation failed.
    """

    model: SavedModel
    applied: InferenceInfo
    insides: ErrorAnalysis | None = None
    looks: HeldOutEvaluations | None = None
    problem: str | None = None


@dataclass(frozen=True)
class SavedEnsemble:
    """An ensemble that a worker has saved at `path`, from where it is renamed."""

    path: Path
    ensemble: Ensemble


@dataclass(frozen=True)
class StudyResults:
    """All that an experiment leaves behind.

    Attributes:
        record: Its record.
        best: Of a search in which a trial has a value.
        ensemble: The ensemble of its trials; None where the study asks for none.
        others: The models that are kept beside the best, by the numbers of their trials.
        probes: The probes of trials that did not learn; None where there are no new ones.
        baselines: Models without a search; None where there are no new ones.
    """

    record: StudyRecord
    best: BestResults | None = None
    ensemble: SavedEnsemble | None = None
    others: tuple[SavedModel, ...] = ()
    probes: Probes | None = None
    baselines: Baselines | None = None


def write_results(files: StudyFiles, results: StudyResults, page: str, lease: Lease) -> None:
    """Write what an experiment leaves behind.

    The record of test-set evaluations comes behind the model that was evaluated: if the process dies before,
    the next one evaluates again.

    Args:
        files: The experiment.
        results: What to write.
        page: The report.
        lease: Checked before each file, for another process may take the study over in between.

    Raises:
        StoreError: A file cannot be written; those before it are.
        StudyLockedError: The lease was lost.
    """
    record, best, identity = results.record, results.best, results.record.identity
    if results.probes is not None:
        lease.check()
        write_probes(files.probes, results.probes, identity.stamp())
    if results.baselines is not None:
        lease.check()
        write_baselines(files, results.baselines, identity)
    if best is not None:
        study = best_spec(record, record.trial(best.model.name.trial))
        _write(lease, files.best_configuration, encoded(print_spec(study)))
    _write(lease, files.table, encoded(trials_csv(record)))
    if best is not None:
        _write_best(files, record, best, lease)
    if results.ensemble is not None:
        lease.check()
        rename(results.ensemble.path, files.ensemble_model)
        lease.check()
        write_ensemble(files, results.ensemble.ensemble, identity)
    write_page(files, encoded(page), identity, lease)
    for model in results.others:
        _write_other(files, record, model, lease)


def write_page(files: StudyFiles, page: bytes, identity: StudyIdentity, lease: Lease | None = None) -> None:
    """Write the report of an experiment in one step: readers see the old one or the new one.

    Args:
        files: The experiment.
        page: The report.
        identity: What it is of.
        lease: If given, it is checked before the file is written, for drawing takes long enough to lose it.

    Raises:
        StudyLockedError: The lease was lost while the report was drawn.
    """
    sealed = sealed_page(page, identity)
    if lease is not None:
        lease.check()
    write_atomically(files.report, sealed)


def _write(lease: Lease, path: Path, content: bytes) -> None:
    lease.check()
    write_atomically(path, content)


def _write_best(files: StudyFiles, record: StudyRecord, best: BestResults, lease: Lease) -> None:
    lease.check()
    rename(best.model.path, files.best_model)
    name, identity = best.model.name, record.identity
    stamp = identity.stamp(**model_stamp(name, files.best_model))
    lease.check()
    write_inference_info(files.best_preprocessing, best.applied, stamp)
    if best.insides is not None:
        lease.check()
        of = {"trial": name.trial, "seed": name.seed, "epoch": name.epoch, "of": best.applied.weights}
        write_error_analysis(files.insides, best.insides, identity.stamp(**of))
    if best.looks is not None:
        lease.check()
        if record.looks.lost and len(best.looks.looks) == 1:  # the first since the file was damaged
            write_atomically(files.looks.with_name(f"{files.looks.name}.damaged"), files.looks.read_bytes())
        write_held_out(files.looks, best.looks, identity.stamp())


def _write_other(files: StudyFiles, record: StudyRecord, model: SavedModel, lease: Lease) -> None:
    number = model.name.trial
    lease.check()
    rename(model.path, files.model(number))
    stamp = record.identity.stamp(**model_stamp(model.name, files.model(number)))
    lease.check()
    write_document(files.model_note(number), str, files.model(number).name, stamp)
