"""The budget of a study: how many trials, and how long."""

from __future__ import annotations

import time

from hpsearch.spec import Search


class Budget:
    """Counts trials and time; `before` are the seconds that earlier processes took."""

    def __init__(self, search: Search, before: float = 0.0) -> None:
        self.trials, self.timeout = search.trials, search.timeout
        self.before = before
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Count the seconds that the study has taken, over all its processes."""
        return self.before + time.monotonic() - self._started

    @property
    def expired(self) -> bool:
        """Return whether the time is over."""
        return self.timeout is not None and self.elapsed >= self.timeout

    def allows(self, asked: int) -> bool:
        """Return whether another trial may be begun after so many."""
        return asked < self.trials and not self.expired
