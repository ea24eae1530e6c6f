"""Where and how a study is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpsearch.data.stream import Stream
from hpsearch.engines.kinds import EngineName
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec.sections.engine import WorkerCount
from hpsearch.store.loggers.interface import Logger
from hpsearch.store.loggers.logs import loggers_of


@dataclass(frozen=True)
class Options:
    """Where and how a study is run; nothing here changes its results.

    Attributes:
        out: The parent of `runs/` and `reports/`.
        storage: The URL of an Optuna storage; by default a SQLite file in the study's directory.
        data_dir: Where data sets are kept.
        new: Whether to start over.
        takeover: Whether to take the study over from a process that is silent.
        workers: The number of training processes, or "auto"; None for what the study file says, else 1.
        no_code: Whether to refuse a study that runs Python code of its own.
        engine: Where training runs.
        address: That of a cluster of Ray; None for Ray on this machine.
        tensorboard: The directory that trials are copied to for TensorBoard.
        mlflow: The URI of a server, a folder or a database that trials are copied to for MLflow.
        stream: What gives the training rows of this process; None where they are loaded.
    """

    out: Path = Path()
    storage: str | None = None
    data_dir: Path | None = None
    new: bool = False
    takeover: bool = False
    workers: WorkerCount | None = None
    no_code: bool = False
    engine: EngineName = "local"
    address: str | None = None
    tensorboard: Path | None = None
    mlflow: str | None = None
    stream: Stream | None = None

    def __post_init__(self) -> None:
        """Raise UnsupportedError where several workers are to read a stream, which only this process has."""
        if self.stream is not None and self.workers not in (None, 1, "auto"):
            raise UnsupportedError(
                f"workers: expected one, which reads the batches in this process; found {self.workers}"
            )

    def loggers(self) -> tuple[Logger, ...]:
        """Make what copies trials elsewhere. Raises UnsupportedError where a package is not installed."""
        return loggers_of(self.tensorboard, self.mlflow)
