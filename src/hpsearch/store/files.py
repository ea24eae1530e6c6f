"""Where the files of a study are, and how they are written so that a crash cannot tear them."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hpsearch.exceptions import StoreError


@dataclass(frozen=True)
class StudyFiles:
    """The places of one study under `runs/` and `reports/` of an output directory."""

    out: Path
    name: str

    @property
    def directory(self) -> Path:
        """Everything about the study but the report."""
        return self.out / "runs" / self.name

    @property
    def study(self) -> Path:
        """The resolved study file."""
        return self.directory / "study.yaml"

    @property
    def ticks(self) -> Path:
        """The tick log: every decision, in its order."""
        return self.directory / "ticks.jsonl"

    @property
    def database(self) -> Path:
        """The Optuna storage where no other is named."""
        return self.directory / "study.db"

    @property
    def lock(self) -> Path:
        """The lock that the running process holds."""
        return self.directory / "lock"

    @property
    def best_model(self) -> Path:
        """The best configuration's model."""
        return self.directory / "best.keras"

    @property
    def best_configuration(self) -> Path:
        """The best configuration as a study file."""
        return self.directory / "best.yaml"

    @property
    def table(self) -> Path:
        """All trials as CSV."""
        return self.directory / "trials.csv"

    @property
    def timing(self) -> Path:
        """How long the study took, and how much of that its last process spent on the store."""
        return self.directory / "timing.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.out / "reports" / f"{self.name}.html"

    def history(self, number: int) -> Path:
        """The curves of one trial."""
        return self.directory / "histories" / f"{number:06}.json"

    def checkpoint(self, number: int) -> Path:
        """The state of a trial under way."""
        return self.directory / "checkpoints" / f"{number:06}.npz"

    def weights(self, number: int) -> Path:
        """The weights of a trial's best epoch."""
        return self.directory / "models" / f"{number:06}.npz"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old or the new content, whatever happens in between.

    Raises StoreError where the system does not let us write.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as failure:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {failure.strerror}") from None
