"""Trials as TensorBoard shows them: a curve of each metric, and the table of hyperparameters."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch.store.disk import write_atomically
from hpsearch.store.loggers.interface import LoggedTrial, Logger

FILE = "events.out.tfevents."
"""Begins the names of the files that TensorBoard reads."""


class TensorBoardLogger(Logger):
    """Writes one file for each trial, into a folder of its own."""

    option = "--tensorboard"

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def log(self, trial: LoggedTrial) -> None:
        """Write the file of a trial, under a name that says what is in it."""
        self._write(
            self.directory / trial.study / f"trial_{trial.record.number}", trial.mark, _of_trial(trial)
        )

    def report(self, study: str, path: Path) -> None:
        """Write where the report lies: TensorBoard shows no pages."""
        _without_tensorflow()
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._write(self.directory / study, "report", [(0, text_pb("report", str(path.absolute())))])

    def _write(self, folder: Path, mark: str, summaries: Any) -> None:
        file = folder / f"{FILE}{mark}"
        if file.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, _records(summaries))
        for other in folder.glob(f"{FILE}*"):
            if other != file:
                other.unlink()


def _of_trial(trial: LoggedTrial) -> Iterator[tuple[int, Any]]:
    """Give the summaries of a trial with their steps, which are epochs from 1."""
    _without_tensorflow()
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    yield 0, hparams_pb(trial.parameters, trial_id=f"{trial.study}/{trial.record.number}")
    for epoch, metrics in enumerate(trial.epochs, 1):
        known = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in metrics.items()
            if value is not None
        ]
        yield epoch, Summary(value=known)
    if trial.record.value is not None:
        best = Summary.Value(tag=f"best_{trial.metric}", simple_value=trial.record.value)
        yield trial.record.best_epoch or 0, Summary(value=[best])


def _records(summaries: Any) -> bytes:
    """Return summaries as the bytes of a file of events."""
    _without_tensorflow()
    import io

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    stream = io.BytesIO()
    writer, now = RecordWriter(stream), time.time()
    writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    for step, summary in summaries:
        writer.write(Event(wall_time=now, step=step, summary=summary).SerializeToString())
    return stream.getvalue()


def _without_tensorflow() -> None:
    """Have TensorBoard use its own part of TensorFlow: what it needs of that takes no 10 s to import."""
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
