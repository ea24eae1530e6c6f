"""Trials that learned, and could have learned better: overfitting, underfitting, too few epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpsearch.analysis.findings.curves import overfits, underfits, worsening
from hpsearch.analysis.findings.finding import StudyFinding, counted, numbers_of, spoken
from hpsearch.data.summary import DataSummary
from hpsearch.scheduling.conclusion.learning import (
    exploded,
    improvement_at_the_end,
    last_epochs,
    learned_nothing,
    lowest,
    numbers,
    still_improving,
)
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord, TrialRecord

Trials = Sequence[TrialRecord]


def _learned(record: StudyRecord) -> tuple[list[TrialRecord], DataSummary | None]:
    """List the completed trials that learned anything."""
    data, trials = record.data, [trial for trial in record.trials if trial.state == "complete"]
    if data is not None:
        trials = [t for t in trials if not exploded(t, data) and not learned_nothing(t, data)]
    return trials, data


def _shown(record: StudyRecord, trials: Trials) -> tuple[TrialRecord, str]:
    """Choose the trial that is the example: the best of them all where it is among them."""
    best = record.best
    if best is not None and any(trial.number == best.number for trial in trials):
        return best, "the best trial" if len(trials) > 1 else "it"
    return trials[0], f"trial {trials[0].number}" if len(trials) > 1 else "it"


def overfitting(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials whose metric got worse again while their training loss fell."""
    metric, minimize = record.metric, record.minimize
    learned, data = _learned(record)
    trials = [trial for trial in learned if overfits(trial, metric, data, minimize=minimize)]
    if not trials:
        return
    trial, name = _shown(record, trials)
    found = worsening(trial, metric, minimize=minimize)
    assert found is not None  # noqa: S101 - it overfits
    sentence = (
        f"{counted(trials, 'overfits', 'overfit')}: in {name} {metric} was best in epoch {found.epoch}, "
        f"{spoken(found.best)}, and {spoken(found.end)} in the median of the last {found.last} epochs, while "
        "the training loss kept falling; the weights of the best epoch are kept, so more epochs do not help, "
        "but more dropout, stronger penalties or more data may"
    )
    evidence: dict[str, Value] = {metric: found.best, "epoch": found.epoch, f"last {metric}": found.end}
    yield StudyFinding("overfitting", sentence, numbers_of(trials), {**evidence, "trial": trial.number})


def underfitting(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials that learned little of their training rows, and were not getting better."""
    learned, data = _learned(record)
    metric, minimize = record.metric, record.minimize
    trials = [
        trial
        for trial in learned
        if data is not None
        and underfits(trial, data)
        and not still_improving(trial, metric, minimize=minimize)
    ]
    if data is None or data.chance_loss is None or not trials:
        return
    trial, name = _shown(record, trials)
    loss = lowest(trial, "loss")
    sentence = (
        f"{counted(trials, 'underfits', 'underfit')}: in {name} even the training loss stayed at "
        f"{spoken(loss)}, {100 * loss / data.chance_loss:.0f} % of that of a constant prediction; a larger "
        "network, less dropout or weaker penalties, or another learning rate may learn more, "
        "unless the data contain no more information"
    )
    evidence: dict[str, Value] = {"loss": loss, "chance_loss": data.chance_loss, "trial": trial.number}
    yield StudyFinding("underfitting", sentence, numbers_of(trials), evidence)


def budget_too_short(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find out whether the best trial was still getting better when its epochs were over."""
    metric, minimize, best = record.metric, record.minimize, record.best
    trials = [t for t in _learned(record)[0] if still_improving(t, metric, minimize=minimize)]
    if best is None or all(trial.number != best.number for trial in trials):
        return
    share = improvement_at_the_end(best, metric, minimize=minimize)
    last, curve = last_epochs(best), numbers(best, metric)
    before = (min if minimize else max)(curve[:-last])
    stretch = "epoch" if last == 1 else f"{last} epochs"
    who = counted(trials, "was", ", the best among them, were").replace(" ,", ",")
    sentence = (
        f"{who} still getting better at the last epoch: {metric} of trial {best.number} went from "
        f"{spoken(before)} to {spoken(curve[-1])} in the last {stretch} of {best.epochs}; train for longer"
    )
    evidence: dict[str, Value] = {"share": share, "epochs": best.epochs, "trial": best.number}
    yield StudyFinding("budget too short", sentence, numbers_of(trials), evidence)
