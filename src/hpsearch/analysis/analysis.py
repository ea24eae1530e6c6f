"""All results of a study in one frozen object."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.analysis.ablation import AblationPath, trace
from hpsearch.analysis.chance import ChanceLevel, judge_chance
from hpsearch.analysis.confirmation import Verdict, judge_finalists
from hpsearch.analysis.confirmation_plan import ConfirmationPlan, plan_confirmation
from hpsearch.analysis.counts import Counts, count_trials
from hpsearch.analysis.curves import LearningCurves, learning_curves
from hpsearch.analysis.failures import CauseOfFailure, group_failures
from hpsearch.analysis.findings import Judgement, judge
from hpsearch.analysis.influence.importance import Importance
from hpsearch.analysis.influence.influence import Effects, Influence, judge_influence
from hpsearch.analysis.next_study import NextStudy, suggest_next_study
from hpsearch.analysis.origin import Origin, origin_of
from hpsearch.analysis.progress import ProgressPoint, follow_progress
from hpsearch.analysis.pruning import PrunedTrial, explain_pruning
from hpsearch.analysis.ranking import RankedTrial, rank_trials
from hpsearch.analysis.refit import judge_refit
from hpsearch.analysis.rules import Rule, find_rules
from hpsearch.analysis.searched import SearchedParameter, describe_parameter
from hpsearch.analysis.spending import Spending, count_spending
from hpsearch.analysis.winner import Winner, look_into_winner
from hpsearch.data.summary import DataSummary
from hpsearch.spec.sections.data import TestRows
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluations, Refit


@dataclass(frozen=True)
class Analysis:
    """What is known of a study; every number of its report is here."""

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
    looks: HeldOutEvaluations
    insides: ErrorAnalysis | None
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

    @property
    def best(self) -> RankedTrial | None:
        """Give the trial with the best value, or None before there is one."""
        return self.ranking[0] if self.counts.valued else None

    @property
    def refitted(self) -> Refit | None:
        """Give the refit whose model was saved, or None where that of a replicate or a trial was."""
        return self.refit if self.refit is not None and self.refit.cause is None else None


def analyze(
    record: StudyRecord,
    confirmation: StudyRecord | None = None,
    influence: Influence | None = None,
    ablation: StudyRecord | None = None,
) -> Analysis:
    """Analyze a search, finished or still running, with the replicates of its finalists if there are any.

    `influence` is what mattered in it; where it is not given, finding it out takes seconds. `ablation` has
    the runs from the default to its winner, where there are any.
    """
    influence = influence or judge_influence(record)
    ranking = rank_trials(record)
    verdict = None if confirmation is None else judge_finalists(record, confirmation)
    winner = look_into_winner(record, confirmation, verdict)
    number = None if winner is None else winner.number
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
        winner=winner,
        origin=origin_of(record),
        looks=record.looks,
        insides=record.insides,
        data=record.data,
        verdict=verdict,
        ablation=None if ablation is None else trace(record, ablation, number),
        refit=_refit(record, confirmation, verdict),
        plan=plan_confirmation(record),
        chance=judge_chance(record, verdict),
        judged_on_test=isinstance(record.spec.data.validation, TestRows),
    )


def _refit(record: StudyRecord, confirmation: StudyRecord | None, verdict: Verdict | None) -> Refit | None:
    return None if confirmation is None or verdict is None else judge_refit(record, confirmation, verdict)
