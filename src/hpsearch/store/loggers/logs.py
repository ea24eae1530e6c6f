"""Copies the trials of an experiment to loggers, in a thread of its own, so that the study does not wait."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from hpsearch.exceptions import UnsupportedError
from hpsearch.store.events import Ended, Event, Metrics, Reported
from hpsearch.store.loggers.interface import LoggedTrial, Logger
from hpsearch.store.loggers.mlflow import MlflowLogger
from hpsearch.store.loggers.tensorboard import TensorBoardLogger
from hpsearch.store.record import TrialRecord


def loggers_of(tensorboard: Path | None, mlflow: str | None) -> tuple[Logger, ...]:
    """Make the loggers that are asked for.

    Raises:
        UnsupportedError: What one needs is not installed.
    """
    found: list[Logger] = []
    if tensorboard is not None:
        _check_installed("tensorboard")
        found.append(TensorBoardLogger(tensorboard))
    if mlflow is not None:
        _check_installed("mlflow")
        found.append(MlflowLogger(mlflow))
    return tuple(found)


def _check_installed(package: str) -> None:
    if find_spec(package) is None:
        raise UnsupportedError(f"--{package}: {package} is not installed: pip install hpsearch[{package}]")


class TrialLogs:
    """Hears the events of an experiment, and has every trial that ends copied.

    A logger that fails is told of once and left out from then on: the study goes on, and its next run copies
    what is missing.
    """

    def __init__(self, loggers: Sequence[Logger], study: str, metric: str) -> None:
        self.loggers, self.study, self.metric = list(loggers), study, metric
        self._epochs: dict[int, list[Metrics]] = defaultdict(list)
        self._ended: SimpleQueue[LoggedTrial | None] = SimpleQueue()
        self._failures: list[str] = []
        self._thread = Thread(target=self._copy, name="hpsearch loggers", daemon=True)
        if loggers:
            self._thread.start()

    def apply(self, event: Event, record: TrialRecord | None) -> None:
        """Note an event of a trial, and how the trial ended where it has."""
        if not self.loggers:
            return
        if isinstance(event, Reported):
            self._epochs[event.number].append(event.metrics)
        elif isinstance(event, Ended) and record is not None:
            epochs = tuple(self._epochs.pop(event.number, ()))
            self._ended.put(LoggedTrial(self.study, self.metric, record, epochs))

    def close(self) -> None:
        """Copy the rest, and warn where something could not be copied."""
        if self._thread.is_alive():
            self._ended.put(None)
            self._thread.join()
        for failure in self._failures:
            warnings.warn(failure, RuntimeWarning, stacklevel=2)
        self._failures = []

    def _copy(self) -> None:
        while (trial := self._ended.get()) is not None:
            for logger in tuple(self.loggers):
                try:
                    logger.log(trial)
                except Exception as failure:  # noqa: BLE001 - whatever a logger raises, the study goes on
                    self.loggers.remove(logger)
                    self._failures.append(_failed(logger, failure))


def log_report(loggers: Sequence[Logger], study: str, path: Path) -> None:
    """Copy the report of a study; a logger that fails is told of in a warning."""
    for logger in loggers:
        try:
            logger.report(study, path)
        except Exception as failure:  # noqa: BLE001 - the same
            warnings.warn(_failed(logger, failure), RuntimeWarning, stacklevel=2)


def _failed(logger: Logger, failure: Exception) -> str:
    text = (str(failure).splitlines() or [type(failure).__name__])[0]
    return f"{logger.option}: the study goes on without it, and copies what is missing next time: {text}"
