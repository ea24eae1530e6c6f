"""Trials are copied to TensorBoard and MLflow once, and a logger that fails ends no study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec.sections.study import read_configuration
from hpsearch.store.events import Ended, Reported
from hpsearch.store.loggers import logs
from hpsearch.store.loggers.interface import LoggedTrial, Logger
from hpsearch.store.loggers.logs import TrialLogs, log_report, loggers_of
from hpsearch.store.loggers.tensorboard import TensorBoardLogger
from hpsearch.store.record import TrialRecord
from support.commands import STUDY, succeed_here, write_study

pytest.importorskip("tensorboard")

RECORD = TrialRecord(
    number=3,
    state="complete",
    value=0.25,
    parameters={"learning_rate": 0.01, "hidden": 8, "activation": "relu"},
    configuration=read_configuration({"model": {"mlp": {"hidden": [8]}}, "training": {"epochs": 2}}),
    epochs=2,
    best_epoch=2,
    seconds=1.0,
    seed=7,
)
EPOCHS = ({"loss": 0.5, "val_loss": 0.75}, {"loss": 0.25, "val_loss": 0.25})
TRIAL = LoggedTrial("a", "val_loss", RECORD, EPOCHS)


def heard(loggers: Any) -> None:
    """Have a trial copied as a study does."""
    told = TrialLogs(loggers, "a", "val_loss")
    for epoch, metrics in enumerate(EPOCHS, 1):
        told.apply(Reported(3, epoch, metrics["val_loss"], metrics, 0.5), None)
    told.apply(Ended(3, "complete", 0.25, 2, 2, 1.0, None), RECORD)
    told.close()


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in read(folder).Scalars(name)]


def test_tensorboard_shows_a_trial_once_however_often_it_is_heard(tmp_path: Path) -> None:
    for _ in range(2):
        heard([TensorBoardLogger(tmp_path)])
    folder = tmp_path / "a" / "trial_3"
    assert curve(folder, "val_loss") == [(1, 0.75), (2, 0.25)]
    assert curve(folder, "loss") == [(1, 0.5), (2, 0.25)]
    assert curve(folder, "best_val_loss") == [(2, 0.25)]
    assert len(list(folder.iterdir())) == 1
    from tensorboard.plugins.hparams.metadata import (
        SESSION_START_INFO_TAG,
        parse_session_start_info_plugin_data,
    )

    content = read(folder).SummaryMetadata(SESSION_START_INFO_TAG).plugin_data.content
    told = parse_session_start_info_plugin_data(content).hparams
    assert (told["learning_rate"].number_value, told["activation"].string_value) == (0.01, "relu")


def test_a_trial_of_another_run_takes_the_place_of_one_of_its_number(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path)
    logger.log(TRIAL)
    logger.log(replace(TRIAL, epochs=EPOCHS[:1]))
    assert curve(tmp_path / "a" / "trial_3", "val_loss") == [(1, 0.75)]


def test_a_report_is_named(tmp_path: Path) -> None:
    log_report([TensorBoardLogger(tmp_path)], "a", tmp_path / "a.html")
    (tensor,) = read(tmp_path / "a").Tensors("report")
    assert tensor.tensor_proto.string_val[0].decode() == str(tmp_path / "a.html")


class Broken(Logger):
    option = "--broken"

    def __init__(self) -> None:
        self.heard = 0

    def log(self, trial: LoggedTrial) -> None:
        self.heard += 1
        raise OSError("no space left\nat all")

    report = None  # type: ignore[assignment]


def test_a_logger_that_fails_is_told_of_once(tmp_path: Path) -> None:
    broken = Broken()
    told = TrialLogs([broken, TensorBoardLogger(tmp_path)], "a", "val_loss")
    for number in (3, 4):
        told.apply(Ended(number, "complete", 0.25, 2, 2, 1.0, None), replace(RECORD, number=number))
    with pytest.warns(
        RuntimeWarning, match="--broken: the study goes on without it.*: no space left$"
    ) as warned:
        told.close()
    assert (len(warned), broken.heard) == (1, 1)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["trial_3", "trial_4"]


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "find_spec", lambda _: None)
    with pytest.raises(
        UnsupportedError, match=r"--mlflow: mlflow is not installed: pip install hpsearch\[mlflow\]"
    ):
        loggers_of(None, "sqlite:///runs.db")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_a_trial_once_and_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # MLflow keeps what is attached there
    mlflow = pytest.importorskip("mlflow", reason="needs hpsearch[mlflow]")
    (logger,) = loggers_of(None, f"sqlite:///{tmp_path / 'runs.db'}")
    (tmp_path / "a.html").write_text("a report")
    for _ in range(2):
        heard([logger])
        log_report([logger], "a", tmp_path / "a.html")
    client = mlflow.MlflowClient(tracking_uri=logger.uri)
    experiment = client.get_experiment_by_name("a")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert sorted(runs) == ["report", "trial 3"]
    run = runs["trial 3"]
    assert run.data.params["learning_rate"] == "0.01"
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "val_loss")
    assert [(one.step, one.value) for one in history] == [(1, 0.75), (2, 0.25)]
    assert [one.path for one in client.list_artifacts(runs["report"].info.run_id)] == ["a.html"]


@pytest.mark.slow
def test_a_study_that_goes_on_adds_what_is_new(tmp_path: Path) -> None:
    study = write_study(tmp_path / "a.yaml", STUDY)
    succeed_here("optimize", study, cwd=tmp_path)
    for trials in (2, 3):
        succeed_here("optimize", study, "--trials", str(trials), "--tensorboard", "board", cwd=tmp_path)
    places = sorted((tmp_path / "board" / "a").glob("trial_*/*"))
    assert [path.parent.name for path in places] == ["trial_0", "trial_1", "trial_2"]
    assert [step for step, _ in curve(places[0].parent, "val_loss")] == [1, 2]
