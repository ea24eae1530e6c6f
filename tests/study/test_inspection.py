"""What `validate` finds before anything is trained: data, and what does not suit them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import skew

from hpsearch.data import load_dataset
from hpsearch.exceptions import HpsearchError
from hpsearch.spec import Data, load_study_file
from hpsearch.study.inspection import Inspection, inspect
from support.commands import STUDY, run, write_study

MARKER = "build.ran"


def study(**changes: Any) -> dict[str, Any]:
    return {**STUDY, **changes}


def inspected(directory: Path, raw: dict[str, Any]) -> Inspection:
    write_study(directory / "study.yaml", raw)
    return inspect(load_study_file(directory / "study.yaml"))


def refusal(directory: Path, raw: dict[str, Any]) -> str:
    with pytest.raises(HpsearchError) as caught:
        inspected(directory, raw)
    assert caught.value.exit_code == 2
    return str(caught.value)


def line_of(directory: Path, word: str) -> int:
    lines = (directory / "study.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(word))


def write_table(directory: Path, targets: list[Any]) -> None:
    rows = [f"{row / 7},{target}" for row, target in enumerate(targets)]
    (directory / "d.csv").write_text("\n".join(["a,y", *rows]) + "\n")


def train_part(directory: Path, **data: Any) -> Any:
    section = Data.model_validate({**TABLE, "task": "regression", **data})
    return load_dataset(section, directory).splits[0].train.y.astype(float)


TABLE = {"csv": "d.csv", "target": "y"}


class TestFound:
    def test_data_that_are_not_there(self, tmp_path: Path) -> None:
        told = refusal(tmp_path, study(data={"csv": "nowhere.csv", "target": "y"}))
        line = line_of(tmp_path, "data")
        assert told.startswith(f"{tmp_path / 'study.yaml'}:{line}: data: ")
        assert told.endswith("nowhere.csv: there is no such file.")

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ({**TABLE, "target": "yy"}, "no target column 'yy' (did you mean 'y'?)"),
            ({"npz": "d.csv"}, "d.csv: this is not an npz file"),
            ({"sklearn": "iris", "validation": 1000}, "leaves none of the 150"),
            ({"sklearn": "iris", "shape": [3, 3]}, "'shape' makes rows of 3 x 3"),
            ({"sklearn": "iris", "classes": ["setosa", "versicolour"]}, "(did you mean 'versicolor'?)"),
        ],
    )
    def test_data_that_do_not_fit(self, data: dict[str, Any], said: str, tmp_path: Path) -> None:
        write_table(tmp_path, [row + 0.5 for row in range(40)])
        assert said in refusal(tmp_path, study(data=data))

    def test_an_encoding(self, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_bytes(b"a,y\nK\x81ln,1.5\n")
        assert "d.csv:2: this line is not UTF-8 text; name the encoding" in refusal(
            tmp_path, study(data=TABLE)
        )

    @pytest.mark.parametrize(("data", "metric"), [("sklearn:iris", "r2"), ("sklearn:diabetes", "accuracy")])
    def test_a_metric_of_the_other_task(self, data: str, metric: str, tmp_path: Path) -> None:
        told = refusal(tmp_path, study(data=data, search={"trials": 2, "metric": metric}))
        assert "search.metric: " in told
        assert metric in told
        assert told.startswith(f"{tmp_path / 'study.yaml'}:")

    def test_a_metric_of_a_comparison(self, tmp_path: Path) -> None:
        raw = study(search={"metric": "r2"}, compare={"factors": ["learning_rate"]})
        raw["training"] = {**raw["training"], "learning_rate": {"choice": [0.1, 0.01]}}
        assert "r2" in refusal(tmp_path, raw)

    def test_a_sampler_that_does_not_suit_the_space(self, tmp_path: Path) -> None:
        told = refusal(tmp_path, study(search={"trials": 2, "sampler": "grid"}))
        assert "search.sampler: " in told
        assert "learning_rate" in told

    def test_images_that_are_none(self, tmp_path: Path) -> None:
        told = refusal(tmp_path, study(model={"cnn": {"filters": [4]}}))
        assert f"study.yaml:{line_of(tmp_path, '  cnn')}: model.cnn: a cnn needs images" in told

    @pytest.mark.parametrize(
        "model",
        [
            {"python": {"file": "nets.py", "function": "build"}},
            {"pretrained": {"donor": "donor.keras", "hidden": [4]}},
            {"pretrained": {"donor": {"study": "donor.yaml"}, "hidden": [4]}},
        ],
    )
    def test_files_of_models_that_are_not_there(self, model: dict[str, Any], tmp_path: Path) -> None:
        assert "no such file" in refusal(tmp_path, study(model=model))

    def test_a_backend_that_is_not_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tensorflow", None)
        said = refusal(tmp_path, study(training={"epochs": 1, "backend": "tensorflow"}))
        assert said.startswith(
            f"{tmp_path / 'study.yaml'}:{line_of(tmp_path, 'training')}: training.backend: "
        )

    def test_columns_that_are_not_what_is_said(self, tmp_path: Path) -> None:
        write_table(tmp_path, ["up", "down"] * 20)
        told = refusal(tmp_path, study(data={**TABLE, "columns": {"a": "boolean"}}))
        assert told.startswith(
            f"{tmp_path / 'study.yaml'}:{line_of(tmp_path, '  columns')}: data.columns.a: "
        )
        told = refusal(tmp_path, study(data={**TABLE, "drop": ["a", "b"]}))
        assert told.startswith(f"{tmp_path / 'study.yaml'}:{line_of(tmp_path, '  drop')}: data.drop.1: ")


class TestAllowed:
    def test_the_columns_of_a_table_are_told(self, tmp_path: Path) -> None:
        write_table(tmp_path, ["up", "down"] * 20)
        lines = inspected(tmp_path, study(data=TABLE)).lines()
        assert [line.split()[:2] for line in lines[1:4]] == [
            ["column", "kind"],
            ["a", "number"],
            ["y", "target"],
        ]

    def test_the_data_are_told(self, tmp_path: Path) -> None:
        found = inspected(tmp_path, study(data={"sklearn": "iris", "test": 0.2, "validation": {"folds": 4}}))
        assert found.lines() == [
            "data: 90 rows to train on, 30 to validate on in each of 4 folds, 30 to test on; 4 features; 3 classes"
        ]

    @pytest.mark.parametrize("size", [121, {"choice": [32, 500]}, {"int": [1, 500]}])
    def test_a_batch_above_the_rows_is_a_note(self, size: Any, tmp_path: Path) -> None:
        raw = study(training={"epochs": 1, "batch_size": size})
        (note,) = inspected(tmp_path, raw).notes
        assert note.startswith("training.batch_size: ")
        assert "more than the 120 rows to train on" in note

    def test_a_batch_of_all_rows_is_none(self, tmp_path: Path) -> None:
        assert inspected(tmp_path, study(training={"epochs": 1, "batch_size": 120})).notes == ()

    def test_numbers_that_are_taken_for_classes(self, tmp_path: Path) -> None:
        write_table(tmp_path, np.tile([0, 1, 2, 3, 4], 20).tolist())
        (note,) = inspected(tmp_path, study(data=TABLE)).notes
        assert "5 distinct whole numbers of the target are treated as classes" in note
        assert "'task: regression'" in note
        for task in ("regression", "classification"):
            said = inspected(tmp_path, study(data={**TABLE, "task": task})).notes
            assert not any("data.task" in one for one in said)

    def test_two_numbers_are_classes(self, tmp_path: Path) -> None:
        write_table(tmp_path, [0, 1] * 50)
        assert inspected(tmp_path, study(data=TABLE)).notes == ()

    def test_code_is_not_run(self, tmp_path: Path) -> None:
        (tmp_path / "nets.py").write_text(f"open({str(tmp_path / MARKER)!r}, 'w')\n\ndef build(): pass\n")
        inspected(tmp_path, study(model={"python": {"file": "nets.py", "function": "build"}}))
        assert not (tmp_path / MARKER).exists()


class TestCommand:
    def test_opens_the_data_unless_told_otherwise(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", study(data={"csv": "nowhere.csv", "target": "y"}))
        result = run("validate", "study.yaml", cwd=tmp_path)
        assert (result.returncode, result.stdout) == (2, "")
        assert "study.yaml:" in result.stderr
        assert "nowhere.csv: there is no such file" in result.stderr
        result = run("validate", "study.yaml", "--no-data", cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, "")

    def test_takes_the_directory_of_the_data(self, tmp_path: Path) -> None:
        x = np.zeros((20, 28, 28), dtype=np.uint8)
        y = np.arange(20) % 2
        (tmp_path / "sets").mkdir()
        np.savez(tmp_path / "sets" / "mnist.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        write_study(
            tmp_path / "study.yaml", study(data="keras:mnist", training={"epochs": 1, "batch_size": 4})
        )
        result = run("validate", "study.yaml", "--data-dir", "sets", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("data: 16 rows to train on, 4 to validate on, 20 to test on; 28 x 28")


class TestTargets:
    def told(self, tmp_path: Path, targets: list[Any], **data: Any) -> tuple[str, ...]:
        write_table(tmp_path, targets)
        found = inspected(tmp_path, study(data={**TABLE, "task": "regression", **data}))
        return tuple(note for note in found.notes if "targets" in note)

    def test_their_transform_is_told_as_when_a_study_starts(self, tmp_path: Path) -> None:
        (note,) = self.told(tmp_path, [number / 3 for number in range(40)])
        assert note.startswith("networks are trained on transformed targets (standard)")
        assert "skewed" not in note
        assert self.told(tmp_path, [number / 3 for number in range(40)], target_transform="none") == ()

    @pytest.mark.parametrize(("sign", "transform"), [(1, "log"), (-1, "power")])
    def test_a_long_tail_is_told_with_what_may_suit_it(
        self, tmp_path: Path, sign: int, transform: str
    ) -> None:
        prices = (sign * np.exp(np.random.default_rng(0).normal(0, 1.5, 400))).tolist()
        (note,) = self.told(tmp_path, prices, split_seed=3)
        assert f"which 'target_transform: {transform}' may suit" in note
        (written,) = self.told(tmp_path, prices, target_transform="power")
        assert "skewed" not in written
        skewness = float(note.partition("skewness ")[2].partition(")")[0])
        assert skewness == pytest.approx(skew(train_part(tmp_path, split_seed=3)), abs=0.05)

    def test_a_clamp_needs_a_regression_whose_targets_are_transformed(self, tmp_path: Path) -> None:
        numbers = [number / 3 for number in range(40)]
        assert self.told(tmp_path, numbers, clamp=True) == self.told(tmp_path, numbers)
        plain = study(
            data={**TABLE, "clamp": True, "target_transform": "none"}, search={"metric": "val_loss"}
        )
        assert "data.clamp: expected a transform of the targets" in refusal(tmp_path, plain)
        classes = study(data={"sklearn": "iris", "clamp": True})
        assert "data.clamp: expected a regression; the task is classification" in refusal(tmp_path, classes)
