"""What a logger is, and what it is told of a trial that has ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hpsearch.store.events import Metrics
from hpsearch.store.identity import digest
from hpsearch.store.record import TrialRecord


@dataclass(frozen=True)
class LoggedTrial:
    """A trial that has ended, with the metrics of its epochs."""

    study: str
    metric: str
    record: TrialRecord
    epochs: tuple[Metrics, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """Return its values, and its state."""
        return {**self.record.parameters, "state": self.record.state, "seed": str(self.record.seed)}

    @cached_property
    def mark(self) -> str:
        """Return what tells this trial from one of the same number that another run of the study had."""
        return digest([self.record.state, self.record.seed, dict(self.record.parameters), self.epochs])[:16]


class Logger(ABC):
    """Where trials are copied to; a trial that is there already is left as it is."""

    option: str

    @abstractmethod
    def log(self, trial: LoggedTrial) -> None:
        """Copy a trial, whole or not at all."""

    @abstractmethod
    def report(self, study: str, path: Path) -> None:
        """Copy the report of a study, in the place of an earlier one."""
