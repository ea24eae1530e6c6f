"""What an ablation says: which changes carry the gain of the winner over the default, one at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hpsearch.analysis.arms.standing import Standing, stand
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.scheduling.racing.estimates import Estimate, Values, estimate
from hpsearch.scheduling.racing.greedy import AblationRound, GreedyPath, Made, by_changes, path_of
from hpsearch.spec import Configuration, StudySpec
from hpsearch.spec.experiments import Ablation, experiment_of
from hpsearch.spec.space.defaults import UnchangedParameter, ablation_space
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.store.record import StudyRecord


@dataclass(frozen=True)
class Change:
    """One searched place: its default, and what the winner has there; labels as in the ranking."""

    place: str
    old: Value
    new: Value


@dataclass(frozen=True)
class Tried:
    """A configuration as it was trained: the change that was made last, None in the default.

    `values` are those of each replicate, None where it failed; `estimate` is their mean; `standing` compares
    it with the configuration that the change was made on, pair by pair on the same seeds.
    """

    change: Change | None
    values: Values
    estimate: Estimate
    standing: Standing | None


@dataclass(frozen=True)
class PathStep:
    """A configuration on the path, what else was tried in its round, and how it stands to the winner.

    `remaining` is None for the winner itself, and while it has not been trained; `others` go from the best to
    the worst.
    """

    taken: Tried
    others: tuple[Tried, ...]
    remaining: Standing | None


@dataclass(frozen=True)
class AblationPath:
    """The way from the default to the winner of a search, one change at a time.

    `trial` is the one that had the winner's configuration; `current` tells whether the search still has that
    winner. `planned` counts the runs of the whole path and `runs` those that have ended, `steps` begin with
    the default. `total` compares the winner with the default. `carried` is the fewest steps after which the
    winner is not better by an interval that excludes 0; None where that cannot be said. `kept` are the
    searched places that the path does not change.
    """

    metric: str
    minimize: bool
    trial: int | None
    current: bool
    replicates: int
    planned: int
    runs: int
    steps: tuple[PathStep, ...]
    total: Standing | None
    carried: int | None
    kept: tuple[UnchangedParameter, ...]

    @property
    def changes(self) -> tuple[PathStep, ...]:
        """List the steps without the default."""
        return self.steps[1:]


def follow_ablation(conclusion: Conclusion) -> AblationPath | None:
    """Follow the ablation of a search to its winner; None where nothing was ablated."""
    if conclusion.ablation is None:
        return None
    winner = conclusion.best.trial
    return trace(conclusion.record, conclusion.ablation, None if winner is None else winner.number)


def trace(record: StudyRecord, ablation: StudyRecord, winner: int | None) -> AblationPath:
    """Follow the path of an ablation as far as it has been trained.

    Args:
        record: The search.
        ablation: The runs of its ablation.
        winner: The number of the search's best trial; None if there is none.
    """
    experiment = ablation_of(ablation.spec)
    reader = _Reader(experiment, path_of(experiment), ended_runs(ablation))
    end = experiment.configuration(experiment.values(experiment.changes, 0))
    steps = reader.steps()
    known = bool(reader.values(experiment.changes))
    total = stand(steps[-1].taken.values, steps[0].taken.values, minimize=record.minimize) if known else None
    return AblationPath(
        metric=record.metric,
        minimize=record.minimize,
        trial=_trial(record, end, winner),
        current=_has(record, winner, end),
        replicates=experiment.replicates,
        planned=reader.path.configurations * experiment.replicates,
        runs=reader.path.count(reader.ended),
        steps=steps,
        total=total,
        carried=_carried(steps, total),
        kept=ablation_space(record.spec, end).kept,
    )


def ablation_of(spec: StudySpec) -> Ablation:
    """Return the experiment of an ablation's spec."""
    experiment = experiment_of(spec, "ablation")
    assert isinstance(experiment, Ablation)  # noqa: S101 - the kind says so
    return experiment


def ended_runs(ablation: StudyRecord) -> dict[Made, Values]:
    """Collect the values of the runs that have ended, by the changes that are made and the replicate."""
    over = ((run.parameters, run.value) for run in ablation.trials if run.state != "running")
    return by_changes(ablation_of(ablation.spec), over)


def _has(record: StudyRecord, number: int | None, configuration: Configuration) -> bool:
    return any(t.number == number and t.configuration == configuration for t in record.trials)


def _trial(record: StudyRecord, configuration: Configuration, winner: int | None) -> int | None:
    """Find the trial of a configuration: the winner where it is its own, because two trials may share it."""
    if _has(record, winner, configuration):
        return winner
    return next((t.number for t in record.trials if t.configuration == configuration), None)


def _carried(steps: tuple[PathStep, ...], total: Standing | None) -> int | None:
    if total is None or total.order == "not enough":
        return None
    behind = (count for count, step in enumerate(steps) if step.remaining and step.remaining.order != "worse")
    return next(behind, len(steps) - 1)


@dataclass(frozen=True)
class _Reader:
    """Reads the steps of a path from what has ended."""

    experiment: Ablation
    path: GreedyPath
    ended: Mapping[Made, Values]

    def values(self, made: Collection[str]) -> Values:
        """Return the replicates of a configuration; none where some are missing."""
        found = self.path.values(self.ended, made)
        return found if len(found) == self.path.replicates else {}

    def steps(self) -> tuple[PathStep, ...]:
        """List the steps of the rounds that have ended wholly."""
        rounds = [one for one in self.path.rounds(self.ended) if one.taken is not None]
        if not rounds:
            return ()
        default = self._tried((), None)
        return (self._step(default, (), len(self.path.changes)), *map(self._of_round, rounds))

    def _of_round(self, one: AblationRound) -> PathStep:
        tried = {change: self._tried(one.made, change) for change in one.tried}
        taken = tried.pop(one.taken or "")
        others = sorted(tried.values(), key=self._badness)
        return self._step(taken, tuple(others), len(others))

    def _step(self, taken: Tried, others: tuple[Tried, ...], left: int) -> PathStep:
        winner = self.values(self.path.changes) if left else {}
        remaining = stand(taken.values, winner, minimize=self.path.minimize) if winner else None
        return PathStep(taken, others, remaining)

    def _tried(self, made: tuple[str, ...], change: str | None) -> Tried:
        values, before = self.values({*made, *((change,) if change else ())}), self.values(made)
        if change is None:
            return Tried(None, values, estimate(values), None)
        standing = stand(values, before, minimize=self.path.minimize)
        return Tried(_change(self.experiment.space[change]), values, estimate(values), standing)

    def _badness(self, tried: Tried) -> float:
        mean = tried.estimate.mean
        if mean is None:
            return float("inf")
        return mean if self.path.minimize else -mean


def _change(place: Parameter) -> Change:
    old, new = place.options
    return Change(place.name, old, new)
