"""From histories and probes to sentences: what went wrong in the trials of a study, and what to do."""

from hpsearch.analysis.findings.finding import StudyFinding
from hpsearch.analysis.findings.judgement import Judgement, judge
from hpsearch.analysis.findings.why import unexplained

__all__ = ["Judgement", "StudyFinding", "judge", "unexplained"]
