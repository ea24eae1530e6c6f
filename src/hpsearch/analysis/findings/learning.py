"""Trials that gave nothing: they diverged, failed, or never left the level of chance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hpsearch.analysis.findings.chance import chanceless, judged
from hpsearch.analysis.findings.curves import exploded, highest, lowest, still_improving
from hpsearch.analysis.findings.finding import (
    StudyFinding,
    counted,
    learning_rates,
    numbers_of,
    spoken,
)
from hpsearch.analysis.findings.why import Why, explanations, network_of
from hpsearch.search_space import Value
from hpsearch.store.record import StudyRecord, TrialRecord

NOT_FINITE = "not finite"
"""Stands in the cause of every trial whose numbers left their range."""

_PLACE = re.compile(r"\(epoch (\d+)(?:, step (\d+))?(?:, first in layer (\w+))?")

Trials = Sequence[TrialRecord]


def diverged(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials whose numbers were no longer finite: which number, in which epoch and step."""
    trials = [trial for trial in failures(record) if NOT_FINITE in trial.kind_of_failure]
    if trials:
        first = trials[0]
        sentence = (
            f"{counted(trials, 'diverged')}: {first.cause}{_which(trials)}, with {learning_rates(trials)}"
            f"{_steepest(first)}; {_remedy(record, trials)}"
        )
        yield StudyFinding("diverged", sentence, numbers_of(trials), {**_place(first), **_norms(first)})


def failures(record: StudyRecord) -> list[TrialRecord]:
    """List the failed trials."""
    return [trial for trial in record.trials if trial.state == "failed"]


def _which(trials: Trials) -> str:
    return f" in trial {trials[0].number}" if len(trials) > 1 else ""


def _place(trial: TrialRecord) -> dict[str, Value]:
    found = _PLACE.search(trial.cause or "")
    epoch, step, layer = found.groups() if found else (None, None, None)
    place: dict[str, Value] = {} if layer is None else {"layer": layer}
    place |= {name: int(number) for name, number in (("epoch", epoch), ("step", step)) if number is not None}
    return {**place, "learning_rate": trial.configuration.training.learning_rate}


def _norms(trial: TrialRecord) -> dict[str, Value]:
    """List the gradient norms in the last step before a trial diverged, layer by layer, as far as known."""
    probe = trial.probes.get(trial.epochs)
    norms = {} if probe is None else {layer.name: layer.gradient_norm for layer in probe.layers}
    return {f"gradient norm, {name}": norm for name, norm in norms.items() if norm is not None}


def _steepest(trial: TrialRecord) -> str:
    """Name the layer with the largest gradient in that step."""
    norms = {name.removeprefix("gradient norm, "): float(norm) for name, norm in _norms(trial).items()}
    if not norms:
        return ""
    name = max(norms, key=norms.__getitem__)
    return f"; the largest gradient in the step before was that of {name}, its norm {spoken(norms[name])}"


def _remedy(record: StudyRecord, trials: Trials) -> str:
    """Say from which learning rate on it happened, where that tells these trials from all others."""
    bad = min(trial.configuration.training.learning_rate for trial in trials)
    good = [t.configuration.training.learning_rate for t in record.trials if t.state == "complete"]
    if good and max(good) < bad:
        return f"no trial with a learning rate up to {spoken(max(good))} did: end the range there"
    return "lower the learning rate, or clip the gradient"


def failed(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials that failed for other causes, a finding for each cause."""
    groups: dict[str, list[TrialRecord]] = {}
    for trial in failures(record):
        if NOT_FINITE not in trial.kind_of_failure:
            groups.setdefault(trial.kind_of_failure, []).append(trial)
    for cause, trials in groups.items():
        told = cause or "no cause was recorded"
        yield StudyFinding("failed", f"{counted(trials, 'failed')}: {told}", numbers_of(trials))


def exploding_loss(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials whose loss grew far beyond that of chance, and stayed finite."""
    data = record.data
    trials = [t for t in judged(record) if data is not None and exploded(t, data)]
    if data is None or data.chance_loss is None or not trials:
        return
    worst = max(trials, key=lambda trial: highest(trial, "loss", "val_loss"))
    loss = highest(worst, "loss", "val_loss")
    sentence = (
        f"the loss exploded in {counted(trials)}: it rose to {spoken(loss)}{_of(trials, worst)} and never "
        f"fell below {spoken(data.chance_loss)}, that of a constant prediction, with "
        f"{learning_rates(trials)}: the steps are too long; {_remedy(record, trials)}"
    )
    evidence: dict[str, Value] = {"loss": loss, "chance_loss": data.chance_loss}
    yield StudyFinding("exploding loss", sentence, numbers_of(trials), {**evidence, **_place(worst)})


def _of(trials: Trials, one: TrialRecord) -> str:
    return f" in trial {one.number}" if len(trials) > 1 else ""


def did_not_learn(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials that never left the level of chance, a finding for each explanation."""
    known = explanations(record)
    groups: dict[str, list[TrialRecord]] = {}
    for trial in chanceless(record):
        why = known.get(network_of(trial.configuration))
        groups.setdefault("" if why is None else why.cause, []).append(trial)
    for trials in groups.values():
        reasons = (known.get(network_of(trial.configuration)) for trial in trials)
        yield _did_not_learn(record, trials, next(filter(None, reasons), None))


def _did_not_learn(record: StudyRecord, trials: Trials, why: Why | None) -> StudyFinding:
    chance = 0.0 if record.data is None else record.data.chance_loss or 0.0
    loss = min(lowest(trial, "loss", "val_loss") for trial in trials)
    sentence = (
        f"{counted(trials, 'did not learn')}: the loss never fell below {spoken(loss)}, and that of a "
        f"constant prediction is {spoken(chance)}; {_unclear(trials) if why is None else why.sentence}"
    )
    evidence: dict[str, Value] = {"loss": loss, "chance_loss": chance}
    if why is not None:
        evidence["cause"] = why.cause
    return StudyFinding("did not learn", sentence, numbers_of(trials), evidence)


def _unclear(trials: Trials) -> str:
    """Say what is known where no probe gives the cause."""
    if all(still_improving(trial, "val_loss", minimize=True) for trial in trials):
        return "it was still falling in the last epoch: take longer steps, or train for longer"
    return f"its first weights show no cause; look at {learning_rates(trials)} and at the data"
