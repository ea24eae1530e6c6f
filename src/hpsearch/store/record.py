"""What readers see of a study: frozen records, whatever the files behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, isfinite
from typing import Any, TypeVar

from hpsearch.data.summary import DataSummary
from hpsearch.exceptions import StoreError
from hpsearch.spec import Configuration, Search, StudySpec
from hpsearch.spec.experiments import Kind, experiment_of
from hpsearch.spec.sections.objectives import Direction
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.store.events import Origin, Pruning, State
from hpsearch.store.identity import UNKNOWN, StudyIdentity, digest
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluations, Refit, WinnerName
from hpsearch.training.baselines import Baselines
from hpsearch.training.decisions import Decisions
from hpsearch.training.ensemble import Ensemble
from hpsearch.training.probes.record import LayerProbe, TrainingProbe

T = TypeVar("T")
Point = tuple[float, ...]

Curve = tuple[float | None, ...]
"""A number for each epoch, from the first; None where it was not finite."""


@dataclass(frozen=True)
class TrialRecord:
    """One configuration as it was trained.

    Attributes:
        number: From 0.
        state: `running` while it is trained, and after an interruption.
        value: The metric at `best_epoch`; None if no epoch had a finite one.
        parameters: The active searched values.
        configuration: What was trained.
        epochs: How many epochs it was trained.
        best_epoch: From 1.
        seconds: The time that its epochs took.
        seed: Its seed.
        cause: Why it failed, was pruned or is infeasible.
        history: The curve of each metric, such as `val_loss`; empty for a running trial.
        pruning: Why it was pruned, in numbers.
        violations: By how much it violates each constraint that it does not keep to.
        probes: What was measured inside the network, by epoch.
        origin: Where its values come from, unless the sampler suggested them.
    """

    number: int
    state: State
    value: float | None
    parameters: Mapping[str, Value]
    configuration: Configuration
    epochs: int
    best_epoch: int | None
    seconds: float
    seed: int
    cause: str | None = None
    history: Mapping[str, Curve] = field(default_factory=dict)
    pruning: Pruning | None = None
    probes: Mapping[int, TrainingProbe] = field(default_factory=dict)
    origin: Origin | None = None
    violations: Mapping[str, float] = field(default_factory=dict)

    def at_best(self, names: Iterable[str]) -> dict[str, float | None]:
        """Return metrics of its history at the best epoch; None where one had no value there."""
        place = (self.best_epoch or 0) - 1
        curves = {name: self.history.get(name, ()) for name in names}
        return {name: curve[place] if 0 <= place < len(curve) else None for name, curve in curves.items()}

    def values(self, objectives: Sequence[str]) -> list[float | None]:
        """Return the values of objectives at the best epoch; the first of them is the trial's own."""
        return [self.value, *self.at_best(objectives[1:]).values()]

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what the file with its weights says of itself."""
        of = digest(dict(self.parameters))
        return {"trial": self.number, "seed": self.seed, "epoch": self.best_epoch, "of": of}

    @property
    def kind_of_failure(self) -> str:
        """Return the cause without the epoch and step at which it struck."""
        return (self.cause or "").partition(" (epoch ")[0]


@dataclass(frozen=True)
class StudyRecord:
    """A study as its readers see it: the spec, the data in numbers, and every trial.

    `first_probes` holds the hidden layers of some trials at their first weights: of those that did not learn.
    """

    spec: StudySpec
    data: DataSummary | None
    trials: tuple[TrialRecord, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    decisions: Decisions = field(default_factory=Decisions)
    directory: str = ""
    """Where relative paths of data start from."""
    kind: Kind = "search"
    first_probes: Mapping[int, tuple[LayerProbe, ...]] = field(default_factory=dict)
    looks: HeldOutEvaluations = field(default_factory=HeldOutEvaluations)
    """All test-set evaluations."""
    insides: ErrorAnalysis | None = None
    """The error analysis of the winner that was evaluated last."""
    refit: Refit | None = None
    """How a winner was refitted last."""
    ensemble: Ensemble | None = None
    baselines: Baselines | None = None
    """The trials that were joined to one model last."""
    identity: StudyIdentity = UNKNOWN
    """What its files say of themselves."""

    @property
    def name(self) -> str:
        """Return the name of the study."""
        return self.spec.name

    @property
    def metric(self) -> str:
        """Return the metric that is optimized, or the first of several objectives."""
        return self.spec.search.first_metric

    @property
    def minimize(self) -> bool:
        """Return whether a smaller value is better."""
        return self.spec.search.direction == "minimize"

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """List what a trial has values of."""
        return experiment_of(self.spec, self.kind).parameters

    @cached_property
    def ranking(self) -> tuple[TrialRecord, ...]:
        """List the finished trials that have a value, best first; equal values by number."""
        finished = [trial for trial in self.trials if trial.state != "running"]
        return tuple(ranked(finished, self.spec.search))

    @cached_property
    def front(self) -> tuple[TrialRecord, ...]:
        """List the Pareto front by the first objective: trials that no other one beats in all objectives.

        Of a single metric these are the trials with the best value.
        """
        return tuple(pareto_front((trial, costs(trial, self.spec.search)) for trial in self.ranking))

    @property
    def best(self) -> TrialRecord | None:
        """Return the trial with the best value, or None before there is one."""
        return self.ranking[0] if self.ranking else None

    def trial(self, number: int) -> TrialRecord:
        """Return the trial of a number.

        Raises:
            StoreError: There is none; then the files are not of one study.
        """
        found = next((trial for trial in self.trials if trial.number == number), None)
        if found is None:
            raise StoreError(f"there is no trial {number} in {self.name!r}: its files are not of one study")
        return found


def ranked(trials: Iterable[TrialRecord], search: Search) -> list[TrialRecord]:
    """Sort the trials that have a value, best first; equal ones by the other objectives, and by number."""
    valued = [trial for trial in trials if trial.value is not None]
    return sorted(valued, key=lambda trial: (costs(trial, search), trial.number))


def costs(trial: TrialRecord, search: Search) -> Point:
    """Return the values of a trial's objectives, each turned so that smaller is better."""
    return turned(trial.values(search.objectives), search.directions)


def turned(values: Iterable[float | None], directions: Iterable[Direction]) -> Point:
    """Turn values so that smaller is better; none is the worst."""
    pairs = zip(values, directions, strict=True)
    return tuple(inf if value is None else value if to == "minimize" else -value for value, to in pairs)


def pareto_front(points: Iterable[tuple[T, Point]]) -> list[T]:
    """Return what has a point that no other one dominates, sorted by the points; of equal ones all.

    A point dominates another where it is larger nowhere and smaller somewhere.
    """
    front: list[tuple[T, Point]] = []
    for one in sorted(points, key=lambda pair: pair[1]):
        # Only points that were sorted before can dominate, and those on the front are enough.
        if not any(_dominates(known, one[1]) for _, known in front):
            front.append(one)
    return [name for name, _ in front]


def _dominates(a: Point, b: Point) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def finite(value: float) -> float | None:
    """Return the number where it is finite and None elsewhere, as JSON wants it."""
    return float(value) if isfinite(value) else None


def winner_name(trial: TrialRecord, run: TrialRecord | None) -> WinnerName:
    """Name the model of a trial, or where it was confirmed of the replicate that stands for it."""
    trained = run or trial
    replicate = None if run is None else int(run.parameters["replicate"])
    return WinnerName(trial.number, replicate, trained.seed, trained.best_epoch)
