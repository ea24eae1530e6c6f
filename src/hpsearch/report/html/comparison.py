"""The page on a comparison as its template sees it."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.analysis.arms.comparison import ComparisonResult
from hpsearch.report.figures import BandPlot, DotPlot, Scale, draw_bands, draw_dots, draw_heat_map, fit_curves
from hpsearch.report.figures.comparison import bands_of, differences_of, epochs_of, heat_of, means_of
from hpsearch.report.html.explained import Explained
from hpsearch.report.tables.comparison import arms_table, claims_table, failures_table
from hpsearch.report.tables.tables import (
    ReportTable,
    columns_table,
    data_table,
    named_table,
    provenance_table,
)
from hpsearch.report.words import comparison as prose
from hpsearch.spec import print_spec
from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class ComparePage:
    """Everything that the template may use; each field is one of its variables."""

    name: str
    answer: str
    means: Explained
    arms: ReportTable
    differences: Explained | None
    heat: Explained | None
    curves: Explained | None
    claims: Explained | None
    epochs: Explained
    failures: Explained | None
    limits: tuple[str, ...]
    fixed: ReportTable | None
    data: ReportTable | None
    columns: ReportTable | None
    study_file: str
    provenance: ReportTable


def compare_page(comparison: ComparisonResult, record: StudyRecord) -> ComparePage:
    """Lay out the page on a comparison."""
    fixed = comparison.fixed
    return ComparePage(
        name=comparison.name,
        answer=prose.answer(comparison),
        means=means_part(comparison),
        arms=arms_table(comparison),
        differences=_differences(comparison),
        heat=_heat(comparison),
        curves=curves_part(comparison),
        claims=_claims(comparison),
        epochs=_epochs(comparison),
        failures=_failures(comparison),
        limits=prose.limits_notes(comparison),
        fixed=named_table("Searched hyperparameters fixed in all arms", fixed) if fixed else None,
        data=None if record.data is None else data_table(record.data),
        columns=None if record.data is None else columns_table(record.data),
        study_file=print_spec(record.spec),
        provenance=provenance_table(record),
    )


def means_part(comparison: ComparisonResult) -> Explained:
    """Show the mean of each arm with its interval."""
    plot = means_of(comparison)
    if not plot.drawable:
        return Explained("No run has a value yet.")
    scale = plot.fit(minimize=comparison.minimize)
    return _dots(plot, scale, prose.means_note(comparison, scale.outside), "means")


def _dots(plot: DotPlot, scale: Scale, note: str, name: str) -> Explained:
    return Explained(note + (prose.cut_note() if plot.cut(scale) else ""), draw_dots(plot, scale, name))


def _differences(comparison: ComparisonResult) -> Explained | None:
    plot = differences_of(comparison)
    if not plot.drawable:
        return None
    scale = plot.fit(minimize=comparison.minimize)
    return _dots(plot, scale, prose.differences_note(comparison, scale.outside), "differences")


def _heat(comparison: ComparisonResult) -> Explained | None:
    heat = heat_of(comparison)
    if heat is None or not any(cell and cell.strength is not None for row in heat.cells for cell in row):
        return None
    return Explained(prose.heat_note(comparison), draw_heat_map(heat, comparison.metric))


def curves_part(comparison: ComparisonResult) -> Explained | None:
    """Show how the arms have learned; None where none has begun."""
    plot = bands_of(comparison)
    if not plot.values:
        return None
    scale = scale_of(plot, minimize=comparison.minimize)
    note = prose.curves_note(len(plot.panels), comparison, scale.outside)
    return Explained(note, draw_bands(plot, scale))


def scale_of(plot: BandPlot, *, minimize: bool) -> Scale:
    """Fit an axis to learning curves, of which the first panel shows those of the best arm."""
    leader = [value for value in plot.panels[0].validation.mean if value is not None]
    return fit_curves(plot.values, leader, minimize=minimize)


def _claims(comparison: ComparisonResult) -> Explained | None:
    if not comparison.claims:
        return None
    return Explained(prose.claims_note(), table=claims_table(comparison.claims))


def _epochs(comparison: ComparisonResult) -> Explained:
    plot, note = epochs_of(comparison), prose.epochs_note(comparison)
    if not plot.drawable:
        return Explained(note)
    return _dots(plot, plot.fit(minimize=True), note, "epochs")


def _failures(comparison: ComparisonResult) -> Explained | None:
    if not comparison.failures:
        return None
    return Explained(prose.failures_note(comparison), table=failures_table(comparison.failures))
