"""From a study's record, or from probes, to typed results: no plotting, no Keras."""

from hpsearch.analysis.analysis import Analysis, analyze
from hpsearch.analysis.confirmation import Verdict
from hpsearch.analysis.counts import Counts
from hpsearch.analysis.curves import LearningCurve, LearningCurves
from hpsearch.analysis.export import plain, probe_to_json, to_json
from hpsearch.analysis.failures import CauseOfFailure
from hpsearch.analysis.importance import Importance, ParameterImportance
from hpsearch.analysis.probing import ArmSummary, Finding, summarize
from hpsearch.analysis.progress import ProgressPoint
from hpsearch.analysis.ranking import RankedTrial
from hpsearch.analysis.searched import SearchedParameter

__all__ = [
    "Analysis",
    "ArmSummary",
    "CauseOfFailure",
    "Counts",
    "Finding",
    "Importance",
    "LearningCurve",
    "LearningCurves",
    "ParameterImportance",
    "ProgressPoint",
    "RankedTrial",
    "SearchedParameter",
    "Verdict",
    "analyze",
    "plain",
    "probe_to_json",
    "summarize",
    "to_json",
]
