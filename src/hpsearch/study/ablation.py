"""The plan of an ablation: from the default to the winner, one change at a time, each from the same seeds."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.analysis.ablation import ablation_of, ended_runs
from hpsearch.exceptions import HpsearchError, UnsupportedError
from hpsearch.report.words.numbers import amount
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.scheduling.racing.greedy import GreedyPath, path_of
from hpsearch.spec import Compare, StudySpec
from hpsearch.spec.experiments import REPLICATE, compared
from hpsearch.spec.space.defaults import UnchangedParameter, ablation_space
from hpsearch.store.reading import read_record
from hpsearch.store.resolved import Resolved
from hpsearch.study.open_study import OpenStudy


@dataclass(frozen=True)
class Plan:
    """What is trained: the winner's trial, the spec of the ablation, its path, and what stays as it is."""

    trial: int
    spec: StudySpec
    path: GreedyPath
    kept: tuple[UnchangedParameter, ...]

    @property
    def runs(self) -> int:
        """Count the runs of the whole path."""
        return self.path.configurations * self.path.replicates

    def told(self, done: int) -> str:
        """Tell what is to be trained."""
        path = self.path
        before = f", {done:,} of them done" if done else ""
        return (
            f"ablating trial {self.trial}: {amount(len(path.changes), 'change')}, "
            f"{amount(path.configurations, 'configuration')} from {amount(path.replicates, 'seed')}: "
            f"{amount(self.runs, 'run')}{before}"
        )


def plan_of(conclusion: Conclusion, replicates: int) -> Plan:
    """Plan the ablation of a search as it is now.

    Args:
        conclusion: The search.
        replicates: From how many seeds each configuration is trained.

    Raises:
        HpsearchError: There is no winner, or none of its values differs from a default.
        UnsupportedError: A searched argument is called "replicate".
    """
    record, winner = conclusion.record, conclusion.best.trial
    if winner is None:
        raise HpsearchError(
            f"an ablation needs a winner, and no trial of {record.name!r} has a value: continue with "
            "hpsearch optimize"
        )
    space = ablation_space(record.spec, winner.configuration)
    spec = compared(space.spec, Compare(replicates=replicates), 1)
    path = path_of(ablation_of(spec))
    if not path.changes:
        raise HpsearchError(
            f"there is nothing to ablate: every searched value of {record.name!r} has no default, or "
            "equals it in the winner"
        )
    if REPLICATE in path.changes:
        raise UnsupportedError(f"an ablation cannot vary an argument that is called {REPLICATE!r}: rename it")
    return Plan(winner.number, spec, path, space.kept)


def announce(plan: Plan, ablation: OpenStudy) -> None:
    """Tell what is to be trained, how much of it was, and what stays as it is."""
    done = plan.path.count(ended_runs(read_record(ablation.files)))
    ablation.display.begin(plan.runs, plan.told(done))
    for kept in plan.kept:
        ablation.display.note(f"not changed: {kept.name} = {kept.value}, because {kept.why}")


def outdated(plan: Plan, stored: StudySpec) -> str:
    """Say why an ablation is not that of a plan; empty where it is."""
    parts = ((one.model, one.training, *one.data.prepared.items()) for one in (stored, plan.spec))
    if len(set(parts)) == 1:
        return ""
    return "the search has a new winner: the ablation starts over"


def with_budget(plan: Plan, stored: Resolved | None) -> StudySpec:
    """Write the budget of an ablation into its spec.

    With another number of replicates the path may turn elsewhere, and runs of the old one are of no use.
    """
    runs = plan.runs
    if stored is not None:
        before = stored.spec.compare or Compare()
        runs = stored.spec.search.trials + (0 if before.replicates == plan.path.replicates else runs)
    return plan.spec.model_copy(update={"search": plan.spec.search.model_copy(update={"trials": runs})})
