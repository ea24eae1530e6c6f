"""What the Optuna storage is told of a study, from a thread that must not hold it up."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from hpsearch.spec import StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Reported
from hpsearch.store.optuna import projection
from hpsearch.store.optuna.background import BackgroundWriter
from hpsearch.store.optuna.storage import open_storage
from hpsearch.store.optuna.urls import url_of

STUDY = {
    "name": "study",
    "data": "sklearn:wine",
    "model": {"mlp": {"hidden": [4]}},
    "training": {"learning_rate": {"uniform": [0.1, 0.2]}, "epochs": 200},
}
EVENTS = 200


def test_a_storage_that_fails_after_seconds_is_not_asked_for_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna tries again for seconds, as on a full disk, before it gives up to add a trial."""
    interval, failing = 0.02, 0.05
    monkeypatch.setattr(projection, "FLUSH_SECONDS", interval)
    storage = open_storage(url_of(tmp_path / "study.db"))
    shown = projection.Projection(storage, "study", SearchExperiment(StudySpec.model_validate(STUDY)))
    asked: list[float] = []

    def fail(*_: Any, **__: Any) -> NoReturn:
        asked.append(time.monotonic())
        time.sleep(failing)
        raise OSError("No space left on device")

    monkeypatch.setattr(storage, "create_new_trial", fail)
    writer = BackgroundWriter(shown, lambda: None)
    time.sleep(2 * interval)
    writer.apply(Asked(0, {"learning_rate": 0.15}), None)
    for epoch in range(1, EVENTS + 1):
        writer.apply(Reported(0, epoch, 1.0, {}, 0.0), None)
    with pytest.warns(RuntimeWarning, match="out of date: .*No space left on device"):
        writer.close()
    assert 1 <= len(asked) <= EVENTS / 10
