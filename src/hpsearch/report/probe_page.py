"""The page on probes as its template sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.analysis import ArmSummary
from hpsearch.probes.record import StudyProbe
from hpsearch.report import probe_prose as prose
from hpsearch.report.figures import draw_depths, draw_histograms
from hpsearch.report.page import Explained
from hpsearch.report.tables import Cell, Table, cell, data_table, named_table
from hpsearch.search_space import Value
from hpsearch.spec import print_spec


@dataclass(frozen=True)
class ProbePage:
    """Everything that the template may use; each field is one of its variables."""

    name: str
    answer: str
    arms: Table
    limits: str
    evidence: Table | None
    histograms: Explained
    deviations: Explained
    gradients: Explained
    fixed: Table | None
    data: Table
    study_file: str
    provenance: Table


def probe_page(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> ProbePage:
    """Lay out the page of the probes of a study."""
    arms = probe.arms
    deviations = draw_depths(arms, lambda layer: layer.deviation, "deviations", "deviation of activations")
    gradients = draw_depths(arms, lambda layer: layer.gradient_norm, "gradients", "norm of the gradient")
    return ProbePage(
        name=probe.spec.name,
        answer=prose.answer(probe, summaries),
        arms=_arms(summaries),
        limits=prose.limits_note(),
        evidence=_evidence(summaries),
        histograms=Explained(prose.histograms_note(probe), draw_histograms(arms)),
        deviations=Explained(prose.deviations_note(), deviations),
        gradients=Explained(prose.gradients_note(), gradients),
        fixed=named_table("Searched values that all arms share", probe.fixed) if probe.fixed else None,
        data=data_table(probe.data),
        study_file=print_spec(probe.spec),
        provenance=named_table("Where the numbers come from", _provenance(probe)),
    )


def _arms(summaries: Sequence[ArmSummary]) -> Table:
    columns = (
        "initializer",
        "activation",
        "deviation, first layer",
        "deviation, last layer",
        "last / first",
        "dead, last layer",
        "saturated, last layer",
        "gradient, first / last",
        "findings",
    )
    return Table("Every arm, in numbers", columns, tuple(map(_row, summaries)))


def _row(summary: ArmSummary) -> tuple[Cell, ...]:
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
    return (*_names(summary), *map(_number, numbers), Cell(kinds or "none"))


def _names(summary: ArmSummary) -> tuple[Cell, Cell]:
    return Cell(summary.arm.initializer), Cell(summary.arm.behind)


def _evidence(summaries: Sequence[ArmSummary]) -> Table | None:
    rows = tuple(
        (*_names(summary), Cell(finding.kind), Cell(finding.sentence))
        for summary in summaries
        for finding in summary.findings
    )
    columns = ("initializer", "activation", "finding", "evidence")
    return Table("Every finding, with its evidence", columns, rows) if rows else None


def _number(number: float | None) -> Cell:
    return Cell("overflow") if number == math.inf else cell(number)


def _provenance(probe: StudyProbe) -> dict[str, Value]:
    return {
        "seed": probe.spec.search.seed,
        "seeds of each arm": probe.replicates,
        "rows, the first of the training part": probe.rows,
        "mode": "training: batch normalization by the batch, dropout at work",
        "data fingerprint (SHA-256)": probe.data.fingerprint,
        **{f"version: {name}": value for name, value in probe.versions.items()},
    }
