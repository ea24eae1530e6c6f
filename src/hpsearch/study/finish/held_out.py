"""The winner is saved with what applies it to new rows, and looks once at the test set, if there is one."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime

from hpsearch.engines.messages import ExportOrder, SavedWinner, WinnerOrder
from hpsearch.store.disk import write_atomically
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import (
    ErrorAnalysis,
    HeldOutEvaluation,
    HeldOutEvaluations,
    InferenceInfo,
    WinnerName,
    model_stamp,
    write_error_analysis,
    write_held_out,
    write_inference_info,
)


def order_for(record: StudyRecord, name: WinnerName, export: ExportOrder, *, ended: bool) -> WinnerOrder:
    """Return the order to save the winner, and to evaluate what has not been evaluated yet.

    Args:
        record: The search.
        name: Its winner.
        export: What to save.
        ended: Whether the search has ended. Only then is the test set evaluated, once for each winner.
    """
    has_test = record.data is not None and record.data.test_rows > 0
    looked = record.looks.of(name) is not None
    if has_test and ended and not looked:
        return WinnerOrder(export, "test", tuple(look.weights for look in record.looks.looks))
    # One that was refitted has seen the validation set.
    known = looked or name.refitted or (record.insides is not None and record.insides.winner == name)
    return WinnerOrder(export, None if known else "validation")


def keep(
    files: StudyFiles, record: StudyRecord, name: WinnerName, winner: SavedWinner, lease: Lease
) -> StudyRecord:
    """Write what belongs to the winner, and return the record with it.

    The record of test-set evaluations is written last: if the process dies before, the next one evaluates
    again.

    Args:
        files: The search.
        record: Its record.
        name: Its winner.
        winner: What the worker found when it saved the winner.
        lease: Checked before anything is written.
    """
    lease.check()
    applied = InferenceInfo(record.name, name, winner.weights, winner.preprocessing)
    stamp = record.identity.stamp(**model_stamp(name, files.best_model))
    write_inference_info(files.best_preprocessing, applied, stamp)
    if winner.problem is not None:
        warnings.warn(
            f"the best model was not evaluated on the test set: {winner.problem}",
            RuntimeWarning,
            stacklevel=2,
        )
    looked = record.looks.of(name)
    found = winner.evaluation or (looked.evaluation if looked is not None else None)
    if found is None:
        return record
    insides, looks = ErrorAnalysis(name, winner.preprocessing.labels, found), record.looks
    if insides != record.insides:
        of = {"trial": name.trial, "seed": name.seed, "epoch": name.epoch, "of": winner.weights}
        write_error_analysis(files.insides, insides, record.identity.stamp(**of))
    if found.part == "test" and looked is None:
        looks = _logged(files, record, HeldOutEvaluation(_now(), name, winner.weights, found), lease)
    return replace(record, insides=insides, looks=looks)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _logged(
    files: StudyFiles, record: StudyRecord, look: HeldOutEvaluation, lease: Lease
) -> HeldOutEvaluations:
    """Add a look to the log; one that is damaged is kept beside it."""
    lease.check()
    looks = record.looks
    if looks == HeldOutEvaluations(lost=True):
        write_atomically(files.looks.with_name(f"{files.looks.name}.damaged"), files.looks.read_bytes())
    grown = replace(looks, looks=(*looks.looks, look))
    write_held_out(files.looks, grown, record.identity.stamp())
    return grown
