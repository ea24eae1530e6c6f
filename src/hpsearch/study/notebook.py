"""What a notebook shows while a study runs: a bar and the last lines, redrawn in place."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from hpsearch.study.terminal import TextDisplay, spoken_rate, spoken_seconds

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

LINES = 12
"""Lines that are kept below the bar."""

SECONDS = 0.2
"""The least time between two drawings: a trial may take milliseconds, and a browser does not."""

BAR = Markup('<div><progress value="{}" max="{}"></progress> {}</div>')
TEXT = Markup("<pre>{}</pre>")


@dataclass
class NotebookDisplay(TextDisplay):
    """Draws below the cell that runs, and draws there again."""

    _lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    _place: DisplayHandle | None = None
    _drawn: float = 0.0
    _completed: int = 0
    _told: str = ""

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show bar and lines below the cell while the study runs; the last lines stay."""
        from IPython.display import display

        self._place = display(self.content(), raw=True, display_id=True)
        try:
            yield
        finally:
            self._place.update(self.lines(), raw=True)

    def move(self, completed: int, told: str, rate: float) -> None:
        """Move the bar, with the time that remains."""
        left = max(self.trials - completed, 0)
        remaining = f"about {spoken_seconds(left / rate)} left" if left and rate else ""
        self._completed = completed
        self._told = ", ".join(filter(None, (told, spoken_rate(rate, self.thing), remaining)))

    def restart(self, told: str) -> None:
        """Begin the bar anew."""
        self._completed, self._told = 0, told

    def print(self, text: str) -> None:
        """Add a line, and draw where the last drawing is long enough ago."""
        self._lines.append(text)
        self.refresh()

    def refresh(self) -> None:
        """Draw where the last drawing is long enough ago."""
        if time.monotonic() - self._drawn >= SECONDS:
            self._draw()

    def content(self) -> dict[str, str]:
        """Return what is shown while the study runs, by its media type."""
        told = ", ".join(filter(None, (f"{self._completed:,} of {self.trials:,} {self.thing}s", self._told)))
        bar = {"text/html": BAR.format(self._completed, self.trials, told), "text/plain": f"{told}\n"}
        return {kind: bar[kind] + text for kind, text in self.lines().items()}

    def lines(self) -> dict[str, str]:
        """Return the last lines, by their media type."""
        text = "\n".join(self._lines)
        return {"text/html": TEXT.format(text), "text/plain": text}

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        if self._place is not None:
            self._place.update(self.content(), raw=True)
