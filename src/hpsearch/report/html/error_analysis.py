"""The error analysis of the winner as parts of the report; each is None where nothing is known of it."""

from __future__ import annotations

from hpsearch.report.figures import (
    draw_column_effects,
    draw_columns,
    draw_confusion,
    draw_reliability,
    draw_residuals,
)
from hpsearch.report.html.explained import Explained
from hpsearch.report.words import evaluation, slices, threshold
from hpsearch.store.winner import ErrorAnalysis


def threshold_part(insides: ErrorAnalysis | None) -> Explained | None:
    """Show the threshold of two classes, and what it gives on the test set."""
    if insides is None or insides.threshold is None:
        return None
    decided = insides.evaluation.decided
    note = threshold.threshold_note(insides.threshold, insides.labels, decided)
    title = "The winner at its threshold on the test set"
    return Explained(note, table=threshold.decided_table(decided, title) if decided else None)


def mistakes_part(insides: ErrorAnalysis | None) -> Explained | None:
    """Show what the winner gets wrong."""
    if insides is None:
        return None
    found, figure = insides.evaluation, None
    if found.confusion is not None:
        figure = draw_confusion(found.confusion, insides.labels)
    elif found.residuals is not None:
        figure = draw_residuals(found.residuals.pairs)
    return Explained(evaluation.error_note(insides), figure, evaluation.error_table(insides))


def reliability_part(insides: ErrorAnalysis | None) -> Explained | None:
    """Show how its probabilities are calibrated."""
    if insides is None or not insides.evaluation.reliability:
        return None
    found = insides.evaluation
    figure = draw_reliability(found.reliability, evaluation.probable(insides))
    return Explained(evaluation.reliability_note(insides), figure, evaluation.reliability_table(found))


def slices_part(insides: ErrorAnalysis | None) -> Explained | None:
    """Show where it is better or worse than elsewhere."""
    if insides is None or insides.slices is None:
        return None
    return Explained(
        slices.slices_note(insides, insides.slices), table=slices.slices_table(insides, insides.slices)
    )


def relied_on_part(insides: ErrorAnalysis | None) -> Explained | None:
    """Show which columns it relies on."""
    if insides is None or not insides.columns:
        return None
    known = any(one.value is not None for one in insides.columns)
    figure = draw_columns(insides.columns) if known else None
    return Explained(evaluation.columns_note(insides), figure, evaluation.columns_table(insides))


def moved_by_part(insides: ErrorAnalysis | None) -> Explained | None:
    """Show what the most important columns do to its predictions."""
    if insides is None or not insides.effects:
        return None
    figure, table = draw_column_effects(insides.effects), evaluation.column_effects_table(insides)
    return Explained(evaluation.column_effects_note(insides), figure, table)
