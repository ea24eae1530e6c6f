"""Trials that were paused at rungs and promoted are those that training without rungs gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch.spec import load_study_file
from hpsearch.store.arrays import read_arrays
from hpsearch.store.events import Ended, Promoted, Reported
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.study import paused_trials
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from support.commands import write_study
from support.progress import Silent

pytestmark = pytest.mark.long

TRIALS, EPOCHS = 9, 9

STUDY: dict[str, Any] = {
    "name": "s",
    "data": {"sklearn": "digits", "rescale": 0.0625},
    "model": {"mlp": {"hidden": [16], "dropout": {"uniform": [0.1, 0.3]}, "batch_norm": "before_activation"}},
    "training": {
        "learning_rate": {"log_uniform": [1e-3, 3e-2]},
        "optimizer": {"choice": ["adam", "sgd"]},
        "schedule": {"cosine": {"warmup": 0.2}},
        "early_stopping": {"patience": 3},
        "epochs": EPOCHS,
        "batch_size": 64,
    },
    "search": {"trials": TRIALS, "sampler": "random", "keep": TRIALS},
    "confirm": {"finalists": 0},
}


def trained(home: Path, schedule: Any, **options: Any) -> dict[int, tuple[Any, ...]]:
    """Train a study; give of each trial its state, its metrics by epoch, and its best weights."""
    raw = {**STUDY, "search": {**STUDY["search"], "schedule": schedule}}
    write_study(home / "study.yaml", raw)
    loaded = load_study_file(home / "study.yaml")
    outcome, _ = optimize(loaded, Options(out=home, engine="in_process", **options), Silent())
    assert outcome == "finished"
    files = StudyFiles(home, "s")
    events = TickLog(files.ticks, files.ticks_copy).read()
    metrics: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, Reported):
            metrics.setdefault(event.number, []).append(event.metrics)
    told = {}
    for end in (event for event in events if isinstance(event, Ended)):
        stored = read_arrays(files.weights(end.number))
        assert stored is not None
        weights = {name: array.tobytes() for name, array in stored[0].items()}
        told[end.number] = (end.state, metrics[end.number], weights, end.best_epoch)
    return told


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Any, ...]]:
    return trained(tmp_path_factory.mktemp("full"), "full")


@pytest.mark.parametrize("bytes_in_memory", [paused_trials.MOST_BYTES, 0], ids=["memory", "disk"])
def test_a_promoted_trial_is_the_uninterrupted_one(
    bytes_in_memory: int,
    full: dict[int, tuple[Any, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paused_trials, "MOST_BYTES", bytes_in_memory)
    rungs = trained(tmp_path, {"rungs": {"generation": TRIALS}})
    states = [state for state, *_ in rungs.values()]
    assert states.count("complete") == 1
    assert {len(metrics) for _, metrics, *_ in rungs.values()} >= {1, 3}
    for number, (state, metrics, weights, best_epoch) in rungs.items():
        _, expected, best_weights, expected_epoch = full[number]
        assert metrics == expected[: len(metrics)]
        if state == "complete" or best_epoch == expected_epoch:
            assert (weights, best_epoch) == (best_weights, expected_epoch)


def test_several_workers_give_the_same_curves(full: dict[int, tuple[Any, ...]], tmp_path: Path) -> None:
    rungs = trained(tmp_path, {"rungs": {"generation": 3}}, workers=2)
    assert any(state == "complete" for state, *_ in rungs.values())
    for number, (_, metrics, *_) in rungs.items():
        assert metrics == full[number][1][: len(metrics)]
    files = StudyFiles(tmp_path, "s")
    assert any(isinstance(event, Promoted) for event in TickLog(files.ticks, files.ticks_copy).read())
