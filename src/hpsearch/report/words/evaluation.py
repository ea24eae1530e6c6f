"""Evaluations on the test set, and the error analysis of the winner, as sentences and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.measures import measured_words
from hpsearch.report.words.numbers import amount, short
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluation, HeldOutEvaluations
from hpsearch.training.evaluation import Evaluation, Residuals
from hpsearch.training.measure import Measure

LOST = "the log of earlier test-set evaluations is damaged: this score may be optimistic"


def evaluation_words(looks: HeldOutEvaluations, look: HeldOutEvaluation, metric: str) -> str:
    """Tell on one line what a winner gives on the test set, and how often that was looked at."""
    measures = by_metric(look.evaluation.measures, metric)
    text = f"on the test set, with 95 % intervals: {', '.join(map(measured_words, measures))}"
    if any(measure.chance is not None for measure in measures):
        worse = (
            "" if measures[0].beats_chance is not False else f"by {measures[0].name} this is not better than "
        )
        text = f"{text}; {worse}a constant prediction{', which has' if worse else ' has'} "
        text += ", ".join(_constant(measure) for measure in measures if measure.chance is not None)
    return "; ".join(filter(None, (text, _unknown(measures), _often(looks))))


def _unknown(measures: Sequence[Measure]) -> str:
    """Say which numbers there are none of, and why that may be."""
    names = ", ".join(measure.name for measure in measures if measure.value is None)
    why = "a prediction for these rows is not finite, or the rows do not define it"
    return names and f"no number for {names}: {why}"


def by_metric(measures: Sequence[Measure], metric: str) -> list[Measure]:
    """Sort what was measured on the test set: that of the study's metric comes first."""
    own = metric.removeprefix("val_")
    return sorted(measures, key=lambda measure: measure.name != own)


def _constant(measure: Measure) -> str:
    return f"{measure.name} {short(measure.chance)}"


def _often(looks: HeldOutEvaluations) -> str:
    if looks.lost:
        return LOST
    if len(looks.looks) < 2:
        return ""
    return (
        f"the test set has been evaluated {len(looks.looks)} times: "
        "this score is optimistic by an unknown amount"
    )


def evaluations_note(looks: HeldOutEvaluations) -> str:
    """Say what the test set is, and how often it has been looked at."""
    often = _often(looks) or "the test set has been evaluated once"
    text = (
        "The test set was not used in the search or its confirmation; the saved model of the winner was "
        "evaluated on it. Intervals are 95 % intervals over its rows: Wilson's for accuracy, the normal "
        "approximation for losses and mean absolute errors, bootstrap percentiles for other scores. "
        "The constant is the score of a constant prediction, fitted to the training rows."
    )
    return f"{text} {often[:1].upper()}{often[1:]}."


def evaluations_table(looks: HeldOutEvaluations) -> ReportTable:
    """List every look at the test set with what it gave, the oldest first."""
    columns = (
        "evaluation",
        "date",
        "trial",
        "replicate",
        "rows",
        "measure",
        "value",
        "low",
        "high",
        "constant",
    )
    rows = tuple(
        (
            *head,
            Cell(measure.name),
            cell(measure.value),
            cell(measure.low),
            cell(measure.high),
            cell(measure.chance),
        )
        for number, look in enumerate(looks.looks, start=1)
        for head in (_look_cells(number, look),)
        for measure in look.evaluation.measures
    )
    return ReportTable("Test-set evaluations with 95 % intervals", columns, rows)


def _look_cells(number: int, look: HeldOutEvaluation) -> tuple[Cell, ...]:
    date = Cell(look.date.replace("T", " ").replace("+00:00", " UTC"))
    return (
        cell(number),
        date,
        cell(look.winner.trial),
        Cell("all rows") if look.winner.refitted else cell(look.winner.replicate),
        cell(look.evaluation.rows),
    )


def error_note(insides: ErrorAnalysis) -> str:
    """Say on which rows the winner is right and wrong, and how the figure is read."""
    found, winner = insides.evaluation, insides.winner
    model = f"trial {winner.trial}" + (", refitted on all rows," if winner.refitted else "")
    if winner.replicate is not None:
        model = f"replicate {winner.replicate} of {model}"
    rows = f"{amount(found.rows, 'row')} of the {found.part} set"
    of = "" if found.part == "test" else ", on which it was chosen"
    return f"The model of {model}, evaluated on {rows}{of}. {_how_to_read(insides)}"


def _how_to_read(insides: ErrorAnalysis) -> str:
    if insides.evaluation.confusion is not None:
        at = "" if insides.threshold is None else f", told apart at {short(insides.threshold.value)}"
        return (
            f"Confusion matrix: rows are true classes, columns are predicted classes{at}. Each cell has the "
            "number of samples; its colour is their share of the true class."
        )
    if insides.evaluation.residuals is not None:
        return "Residuals are predicted minus true values; on the diagonal, both are equal."
    if insides.labels:
        return "There are too many classes for a confusion matrix."
    return "A row has several labels, or predictions are not finite: there is nothing to draw."


def reliability_note(insides: ErrorAnalysis) -> str:
    """Say how far predicted probabilities are from what came true, and how the figure is read."""
    found = insides.evaluation
    error = short(found.calibration_error)
    of = probable(insides)
    return (
        f"Of the rows with about the same predicted probability of {of}, how many it came true for: on the "
        f"diagonal, probabilities can be taken at their word. The mean distance from it over the rows of the "
        f"{found.part} set (expected calibration error) is {error}. Vertical lines are 95 % intervals "
        "(Wilson's); a larger dot stands for more rows."
    )


def probable(insides: ErrorAnalysis) -> str:
    """Name what the probabilities of a classification are of."""
    return f"class {insides.labels[1]}" if len(insides.labels) == 2 else "the predicted class"


def reliability_table(evaluation: Evaluation) -> ReportTable:
    """List the bins of predicted probabilities."""
    columns = ("rows", "mean predicted probability", "observed share", "low", "high")
    rows = tuple(
        tuple(map(cell, (one.rows, one.predicted, one.observed, one.low, one.high)))
        for one in evaluation.reliability
    )
    return ReportTable(f"Calibration on the {evaluation.part} set", columns, rows)


def columns_note(insides: ErrorAnalysis) -> str:
    """Say what the importance of columns means."""
    return (
        f"By how much the mean loss on rows of the {insides.evaluation.part} set grows where the cells of a "
        "column are shuffled among them, five times (permutation importance), with 95 % intervals over rows. "
        "Where an interval reaches 0, the model may not use the column; of columns that tell the same, each "
        "can seem unimportant, because the other one remains."
    )


def columns_table(insides: ErrorAnalysis) -> ReportTable:
    """List the columns with their importance."""
    rows = tuple((Cell(one.column), *map(cell, (one.value, one.low, one.high))) for one in insides.columns)
    return ReportTable("Permutation importance of the columns", ("column", "increase", "low", "high"), rows)


def column_effects_note(insides: ErrorAnalysis) -> str:
    """Say what the effects of columns mean."""
    what = "probability of the class named above each panel" if insides.labels else "prediction"
    return (
        f"The mean {what} over rows of the {insides.evaluation.part} set if all of them had one value of the "
        "column, with 95 % intervals over rows (partial dependence), for the most important columns that "
        "have one value in a row. It tells what the model does, not what causes what; combinations of "
        "values that do not occur are averaged too."
    )


def column_effects_table(insides: ErrorAnalysis) -> ReportTable:
    """List the mean prediction at each value."""
    rows = tuple(
        (Cell(effect.column), Cell(effect.of), *map(cell, (one.value, one.mean, one.low, one.high)))
        for effect in insides.effects
        for one in effect.values
    )
    columns = ("column", "class", "value", "mean", "low", "high")
    return ReportTable("Mean prediction by the values of a column", columns, rows)


def error_table(insides: ErrorAnalysis) -> ReportTable | None:
    """Tell of each class how many rows are right and what it is taken for, or give quantiles of residuals."""
    found = insides.evaluation
    if found.residuals is not None:
        return _residuals_table(found.residuals)
    if found.confusion is None:
        return None
    columns = ("class", "rows", "correct", "recall", "most often confused with", "times")
    rows = tuple(_class_rows(insides.labels, found.confusion))
    return ReportTable(f"Classes of the {found.part} set", columns, rows)


def _class_rows(labels: tuple[str, ...], counts: tuple[tuple[int, ...], ...]) -> Iterator[tuple[Cell, ...]]:
    for number, (label, row) in enumerate(zip(labels, counts, strict=True)):
        others = [(count, -other) for other, count in enumerate(row) if other != number]
        times, other = max(others)
        share = row[number] / sum(row) if sum(row) else None
        taken = Cell(labels[-other]) if times else cell(None)
        yield (Cell(label), cell(sum(row)), cell(row[number]), cell(share), taken, cell(times))


def _residuals_table(residuals: Residuals) -> ReportTable:
    pairs = zip(residuals.shares, residuals.quantiles, strict=True)
    rows = tuple((cell(share), cell(quantile)) for share, quantile in pairs)
    return ReportTable("Quantiles of the residuals: predicted minus true", ("quantile", "residual"), rows)
