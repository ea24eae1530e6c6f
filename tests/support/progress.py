"""Displays of studies that are run in the process of the tests."""

from __future__ import annotations

from hpsearch.store.record import TrialRecord
from hpsearch.study.progress import Display
from hpsearch.study.state import StudyState


class Silent(Display):
    """Shows nothing."""

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        pass

    def advanced(self, state: StudyState) -> None:
        pass

    def begin(self, runs: int, told: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class Notes(Silent):
    """Keeps the remarks."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
