"""Who is shown how a study goes: the interface that the coordinator speaks to."""

from __future__ import annotations

import logging
from typing import Literal, Protocol

from hpsearch.store.record import TrialRecord
from hpsearch.study.trial import RunningTrial

LOGGER = logging.getLogger("hpsearch")
LOGGER.addHandler(logging.NullHandler())
WARNING = "warning: "
"""Begins the remarks that are warnings."""

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


class LoggedProgress(Display):
    """Shows nothing; remarks and warnings go to the logger of the library."""

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        """Log the end of a trial."""
        shown = None if best is None else best.value
        LOGGER.debug("trial %s %s, %s ended, best %s", record.number, record.state, finished, shown)

    def advanced(self, running: list[RunningTrial]) -> None:
        """Nothing to log: an epoch may take milliseconds."""

    def begin(self, runs: int, told: str) -> None:
        """Log what begins."""
        LOGGER.info("%s (at most %s runs)", told, runs)

    def note(self, text: str) -> None:
        """Log a remark, or a warning at its own level."""
        level = logging.WARNING if text.startswith(WARNING) else logging.INFO
        LOGGER.log(level, "%s", text.removeprefix(WARNING))
