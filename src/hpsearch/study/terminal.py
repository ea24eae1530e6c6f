"""What the user sees while a study runs: one line for each trial, and on a terminal a live line below."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from hpsearch.exceptions import warnings_as_notes
from hpsearch.spec.study_file.text import clean
from hpsearch.store.record import TrialRecord
from hpsearch.study.trial import RunningTrial

Shown = TypeVar("Shown")

ESTIMATE_AFTER = 3
"""Trials after which the remaining time is estimated."""


MAX_PARAMETERS = 100
"""Letters of parameters that a line shows."""


def spoken_seconds(seconds: float) -> str:
    """Tell a length of time roughly, as people do."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@dataclass
class LiveDisplay:
    """Prints to a console; the live line appears only where the console is a terminal."""

    console: Console
    trials: int
    metric: str
    quiet: bool = False
    bytes_on_disk: Any = None
    further: tuple[str, ...] = ()
    thing: str = "trial"
    finished_here: int = 0
    begun: float = field(default_factory=time.monotonic)
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

    def show(self, run: Callable[[], Shown]) -> Shown:
        """Show how a study runs, our own warnings as remarks, and give what it gave."""
        with warnings_as_notes(self.note), self.live():
            return run()

    def begin(self, runs: int, told: str) -> None:
        """Print what begins, and count anew."""
        self.note(told)
        self.trials, self.finished_here, self.begun = runs, 0, time.monotonic()
        self.thing = "run"
        if self._progress is not None and self._task is not None:
            self._progress.reset(self._task, total=runs, description=told, rate="")

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        """Print the line of a trial."""
        self.finished_here += 1
        rate = self.finished_here / max(time.monotonic() - self.begun, 1e-9)
        if self._progress is not None and self._task is not None:
            told = "" if best is None else f"best {self.metric} {best.value:.5g}"
            self._progress.update(
                self._task, completed=finished, description=told, rate=f"{rate * 60:.1f} {self.thing}s/min"
            )
        self._print(self._line(record, best))
        if self.finished_here == ESTIMATE_AFTER and finished < self.trials:
            self._estimate(self.trials - finished, rate)

    def _line(self, record: TrialRecord, best: TrialRecord | None) -> str:
        if record.value is None:
            told = f"{record.state}: {record.cause}"
        else:
            told = f"{self.metric} {record.value:.5g} at epoch {record.best_epoch}/{record.epochs}"
            for name, value in record.at_best(self.further).items():
                told += f", {name} undefined" if value is None else f", {name} {value:.5g}"
            told += "" if record.state == "complete" else f", {record.state}"
        parameters = ", ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in record.parameters.items()
        )
        if len(parameters) > MAX_PARAMETERS:
            parameters = parameters[: MAX_PARAMETERS - 3] + "..."
        mark = "*" if best is not None and best.number == record.number else " "
        return f"{mark} {self.thing} {record.number:>4}  {told}  {record.seconds:.1f} s  {parameters}"

    def _estimate(self, left: int, rate: float) -> None:
        size = self.bytes_on_disk() if self.bytes_on_disk is not None else 0
        each = size / max(self.finished_here, 1)
        disk = f", and at most {max(1, round((size + each * left) / 1e6))} MB on disk" if size else ""
        self.note(f"about {spoken_seconds(left / rate)} for the remaining {left} trials{disk}")

    def advanced(self, running: list[RunningTrial]) -> None:
        """Nothing to print: the live line moves with the trials."""

    def note(self, text: str) -> None:
        """Print a remark."""
        self._print(text)

    def _print(self, text: str) -> None:
        if not self.quiet:
            self.console.print(Text(clean(text, line=True)), highlight=False, soft_wrap=True)
