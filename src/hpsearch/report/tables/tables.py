"""The tables of the report as rows of cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from hpsearch.analysis import (
    Analysis,
    CauseOfFailure,
    ParameterImportance,
    RankedTrial,
    SearchedParameter,
    StudyFinding,
)
from hpsearch.data.summary import DataSummary
from hpsearch.report.figures.parallel import listed_trials, names_in_order
from hpsearch.report.words.numbers import DASH, exact, short
from hpsearch.scheduling.conclusion import Verdict
from hpsearch.scheduling.racing.race import FinalistStanding
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord

LISTED = 20


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the exact number behind it where it is one."""

    text: str
    value: str | None = None


@dataclass(frozen=True)
class ReportTable:
    """A table; the column `header` names its rows."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    header: int = 0

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """Tell of each column whether it holds numbers only, with or without gaps."""
        return tuple(map(_all_numbers, zip(*self.rows, strict=True))) or (False,) * len(self.columns)


def _all_numbers(cells: Iterable[Cell]) -> bool:
    filled = [cell for cell in cells if cell.text != DASH]
    return bool(filled) and all(cell.value is not None for cell in filled)


def cell(value: Value | None) -> Cell:
    """Make the cell of a value; an en dash where there is none."""
    return Cell(short(value), exact(value))


def ranking_table(analysis: Analysis) -> ReportTable:
    """List the finished trials, best first, with the most important parameters first."""
    names, trials = names_in_order(analysis), listed_trials(analysis)
    every = "All finished trials" if len(trials) == len(analysis.ranking) else "Finished trials"
    further = tuple(trials[0].metrics) if trials else ()
    own = ("rank", "number", "state", analysis.metric, *further, "best epoch", "epochs", "seconds")
    rows = tuple(_ranking_row(trial, names) for trial in trials)
    return ReportTable(
        f"{every}, best first by {analysis.metric}", (*own, *names, "cause of ending"), rows, header=1
    )


def _ranking_row(trial: RankedTrial, names: Iterable[str]) -> tuple[Cell, ...]:
    own = (
        *(trial.rank, trial.number, trial.state, trial.value, *trial.metrics.values()),
        *(trial.best_epoch, trial.epochs, trial.seconds),
    )
    values = (cell(trial.parameters.get(name)) for name in names)
    return (*map(cell, own), *values, Cell(trial.cause or DASH))


def finalists_table(verdict: Verdict, metric: str) -> ReportTable:
    """List the finalists, those that cannot be told apart from the winner first."""
    columns = (
        "finalist",
        f"mean {metric}",
        "low",
        "high",
        "deviation",
        "replicates",
        "failed",
        "minus the winner",
        "difference, low",
        "difference, high",
        "probability of being better",
        "told apart",
    )
    rows = tuple(map(_finalist_row, verdict.conclusion.standings))
    return ReportTable(f"Finalists: means over {verdict.over} with 95 % intervals", columns, rows)


def _finalist_row(standing: FinalistStanding) -> tuple[Cell, ...]:
    own, other = standing.estimate, standing.difference
    numbers = (own.mean, own.low, own.high, own.deviation, own.count, own.failed)
    difference: tuple[float | None, ...] = (None,) * 4
    if other is not None:
        difference = (other.estimate.mean, other.estimate.low, other.estimate.high, other.probability)
    apart = Cell(DASH if other is None else "no" if standing.tied else "yes")
    return (Cell(standing.name), *map(cell, numbers), *map(cell, difference), apart)


def importance_table(rows: Iterable[ParameterImportance]) -> ReportTable:
    """List the parameters with their shares and the intervals of these; what is in doubt has none."""
    columns = ("parameter", "share", "from", "to", "trials where active", "active when")
    cells = tuple(
        (
            cell(r.name),
            *map(cell, (r.share, r.low, r.high) if r.doubt is None else (None,) * 3),
            cell(r.trials),
            _condition(r.condition),
        )
        for r in sorted(rows, key=lambda row: row.doubt is not None)
    )
    return ReportTable("Importance of each searched parameter", columns, cells)


def failure_table(causes: Iterable[CauseOfFailure]) -> ReportTable:
    """List the causes of failure with the trials that they ended."""
    rows = tuple(
        (
            Cell(c.cause or "no cause was recorded"),
            *map(cell, (len(c.numbers), c.first_epoch, c.last_epoch)),
            Cell(_listed(c.numbers)),
        )
        for c in causes
    )
    columns = ("cause", "trials", "first in epoch", "last in epoch", "numbers")
    return ReportTable("Failed trials by cause", columns, rows)


def findings_table(findings: Iterable[StudyFinding]) -> ReportTable:
    """List the findings with their evidence and the trials that they are about."""
    rows = tuple(
        (Cell(f.kind), Cell(f.sentence), cell(len(f.trials)), Cell(_listed(f.trials) or DASH))
        for f in findings
    )
    return ReportTable("All findings", ("finding", "evidence", "trials", "numbers"), rows)


def searched_table(parameters: Iterable[SearchedParameter]) -> ReportTable:
    """List the parameters with their distributions and conditions."""
    rows = tuple((cell(p.name), cell(p.distribution), _condition(p.condition)) for p in parameters)
    return ReportTable("Searched parameters", ("name", "distribution", "active when"), rows)


def data_table(data: DataSummary) -> ReportTable:
    """Describe the data set."""
    shown: dict[str, Value] = {
        "source": data.source,
        "task": data.task,
        "features": " \N{MULTIPLICATION SIGN} ".join(map(str, data.features)),
        "outputs": data.outputs,
        "training rows": data.train_rows,
        "validation rows": data.validation_rows,
        "test rows": data.test_rows,
        "folds": data.folds,
        "labels": ", ".join(data.labels) or DASH,
        **_chance(data),
    }
    return named_table("Data", shown)


def columns_table(data: DataSummary) -> ReportTable | None:
    """List the columns of a table; None for other data."""
    if not data.columns:
        return None
    rows = tuple(
        (
            *map(Cell, (c.name, c.kind)),
            *map(cell, (c.missing, c.distinct)),
            *(Cell(text or DASH) for text in (c.range, c.becomes, c.warning)),
        )
        for c in data.columns
    )
    names = ("column", "kind", "missing", "distinct", "range", "becomes", "warning")
    return ReportTable("Columns, in the rows that are trained and judged on", names, rows)


def _chance(data: DataSummary) -> dict[str, Value]:
    """Name what a constant prediction gives, as far as it is known."""
    levels = {"loss": data.chance_loss, "accuracy": data.chance_accuracy}
    return {f"{name} of a constant prediction": level for name, level in levels.items() if level is not None}


def provenance_table(record: StudyRecord) -> ReportTable:
    """List where the numbers come from: seed, data, versions, machine and automatic decisions."""
    shown: dict[str, Value] = {"seed": record.spec.search.seed}
    if record.data is not None:
        shown["data fingerprint (SHA-256)"] = record.data.fingerprint
    for title, items in (
        ("version", record.versions),
        ("machine", record.machine),
        ("setting", record.decisions.words()),
    ):
        shown |= {f"{title}: {name}": value for name, value in items.items()}
    return named_table("Seed, data, versions and settings", shown)


def named_table(caption: str, values: Mapping[str, Value]) -> ReportTable:
    """Lay out named values, one a row."""
    rows = tuple((Cell(name), cell(value)) for name, value in values.items())
    return ReportTable(caption, ("item", "value"), rows)


def _condition(words: str) -> Cell:
    return Cell(words or "always")


def _listed(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:LISTED]))
    return shown if len(numbers) <= LISTED else f"{shown} and {len(numbers) - LISTED:,} more"
