"""The baselines of a search as sentences and a table."""

from __future__ import annotations

from hpsearch.analysis.baselines import BaselineComparison
from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.numbers import short


def baselines_line(found: BaselineComparison) -> str:
    """Tell on one line what the baselines give, and which of them the winner does not beat."""
    values = (f"{one.name} {'-' if one.value is None else short(one.value)}" for one in found.rows)
    return ". ".join(filter(None, (f"baselines: {', '.join(values)}", _unbeaten(found))))


def baselines_note(found: BaselineComparison) -> str:
    """Say what baselines are, and which of them the winner does not beat."""
    about = (
        f"Untuned models on the same training and validation rows, by {found.metric}. "
        "The winner was chosen by these validation rows, and the baselines were not."
    )
    return " ".join(filter(None, (_unbeaten(found, end="."), about)))


def _unbeaten(found: BaselineComparison, end: str = "") -> str:
    if not found.unbeaten:
        return ""
    return f"The winner does not beat {' and '.join(found.unbeaten)}{end}"


def baselines_table(found: BaselineComparison) -> ReportTable:
    """List the baselines below the winner."""
    columns = ("model", found.metric, "training rows", "seconds")
    winner = (Cell("winner"), cell(found.winner), cell(None), cell(None))
    rows = (
        (Cell(one.name), cell(one.value), cell(one.rows), cell(round(one.seconds, 2))) for one in found.rows
    )
    return ReportTable("Baselines", columns, (winner, *rows))
