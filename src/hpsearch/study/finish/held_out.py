"""The winner is evaluated once on the test set, if there is one, and else on the validation set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hpsearch.engines.messages import ExportOrder, SavedWinner, WinnerOrder
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluation, WinnerName


def order_for(record: StudyRecord, name: WinnerName, export: ExportOrder, *, ended: bool) -> WinnerOrder:
    """Return the order to save the winner, and to evaluate what has not been evaluated yet.

    Args:
        record: The search.
        name: Its winner.
        export: What to save.
        ended: Whether the search has ended. Only then is the test set evaluated, once for each winner.
    """
    has_test = record.data is not None and record.data.test_rows > 0
    looked, threshold = record.looks.of(name) is not None, record.spec.search.threshold
    if has_test and ended and not looked:
        return WinnerOrder(export, "test", tuple(look.weights for look in record.looks.looks), threshold)
    # One that was refitted has seen the validation set.
    known = looked or name.refitted or (record.insides is not None and record.insides.winner == name)
    return WinnerOrder(export, None if known else "validation", threshold=threshold)


def found_by(record: StudyRecord, name: WinnerName, winner: SavedWinner) -> StudyRecord:
    """Return the record with what the worker found when it saved the winner.

    Args:
        record: The search.
        name: Its winner.
        winner: What the worker found.
    """
    looks = record.looks
    looked = looks.of(name)
    found = winner.evaluation or (looked.evaluation if looked is not None else None)
    if found is None:
        return record
    if found.part == "test" and looked is None:
        look = HeldOutEvaluation(_now(), name, winner.weights, found)
        looks = replace(looks, looks=(*looks.looks, look))
    labels, threshold = winner.preprocessing.labels, winner.threshold
    insides = ErrorAnalysis(name, labels, found, winner.columns, winner.effects, threshold, winner.slices)
    if winner.evaluation is None and record.insides is not None and record.insides.winner == name:
        known = record.insides
        insides = replace(insides, columns=known.columns, effects=known.effects, slices=known.slices)
    return replace(record, insides=insides, looks=looks)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
