"""The threshold that tells two classes apart, as sentences and a table."""

from __future__ import annotations

from hpsearch.report.tables.tables import Cell, ReportTable, cell
from hpsearch.report.words.measures import gain_words, measured_words
from hpsearch.report.words.numbers import amount, short
from hpsearch.training.threshold import Decided, Threshold

NONE = "threshold: 0.5; the validation rows are of one class, or have probabilities that are not finite"
"""What is told where a study asks for a threshold and none could be chosen."""


def threshold_line(threshold: Threshold, labels: tuple[str, ...], decided: tuple[Decided, ...]) -> str:
    """Tell on one line what the threshold is, by which rows it was chosen, and what it gains on others."""
    told = f"threshold: {rule_words(threshold, labels)}, {_chosen(threshold)}"
    own = [one for one in decided if one.gain.name == threshold.scorer]
    gained = [
        f"on the test set {measured_words(one.at_threshold)}, {gain_words(one.gain)} than at 0.5"
        for one in own
    ]
    return "; ".join((told, *gained))


def rule_words(threshold: Threshold, labels: tuple[str, ...]) -> str:
    """Say where the second class is predicted."""
    return f"{labels[1]} where its probability is above {short(threshold.value)}"


def _chosen(threshold: Threshold) -> str:
    return (
        f"with the best {threshold.scorer}, {short(threshold.score)}, on {amount(threshold.rows, 'row')} of "
        f"the validation set, which chose it ({short(threshold.score_at_half)} at 0.5)"
    )


def threshold_note(threshold: Threshold, labels: tuple[str, ...], decided: tuple[Decided, ...]) -> str:
    """Say what the threshold is, how it was chosen, and by which rows it is judged."""
    told = (
        f"The saved model predicts {rule_words(threshold, labels)}, the threshold {_chosen(threshold)}. "
        "That number is optimistic; probabilities, losses and the scores of the search do not depend on it."
    )
    if not decided:
        return f"{told} No other rows have judged it."
    return (
        f"{told} The rows of the test set did not choose it: on them the table has scores at the threshold "
        "and at 0.5, and the gain, with 95 % intervals (bootstrap percentiles over rows, the same for both)."
    )


def decided_table(decided: tuple[Decided, ...], title: str) -> ReportTable:
    """List scores at the threshold and at one half, and what is gained."""
    ends = ("low", "high")
    columns = ("score", "at the threshold", *ends, "at one half", *ends, "gain", *ends)
    rows = tuple(
        (
            Cell(one.gain.name),
            *(
                cell(value)
                for measure in (one.at_threshold, one.at_half, one.gain)
                for value in (measure.value, measure.low, measure.high)
            ),
        )
        for one in decided
    )
    return ReportTable(title, columns, rows)
