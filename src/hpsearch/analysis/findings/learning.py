"""Trials that failed, and trials that never left the level of chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpsearch.analysis.findings.chance import chanceless
from hpsearch.analysis.findings.divergence import failures, is_diverged
from hpsearch.analysis.findings.finding import StudyFinding, counted, learning_rates, numbers_of, spoken
from hpsearch.analysis.findings.why import Why, explanations
from hpsearch.scheduling.conclusion.learning import lowest, stayed_at_chance, still_improving
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord, TrialRecord

Trials = Sequence[TrialRecord]


def failed(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials that failed for other causes than numbers out of range, a finding for each cause."""
    groups: dict[str, list[TrialRecord]] = {}
    for trial in failures(record):
        if not is_diverged(trial):
            groups.setdefault(trial.kind_of_failure, []).append(trial)
    for cause, trials in groups.items():
        told = cause or "no cause was recorded"
        yield StudyFinding("failed", f"{counted(trials, 'failed')}: {told}", numbers_of(trials))


def did_not_learn(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials that never left the level of chance, a finding for each explanation."""
    known = {network: why for network, why in explanations(record).items() if network not in _able(record)}
    groups: dict[str, list[TrialRecord]] = {}
    for trial in chanceless(record):
        why = known.get(trial.configuration.model.initial_network)
        groups.setdefault("" if why is None else why.cause, []).append(trial)
    for trials in groups.values():
        reasons = (known.get(trial.configuration.model.initial_network) for trial in trials)
        yield _did_not_learn(record, trials, next(filter(None, reasons), None))


def _able(record: StudyRecord) -> set[tuple[str, ...]]:
    """Name the networks that learned in some trial: what is seen at their first weights is not the cause."""
    lost = {trial.number for trial in chanceless(record)}
    useful = [trial for trial in record.ranking if trial.state == "complete" and trial.number not in lost]
    data = record.data
    learned = [trial for trial in useful if data is not None and not stayed_at_chance(trial, data)]
    return {trial.configuration.model.initial_network for trial in learned}


def _did_not_learn(record: StudyRecord, trials: Trials, why: Why | None) -> StudyFinding:
    chance = 0.0 if record.data is None else record.data.chance_loss or 0.0
    loss = min(lowest(trial, "loss", "val_loss") for trial in trials)
    sentence = (
        f"{counted(trials, 'did not learn')}: the loss never fell below {spoken(loss)}, and a "
        f"constant prediction has {spoken(chance)}; {_unclear(trials) if why is None else why.sentence}"
    )
    evidence: dict[str, Value] = {"loss": loss, "chance_loss": chance}
    if why is not None:
        evidence["cause"] = why.cause
    return StudyFinding("did not learn", sentence, numbers_of(trials), evidence)


def _unclear(trials: Trials) -> str:
    """Say what is known where no probe gives the cause."""
    if all(still_improving(trial, "val_loss", minimize=True) for trial in trials):
        return "it was still falling in the last epoch: raise the learning rate, or train for longer"
    return f"its initial weights show no cause; check {learning_rates(trials)} and the data"
