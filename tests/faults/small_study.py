"""A small real study, run in this process on a disk that may fail, and what must hold of it afterwards."""

from __future__ import annotations

import hashlib
import os

os.environ["KERAS_BACKEND"] = "jax"

import json
import math
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import numpy as np
import pytest

from faults.disk import Fault, FaultyDisk, disk
from hpsearch.engines import ENGINES, Worker
from hpsearch.engines.in_process import InProcessEngine, InProcessWorker
from hpsearch.engines.messages import ExportOrder, Job, Order, SavedWinner, WinnerOrder
from hpsearch.exceptions import HpsearchError
from hpsearch.spec import load_study_file
from hpsearch.store.checkpoints import Checkpoints
from hpsearch.store.events import dump_event
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.store.winner import read_error_analysis, read_held_out, read_inference_info
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from hpsearch.training.evaluation import Evaluation
from support.commands import write_study

TRIALS, EPOCHS = 4, 3

STUDY: dict[str, Any] = {
    "name": "study",
    "data": {"sklearn": "iris", "test": 30},
    "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.0, 0.3]}}},
    "training": {
        "learning_rate": {"log_uniform": [1e-3, 1e-1]},
        "epochs": EPOCHS,
        "batch_size": 64,
        # Each epoch has a tick of its own, because it has to be decided about.
        "early_stopping": {"patience": 100},
    },
    "search": {"trials": TRIALS, "width": 2, "sampler": {"tpe": {"startup_trials": 2}}},
}


class KeptWorker(InProcessWorker):
    """Works in this process with what it compiled before, and saves a digest in place of a model.

    It sees one row of each class in the part that the winner is evaluated on, and is right about all.
    """

    sessions: ClassVar[dict[str, Any]] = {}

    def __init__(self, job: Job) -> None:
        key = json.dumps(job.spec, sort_keys=True)
        if key not in self.sessions:
            super().__init__(job)
            self.sessions[key] = self._session
        self._session = self.sessions[key]
        self._result = self._session.opened()

    def submit(self, order: Order) -> None:
        if isinstance(order, WinnerOrder):
            self._result = self._winner(order)
        elif isinstance(order, ExportOrder):
            self._result = self._export(order)
        else:
            super().submit(order)

    def _export(self, order: ExportOrder) -> str:
        told = hashlib.sha256()
        for name, array in sorted(order.weights.items()):
            told.update(name.encode() + array.tobytes())
        Path(order.path).write_text(told.hexdigest())
        return told.hexdigest()

    def _winner(self, order: WinnerOrder) -> SavedWinner:
        dataset = self._session.dataset
        counts = tuple(map(tuple, np.eye(len(dataset.labels), dtype=int).tolist()))
        seen = None if order.part is None else Evaluation(order.part, len(counts), (), counts, None)
        return SavedWinner(self._export(order.export), dataset.preprocessing(), seen)


class KeptEngine(InProcessEngine):
    """Starts such workers."""

    def start(self, job: Job) -> Worker:
        return KeptWorker(job)


class NoPicture:
    """Stands for the storage, which no fault here concerns, and which takes longer than all the rest."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.asked = self.reported = self.ended = self.flush = self.close = lambda *_: None


class StopError(HpsearchError):
    """Ends a study at a tick, as a crash would."""


@dataclass
class Remarks:
    """A display that keeps what it is told, and may end the study at a tick."""

    stop_at: int | None = None
    ticks: int = 0
    notes: list[str] = field(default_factory=list)

    def ended(self, *_: Any) -> None:
        """Nothing is shown."""

    def note(self, text: str) -> None:
        self.notes.append(text)

    def begin(self, _runs: int, _told: str) -> None:
        pass

    def advanced(self, _running: Any) -> None:
        self.ticks += 1
        if self.ticks == self.stop_at:
            raise StopError("stopped")


@dataclass
class Run:
    """How a run went: its outcome or the error that ended it, its remarks, and the checkpoints it saved.

    `saved` has the epochs of each checkpoint that was begun, and of the last that was written wholly.
    """

    disk: FaultyDisk
    outcome: str | None = None
    error: HpsearchError | None = None
    remarks: list[str] = field(default_factory=list)
    saved: dict[int, tuple[int, int | None]] = field(default_factory=dict)


def files_in(out: Path) -> StudyFiles:
    """Give the files of the study in an output directory."""
    return StudyFiles(out, STUDY["name"])


def run_study(
    out: Path, fault: Fault | None = None, *, stop_at: int | None = None, storage: str | None = ""
) -> Run:
    """Run the study, or go on with it, with a snapshot at every tick; errors of other kinds are not caught.

    `storage` is as in `Options`; by default there is none at all.
    """
    loaded = load_study_file(write_study(out / "study.yaml", STUDY))
    options = Options(out=out, storage=storage or None, engine="in_process")
    display = Remarks(stop_at)
    with warnings.catch_warnings(record=True) as warned, disk(out, fault) as faulty, _quick_parts() as patch:
        warnings.simplefilter("always", RuntimeWarning)
        run = Run(faulty)
        _watch_checkpoints(run, patch)
        if storage == "":
            patch.setattr("hpsearch.store.optuna.projection.open_storage", NoPicture)
            patch.setattr("hpsearch.store.optuna.projection.Projection", NoPicture)
        try:
            run.outcome, _ = optimize(loaded, options, display)
        except HpsearchError as failure:
            run.error = failure
    told = [str(warning.message) for warning in warned if warning.category is RuntimeWarning]
    run.remarks = [*display.notes, *told]
    return run


@contextmanager
def _quick_parts() -> Iterator[pytest.MonkeyPatch]:
    """Flush and take snapshots always, compile once, draw no report, and take who ran it before for dead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hpsearch.store.holder.Holder.is_dead", lambda holder: True)
        patch.setattr("hpsearch.store.lease.SILENT_SECONDS", 0.0)
        # A heartbeat comes at any time, and the count of the calls would not say which of them fails.
        patch.setattr("hpsearch.store.lease.BEAT_SECONDS", 600.0)
        patch.setattr("hpsearch.store.writer.DURABLE_SECONDS", -1.0)
        patch.setattr("hpsearch.study.snapshots.SNAPSHOT_SECONDS", -1.0)
        patch.setattr("hpsearch.study.snapshots.SNAPSHOT_SHARE", math.inf)
        patch.setitem(ENGINES, "in_process", KeptEngine)
        # What it keeps can be lost without a word: it costs only the time to find it out again.
        patch.setattr("hpsearch.study.finish.results.analyze_stored", mock.Mock())
        patch.setattr("hpsearch.study.finish.results.render_search", lambda *_: "a report")
        yield patch


def _watch_checkpoints(run: Run, patch: pytest.MonkeyPatch) -> None:
    save, remove = Checkpoints.save, Checkpoints.remove

    def saved(store: Checkpoints, number: int, state: Any, epochs: int, *rest: Any, **of: Any) -> None:
        _, whole = run.saved.get(number, (0, None))
        run.saved[number] = (epochs, whole)
        save(store, number, state, epochs, *rest, **of)
        run.saved[number] = (epochs, epochs)

    def removed(store: Checkpoints, number: int) -> None:
        run.saved.pop(number, None)
        remove(store, number)

    patch.setattr(Checkpoints, "save", saved)
    patch.setattr(Checkpoints, "remove", removed)


def decisions(files: StudyFiles) -> list[dict[str, Any]]:
    """Give what the tick log knows, without the seconds, by trial and epoch."""
    events = [dump_event(event) for event in TickLog(files.ticks, files.ticks_copy).read()]
    kept = [{name: value for name, value in event.items() if name != "seconds"} for event in events]
    return sorted(kept, key=lambda event: (event["number"], event["kind"], event.get("epoch") or 0))


def numbers(out: Path) -> dict[str, Any]:
    """Give every number of a finished study, but the seconds."""
    files = files_in(out)
    return {
        "decisions": decisions(files),
        "model": files.best_model.read_text(),
        "applied": read_inference_info(files.best_preprocessing),
        "looks": [(look.winner, look.weights) for look in read_held_out(files.looks).looks],
        "insides": read_error_analysis(files.insides),
    }


def check_told(run: Run, out: Path) -> None:
    """Check that what failed was told, with its place and the system's reason."""
    fault = run.disk.fault
    if run.error is not None:
        assert _tells(str(run.error), fault, out), f"{run.disk.fired[:2]} was told as {run.error!r}"
        return
    assert run.outcome == "finished"
    if any(_matters(call) for call in run.disk.fired):
        told = any(_tells(text, fault, out) for text in run.remarks)
        assert told, f"not told: {run.disk.fired[:3]}, remarks {run.remarks}"


def _tells(text: str, fault: Fault | None, out: Path) -> bool:
    return fault is not None and fault.reason in text and str(out) in text


def _matters(call: str) -> bool:
    """Tell whether something is lost when a call fails.

    What cannot be removed takes room, and a lease that cannot be let go ends with its process.
    """
    return call != "short write" and not call.startswith("unlink ") and "/leases/" not in call


def check_checkpoints(run: Run, files: StudyFiles) -> None:
    """Check that of each trial under way the old or the new checkpoint loads, and none is torn."""
    events = [dump_event(event) for event in TickLog(files.ticks, files.ticks_copy).read()]
    ended = {event["number"] for event in events if event["kind"] == "end"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, (begun, whole) in run.saved.items():
            known = sum(e["kind"] == "report" and e["number"] == number for e in events)
            if whole is not None and number not in ended:
                loaded = Checkpoints(files).load(number, known)
                assert loaded is not None, f"trial {number} has no checkpoint that loads"
                assert loaded[1] in (begun, whole)


def check_fault(out: Path, fault: Fault, expected: dict[str, Any], begun: Path | None = None) -> Run:
    """Run the study, or go on from one that was begun, on a failing disk; then again on a whole one.

    Raises AssertionError where a failure was not told, something was lost, or the end is another.
    """
    if begun is not None:
        shutil.copytree(begun, out)
    files = files_in(out)
    before = decisions(files)
    run = run_study(out, fault)
    check_told(run, out)
    after = decisions(files)
    assert all(event in after for event in before), "the log has lost what it knew"
    check_checkpoints(run, files)
    again = run_study(out)
    assert (again.outcome, again.error) == ("finished", None)
    check_undamaged(files)
    assert numbers(out) == expected
    shutil.rmtree(out)
    return run


def check_undamaged(files: StudyFiles) -> None:
    """Check that both copies of the log are whole and equal."""
    log = TickLog(files.ticks, files.ticks_copy)
    log.read()
    assert log.damage == []
    assert files.ticks.read_bytes() == files.ticks_copy.read_bytes()
