"""Trials that learned, and could have learned better: overfitting, underfitting, too few epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpsearch.analysis.findings.curves import (
    exploded,
    improvement_at_the_end,
    learned_nothing,
    lowest,
    overfits,
    still_improving,
    underfits,
)
from hpsearch.analysis.findings.finding import StudyFinding, counted, numbers_of, spoken
from hpsearch.data_summary import DataSummary
from hpsearch.search_space import Value
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
    """Find the trials whose validation loss rose again."""
    trials = [trial for trial in _learned(record)[0] if overfits(trial)]
    if not trials:
        return
    trial, name = _shown(record, trials)
    validation, low = trial.history["val_loss"], lowest(trial, "val_loss")
    epoch, last = validation.index(low) + 1, validation[-1] or 0.0
    sentence = (
        f"{counted(trials, 'overfits', 'overfit')}: in {name} val_loss fell to {spoken(low)} in epoch "
        f"{epoch} and rose to {spoken(last)} while the training loss went on falling; train for fewer "
        "epochs, or with more dropout, penalties or data"
    )
    evidence: dict[str, Value] = {"val_loss": low, "epoch": epoch, "last_val_loss": last}
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
        "network, less dropout or weaker penalties, or another learning rate may learn more"
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
    who = counted(trials, "was", ", the best among them, were").replace(" ,", ",")
    sentence = (
        f"{who} still getting better at the last epoch: {metric} of trial {best.number} by "
        f"{100 * share:.0f} % in the last tenth of its {best.epochs} epochs; train for longer"
    )
    evidence: dict[str, Value] = {"share": share, "epochs": best.epochs, "trial": best.number}
    yield StudyFinding("budget too short", sentence, numbers_of(trials), evidence)
