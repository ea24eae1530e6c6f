"""Who is shown how a study goes: the interface that the coordinator speaks to."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal, Protocol

from hpsearch.store.record import TrialRecord

if TYPE_CHECKING:
    from hpsearch.spec import Search
    from hpsearch.study.state import StudyState
    from hpsearch.study.terminal import TextDisplay

LOGGER = logging.getLogger("hpsearch")
LOGGER.addHandler(logging.NullHandler())
WARNING = "warning: "
"""Begins the remarks that are warnings."""

Outcome = Literal["finished", "timeout", "exhausted", "no_gain", "hopeless", "interrupted"]


def in_notebook() -> bool:
    """Return whether this process runs the cells of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Display(Protocol):
    """Who is shown how the study goes."""

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        """Show a trial that ended, the best so far, and how many have ended."""

    def advanced(self, state: StudyState) -> None:
        """Show how far the trials under way are."""

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

    def advanced(self, state: StudyState) -> None:
        """Nothing to log: an epoch may take milliseconds."""

    def begin(self, runs: int, told: str) -> None:
        """Log what begins."""
        LOGGER.info("%s (at most %s runs)", told, runs)

    def note(self, text: str) -> None:
        """Log a remark, or a warning at its own level."""
        level = logging.WARNING if text.startswith(WARNING) else logging.INFO
        LOGGER.log(level, "%s", text.removeprefix(WARNING))


def live_display(search: Search) -> TextDisplay:
    """Choose what shows the progress: a notebook redraws a place in its page, where a stream could not."""
    if in_notebook():
        from hpsearch.study.notebook import NotebookDisplay

        return NotebookDisplay(search.trials, search.first_metric, further=search.further)
    from rich.console import Console

    from hpsearch.study.terminal import LiveDisplay

    console = Console(stderr=True)
    return LiveDisplay(search.trials, search.first_metric, further=search.further, console=console)
