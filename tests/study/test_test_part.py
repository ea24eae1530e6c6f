"""The test set is looked at once, by the winner, and its numbers are those of plain Keras."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import confusion_matrix, log_loss, mean_absolute_error, roc_auc_score

from hpsearch.engines.messages import ExportOrder
from hpsearch.engines.session import evaluation as evaluating
from hpsearch.spec import load_study_file
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord, winner_name
from hpsearch.store.winner import HeldOutEvaluations
from hpsearch.study.finish.held_out import order_for
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from support.commands import environment, run, succeed, write_study
from support.progress import Silent

pytestmark = pytest.mark.slow

WATCHED = Path(__file__).parents[1] / "faults" / "watched.py"
ROWS = 90
OFTEN = "the test set has been evaluated 2 times: this score is optimistic by an unknown amount"

CLASSES: dict[str, Any] = {
    "name": "two",
    "data": {"npz": "two.npz", "standardize": True, "validation": {"last": 60}},
    "model": {"mlp": {"hidden": [6]}},
    "training": {"learning_rate": {"log_uniform": [1e-6, 1e-1]}, "epochs": 4, "batch_size": 32},
    "search": {
        "metric": "roc_auc",
        "trials": 1,
        "enqueue": [{"learning_rate": 1e-6}, {"learning_rate": 0.05}],
    },
    "confirm": "none",
}
NUMBERS: dict[str, Any] = {
    "name": "numbers",
    "data": {"sklearn": "diabetes", "test": 100, "rescale": 2},
    "model": {"mlp": {"hidden": [4]}},
    "training": {"learning_rate": {"log_uniform": [1e-2, 1e-1]}, "epochs": 2},
    "search": {"trials": 2},
    "confirm": {"finalists": 2, "replicates": 2},
}


def optimize_here(directory: Path, name: str) -> StudyRecord:
    """Run a study to its end in this process."""
    options = Options(out=directory, engine="in_process")
    outcome, conclusion = optimize(load_study_file(directory / f"{name}.yaml"), options, Silent())
    assert outcome == "finished"
    return conclusion.record


def write_classes(directory: Path) -> None:
    generator = np.random.default_rng(3)
    y = generator.integers(0, 2, 300 + ROWS)
    x = generator.normal(40, 9, (len(y), 3)) + 6 * y[:, None]
    parts = {"x_train": x[ROWS:], "y_train": y[ROWS:], "x_test": x[:ROWS], "y_test": y[:ROWS]}
    np.savez(directory / "two.npz", **parts)
    write_study(directory / "two.yaml", CLASSES)


def kill_at(place: str, directory: Path, *arguments: str) -> None:
    """Run hpsearch and kill it in the middle of a write."""
    door = directory / "door"
    door.mkdir(exist_ok=True)
    (door / "armed").write_text(place)
    process = subprocess.Popen(
        [sys.executable, str(WATCHED), *arguments],
        cwd=directory,
        env=environment(WATCHED_DOOR=str(door)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while not (door / "reached").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "it never came there"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (door / "reached").unlink()


def looks_of(directory: Path, name: str) -> list[dict[str, Any]]:
    """Give the looks of the log as they are printed: without what they leave for the insides."""
    log = json.loads((directory / "runs" / name / "test.json").read_text())["content"]["looks"]
    evaluations = [look.pop("evaluation") for look in log]
    kept = [{key: one[key] for key in ("rows", "measures")} for one in evaluations]
    return [{**look, **numbers} for look, numbers in zip(log, kept, strict=True)]


def measures_of(look: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {measure["name"]: measure for measure in look["measures"]}


def plain(directory: Path, name: str) -> Any:
    return keras.saving.load_model(directory / "runs" / name / "best.keras", safe_mode=True)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a search that is killed before and after its look, and at last ends."""
    directory = tmp_path_factory.mktemp("two")
    write_classes(directory)
    look = directory / "runs" / "two" / "test.json"
    kill_at("replace */test.json", directory, "optimize", "two.yaml")
    assert not look.exists()
    kill_at("write *.two.html.*", directory, "optimize", "two.yaml")
    shutil.copy(look, directory / "first.json")
    (directory / "printed").write_text(succeed("optimize", "two.yaml", cwd=directory).stdout)
    return directory


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("numbers")
    write_study(directory / "numbers.yaml", NUMBERS)
    optimize_here(directory, "numbers")
    return directory


class TestOneLook:
    @pytest.mark.long
    def test_is_recorded_once_however_often_the_process_died(self, two: Path) -> None:
        assert (two / "runs" / "two" / "test.json").read_bytes() == (two / "first.json").read_bytes()
        (look,) = looks_of(two, "two")
        assert look["rows"] == ROWS
        assert look["winner"]["trial"] == 0
        assert look["winner"]["replicate"] is None
        assert re.fullmatch(r"[0-9a-f]{64}", look["weights"])

    def test_gives_what_plain_keras_gives_on_raw_rows(self, two: Path) -> None:
        found = measures_of(looks_of(two, "two")[0])
        with np.load(two / "two.npz") as data:
            x, y = data["x_test"], data["y_test"]
        model = plain(two, "two")
        loss, accuracy = model.evaluate(x, y, verbose=0)
        assert found["loss"]["value"] == pytest.approx(loss, rel=1e-5)
        assert found["accuracy"]["value"] == pytest.approx(accuracy, rel=1e-6)
        given = model.predict(x, verbose=0)[:, 0]
        assert found["loss"]["value"] == pytest.approx(log_loss(y, given), rel=1e-5)
        assert found["roc_auc"]["value"] == pytest.approx(roc_auc_score(y, given), rel=1e-9)

    def test_has_the_intervals_of_the_books(self, two: Path) -> None:
        found = measures_of(looks_of(two, "two")[0])
        with np.load(two / "two.npz") as data:
            x, y = data["x_test"], data["y_test"]
        given = plain(two, "two").predict(x, verbose=0)[:, 0].astype(np.float64)
        losses = -np.where(y == 1, np.log(given), np.log(1 - given))
        reach = 1.959964 * losses.std(ddof=1) / math.sqrt(ROWS)
        ends = [found["loss"]["low"], found["loss"]["high"]]
        assert ends == pytest.approx([losses.mean() - reach, losses.mean() + reach], rel=1e-4)
        # Wilson 1927, with z = 1.96.
        share, z = ((given > 0.5) == y).mean(), 1.959964
        middle = (share + z * z / (2 * ROWS)) / (1 + z * z / ROWS)
        reach = z / (1 + z * z / ROWS) * math.sqrt(share * (1 - share) / ROWS + z * z / (4 * ROWS**2))
        ends = [found["accuracy"]["low"], found["accuracy"]["high"]]
        assert ends == pytest.approx([middle - reach, middle + reach], rel=1e-5)
        expected = stats.bootstrap(
            (y, given), roc_auc_score, paired=True, vectorized=False, n_resamples=2000, method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval  # fmt: skip
        ends = [found["roc_auc"]["low"], found["roc_auc"]["high"]]
        assert ends == pytest.approx([expected.low, expected.high], abs=0.03)

    def test_is_shown_everywhere(self, two: Path) -> None:
        found = measures_of(looks_of(two, "two")[0])
        loss = found["loss"]
        words = f"loss {loss['value']:.4g} ({loss['low']:.4g} to {loss['high']:.4g}), accuracy"
        (line,) = [line for line in (two / "printed").read_text().splitlines() if "model: " in line]
        assert words in line
        assert "evaluated" not in line
        assert words in succeed("best", "two", cwd=two).stdout
        told = json.loads(succeed("best", "two", "--format", "json", cwd=two).stdout)
        assert told["test"] == {"looks": looks_of(two, "two"), "lost": False}
        page = (two / "reports" / "two.html").read_text()
        assert "The test set has been evaluated once." in page
        assert repr(loss["value"]) in page
        printed = (two / "printed").read_text().splitlines()
        assert len(printed) - printed.index(next(li for li in printed if "budget is used up" in li)) <= 5

    def test_leaves_the_insides_of_the_winner(self, two: Path) -> None:
        told = json.loads((two / "runs" / "two" / "insides.json").read_text())["content"]
        with np.load(two / "two.npz") as data:
            given = plain(two, "two").predict(data["x_test"], verbose=0)[:, 0] > 0.5
            expected = confusion_matrix(data["y_test"], given)
        assert told["evaluation"]["confusion"] == expected.tolist()
        page = (two / "reports" / "two.html").read_text()
        assert "Error analysis of the winner" in page
        assert "90 rows of the test set" in page

    def test_is_a_second_one_by_another_winner(self, two: Path, tmp_path: Path) -> None:
        shutil.copytree(two, tmp_path / "more")
        more = tmp_path / "more"
        printed = succeed("optimize", "two.yaml", "--trials", "2", cwd=more).stdout
        first, second = looks_of(more, "two")
        assert [first] == looks_of(two, "two")
        assert second["winner"]["trial"] == 1
        assert second["weights"] != first["weights"]
        assert OFTEN in printed
        assert OFTEN in succeed("best", "two", cwd=more).stdout
        assert OFTEN[1:] in (more / "reports" / "two.html").read_text()
        assert "2 test-set evaluations" in succeed("check", "two", cwd=more).stdout


class TestWhen:
    def test_only_a_search_that_has_ended_looks(self, two: Path) -> None:
        files = StudyFiles(two, "two")
        record = read_record(files)
        assert record.best is not None
        name, export = winner_name(record.best, None), ExportOrder({}, {}, "")
        assert order_for(record, name, export, ended=True).part is None
        unseen = replace(record, looks=HeldOutEvaluations(), insides=None)
        assert order_for(unseen, name, export, ended=True).part == "test"
        assert order_for(unseen, name, export, ended=False).part == "validation"
        other = replace(name, trial=1)
        order = order_for(record, other, export, ended=True)
        assert (order.part, order.seen) == ("test", (record.looks.looks[0].weights,))

    @pytest.mark.long
    def test_an_evaluation_that_fails_is_told_and_is_no_look(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_classes(tmp_path)

        def fail(*_: Any) -> None:
            raise MemoryError("no room for these rows")

        with monkeypatch.context() as patch:
            patch.setattr(evaluating, "evaluated", fail)
            with pytest.warns(
                RuntimeWarning, match="was not evaluated on the test set: MemoryError: no room"
            ):
                record = optimize_here(tmp_path, "two")
        assert (record.looks, record.insides) == (HeldOutEvaluations(), None)
        assert (tmp_path / "reports" / "two.html").exists()
        record = optimize_here(tmp_path, "two")
        assert len(record.looks.looks) == 1
        assert record == read_record(StudyFiles(tmp_path, "two"))

    def test_insides_that_are_gone_come_back_without_a_look(self, two: Path, tmp_path: Path) -> None:
        shutil.copytree(two, tmp_path / "again")
        files = StudyFiles(tmp_path / "again", "two")
        before, log = files.insides.read_bytes(), files.looks.read_bytes()
        files.insides.write_bytes(before[:-9])
        with pytest.warns(RuntimeWarning, match=r"insides\.json is not used: damaged"):
            optimize_here(files.out, "two")
        assert (files.insides.read_bytes(), files.looks.read_bytes()) == (before, log)


class TestLog:
    def test_that_is_damaged_is_told(self, two: Path, tmp_path: Path) -> None:
        shutil.copytree(two, tmp_path / "spoiled")
        spoiled = tmp_path / "spoiled"
        path = spoiled / "runs" / "two" / "test.json"
        path.write_bytes(path.read_bytes().replace(b'"trial": 0', b'"trial": 7'))
        told = run("check", "two", cwd=spoiled)
        assert told.returncode == 1
        assert "DAMAGED  runs/two/test.json" in told.stdout
        with pytest.warns(RuntimeWarning, match=r"test\.json is not used: damaged"):
            optimize_here(spoiled, "two")
        printed = succeed("best", "two", cwd=spoiled).stdout
        assert "the log of earlier test-set evaluations is damaged" in printed
        assert json.loads(path.read_text())["content"]["lost"] is True
        assert (path.parent / "test.json.damaged").exists()

    def test_goes_with_the_study(self, two: Path, tmp_path: Path) -> None:
        shutil.copytree(two, tmp_path / "gone")
        succeed("delete", "two", "--yes", cwd=tmp_path / "gone")
        assert not (tmp_path / "gone" / "runs" / "two").exists()


class TestRegression:
    def test_gives_what_plain_keras_gives(self, numbers: Path) -> None:
        from hpsearch.data import load_dataset
        from hpsearch.spec import Data

        rows = load_dataset(Data.model_validate(NUMBERS["data"]), numbers).raw_test()
        assert rows is not None
        assert len(rows) == 100
        (look,) = looks_of(numbers, "numbers")
        found, given = measures_of(look), plain(numbers, "numbers").predict(rows.x, verbose=0)[:, 0]
        assert found["mae"]["value"] == pytest.approx(mean_absolute_error(rows.y, given), rel=1e-5)
        errors = np.abs(given - rows.y).astype(np.float64)
        reach = 1.959964 * errors.std(ddof=1) / 10
        assert found["mae"]["high"] == pytest.approx(errors.mean() + reach, rel=1e-5)
        assert found["loss"]["value"] == pytest.approx((errors**2).mean(), rel=1e-5)
        told = json.loads((numbers / "runs" / "numbers" / "insides.json").read_text())["content"]
        residuals = told["evaluation"]["residuals"]
        expected = np.quantile(given.astype(np.float64) - rows.y, residuals["shares"])
        np.testing.assert_allclose(residuals["quantiles"], expected, rtol=1e-4, atol=1e-3)
        pairs = np.array(residuals["pairs"])
        np.testing.assert_allclose(pairs, np.stack([rows.y, given], axis=1), rtol=1e-5)

    def test_is_by_the_replicate_that_stands_for_the_winner(self, numbers: Path) -> None:
        told = json.loads(succeed("best", "numbers", "--format", "json", cwd=numbers).stdout)
        (look,) = looks_of(numbers, "numbers")
        named = told["confirmation"]["named"]
        assert look["winner"] == {
            "trial": told["confirmation"]["winner"],
            "replicate": named["replicate"],
            "seed": named["seed"],
            "epoch": named["best_epoch"],
            "refitted": False,
        }


class TestNoTestPart:
    def test_gives_no_look_but_insides_of_the_validation_part(self, tmp_path: Path) -> None:
        generator = np.random.default_rng(5)
        y = generator.choice(["red", "green", "blue"], 200)
        x = generator.normal(size=(200, 3)) + 2 * np.stack([y == "red", y == "green", y == "blue"], axis=1)
        np.savez(tmp_path / "three.npz", x=x, y=y)
        data = {"npz": "three.npz", "validation": {"last": 60}}
        write_study(tmp_path / "a.yaml", {**CLASSES, "name": "a", "data": data, "search": {"trials": 1}})
        assert optimize_here(tmp_path, "a").looks == HeldOutEvaluations()
        assert "test set" not in (tmp_path / "reports" / "a.html").read_text()
        assert not (tmp_path / "runs" / "a" / "test.json").exists()
        told = json.loads((tmp_path / "runs" / "a" / "insides.json").read_text())["content"]
        labels = ["blue", "green", "red"]
        given = np.array(labels)[plain(tmp_path, "a").predict(x[-60:], verbose=0).argmax(axis=1)]
        assert told["evaluation"]["part"] == "validation"
        assert told["evaluation"]["confusion"] == confusion_matrix(y[-60:], given, labels=labels).tolist()
        assert told["labels"] == labels
