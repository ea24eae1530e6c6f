"""All results of a study in one frozen object."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from hpsearch.analysis.ablation import AblationPath, follow_ablation
from hpsearch.analysis.baselines import BaselineComparison, compare_baselines
from hpsearch.analysis.chance import ChanceLevel, judge_chance
from hpsearch.analysis.counts import Counts, count_trials
from hpsearch.analysis.curves import LearningCurves, learning_curves
from hpsearch.analysis.failures import CauseOfFailure, group_failures
from hpsearch.analysis.findings import Judgement, judge
from hpsearch.analysis.front import Front, find_front
from hpsearch.analysis.influence.cache import find_influence
from hpsearch.analysis.influence.importance import Importance
from hpsearch.analysis.influence.influence import Effects, Influence, judge_influence
from hpsearch.analysis.next_study import NextStudy, suggest_next_study
from hpsearch.analysis.origin import Origin, origin_of
from hpsearch.analysis.progress import ProgressPoint, follow_progress
from hpsearch.analysis.pruning import PrunedTrial, explain_pruning
from hpsearch.analysis.ranking import RankedTrial, rank_trials
from hpsearch.analysis.rules import Rule, find_rules
from hpsearch.analysis.rungs import RungResult, follow_rungs
from hpsearch.analysis.searched import SearchedParameter, describe_parameter
from hpsearch.analysis.spending import Spending, count_spending
from hpsearch.analysis.winner import Winner, look_into_winner
from hpsearch.data.summary import DataSummary
from hpsearch.scheduling.conclusion.conclusion import Conclusion, conclude_search
from hpsearch.scheduling.conclusion.confirmation_plan import ConfirmationPlan
from hpsearch.scheduling.conclusion.verdict import Verdict
from hpsearch.scheduling.gain import ExpectedGain
from hpsearch.spec.sections.parts_of_rows import TestRows
from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluations, Refit
from hpsearch.training.ensemble import Ensemble


@dataclass(frozen=True)
class Analysis:
    """What is known of a search and its parts, whatever the evaluation of its winner gives."""

    name: str
    metric: str
    minimize: bool
    budget: int
    seed: int
    counts: Counts
    searched: tuple[SearchedParameter, ...]
    ranking: tuple[RankedTrial, ...]
    importance: Importance
    effects: Effects
    progress: tuple[ProgressPoint, ...]
    curves: LearningCurves
    failures: tuple[CauseOfFailure, ...]
    judgement: Judgement
    failure_rules: tuple[Rule, ...]
    pruned: tuple[PrunedTrial, ...]
    next_study: NextStudy
    spending: Spending
    winner: Winner | None
    origin: Origin
    data: DataSummary | None
    verdict: Verdict | None = None
    ablation: AblationPath | None = None
    refit: Refit | None = None
    """The refit of the winner on all rows but those of the test set."""
    chance: ChanceLevel | None = None
    """What a constant prediction gives, and how the winner does against it."""
    plan: ConfirmationPlan | None = None
    """How many of the best trials its confirmation trains again, or why none."""
    judged_on_test: bool = False
    """Whether the test set is what epochs and configurations were chosen by."""
    rungs: tuple[RungResult, ...] = field(default=(), metadata={"where_given": True})
    no_gain: ExpectedGain | None = field(default=None, metadata={"where_given": True})
    """For what expectation the search ended by itself."""
    front: Front | None = field(default=None, metadata={"where_given": True})
    """Of a search with several objectives."""

    @property
    def best(self) -> RankedTrial | None:
        """Return the trial with the best value, or None before there is one."""
        return self.ranking[0] if self.counts.valued else None

    @property
    def best_of_search(self) -> float | None:
        """Return the best value of the search, that of a single seed, or None before there is one."""
        return None if self.best is None else self.best.value

    @property
    def refitted(self) -> Refit | None:
        """Return the refit whose model was saved, or None where that of a replicate or a trial was."""
        return self.refit if self.refit is not None and self.refit.cause is None else None

    def evaluated(self, record: StudyRecord) -> EvaluatedAnalysis:
        """Return the analysis with what the evaluation of the winner's model has found."""
        known = {one.name: getattr(self, one.name) for one in fields(Analysis)}
        return EvaluatedAnalysis(
            **known,
            looks=record.looks,
            insides=record.insides,
            ensemble=record.ensemble,
            baselines=compare_baselines(record, self.verdict),
        )


@dataclass(frozen=True, kw_only=True)
class EvaluatedAnalysis(Analysis):
    """What is known of a study; every number of its report is here."""

    looks: HeldOutEvaluations
    insides: ErrorAnalysis | None
    ensemble: Ensemble | None = field(default=None, metadata={"where_given": True})
    baselines: BaselineComparison | None = field(default=None, metadata={"where_given": True})


def analyze(
    record: StudyRecord,
    confirmation: StudyRecord | None = None,
    influence: Influence | None = None,
    ablation: StudyRecord | None = None,
) -> EvaluatedAnalysis:
    """Analyze a search, finished or still running.

    Args:
        record: The search.
        confirmation: The replicates of its finalists, if there are any.
        influence: The hyperparameter importance; without it, it is computed, which takes seconds.
        ablation: The runs from the default to its winner, if there are any.
    """
    return analyze_conclusion(conclude_search(record, confirmation, ablation), influence)


def analyze_conclusion(conclusion: Conclusion, influence: Influence | None = None) -> EvaluatedAnalysis:
    """Analyze a search as `analyze` does, from what it has come to."""
    return analyze_search(conclusion, influence).evaluated(conclusion.record)


def analyze_stored(conclusion: Conclusion, files: StudyFiles) -> Analysis:
    """Analyze a search as `analyze_search` does, with the importance that is stored with it."""
    return analyze_search(conclusion, find_influence(conclusion.record, files))


def analyze_search(conclusion: Conclusion, influence: Influence | None = None) -> Analysis:
    """Analyze what does not depend on the evaluation of the winner's model, of which nothing is seen here."""
    record = replace(
        conclusion.record, looks=HeldOutEvaluations(), insides=None, ensemble=None, baselines=None
    )
    influence, ranking = influence or judge_influence(record), rank_trials(record)
    return Analysis(
        name=record.name,
        metric=record.metric,
        minimize=record.minimize,
        budget=record.spec.search.trials,
        seed=record.spec.search.seed,
        counts=count_trials(record, valued=sum(row.rank is not None for row in ranking)),
        searched=tuple(map(describe_parameter, record.parameters)),
        ranking=ranking,
        importance=influence.importance,
        effects=influence.effects,
        progress=follow_progress(record),
        curves=learning_curves(record, ranking),
        failures=group_failures(record),
        judgement=judge(record),
        failure_rules=find_rules(record),
        pruned=explain_pruning(record),
        next_study=suggest_next_study(record, influence.effects),
        spending=count_spending(record),
        rungs=follow_rungs(record),
        no_gain=conclusion.no_gain,
        front=find_front(conclusion),
        winner=look_into_winner(conclusion),
        origin=origin_of(record),
        data=record.data,
        verdict=conclusion.verdict,
        ablation=follow_ablation(conclusion),
        refit=conclusion.refit,
        plan=conclusion.plan,
        chance=judge_chance(record, conclusion.verdict),
        judged_on_test=isinstance(record.spec.data.validation, TestRows),
    )
