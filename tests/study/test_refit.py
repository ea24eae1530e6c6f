"""Confirmations on fresh splits, and winners that are trained once more on training and validation rows."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from hpsearch.data import load_dataset
from hpsearch.engines import single_member as solo
from hpsearch.engines.messages import ExportOrder, WinnerOrder
from hpsearch.engines.session.session import Session
from hpsearch.exceptions import WorkerDiedError
from hpsearch.scheduling.conclusion import conclude_search
from hpsearch.seeds import derive
from hpsearch.spec import Data, load_study_file, read_configuration
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_confirmation, read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import model_problem
from hpsearch.study import snapshots
from hpsearch.study.finish import refit as refitting
from hpsearch.study.lifecycle import confirm_search, optimize
from hpsearch.study.open_study import OpenStudy
from hpsearch.study.options import Options
from support.commands import ended, in_process, started, succeed, wait_until, write_study
from support.progress import Notes

pytestmark = pytest.mark.slow

DATA = {"sklearn": "iris", "test": 0.2, "rescale": "1/8"}
STUDY: dict[str, Any] = {
    "name": "a",
    "data": DATA,
    "model": {"mlp": {"hidden": [8], "activation": "tanh"}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 5, "batch_size": 16},
    "search": {"trials": 3, "sampler": "random"},
    "confirm": {"finalists": 2, "replicates": 3, "splits": "fresh", "refit": True},
}
BEGUN = "refitting the winner: 120 rows"


def write(directory: Path, confirm: Mapping[str, Any] | None = None, **changes: Any) -> Path:
    section = {**STUDY["confirm"], **(confirm or {})}
    return write_study(directory / "a.yaml", {**STUDY, **changes, "confirm": section})


def searched(directory: Path, run: Any = optimize) -> tuple[StudyRecord, list[str]]:
    """Run the study of a directory in this process."""
    display = Notes()
    options = Options(out=directory, engine="in_process")
    return run(load_study_file(directory / "a.yaml"), options, display)[1].record, display.notes


def told(directory: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert in_process("best", "a", "--format", "json", "--out", directory) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def model_of(directory: Path) -> Any:
    import keras

    return keras.saving.load_model(directory / "runs" / "a" / "best.keras", compile=False, safe_mode=True)


def content(path: Path) -> Any:
    return json.loads(path.read_text())["content"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a study that ran in processes of its own, uninterrupted."""
    directory = tmp_path_factory.mktemp("refitted")
    write(directory)
    (directory / "printed").write_text(succeed("optimize", "a.yaml", cwd=directory).stdout)
    return directory


def runs_of_the_winner(directory: Path, winner: int) -> list[Any]:
    confirmation = read_confirmation(StudyFiles(directory, "a"))
    assert confirmation is not None
    return [run for run in confirmation.trials if run.parameters["arm"] == f"trial {winner}"]


class TestTheSavedModel:
    def test_is_what_plain_keras_makes_of_all_rows(
        self, finished: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        import keras

        from hpsearch.models.components.objectives import Objective
        from hpsearch.models.model import initial_weights
        from hpsearch.training.interface import epoch_order

        best = told(finished, capsys)
        epochs = math.ceil(median(run.best_epoch for run in runs_of_the_winner(finished, best["number"])))
        assert best["refit"]["winner"]["epoch"] == epochs
        split = load_dataset(Data.model_validate(DATA), finished).splits[0]
        rows = np.sort(np.concatenate([split.train_index, split.validation_index]))
        from sklearn.datasets import load_iris

        features, y = load_iris(return_X_y=True)
        x = features[rows].astype(np.float32) / 8
        study, seed = best["study"], derive(0, "refit")
        configuration = read_configuration({"model": study["model"], "training": study["training"]})
        first = initial_weights(configuration, (4,), Objective("classification", 3), seed)
        plain = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(3)]
        )
        names = ("hidden_1/kernel", "hidden_1/bias", "output/kernel", "output/bias")
        plain.set_weights([first[name] for name in names])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        plain.compile(keras.optimizers.Adam(study["training"]["learning_rate"]), loss)
        for epoch in range(1, epochs + 1):
            order = epoch_order(seed, epoch, 120)
            plain.fit(x[order], y[rows][order], batch_size=16, shuffle=False, verbose=0)
        saved = [array for array in model_of(finished).get_weights() if array.ndim]
        for found, expected in zip(saved, plain.get_weights(), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)

    def test_looks_once_at_the_test_part(self, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (look,) = content(finished / "runs" / "a" / "test.json")["looks"]
        assert look["winner"] == told(finished, capsys)["refit"]["winner"]
        rows = load_dataset(Data.model_validate(DATA), finished).raw_test()
        assert rows is not None
        given = model_of(finished).predict(rows.x, verbose=0)
        loss = -np.log(given[np.arange(len(rows.y)), rows.y]).mean()
        measures = {measure["name"]: measure["value"] for measure in look["evaluation"]["measures"]}
        assert measures["loss"] == pytest.approx(loss, rel=1e-4)

    def test_is_what_predict_applies(self, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
        rows = load_dataset(Data.model_validate(DATA), finished).raw_test()
        assert rows is not None
        np.savez(finished / "new.npz", x=rows.x)
        given = ("predict", "a", finished / "new.npz", "--format", "json", "--out", finished)
        assert in_process(*given) == 0
        found = [list(row["probabilities"].values()) for row in json.loads(capsys.readouterr().out)]
        np.testing.assert_allclose(found, model_of(finished).predict(rows.x, verbose=0), atol=1e-5)

    def test_is_told_with_the_score_of_the_replicates(
        self, finished: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        best = told(finished, capsys)
        epochs = best["refit"]["winner"]["epoch"]
        sentence = "The saved model was refitted on all 120 training and validation rows"
        assert in_process("best", "a", "--out", finished) == 0
        report = (finished / "reports" / "a.html").read_text()
        for page in (capsys.readouterr().out, (finished / "printed").read_text(), report):
            assert sentence in page
            assert (
                "so the reported val_loss is that of the replicates, and only the test set can score it"
                in page
            )
        assert f"<span>for {epochs} epoch" in report
        assert best["refit"]["best_epochs"] == [
            run.best_epoch for run in runs_of_the_winner(finished, best["number"])
        ]
        assert in_process("check", "a", "--out", finished) == 0
        assert "refit of the winner" in capsys.readouterr().out


class TestSplitsAndSeeds:
    def test_intervals_say_what_they_are_over(
        self, finished: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        best = told(finished, capsys)
        assert best["confirmation"]["splits"] == "fresh"
        count = best["confirmation"]["conclusion"]["cross_validated_score"]["count"]
        counted = f"over {count} fresh split{'s' * (count > 1)} and seed{'s' * (count > 1)}"
        printed = (finished / "printed").read_text()
        assert counted in printed
        assert "; each replicate has its own split" in printed
        report = (finished / "reports" / "a.html").read_text()
        assert counted in report
        over = "mean over splits and seeds, each replicate with its own training and validation split"
        assert f"intervals of the {over}" in report
        assert "on the same split of the data" not in report

    def test_the_named_replicate_scores_on_the_split_that_scikit_learn_draws(
        self, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
        write(tmp_path, {"refit": False})
        before = len(runs_of_the_winner(tmp_path, told(tmp_path, capsys)["number"]))
        searched(tmp_path, confirm_search)
        best = told(tmp_path, capsys)
        assert len(runs_of_the_winner(tmp_path, best["number"])) == before
        named, own = (
            best["confirmation"]["named"],
            load_dataset(Data.model_validate(DATA), tmp_path).splits[0],
        )
        assert best["refit"] is None
        rows = np.sort(np.concatenate([own.train_index, own.validation_index]))
        from sklearn.datasets import load_iris

        x, y = load_iris(return_X_y=True)
        seed = derive(0, "split", named["replicate"])
        state = int(np.random.SeedSequence([seed, 2]).generate_state(1)[0])
        count = len(own.validation_index)
        _, drawn = train_test_split(rows, test_size=count, stratify=y[rows], random_state=state)
        given = model_of(tmp_path).predict(x[drawn].astype(np.float32), verbose=0)
        loss = -np.log(given[np.arange(count), y[drawn]]).mean()
        assert loss == pytest.approx(named["value"], rel=1e-4)

    def test_other_splits_are_another_confirmation(
        self, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
        fresh = told(tmp_path, capsys)["confirmation"]
        write(tmp_path, {"splits": "own", "refit": False})
        _, notes = searched(tmp_path, confirm_search)
        assert any("the search has other splits now" in note for note in notes)
        own = told(tmp_path, capsys)["confirmation"]
        assert own["splits"] == "own"
        assert own["values"] != fresh["values"]


@pytest.mark.long
def test_killed_in_the_confirmation_and_in_the_refit_it_ends_the_same(finished: Path, tmp_path: Path) -> None:
    write(tmp_path)
    with started("optimize", "a.yaml", cwd=tmp_path) as process:
        wait_until(lambda: len(ended(tmp_path / "runs" / "a" / "confirm")) > 1, process)
        os.killpg(process.pid, signal.SIGKILL)
    files = StudyFiles(tmp_path, "a")
    with started("optimize", "a.yaml", cwd=tmp_path, PYTHONUNBUFFERED="1") as process:
        assert process.stdout is not None
        assert any(line.startswith(BEGUN) for line in process.stdout)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not files.refit.exists()
    assert not files.best_model.exists()
    printed = succeed("confirm", "a.yaml", cwd=tmp_path).stdout
    assert BEGUN in printed
    assert files.refit.read_bytes() == StudyFiles(finished, "a").refit.read_bytes()
    for found, expected in zip(
        model_of(tmp_path).get_weights(), model_of(finished).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    values = [
        [(run.parameters, run.value, run.best_epoch, run.seed) for run in confirmation.trials]
        for directory in (tmp_path, finished)
        if (confirmation := read_confirmation(StudyFiles(directory, "a"))) is not None
    ]
    assert values[0] == values[1]
    assert len(content(files.looks)["looks"]) == 1


def test_interrupted_in_mid_refit_it_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that is named is trained by `model.fit`, where the other studies here are compiled."""
    data = {"sklearn": "iris", "rescale": "1/8", "validation": {"last": 24}}
    training = {**STUDY["training"], "backend": "jax"}
    write(
        tmp_path, {"finalists": 1, "replicates": 2, "splits": "own"}, data=data, training=training,
        search={"trials": 1},
    )  # fmt: skip
    whole, _ = searched(tmp_path)
    files = StudyFiles(tmp_path, "a")
    expected = model_of(tmp_path).get_weights()
    for path in (files.refit, files.refit_weights, files.best_model):
        path.unlink()
    monkeypatch.setattr(snapshots, "SNAPSHOT_SECONDS", 0.0)
    monkeypatch.setattr(snapshots, "SNAPSHOT_SHARE", math.inf)
    monkeypatch.setattr(solo, "EPOCHS_AHEAD", 1)
    with monkeypatch.context() as patch:
        patch.setattr(refitting, "write_arrays", _stopping_at(2))
        with pytest.raises(KeyboardInterrupt):
            searched(tmp_path, confirm_search)
    assert files.refit_checkpoint.exists()
    assert not files.refit.exists()
    starts: list[Any] = []
    monkeypatch.setattr(solo, "Start", lambda *given: starts.append(given) or START(*given))
    again, _ = searched(tmp_path, confirm_search)
    assert starts[0][1].progress["epoch"] == 2
    assert not files.refit_checkpoint.exists()
    assert again.refit == whole.refit
    report = (tmp_path / "reports" / "a.html").read_text()
    assert "so the reported val_loss is that of the replicates, and no rows are left to score it" in report
    assert again.insides is None
    for found, known in zip(model_of(tmp_path).get_weights(), expected, strict=True):
        np.testing.assert_array_equal(found, known)
    _, notes = searched(tmp_path, confirm_search)
    assert not any(note.startswith("refitting the winner") for note in notes)


START = solo.Start


def _stopping_at(count: int) -> Any:
    """Write arrays, and after the second time be interrupted."""
    written: list[Path] = []

    def write_or_stop(path: Path, *given: Any) -> None:
        WRITE(path, *given)
        written.append(path)
        if len(written) == count:
            raise KeyboardInterrupt

    return write_or_stop


WRITE = refitting.write_arrays


@pytest.mark.long
def test_a_worker_that_dies_while_models_are_saved_costs_no_refit_and_no_other_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies once with the winner, and after that with each model beside it."""
    write(tmp_path, {"finalists": 1, "replicates": 2, "splits": "own"}, search={"trials": 2, "keep": 2})
    saved: list[type] = []

    def save(session: Session, order: Any) -> Any:
        if isinstance(order, WinnerOrder | ExportOrder):
            saved.append(type(order))
            if len(saved) != 2:
                raise WorkerDiedError("the worker process died (signal 9)")
        return do(session, order)

    do = Session.do
    monkeypatch.setattr(Session, "do", save)
    display = Notes()
    with pytest.raises(WorkerDiedError):
        optimize(load_study_file(tmp_path / "a.yaml"), Options(out=tmp_path, engine="in_process"), display)
    assert saved == [WinnerOrder, WinnerOrder, ExportOrder]
    assert sum(note.startswith("refitting the winner") for note in display.notes) == 1
    files = StudyFiles(tmp_path, "a")
    assert model_problem(files, read_record(files).identity) is None
    assert files.report.exists()
    assert len(content(files.looks)["looks"]) == 1
    monkeypatch.undo()
    searched(tmp_path)
    assert len(list(files.weights(0).parent.glob("*.keras"))) == 1
    assert list(files.directory.glob(".*.keras")) == []


def test_a_refit_that_fails_leaves_the_named_replicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {name: value for name, value in DATA.items() if name != "test"}
    write(tmp_path, {"finalists": 1, "replicates": 2, "splits": "own"}, data=data, search={"trials": 1})
    monkeypatch.setattr(refitting, "_finite", lambda weights: False)
    record, _ = searched(tmp_path)
    assert record.refit is not None
    assert record.refit.cause == "the weights are not finite"
    best = told(tmp_path, capsys)
    name = content(tmp_path / "runs" / "a" / "best.json")["winner"]
    assert (name["refitted"], name["replicate"]) == (False, best["confirmation"]["named"]["replicate"])
    failed = "The refit of the winner on all 150 rows failed: the weights are not finite; "
    assert failed in (tmp_path / "reports" / "a.html").read_text()


def test_without_a_winner_nobody_is_refitted(finished: Path, tmp_path: Path) -> None:
    record, display = read_record(StudyFiles(finished, "a")), Notes()
    unasked: Any = None
    study = OpenStudy(StudyFiles(tmp_path, "a"), unasked, None, unasked, unasked, display)
    conclusion = conclude_search(record)
    assert refitting.refit_winner(study, conclusion, unasked) is conclusion
    assert display.notes == ["no finalist succeeded with fresh seeds: refit skipped"]
