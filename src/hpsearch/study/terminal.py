"""What the user sees while a study runs: one line for each trial, and a live line below."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from hpsearch.exceptions import warnings_as_notes
from hpsearch.report.words.numbers import amount, short
from hpsearch.spec.study_file.text import clean
from hpsearch.store.record import TrialRecord

if TYPE_CHECKING:
    from hpsearch.study.state import StudyState

Shown = TypeVar("Shown")

ESTIMATE_AFTER = 3
"""Trials after which the remaining time is estimated."""


SECONDS = 0.2
"""The least time between two movements of the line by trials that have not ended."""


MAX_PARAMETERS = 100
"""Letters of parameters that a line shows."""


def spoken_seconds(seconds: float) -> str:
    """Tell a length of time roughly, as people do."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def spoken_metric(value: float | None) -> str:
    """Write a metric with five significant digits, a whole number in full."""
    if value is None:
        return "undefined"
    return short(value) if value.is_integer() else f"{value:.5g}"


def spoken_rate(rate: float, thing: str) -> str:
    """Tell how many trials, or runs, end in a minute; nothing before one has."""
    return "" if not rate else f"{rate * 60:.1f} {thing}s/min"


def rungs_told(state: StudyState) -> str:
    """Tell how many epochs were trained, and where trials are paused; empty where none is."""
    paused = Counter(len(trial.epochs) for trial in state.paused)
    places = (f"{count:,} after epoch {epoch:,}" for epoch, count in sorted(paused.items()))
    return f"{state.epochs:,} epochs, paused: {', '.join(places)}" if paused else ""


@dataclass
class TextDisplay(ABC):
    """Tells in words how a study goes: a line for each trial, and one that moves with them."""

    trials: int
    metric: str
    quiet: bool = False
    bytes_on_disk: Callable[[], int] | None = None
    further: tuple[str, ...] = ()
    thing: str = "trial"
    finished_here: int = 0
    begun: float = field(default_factory=time.monotonic)
    _moved: float = 0.0
    _finished: int = 0
    _best: str = ""

    @abstractmethod
    def live(self) -> AbstractContextManager[None]:
        """Show the moving line while the study runs."""

    @abstractmethod
    def move(self, completed: int, told: str, rate: float) -> None:
        """Move the line: so many runs have ended, what is said of them, and runs in a second."""

    def refresh(self) -> None:  # noqa: B027 - most lines that move are drawn again by themselves
        """Draw what has moved since the last line was printed."""

    @abstractmethod
    def restart(self, told: str) -> None:
        """Begin the line anew for `trials` runs."""

    @abstractmethod
    def print(self, text: str) -> None:
        """Print a line."""

    def show(self, run: Callable[[], Shown]) -> Shown:
        """Show how a study runs, our own warnings as remarks, and give what it gave."""
        with warnings_as_notes(self.note), self.live():
            return run()

    def begin(self, runs: int, told: str) -> None:
        """Print what begins, and count anew."""
        self.note(told)
        self.trials, self.finished_here, self.begun = runs, 0, time.monotonic()
        self._finished, self._best = 0, ""
        self.thing = "run"
        self.restart(told)

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        """Print the line of a trial."""
        self.finished_here += 1
        self._finished, self._best = finished, "" if best is None else f"best {self.metric} {best.value:.5g}"
        rate = self._move()
        self.note(self._line(record, best))
        if self.finished_here == ESTIMATE_AFTER and finished < self.trials:
            self._estimate(self.trials - finished, rate)

    def _move(self, told: str = "") -> float:
        """Move the line, and return how many runs end in a second."""
        self._moved = time.monotonic()
        rate = self.finished_here / max(self._moved - self.begun, 1e-9)
        self.move(self._finished, ", ".join(filter(None, (self._best, told))), rate)
        return rate

    def _line(self, record: TrialRecord, best: TrialRecord | None) -> str:
        if record.value is None:
            told = f"{record.state}: {record.cause}"
        else:
            told = f"{self.metric} {record.value:.5g} at epoch {record.best_epoch}/{record.epochs}"
            for name, value in record.at_best(self.further).items():
                told += f", {name} {spoken_metric(value)}"
            told += "" if record.state == "complete" else f", {record.state}"
        parameters = ", ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in record.parameters.items()
        )
        if len(parameters) > MAX_PARAMETERS:
            parameters = parameters[: MAX_PARAMETERS - 3] + "..."
        if record.origin is not None:
            parameters = f"{record.origin}: {parameters}"
        mark = "*" if best is not None and best.number == record.number else " "
        return f"{mark} {self.thing} {record.number:>4}  {told}  {record.seconds:.1f} s  {parameters}"

    def _estimate(self, left: int, rate: float) -> None:
        size = self.bytes_on_disk() if self.bytes_on_disk is not None else 0
        each = size / max(self.finished_here, 1)
        disk = f", and at most {max(1, round((size + each * left) / 1e6))} MB on disk" if size else ""
        self.note(f"about {spoken_seconds(left / rate)} for the remaining {amount(left, self.thing)}{disk}")

    def advanced(self, state: StudyState) -> None:
        """Move the line where trials wait at rungs: most of them end with the study."""
        if time.monotonic() - self._moved >= SECONDS and (told := rungs_told(state)):
            self._move(told)
            self.refresh()

    def note(self, text: str) -> None:
        """Print a remark."""
        if not self.quiet:
            self.print(clean(text, line=True))


@dataclass
class LiveDisplay(TextDisplay):
    """Prints to a console; the live line appears only where the console is a terminal."""

    console: Console = field(kw_only=True)
    _progress: Progress | None = None
    _task: TaskID | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show the live line while the study runs."""
        if self.quiet or not self.console.is_terminal:
            yield
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            self._progress = progress
            self._task = progress.add_task("trials", total=self.trials, rate="")
            yield
        self._progress = None

    def move(self, completed: int, told: str, rate: float) -> None:
        """Move the live line."""
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task, completed=completed, description=told, rate=spoken_rate(rate, self.thing)
            )

    def restart(self, told: str) -> None:
        """Begin the live line anew."""
        if self._progress is not None and self._task is not None:
            self._progress.reset(self._task, total=self.trials, description=told, rate="")

    def print(self, text: str) -> None:
        """Print a line below those before."""
        self.console.print(Text(text), highlight=False, soft_wrap=True)
