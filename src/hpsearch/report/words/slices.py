"""Where the winner is better or worse than elsewhere, as sentences and a table."""

from __future__ import annotations

from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.measures import measured_words
from hpsearch.report.words.numbers import amount, short
from hpsearch.store.winner import ErrorAnalysis
from hpsearch.training.slices import FEWEST_ROWS, Slice, Slices

LEVEL = 0.05


def slices_note(insides: ErrorAnalysis, slices: Slices) -> str:
    """Say what the slices are, how many were looked at, and how many of them are no chance."""
    sure = sum(one.p < LEVEL for one in slices.found)
    found = f"{sure} of the listed" if sure else "None of the listed"
    test = "Fisher's exact test" if insides.labels else "Welch's t-test of absolute errors"
    whole, least = measured_words(slices.whole), amount(FEWEST_ROWS, "row")
    if insides.threshold is not None:
        whole += f" at the threshold {short(insides.threshold.value)}"
    return (
        f"The rows of the {insides.evaluation.part} set by the values of each column, numbers with many "
        f"values cut at their quartiles: {amount(slices.looked_at, 'slice')} with {least} or more. Those "
        f"that differ most from all other rows are listed; of all rows it is {whole}. {found} "
        f"differ{'s' * (sure == 1)} by more than chance ({test}, p below {LEVEL}, corrected by Holm's method "
        "for all that were looked at). The intervals are 95 % intervals of each slice alone, without that "
        "correction; missing values count as what they were imputed with."
    )


def slices_table(insides: ErrorAnalysis, slices: Slices) -> ReportTable:
    """List the slices, the surest first."""
    told = ("most frequent mistake", "times") if insides.labels else ("mean residual", "low", "high")
    columns = ("column", "values", "rows", slices.whole.name, "low", "high", "difference", "p (Holm)", *told)
    rows = tuple(
        (*_cells(one), *(_mistake(one) if insides.labels else _residual(one))) for one in slices.found
    )
    return ReportTable("Slices that differ most from the other rows", columns, rows)


def _cells(one: Slice) -> tuple[Cell, ...]:
    own = one.measure
    numbers = (one.rows, own.value, own.low, own.high, one.difference, one.p)
    return Cell(one.column), Cell(one.values), *map(cell, numbers)


def _mistake(one: Slice) -> tuple[Cell, ...]:
    if one.mistake is None:
        return cell(None), cell(0)
    return Cell(f"{one.mistake.true} taken for {one.mistake.guess}"), cell(one.mistake.times)


def _residual(one: Slice) -> tuple[Cell, ...]:
    mean = one.residual
    return (cell(None),) * 3 if mean is None else tuple(map(cell, (mean.value, mean.low, mean.high)))
