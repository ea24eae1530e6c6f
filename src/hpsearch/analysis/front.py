"""The Pareto front of a search with several objectives, and what fresh seeds say of its members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpsearch.analysis.ranking import WHERE_GIVEN
from hpsearch.scheduling.conclusion import Conclusion, name_of
from hpsearch.scheduling.racing.bounds import bounds_of
from hpsearch.scheduling.racing.estimates import Estimate, estimate
from hpsearch.spec.experiments import ARM, REPLICATE
from hpsearch.spec.sections.objectives import Direction
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord, TrialRecord, pareto_front, turned


@dataclass(frozen=True)
class FrontMember:
    """A trial that no other one beats in all objectives.

    Attributes:
        number: The number of the trial.
        values: Each objective at the best epoch of the trial, from its one seed.
        parameters: The active searched values.
        estimates: Each objective over the replicates that were trained from fresh seeds; empty without.
        dominated: Whether by these means another member is at least as good in all objectives, and better
            in one; None without means.
    """

    number: int
    values: Mapping[str, float | None]
    parameters: Mapping[str, Value]
    estimates: Mapping[str, Estimate] = field(default_factory=dict, metadata=WHERE_GIVEN)
    dominated: bool | None = field(default=None, metadata=WHERE_GIVEN)


@dataclass(frozen=True)
class Front:
    """The Pareto front: its members by the first objective, and the direction of each objective."""

    objectives: Mapping[str, Direction]
    members: tuple[FrontMember, ...]

    @property
    def confirmed(self) -> bool:
        """Return whether members were trained again from fresh seeds."""
        return any(member.estimates for member in self.members)


def find_front(conclusion: Conclusion) -> Front | None:
    """Return the Pareto front of a search; None where it has one objective."""
    record, confirmation = conclusion.record, conclusion.confirmation
    objectives, directions = record.spec.search.objectives, record.spec.search.directions
    if len(objectives) == 1:
        return None
    estimates = {} if confirmation is None else {t.number: _estimates(t, confirmation) for t in record.front}
    means = {number: [one.mean for one in found.values()] for number, found in estimates.items() if found}
    known = {number: turned(values, directions) for number, values in means.items() if None not in values}
    best = pareto_front(known.items())
    members = tuple(
        FrontMember(
            number=trial.number,
            values=dict(zip(objectives, trial.values(objectives), strict=True)),
            parameters=dict(trial.parameters),
            estimates=estimates.get(trial.number, {}),
            dominated=trial.number not in best if trial.number in known else None,
        )
        for trial in record.front
    )
    return Front(dict(zip(objectives, directions, strict=True)), members)


def _estimates(trial: TrialRecord, confirmation: StudyRecord) -> dict[str, Estimate]:
    """Estimate each objective over the replicates of a trial; nothing where it has none."""
    objectives, positive = confirmation.spec.search.objectives, confirmation.spec.loss_is_positive
    own = [t for t in confirmation.trials if t.parameters[ARM] == name_of(trial) and t.state != "running"]
    values = {int(t.parameters[REPLICATE]): t.values(objectives) for t in own}
    return {
        name: estimate(
            {number: found[place] for number, found in values.items()},
            within=bounds_of(name, positive=positive),
        )
        for place, name in enumerate(objectives)
        if values
    }
