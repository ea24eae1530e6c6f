"""All results of a comparison in one frozen object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median_high

from hpsearch.analysis.arms.arm_results import ArmResult, Ended, arm_result, bests, trained_alone
from hpsearch.analysis.arms.claims import JudgedClaim, judge
from hpsearch.analysis.arms.optimism import Optimism, judge_optimism
from hpsearch.analysis.arms.replicates import LOSS, read_replicate
from hpsearch.analysis.chance import ChanceLevel, chance_for
from hpsearch.scheduling.racing.estimates import FEWEST_REPLICATES
from hpsearch.scheduling.racing.ties import tie_set
from hpsearch.spec.experiments import ARM, REPLICATE
from hpsearch.spec.sections.compare import Compare
from hpsearch.spec.space.arms import Arms, arms_of
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Runs:
    """How far a comparison is: `replicates` runs are planned for each arm; `missing` ones are not begun."""

    replicates: int
    ended: int
    failed: int
    running: int
    missing: int

    @property
    def planned(self) -> int:
        """Count all runs."""
        return self.ended + self.running + self.missing


@dataclass(frozen=True)
class TargetLoss:
    """The loss on the validation set that epochs are counted to, and whether the study file gave it."""

    loss: float | None
    given: bool


@dataclass(frozen=True)
class FailedRuns:
    """The runs that failed from one cause, as pairs of arm and replicate; None where none was recorded."""

    cause: str | None
    runs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ComparisonResult:
    """What is known of a comparison; every number of its page is here.

    `arms` are sorted, best first: those with a mean, those that failed on a seed, those without any run.
    `tied` names the arms that cannot be told apart from the best, the best first; it is empty where every arm
    failed on a seed, and where `enough` says that an arm has too few replicates.
    """

    name: str
    metric: str
    minimize: bool
    seed: int
    runs: Runs
    baseline: str
    factors: tuple[str, ...]
    fixed: Mapping[str, Value]
    target: TargetLoss
    enough: bool
    tied: tuple[str, ...]
    arms: tuple[ArmResult, ...]
    claims: tuple[JudgedClaim, ...]
    failures: tuple[FailedRuns, ...]
    optimism: Optimism | None
    chance: ChanceLevel | None = None
    """What a constant prediction gives, and how the best arm does against it."""

    @cached_property
    def by_name(self) -> Mapping[str, ArmResult]:
        """Find an arm by its name."""
        return {arm.name: arm for arm in self.arms}

    @property
    def best(self) -> ArmResult | None:
        """Return the leader of the best arms, or the arm with the best mean; None while there is none."""
        first = self.by_name[self.tied[0]] if self.tied else self.arms[0]
        return None if first.best.mean is None else first


def compare(record: StudyRecord) -> ComparisonResult:
    """Analyze a comparison, finished or not.

    Raises:
        ValueError: The study is not a comparison.
    """
    section, arms = _section(record), arms_of(record.spec)
    target = _target(record, section)
    ended = _ended(record, arms, target)
    begun = {name: bests(own) for name, own in ended.items() if own}
    enough = min(map(len, ended.values())) >= FEWEST_REPLICATES
    tied = tie_set(begun, minimize=record.minimize) if enough else ()
    optimism = judge_optimism(begun, minimize=record.minimize) if enough else None
    found = ComparisonResult(
        name=record.name,
        metric=record.metric,
        minimize=record.minimize,
        seed=record.spec.search.seed,
        runs=_runs(record, len(ended) * section.replicates, section.replicates),
        baseline=arms.baseline,
        factors=arms.factors,
        fixed=dict(arms.fixed),
        target=target,
        enough=enough,
        tied=tied,
        arms=_results(record, arms, ended, tied),
        claims=_claims(record, section, ended, target),
        failures=_failures(ended),
        optimism=optimism,
    )
    best = found.best
    return replace(found, chance=chance_for(record, None if best is None else best.best))


def _section(record: StudyRecord) -> Compare:
    if record.spec.compare is None:
        raise ValueError(f"the study {record.name!r} has no section 'compare'")
    return record.spec.compare


def _target(record: StudyRecord, section: Compare) -> TargetLoss:
    """Take the loss that the study file gives, else the one that half of the arms reach with every seed.

    Arms that failed on a seed do not count. So it is a loss that a good arm gets to soon and a middling one
    at the end, whichever arm is the baseline. None where every arm failed or none is over.
    """
    if section.target is not None:
        return TargetLoss(section.target, given=True)
    over = [trial for trial in record.trials if trial.state != "running"]
    failed = {trial.parameters[ARM] for trial in over if trial.state == "failed"}
    reached: dict[Value, float] = {}
    for trial in over:
        arm = trial.parameters[ARM]
        known = [value for value in trial.history.get(LOSS, ()) if value is not None]
        if known and arm not in failed:
            reached[arm] = max(reached.get(arm, -math.inf), min(known))
    return TargetLoss(median_high(reached.values()) if reached else None, given=False)


def _ended(record: StudyRecord, arms: Arms, target: TargetLoss) -> dict[str, Ended]:
    """Collect the replicates that are over, by arm and in the order of their numbers."""
    over = [trial for trial in record.trials if trial.state != "running"]
    own: dict[str, list[TrialRecord]] = {arm.name: [] for arm in arms.arms}
    for trial in sorted(over, key=lambda trial: int(trial.parameters[REPLICATE])):
        own[str(trial.parameters[ARM])].append(trial)
    read = {name: [read_replicate(t, record.metric, target.loss) for t in own[name]] for name in own}
    return {name: {one.replicate: one for one in found} for name, found in read.items()}


def _runs(record: StudyRecord, planned: int, replicates: int) -> Runs:
    states = [trial.state for trial in record.trials]
    running = states.count("running")
    return Runs(
        replicates=replicates,
        ended=len(states) - running,
        failed=states.count("failed"),
        running=running,
        missing=planned - len(states),
    )


def _results(
    record: StudyRecord, arms: Arms, ended: Mapping[str, Ended], tied: tuple[str, ...]
) -> tuple[ArmResult, ...]:
    baseline = bests(ended[arms.baseline])
    made = [
        arm_result(
            record,
            arm,
            ended[arm.name],
            None if arm.name == arms.baseline else baseline,
            tied=arm.name in tied,
        )
        for arm in arms.arms
    ]
    sign = 1 if record.minimize else -1
    return tuple(sorted(made, key=lambda arm: _place(arm, sign)))


def _claims(
    record: StudyRecord, section: Compare, ended: Mapping[str, Ended], target: TargetLoss
) -> tuple[JudgedClaim, ...]:
    alone = trained_alone(record)
    return tuple(
        judge(claim, ended, record.metric, target=target.loss, alone=alone) for claim in section.claims
    )


def _place(arm: ArmResult, sign: int) -> tuple[bool, bool, int, float]:
    mean = arm.best.mean
    return not arm.ended, mean is None, arm.best.failed, 0.0 if mean is None else sign * mean


def _failures(ended: Mapping[str, Ended]) -> tuple[FailedRuns, ...]:
    """Group the failed runs by cause, the most frequent first."""
    groups: dict[str | None, list[tuple[str, int]]] = {}
    for name, own in ended.items():
        for number, one in own.items():
            if one.failed:
                groups.setdefault(one.cause or None, []).append((name, number))
    found = [FailedRuns(cause, tuple(runs)) for cause, runs in groups.items()]
    return tuple(sorted(found, key=lambda one: -len(one.runs)))
