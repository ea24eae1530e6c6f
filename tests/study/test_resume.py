"""A study is a pure function of its file: whatever interrupts it, it ends with the same numbers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from hpsearch.spec import load_study_file
from hpsearch.store.arrays import read_arrays
from hpsearch.store.record import TrialRecord
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from hpsearch.study.snapshots import SnapshotClock
from hpsearch.study.state import StudyState
from hpsearch.training.messages import EpochReport
from hpsearch.training.trainer import Trainer
from support.commands import ended, events, started, succeed, wait_until, write_study

pytestmark = pytest.mark.long

EPOCHS, TRIALS = 150, 4


def outcome(directory: Path) -> dict[str, Any]:
    """Give every number of a study, but the seconds."""
    log = events(directory)
    asks = {event["number"]: event["values"] for event in log if event["kind"] == "ask"}
    reports = [(e["number"], e["epoch"], e["value"]) for e in log if e["kind"] == "report"]
    ends = {
        number: {k: v for k, v in end.items() if k != "seconds"} for number, end in ended(directory).items()
    }
    assert len({(number, epoch) for number, epoch, _ in reports}) == len(reports), (
        "an epoch was reported twice"
    )
    curves: dict[int, dict[str, list[float]]] = {number: {} for number in ends}
    for event in log:
        if event["kind"] == "report" and event["number"] in ends:
            for name, value in event["metrics"].items():
                curves[event["number"]].setdefault(name, []).append(value)
    weights = {}
    for path in (directory / "models").glob("*.npz"):
        arrays = read_arrays(path)
        assert arrays is not None
        weights[path.name] = {name: array.tobytes() for name, array in arrays[0].items()}
    return {"asks": asks, "reports": sorted(reports), "ends": ends, "curves": curves, "weights": weights}


def check_finished(directory: Path, trials: int) -> None:
    """Check that a study has had all its trials, and that nothing seems to be under way."""
    assert sorted(ended(directory)) == list(range(trials))
    assert list((directory / "checkpoints").glob("*")) == []
    reported = outcome(directory)["reports"]
    study = optuna.load_study(study_name=directory.name, storage=f"sqlite:///{directory / 'study.db'}")
    assert [trial.number for trial in study.trials] == list(range(trials))
    states = {trial.number: trial.state.name for trial in study.trials}
    names = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
    assert states == {number: names[end["state"]] for number, end in ended(directory).items()}
    for trial in study.trials:
        end = ended(directory)[trial.number]
        assert (trial.values or [None])[0] == end["value"] or end["state"] == "failed"
        # The storage has a thinned curve; what it has is what was reported, up to the last epoch.
        known = {epoch: value for number, epoch, value in reported if number == trial.number}
        assert trial.intermediate_values.items() <= known.items()
        assert max(trial.intermediate_values) == end["epochs"]


class TestProcesses:
    """Signals to the real process."""

    STUDY: dict[str, Any] = {
        "name": "study",
        "data": "sklearn:iris",
        "model": {
            "mlp": {"hidden": [4], "dropout": {"uniform": [0.1, 0.3]}, "batch_norm": "before_activation"}
        },
        "training": {
            "learning_rate": {"log_uniform": [1e-3, 1e-1]},
            "epochs": EPOCHS,
            "batch_size": 32,
            # Each epoch is a tick of its own, because it has to be decided about.
            "early_stopping": {"patience": EPOCHS},
        },
        "search": {"trials": TRIALS, "sampler": {"tpe": {"startup_trials": 2}}},
    }

    @pytest.fixture(scope="class")
    def uninterrupted(self, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
        directory = tmp_path_factory.mktemp("uninterrupted")
        write_study(directory / "study.yaml", self.STUDY)
        succeed("optimize", "study.yaml", cwd=directory)
        return outcome(directory / "runs" / "study")

    @staticmethod
    def interrupt(number: int, directory: Path, *, after: int) -> subprocess.CompletedProcess[str]:
        """Send a signal to the process when the tick log has so many reports."""
        files = directory / "runs" / "study"
        with started("optimize", "study.yaml", cwd=directory) as process:
            wait_until(lambda: sum(e["kind"] == "report" for e in events(files)) >= after, process)
            os.kill(process.pid, number)
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def test_two_runs_are_equal(self, uninterrupted: dict[str, Any], tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", self.STUDY)
        succeed("optimize", "study.yaml", cwd=tmp_path)
        assert outcome(tmp_path / "runs" / "study") == uninterrupted

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
    def test_asked_to_stop(self, number: int, uninterrupted: dict[str, Any], tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", self.STUDY)
        files = tmp_path / "runs" / "study"
        result = self.interrupt(number, tmp_path, after=EPOCHS + EPOCHS // 3)
        assert result.returncode == 130, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        assert "run the same command again to continue" in result.stdout
        assert len(ended(files)) < TRIALS
        left = {path.name.split(".")[0] for path in (files / "checkpoints").glob("*.npz")}
        # The signal may come just when a trial has ended: then none is under way.
        asked = {event["number"] for event in events(files) if event["kind"] == "ask"}
        under_way = {f"{number:06}" for number in asked - set(ended(files))}
        assert left == under_way, "the trial under way was not kept"
        trial, running = max(ended(files)) + 1, len(under_way)
        told = succeed("status", "study", cwd=tmp_path).stdout
        assert re.search(
            rf"{trial} of {TRIALS} trials ended .*{'1 running' if running else 'complete'}", told
        )

        again = succeed("optimize", "study.yaml", cwd=tmp_path)
        assert "finished: the budget is used up" in again.stdout
        assert "trial    0" not in again.stdout
        check_finished(files, TRIALS)
        assert outcome(files) == uninterrupted

    def test_killed_again_and_again(self, uninterrupted: dict[str, Any], tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", self.STUDY)
        files = tmp_path / "runs" / "study"
        for after in (1, EPOCHS - 3, 2 * EPOCHS + 20):
            result = self.interrupt(signal.SIGKILL, tmp_path, after=after)
            assert result.returncode == -signal.SIGKILL
            assert len(ended(files)) < TRIALS
        succeed("optimize", "study.yaml", cwd=tmp_path)
        check_finished(files, TRIALS)
        assert outcome(files) == uninterrupted

    def test_a_worker_that_dies_costs_nothing(self, uninterrupted: dict[str, Any], tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", self.STUDY)
        files = tmp_path / "runs" / "study"
        with started("optimize", "study.yaml", "--trials", "2", cwd=tmp_path) as process:
            wait_until(lambda: sum(e["kind"] == "report" for e in events(files)) >= EPOCHS // 2, process)
            os.kill(worker_of(process.pid), signal.SIGKILL)
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
        assert "Traceback" not in err
        assert "the worker process died (signal 9)" in out
        assert outcome(files)["ends"] == {number: uninterrupted["ends"][number] for number in (0, 1)}
        assert outcome(files)["curves"] == {number: uninterrupted["curves"][number] for number in (0, 1)}


def worker_of(process: int) -> int:
    """Find the worker among the children of a process."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for child in children:
        line = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in line:
            return int(child)
    raise AssertionError("no worker")


class DeathError(BaseException):
    """Stands for the end of the process."""


@dataclass
class Watcher:
    """A display that does something at a certain tick."""

    at: int | None = None
    kill: bool = False
    ticks: int = 0
    notes: list[str] = field(default_factory=list)

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        """Nothing is shown."""

    def note(self, text: str) -> None:
        self.notes.append(text)

    def begin(self, runs: int, told: str) -> None:
        pass

    def advanced(self, state: StudyState) -> None:
        self.ticks += 1
        if self.ticks != self.at:
            return
        if self.kill:
            raise DeathError
        signal.raise_signal(signal.SIGINT)


def study(name: str, *, training: dict[str, Any], **parts: Any) -> dict[str, Any]:
    search = {"trials": 6, **parts.pop("search", {})}
    model = {"mlp": {"hidden": [4], "dropout": {"uniform": [0.0, 0.3]}}}
    training = {"learning_rate": {"log_uniform": [1e-3, 1.0]}, "batch_size": 64, "epochs": 6, **training}
    return {
        "name": name,
        "data": "sklearn:iris",
        "model": model,
        "training": training,
        "search": search,
        **parts,
    }


TICK_BY_TICK = {"early_stopping": {"patience": 100}}
"""After each epoch it has to be decided whether the trial goes on."""

PLATEAU = {"reduce_on_plateau": {"factor": 0.5, "patience": 1, "min_delta": 0.05, "cooldown": 1}}

STUDIES = [
    study(
        "folds and median",
        data={"sklearn": "iris", "validation": {"folds": 2}},
        training={},
        search={"pruner": {"median": {"startup_trials": 2}}, "sampler": {"tpe": {"startup_trials": 3}}},
    ),
    study(
        "hyperband",
        training={"schedule": {"cosine": {"warmup": {"uniform": [0.0, 0.3]}}}, "epochs": 9},
        search={
            "pruner": {"hyperband": {"min_epochs": 1}},
            "sampler": {"tpe": {"startup_trials": 3}},
            "trials": 8,
        },
    ),
    study(
        "rungs",
        training={"schedule": {"cosine": {"warmup": {"uniform": [0.0, 0.3]}}}, "epochs": 9},
        search={
            "schedule": {"rungs": {"generation": 6}},
            "sampler": {"tpe": {"startup_trials": 3}},
            "width": 2,
            "trials": 16,
        },
    ),
    study(
        "plateau and cmaes",
        training={"schedule": PLATEAU, "early_stopping": {"patience": 2, "min_delta": 0.02}, "epochs": 12},
        search={"sampler": "cmaes", "trials": 8},
    ),
    study(
        "objectives",
        training={"early_stopping": {"patience": 1, "min_delta": 0.1}},
        search={"metric": ["val_loss", "parameters", "f1_macro"], "sampler": {"tpe": {"startup_trials": 3}}},
    ),
    study(
        "fit",
        training={"backend": "jax", "schedule": PLATEAU, "optimizer": {"choice": ["sgd", "adam"]}},
        search={"pruner": "successive_halving", "sampler": "qmc", "trials": 5},
    ),
]


class TestEveryPart:
    """Interruptions at chosen ticks, in this process: asked to stop, dead without and with an old snapshot."""

    @staticmethod
    def go(directory: Path, watcher: Watcher) -> str:
        loaded = load_study_file(directory / "study.yaml")
        ending, _ = optimize(loaded, Options(out=directory, engine="in_process"), watcher)
        return ending

    @pytest.mark.parametrize("raw", STUDIES, ids=[raw["name"] for raw in STUDIES])
    def test_same_numbers(self, raw: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if raw["search"].get("sampler") == "cmaes":
            pytest.importorskip("cmaes")
        whole, parts = tmp_path / "whole", tmp_path / "parts"
        for directory in (whole, parts):
            write_study(directory / "study.yaml", raw)
        watcher = Watcher()
        assert self.go(whole, watcher) == "finished"
        expected = outcome(whole / "runs" / raw["name"])
        self.check_variety(raw, expected)

        files = parts / "runs" / raw["name"]
        assert self.go(parts, Watcher(at=watcher.ticks // 4)) == "interrupted"
        self.die(parts, watcher.ticks // 4, monkeypatch, snapshots=False)
        self.die(parts, watcher.ticks // 4, monkeypatch, snapshots=True)
        assert len(ended(files)) < raw["search"]["trials"]
        assert self.go(parts, Watcher()) == "finished"
        check_finished(files, raw["search"]["trials"])
        assert outcome(files) == expected

    def die(self, directory: Path, tick: int, patch: pytest.MonkeyPatch, *, snapshots: bool) -> None:
        """Run to a tick and stop there as a killed process does: nothing is put away."""
        due = (number % 3 == 1 for number in range(1_000))
        with patch.context() as context:
            context.setattr(SnapshotClock, "due", property(lambda clock: snapshots and next(due)))
            with pytest.raises(DeathError):
                self.go(directory, Watcher(at=tick, kill=True))

    @staticmethod
    def check_variety(raw: dict[str, Any], expected: dict[str, Any]) -> None:
        """Check that the study has what it is there for."""
        ends = expected["ends"].values()
        if raw["search"].keys() & {"pruner", "schedule"}:
            assert {end["state"] for end in ends} == {"complete", "pruned"}
        if "early_stopping" in raw["training"]:
            assert min(end["epochs"] for end in ends) < raw["training"]["epochs"]
        if "schedule" in raw["training"]:
            assert any(len(set(curve["learning_rate"])) > 1 for curve in expected["curves"].values())
        assert len({end["value"] for end in ends}) > 1
        assert np.isfinite([end["value"] for end in ends]).all()

    def test_larger_budgets_keep_what_there_is(self, tmp_path: Path) -> None:
        """With nothing but the number of trials changed, the first trials stay as they were."""
        raw = study("more", training={"epochs": 2}, search={"sampler": "random", "trials": 2})
        write_study(tmp_path / "study.yaml", raw)
        self.go(tmp_path, Watcher())
        first = outcome(tmp_path / "runs" / "more")
        write_study(tmp_path / "study.yaml", {**raw, "search": {**raw["search"], "trials": 4}})
        assert self.go(tmp_path, Watcher()) == "finished"
        second = outcome(tmp_path / "runs" / "more")
        assert sorted(second["ends"]) == [0, 1, 2, 3]
        for part in ("asks", "ends", "curves"):
            assert {n: second[part][n] for n in first[part]} == first[part]

    @pytest.mark.parametrize("copies", [["ticks.jsonl"], ["ticks.jsonl", "ticks.copy.jsonl"]])
    def test_a_torn_tick_log_is_mended(self, copies: list[str], tmp_path: Path) -> None:
        raw = study("torn", training={"epochs": 3, **TICK_BY_TICK}, search={"trials": 2})
        write_study(tmp_path / "study.yaml", raw)
        self.go(tmp_path, Watcher())
        files = tmp_path / "runs" / "torn"
        expected = outcome(files)
        for name in copies:
            content = (files / name).read_bytes()
            (files / name).write_bytes(content[: int(len(content) * 0.7)])
        watcher = Watcher()
        assert self.go(tmp_path, watcher) == "finished"
        assert outcome(files) == expected
        assert (files / "ticks.jsonl").read_bytes() == (files / "ticks.copy.jsonl").read_bytes()
        # What one copy has is not trained again, and what both have lost is.
        assert (watcher.ticks > 2) == (len(copies) == 2)

    @pytest.mark.parametrize("torn", [False, True])
    def test_goes_on_from_the_checkpoint_unless_it_is_torn(
        self, torn: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw = study("torn", training={"epochs": 5, **TICK_BY_TICK}, search={"trials": 2})
        for directory in (tmp_path / "whole", tmp_path / "parts"):
            write_study(directory / "study.yaml", raw)
        self.go(tmp_path / "whole", Watcher())
        assert self.go(tmp_path / "parts", Watcher(at=8)) == "interrupted"
        files = tmp_path / "parts" / "runs" / "torn"
        checkpoint = files / "checkpoints" / "000001.npz"
        if torn:
            content = bytearray(checkpoint.read_bytes())
            content[len(content) // 2] ^= 1
            checkpoint.write_bytes(content)
        before = sum(event["kind"] == "report" for event in events(files))
        assert 5 < before < 10, "the interruption should be in the second trial"
        trained: list[int] = []

        def advance(trainer: Trainer, numbers: Sequence[int]) -> tuple[EpochReport, ...]:
            trained.extend(numbers)
            return whole_advance(trainer, numbers)

        whole_advance = Trainer.advance_all
        monkeypatch.setattr(Trainer, "advance_all", advance)
        with pytest.warns(RuntimeWarning, match="damaged") if torn else nullcontext():
            assert self.go(tmp_path / "parts", Watcher()) == "finished"
        assert trained == [1] * (5 if torn else 10 - before)
        assert outcome(files) == outcome(tmp_path / "whole" / "runs" / "torn")
