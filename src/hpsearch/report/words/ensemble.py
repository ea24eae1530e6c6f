"""The ensemble of a search as sentences and a table."""

from __future__ import annotations

from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.measures import gain_words
from hpsearch.report.words.numbers import amount, short
from hpsearch.report.words.threshold import rule_words
from hpsearch.training.ensemble import Ensemble
from hpsearch.training.measure import Measure


def ensemble_line(ensemble: Ensemble, model: str) -> str:
    """Tell on one line what was joined and what it gains."""
    gains = [f"{gain_words(ensemble.gain)} than the best trial on validation rows that chose neither"]
    if ensemble.test_gain is not None:
        gains.append(f"{gain_words(ensemble.test_gain)} than the winner on the test set")
    if ensemble.threshold is not None:
        gains.append(rule_words(ensemble.threshold, ensemble.preprocessing.labels))
    return f"ensemble: {_members(ensemble)}, {'; '.join(gains)}; model: {model}"


def ensemble_note(ensemble: Ensemble, metric: str) -> str:
    """Say what was joined, how it was chosen, and what it gains where the rows chose nothing."""
    at, best = len(ensemble.values), ensemble.values[ensemble.size - 1]
    chosen = (
        f"The mean of the predictions of {_members(ensemble)}, chosen one after another, with replacement, "
        f"by {metric} on the validation set (Caruana et al. 2004). It is {short(ensemble.values[0])} with "
        f"one member and {short(best)} with {ensemble.size}, the best of the sizes up to {at}; these rows "
        "chose the members, so that number is optimistic."
    )
    judged = (
        "Where one half of the validation rows chooses and the other half judges, it is "
        f"{gain_words(ensemble.gain)} than the best trial, which is chosen by the same half."
    )
    told = [chosen, judged]
    if ensemble.test_gain is not None:
        told.append(f"On the test set it is {gain_words(ensemble.test_gain)} than the winner's saved model.")
    if ensemble.threshold is not None:
        rule = rule_words(ensemble.threshold, ensemble.preprocessing.labels)
        told.append(f"It predicts {rule}, a threshold of its own, chosen by the same rows as its members.")
    return " ".join(told)


def _members(ensemble: Ensemble) -> str:
    return f"{amount(ensemble.size, 'member')} from {amount(len(ensemble.picks), 'trial')}"


def ensemble_table(ensemble: Ensemble) -> ReportTable:
    """List the members."""
    rows = tuple((cell(number), cell(count), cell(count / ensemble.size)) for number, count in ensemble.picks)
    return ReportTable("Members of the ensemble", ("trial", "times chosen", "share"), rows)


def measures_table(measures: tuple[Measure, ...]) -> ReportTable:
    """List what the ensemble gives on the test set."""
    columns = ("measure", "value", "low", "high", "constant")
    rows = tuple(
        (Cell(one.name), cell(one.value), cell(one.low), cell(one.high), cell(one.chance)) for one in measures
    )
    return ReportTable("The ensemble on the test set, with 95 % intervals", columns, rows)
