"""Who is shown how a study goes: the interface that the coordinator speaks to."""

from __future__ import annotations

from typing import Literal, Protocol

from hpsearch.store.record import TrialRecord
from hpsearch.study.trial import RunningTrial

Outcome = Literal["finished", "timeout", "exhausted", "hopeless", "interrupted"]


class Display(Protocol):
    """Who is shown how the study goes."""

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        """Show a trial that ended, the best so far, and how many have ended."""

    def advanced(self, running: list[RunningTrial]) -> None:
        """Show the trials under way."""

    def begin(self, runs: int, told: str) -> None:
        """Show that something else begins, of at most so many runs."""

    def note(self, text: str) -> None:
        """Show a remark."""
