"""A study on a cluster of Ray that loses a node."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import hpsearch
from hpsearch.store.events import Event, Lost, Reported
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog

ray = pytest.importorskip("ray", reason="Ray is not installed")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]

TRIALS, EPOCHS = 6, 500

STUDY: dict[str, Any] = {
    "name": "study",
    "data": {"csv": "rows.csv", "target": "kind"},
    "model": {"mlp": {"hidden": [4]}},
    # Each epoch has a tick of its own, because it has to be decided about.
    "training": {
        "learning_rate": {"log_uniform": [1e-4, 1e-2]},
        "epochs": EPOCHS,
        "batch_size": 50,
        "early_stopping": {"patience": EPOCHS},
    },
    "search": {"trials": TRIALS, "width": 1, "sampler": "random"},
    "confirm": {"finalists": 0},
    "baseline": "off",
}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with a core each; the second is the one that a test may kill."""
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def reports(out: Path) -> int:
    """Count the epochs that are written down."""
    log = StudyFiles(out, "study").ticks
    return log.read_bytes().count(b'"report"') if log.exists() else 0


def killed_in_the_middle(cluster: Any, out: Path, told: list[int]) -> None:
    while reports(out) < 2 * EPOCHS:
        time.sleep(0.05)
    told.append(reports(out))
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)


def events(out: Path) -> list[Event]:
    files = StudyFiles(out, "study")
    return TickLog(files.ticks, files.ticks_copy).read()


def values(out: Path) -> dict[tuple[int, int], float | None]:
    """Return what each trial was worth at each of its epochs, of which none may be written twice."""
    reported = [one for one in events(out) if isinstance(one, Reported)]
    found = {(one.number, one.epoch): one.value for one in reported}
    assert len(found) == len(reported)
    return found


def test_a_study_loses_nothing_with_a_node(cluster: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 7},{i % 11},{'a' if (i % 7) > 3 else 'b'}" for i in range(150)]
    Path("rows.csv").write_text("\n".join(["x,y,kind", *rows]))
    told: list[int] = []
    killer = Thread(target=killed_in_the_middle, args=(cluster, tmp_path / "ray", told), daemon=True)
    killer.start()
    study = hpsearch.optimize(STUDY, out="ray", engine="ray", address=cluster.address, workers=2)
    killer.join(60)
    assert told
    assert told[0] < TRIALS * EPOCHS
    assert [trial.state for trial in study.record.trials] == ["complete"] * TRIALS
    assert any(isinstance(one, Lost) for one in events(tmp_path / "ray"))
    disturbed = values(tmp_path / "ray")
    assert len(disturbed) == TRIALS * EPOCHS
    hpsearch.optimize(STUDY, out="plain", workers=2)
    assert disturbed == values(tmp_path / "plain")
