"""What may help against numbers that leave their range: only what other trials do not speak against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from hpsearch.analysis.findings.finding import spoken
from hpsearch.analysis.findings.limits import FEWEST_RATES, RATE_EVIDENCE
from hpsearch.store.record import StudyRecord, TrialRecord

Trials = Sequence[TrialRecord]

Blame = Literal["blamed", "unknown", "cleared"]


def rate_of(trial: TrialRecord) -> float:
    """Return the learning rate of a trial."""
    return trial.configuration.training.learning_rate


def others_of(record: StudyRecord, trials: Trials, troubled: Callable[[TrialRecord], bool]) -> Trials:
    """List the completed trials without a trouble that have an optimizer of those with it."""
    optimizers = {trial.configuration.training.optimizer.name for trial in trials}
    return [
        trial
        for trial in record.trials
        if trial.state == "complete"
        and not troubled(trial)
        and trial.configuration.training.optimizer.name in optimizers
    ]


def blame(trials: Trials, others: Trials) -> Blame:
    """Return whether the learning rates of trials in trouble are larger than those of the others.

    The statistic is the probability that a learning rate of the first is larger than one of the others (the
    area under the curve; Mann and Whitney, Annals of Mathematical Statistics 18, 1947); ties count half.
    """
    pairs = [(rate_of(bad), rate_of(good)) for bad in trials for good in others]
    if not pairs or all(bad == good for bad, good in pairs):
        return "unknown"
    larger = sum((bad > good) + 0.5 * (bad == good) for bad, good in pairs) / len(pairs)
    return "blamed" if larger >= RATE_EVIDENCE else "cleared" if larger <= 0.5 else "unknown"


def remedy_of(record: StudyRecord, trials: Trials, troubled: Callable[[TrialRecord], bool]) -> str:
    """Say what may help, as far as the learning rates of the other trials speak for it."""
    others = others_of(record, trials, troubled)
    verdict = blame(trials, others)
    rest = _beside_the_rate(trials)
    if verdict == "cleared":
        return f"trials with the same or a larger learning rate did better, so {rest}"
    ended = _end_of_the_range(record, others, troubled)
    if ended:
        return ended
    return (
        f"lower the learning rate, or {rest}"
        if verdict == "blamed"
        else f"a lower learning rate may help, or {rest}"
    )


def _end_of_the_range(record: StudyRecord, others: Trials, troubled: Callable[[TrialRecord], bool]) -> str:
    """Name the learning rate up to which nothing happened; few trials end no range."""
    if not others:
        return ""
    safe = max(map(rate_of, others))
    if any(rate_of(trial) <= safe for trial in record.trials if troubled(trial)):
        return ""
    advice = "end the range there" if len(others) >= FEWEST_RATES else "try lower ones"
    return f"no trial with a learning rate up to {spoken(safe)} did: {advice}"


def _beside_the_rate(trials: Trials) -> str:
    """Say what may help but a lower rate; clipping hardly shortens the steps of adaptive ones."""
    training = [trial.configuration.training for trial in trials]
    plain = all(one.optimizer.name == "sgd" for one in training)
    if plain and all(one.clipping.name == "none" for one in training):
        return "clip the gradient"
    return "start from smaller weights"


def before_any_step() -> str:
    """Say what may help where the numbers left their range before the weights were changed at all."""
    return "start from smaller weights, or scale the features and targets"
