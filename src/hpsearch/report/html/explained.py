"""A part of a page: what is shown, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from hpsearch.report.tables.tables import ReportTable


@dataclass(frozen=True)
class Explained:
    """A figure or a table, or both, with the sentences that belong to them."""

    note: str
    figure: Markup | None = None
    table: ReportTable | None = None
