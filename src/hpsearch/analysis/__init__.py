"""From a study's record, or from probes, to typed results: no plotting, no Keras."""

from hpsearch.analysis.analysis import Analysis, analyze
from hpsearch.analysis.arm_results import ArmResult
from hpsearch.analysis.claims import JudgedClaim
from hpsearch.analysis.comparison import Comparison, compare
from hpsearch.analysis.confirmation import Verdict
from hpsearch.analysis.counts import Counts
from hpsearch.analysis.curves import LearningCurve, LearningCurves
from hpsearch.analysis.export import comparison_to_json, plain, probe_to_json, to_json
from hpsearch.analysis.failures import CauseOfFailure
from hpsearch.analysis.findings import Judgement, StudyFinding, judge
from hpsearch.analysis.importance import Importance, ParameterImportance
from hpsearch.analysis.probing import ArmSummary, Finding, summarize
from hpsearch.analysis.progress import ProgressPoint
from hpsearch.analysis.ranking import RankedTrial
from hpsearch.analysis.searched import SearchedParameter

__all__ = [
    "Analysis",
    "ArmResult",
    "ArmSummary",
    "CauseOfFailure",
    "Comparison",
    "Counts",
    "Finding",
    "Importance",
    "JudgedClaim",
    "Judgement",
    "LearningCurve",
    "LearningCurves",
    "ParameterImportance",
    "ProgressPoint",
    "RankedTrial",
    "SearchedParameter",
    "StudyFinding",
    "Verdict",
    "analyze",
    "compare",
    "comparison_to_json",
    "judge",
    "plain",
    "probe_to_json",
    "summarize",
    "to_json",
]
