"""From a study's record, or from probes, to typed results: no plotting, no Keras."""

from hpsearch.analysis.ablation import AblationPath, PathStep, Tried, follow_ablation
from hpsearch.analysis.analysis import Analysis, EvaluatedAnalysis, analyze, analyze_conclusion
from hpsearch.analysis.arms.arm_results import ArmResult
from hpsearch.analysis.arms.claims import JudgedClaim
from hpsearch.analysis.arms.comparison import ComparisonResult, compare
from hpsearch.analysis.chance import ChanceLevel, judge_chance
from hpsearch.analysis.conditions import Condition
from hpsearch.analysis.counts import Counts
from hpsearch.analysis.curves import LearningCurve, LearningCurves
from hpsearch.analysis.export import comparison_to_json, plain, probe_to_json, to_json
from hpsearch.analysis.failures import CauseOfFailure, total_failure
from hpsearch.analysis.findings import Judgement, StudyFinding, judge
from hpsearch.analysis.front import Front, FrontMember, find_front
from hpsearch.analysis.influence.cache import check_kept, find_influence, kept_influence
from hpsearch.analysis.influence.effects import Effect, Level
from hpsearch.analysis.influence.importance import Importance, ParameterImportance
from hpsearch.analysis.influence.influence import NOT_JUDGED, Effects, Influence, judge_influence
from hpsearch.analysis.influence.interactions import Interaction
from hpsearch.analysis.next_study import NextStudy, SpaceChange
from hpsearch.analysis.origin import Origin
from hpsearch.analysis.probe import ArmSummary, Finding, summarize
from hpsearch.analysis.progress import ProgressPoint
from hpsearch.analysis.pruning import PrunedTrial
from hpsearch.analysis.ranking import RankedTrial
from hpsearch.analysis.rules import Rule, find_rules
from hpsearch.analysis.rungs import RungResult
from hpsearch.analysis.searched import SearchedParameter
from hpsearch.analysis.spending import Spending
from hpsearch.analysis.winner import Winner, look_into_trial

__all__ = [
    "NOT_JUDGED",
    "AblationPath",
    "Analysis",
    "ArmResult",
    "ArmSummary",
    "CauseOfFailure",
    "ChanceLevel",
    "ComparisonResult",
    "Condition",
    "Counts",
    "Effect",
    "Effects",
    "EvaluatedAnalysis",
    "Finding",
    "Front",
    "FrontMember",
    "Importance",
    "Influence",
    "Interaction",
    "JudgedClaim",
    "Judgement",
    "LearningCurve",
    "LearningCurves",
    "Level",
    "NextStudy",
    "Origin",
    "ParameterImportance",
    "PathStep",
    "ProgressPoint",
    "PrunedTrial",
    "RankedTrial",
    "Rule",
    "RungResult",
    "SearchedParameter",
    "SpaceChange",
    "Spending",
    "StudyFinding",
    "Tried",
    "Winner",
    "analyze",
    "analyze_conclusion",
    "check_kept",
    "compare",
    "comparison_to_json",
    "find_front",
    "find_influence",
    "find_rules",
    "follow_ablation",
    "judge",
    "judge_chance",
    "judge_influence",
    "kept_influence",
    "look_into_trial",
    "plain",
    "probe_to_json",
    "summarize",
    "to_json",
    "total_failure",
]
