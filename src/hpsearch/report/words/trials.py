"""How a trial ended, in a sentence."""

from __future__ import annotations

from hpsearch.report.words.numbers import amount, short
from hpsearch.store.record import TrialRecord


def value_words(trial: TrialRecord, metric: str) -> str:
    """Tell the value of a trial and how long it was trained."""
    trained = f"{amount(trial.epochs, 'epoch')} trained"
    if trial.value is None:
        return f"No epoch has a value; {trained}."
    return f"{metric} {short(trial.value)} at epoch {trial.best_epoch}, {trained}."


def ending_words(trial: TrialRecord) -> str:
    """Tell why a trial was pruned, is infeasible or failed; nothing of another."""
    if trial.state == "failed":
        return f"Failed: {trial.cause or 'no cause was recorded'}."
    if trial.state == "infeasible":
        return f"Infeasible: {trial.cause}."
    if trial.state != "pruned":
        return ""
    cause = trial.cause or "pruned"
    return f"{cause[:1].upper()}{cause[1:]}."
