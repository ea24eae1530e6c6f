"""From histories and probes to sentences: what went wrong in the trials of a study, and what to do."""

from hpsearch.analysis.findings.finding import StudyFinding
from hpsearch.analysis.findings.judgement import Judgement, judge

__all__ = ["Judgement", "StudyFinding", "judge"]
