"""The page on probes as its template sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.analysis import ArmSummary
from hpsearch.report.figures import BY_ARM, BY_EPOCH, draw_depths, draw_histograms
from hpsearch.report.figures.depths import Grouping
from hpsearch.report.html.explained import Explained
from hpsearch.report.tables.tables import Cell, ReportTable, cell, data_table, named_table
from hpsearch.report.words import probe as prose
from hpsearch.spec import print_spec
from hpsearch.spec.space.parameter import Value
from hpsearch.training.probes.record import StudyProbe

EPOCH = ("epoch",)
"""The column that a table has where the arms were trained."""


@dataclass(frozen=True)
class ProbePage:
    """Everything that the template may use; each field is one of its variables."""

    name: str
    answer: str
    arms: ReportTable
    limits: str
    evidence: ReportTable | None
    endings: ReportTable | None
    histograms: Explained
    deviations: Explained
    gradients: Explained
    fixed: ReportTable | None
    data: ReportTable
    study_file: str
    provenance: ReportTable


def probe_page(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> ProbePage:
    """Lay out the page of the probes of a study."""
    return ProbePage(
        name=probe.spec.name,
        answer=prose.answer(probe, summaries),
        arms=_arms(summaries, trained=probe.trained),
        limits=prose.limits_note(),
        evidence=_evidence(summaries, trained=probe.trained),
        endings=_endings(probe),
        histograms=histograms_part(probe),
        deviations=deviations_part(probe),
        gradients=gradients_part(probe),
        fixed=named_table("Searched hyperparameters fixed in all arms", probe.fixed) if probe.fixed else None,
        data=data_table(probe.data),
        study_file=print_spec(probe.spec),
        provenance=named_table("Seed, data, versions and settings", _provenance(probe)),
    )


def histograms_part(probe: StudyProbe) -> Explained:
    """Show how activations are distributed in each layer."""
    return Explained(prose.histograms_note(probe), draw_histograms(probe.arms))


def deviations_part(probe: StudyProbe) -> Explained:
    """Show the deviation of activations by depth."""
    figure = draw_depths(
        probe.arms, lambda layer: layer.deviation, "deviations", "deviation of activations", _grouping(probe)
    )
    return Explained(prose.deviations_note(probe), figure)


def gradients_part(probe: StudyProbe) -> Explained:
    """Show the norm of the gradient by depth."""
    figure = draw_depths(
        probe.arms, lambda layer: layer.gradient_norm, "gradients", "norm of the gradient", _grouping(probe)
    )
    return Explained(prose.gradients_note(probe), figure)


def _grouping(probe: StudyProbe) -> Grouping:
    return BY_EPOCH if probe.trained else BY_ARM


def _arms(summaries: Sequence[ArmSummary], *, trained: bool) -> ReportTable:
    columns = (
        "initializer",
        "activation",
        *EPOCH[:trained],
        "deviation, first layer",
        "deviation, last layer",
        "last / first",
        "dead, last layer",
        "saturated, last layer",
        "gradient, first / last",
        "findings",
    )
    rows = tuple(_row(summary, trained=trained) for summary in summaries)
    return ReportTable("All arms", columns, rows)


def _row(summary: ArmSummary, *, trained: bool) -> tuple[Cell, ...]:
    first, last = summary.first, summary.last
    numbers = (
        first.deviation,
        last.deviation,
        summary.deviation_ratio,
        last.dead,
        last.saturated,
        summary.gradient_ratio,
    )
    kinds = ", ".join(finding.kind for finding in summary.findings)
    return (*_names(summary, trained=trained), *map(_number, numbers), Cell(kinds or "none"))


def _names(summary: ArmSummary, *, trained: bool) -> tuple[Cell, ...]:
    arm = summary.arm
    return (Cell(arm.initializer), Cell(arm.behind), *((cell(arm.epoch),) if trained else ()))


def _endings(probe: StudyProbe) -> ReportTable | None:
    rows = tuple((Cell(ending.name), Cell(ending.sentence)) for ending in probe.endings)
    return ReportTable("Arms whose training ended early", ("arm", "cause"), rows) if rows else None


def _evidence(summaries: Sequence[ArmSummary], *, trained: bool) -> ReportTable | None:
    rows = tuple(
        (*_names(summary, trained=trained), Cell(finding.kind), Cell(finding.sentence))
        for summary in summaries
        for finding in summary.findings
    )
    columns = ("initializer", "activation", *EPOCH[:trained], "finding", "evidence")
    return ReportTable("All findings with their evidence", columns, rows) if rows else None


def _number(number: float | None) -> Cell:
    return Cell("overflow") if number == math.inf else cell(number)


def _provenance(probe: StudyProbe) -> dict[str, Value]:
    return {
        "seed": probe.spec.search.seed,
        "seeds of each arm": probe.replicates,
        "epochs (0: before training)": ", ".join(map(str, probe.epochs)),
        "rows (the first of the training set)": probe.rows,
        "mode": "training: batch statistics in batch normalization, dropout active",
        "data fingerprint (SHA-256)": probe.data.fingerprint,
        **{f"version: {name}": value for name, value in probe.versions.items()},
    }
