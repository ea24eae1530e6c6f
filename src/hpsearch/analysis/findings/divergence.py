"""Trials whose numbers left their range, or whose loss grew far beyond that of chance: where, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from hpsearch.analysis.conditions import Condition
from hpsearch.analysis.findings.finding import StudyFinding, counted, learning_rates, numbers_of, spoken
from hpsearch.analysis.findings.remedies import before_any_step, remedy_of
from hpsearch.analysis.rules import Rule, find_rules
from hpsearch.scheduling.conclusion.learning import exploded, highest, long_enough, lowest
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord, TrialRecord

NOT_FINITE = "not finite"
"""Part of the cause of every trial whose numbers were not finite."""

AT_ONCE = ", before the first step: the initial weights or the data are the cause, not the learning rate"
"""The meaning of numbers that are not finite in the first step."""

_PLACE = re.compile(r"\(epoch (\d+)(?:, step (\d+))?(?:, first in (?:layer|the) (\w+))?")

Trials = Sequence[TrialRecord]


def failures(record: StudyRecord) -> list[TrialRecord]:
    """List the failed trials."""
    return [trial for trial in record.trials if trial.state == "failed"]


def is_diverged(trial: TrialRecord) -> bool:
    """Return whether a trial failed because its numbers left their range."""
    return trial.state == "failed" and NOT_FINITE in trial.kind_of_failure


@dataclass(frozen=True)
class _Group:
    """Trials of one kind that lie in one region, or in none, and the clearest example of them."""

    trials: Trials
    rule: Rule | None
    example: TrialRecord

    @property
    def where(self) -> str:
        """Say where these trials lie, and how many of those that lie there are such trials."""
        if self.rule is None:
            return ""
        return f" where {self.rule.where} ({self.rule.hits:,} of {self.rule.inside:,} such trials)"

    @property
    def rates(self) -> str:
        """Name the learning rates, where no region says more."""
        return "" if self.rule is not None else f", with {learning_rates(self.trials)}"

    @property
    def of_one(self) -> str:
        """Name the example, where there is more than one trial."""
        return f" in trial {self.example.number}" if len(self.trials) > 1 else ""

    @property
    def evidence(self) -> dict[str, Value]:
        """Return the region, its counts, and where the example broke."""
        told: dict[str, Value] = {}
        if self.rule is not None:
            told = {"region": self.rule.where, "inside": self.rule.inside, "hits": self.rule.hits}
        return {**told, **_place(self.example)}


def _groups(trials: Trials, rules: Sequence[Rule]) -> Iterator[_Group]:
    """Part trials by the regions in which they lie; a trial may lie in several."""
    within = [set(rule.trials) for rule in rules]
    for index, rule in enumerate(rules):
        inside = [trial for trial in trials if trial.number in within[index]]
        elsewhere = set().union(*within[:index], *within[index + 1 :])
        own = [trial for trial in inside if trial.number not in elsewhere]
        yield _Group(inside, rule, (own or inside)[0])
    rest = [trial for trial in trials if not any(trial.number in known for known in within)]
    if rest:
        yield _Group(rest, None, rest[0])


def diverged(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials whose numbers were no longer finite: a finding for each region in which they lie."""
    trials = [trial for trial in failures(record) if is_diverged(trial)]
    for group in _groups(trials, find_rules(record, is_diverged)):
        at_once = _at_once(group.trials)
        remedy = _first_remedy(group) if at_once else _remedy(record, group, is_diverged)
        sentence = (
            f"{counted(group.trials, 'diverged')}{group.where}: {group.example.cause}{group.of_one}"
            f"{AT_ONCE if at_once else group.rates}{_steepest(group.example)}; {remedy}"
        )
        evidence = {**group.evidence, **_norms(group.example)}
        yield StudyFinding("diverged", sentence, numbers_of(group.trials), evidence)


def _at_once(trials: Trials) -> bool:
    """Return whether the numbers left their range in the very first step, before the weights were changed."""
    places = [_place(trial) for trial in trials]
    return all((place.get("epoch"), place.get("step")) == (1, 1) for place in places)


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
    return f"; the largest gradient of the previous step was in {name}, with norm {spoken(norms[name])}"


def _remedy(record: StudyRecord, group: _Group, troubled: Callable[[TrialRecord], bool]) -> str:
    """Say how to stay out of the region, or what else may help."""
    if group.rule is not None:
        return " or ".join(map(_avoided, group.rule.conditions))
    return remedy_of(record, group.trials, troubled)


def _first_remedy(group: _Group) -> str:
    """Say what may help where no step was taken yet: not another learning rate, though the region has one."""
    conditions = () if group.rule is None else group.rule.conditions
    others = [one for one in conditions if "learning_rate" not in one.parameter]
    return " or ".join(map(_avoided, others)) or before_any_step()


def _avoided(condition: Condition) -> str:
    """Say how a configuration stays out of a region."""
    if condition.relation == "is":
        return f"use another {condition.parameter} than {condition.value}"
    end = "at most" if condition.relation == "above" else "above"
    return f"keep {condition.parameter} {end} {condition.value:.12g}"


def exploding_loss(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find the trials whose loss was far beyond that of chance for good, and stayed finite, by region."""
    data = record.data
    if data is None or data.chance_loss is None:
        return
    trials = {trial.number: trial for trial in record.trials if long_enough(trial) and exploded(trial, data)}
    # A trial that diverged is no example of one in which this did not happen.
    others = replace(record, trials=tuple(trial for trial in record.trials if trial.state != "failed"))
    for group in _groups(list(trials.values()), find_rules(others, lambda t: t.number in trials)):
        remedy = _remedy(record, group, lambda trial: trial.number in trials)
        yield _exploding(group, data.chance_loss, remedy)


def _exploding(group: _Group, chance: float, remedy: str) -> StudyFinding:
    worst = max(group.trials, key=lambda trial: highest(trial, "loss", "val_loss"))
    group = replace(group, example=worst)
    loss, low = highest(worst, "loss", "val_loss"), lowest(worst, "loss", "val_loss")
    first = max(worst.history[name][0] or 0.0 for name in ("loss", "val_loss"))
    course = f"it was {spoken(loss)} in the first epoch" if first == loss else f"it rose to {spoken(loss)}"
    sentence = (
        f"the loss exploded in {counted(group.trials)}{group.where}: {course}{group.of_one} and at best "
        f"{spoken(low)}, where a constant prediction has {spoken(chance)}{group.rates}; {remedy}"
    )
    evidence: dict[str, Value] = {"loss": loss, "chance_loss": chance, **group.evidence}
    return StudyFinding("exploding loss", sentence, numbers_of(group.trials), evidence)
