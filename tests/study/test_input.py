"""A study as it may be given: a path, plain data or a spec, with settings and data in place of its own."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.data import load_dataset
from hpsearch.exceptions import DataError, ModelCodeError, StudyFileError
from hpsearch.spec import load_study_file, read_spec
from hpsearch.spec.study_file.source import Source
from hpsearch.store.layout import StudyFiles
from hpsearch.study.deletion import forget_arrays
from hpsearch.study.input import read_study
from support.commands import STUDY, write_study

X, Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2


def test_a_path_plain_data_and_a_spec_are_one_study(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study.yaml", STUDY)
    spec = load_study_file(path).spec
    for what in (path, str(path), STUDY, read_spec(Source("", STUDY, {})), load_study_file(path)):
        assert read_study(what).spec == spec


def test_what_python_has_beside_plain_data_is_plain_data(tmp_path: Path) -> None:
    odd = {**STUDY, "model": {"mlp": {"hidden": (np.int64(4),)}}, "data": {"npz": tmp_path / "rows.npz"}}
    assert read_study(odd).spec.dump()["data"]["npz"] == str(tmp_path / "rows.npz")
    assert read_study(odd).spec.model == read_study(STUDY).spec.model


def test_a_function_of_a_file_is_named_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "given_nets.py").write_text("def build(hp):\n    pass\n\nclass Net:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    module: Any = importlib.import_module("given_nets")
    for code in (module.build, module.Net):
        model = read_study({**STUDY, "model": {"keras_tuner": code}}).spec.model
        named = {"file": str(tmp_path / "given_nets.py"), "function": code.__name__}
        assert model.dump() == {"keras_tuner": named}
    for code in (lambda hp: hp, study_of_nothing()):
        with pytest.raises(ModelCodeError, match=r"move it to a file such as my_model\.py"):
            read_study({**STUDY, "model": {"keras_tuner": code}})


def study_of_nothing() -> Any:
    """Give a function that no file names."""

    def build(hp: Any) -> Any:
        return hp

    return build


def test_settings_are_those_of_the_command_line(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study.yaml", STUDY)
    written = [
        "training.epochs=5",
        "model.mlp.hidden=[3]",
        "training.learning_rate=1e-5",
        "training.schedule=cosine",
    ]
    mapped = {
        "training.epochs": np.int64(5),
        "model.mlp.hidden": (3,),
        "training.learning_rate": 1e-5,
        "training.schedule": "cosine",
    }
    expected = load_study_file(path, written).spec
    assert read_study(path, mapped).spec == read_study(STUDY, mapped).spec == read_study(STUDY, written).spec
    assert read_study(path, mapped).spec == expected


def test_data_take_the_place_of_the_rows_and_leave_the_options(tmp_path: Path) -> None:
    study = {**STUDY, "data": {"csv": "flats.csv", "target": "price", "standardize": True, "validation": 0.3}}
    found = read_study(study, data=(X, Y), out=tmp_path).spec.data
    assert found.arrays is not None
    assert Path(found.arrays).parent == tmp_path / "runs" / "a" / "arrays"
    assert (found.csv, found.target, found.standardize, found.dump()["validation"]) == (
        None,
        None,
        True,
        0.3,
    )
    assert (
        read_study(study, data="sklearn:wine").spec.data.dump()
        == read_study({**study, "data": "sklearn:wine"}).spec.data.dump()
    )
    assert read_study(study, data={"sklearn": "wine"}).spec.data.csv is None


def test_a_validation_set_that_is_given_is_what_trials_are_judged_on(tmp_path: Path) -> None:
    given = ((X[6:], Y[6:]), (X[:6], Y[:6]))
    study = read_study({**STUDY, "data": {"standardize": True}}, data=given, out=tmp_path)
    np.savez(tmp_path / "rows.npz", x=np.concatenate([X[6:], X[:6]]), y=np.concatenate([Y[6:], Y[:6]]))
    npz = {"npz": "rows.npz", "validation": {"last": 6}, "standardize": True}
    found, expected = (
        load_dataset(data, tmp_path)
        for data in (study.spec.data, read_study({**STUDY, "data": npz}).spec.data)
    )
    assert found.summary().fingerprint == expected.summary().fingerprint
    for one, other in zip(found.splits, expected.splits, strict=True):
        assert one.train.x.tobytes() == other.train.x.tobytes()
        assert one.validation.x.tobytes() == other.validation.x.tobytes()
        assert one.validation.y.tolist() == Y[:6].tolist()
    with pytest.raises(DataError, match=r"data\.validation: the data already include a validation set"):
        read_study({**STUDY, "data": {"validation": 0.2}}, data=given, out=tmp_path)


def test_rows_behind_a_link_are_not_removed(tmp_path: Path) -> None:
    files = StudyFiles(tmp_path, "a")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "rows").mkdir(parents=True)
    files.directory.mkdir(parents=True)
    files.arrays.symlink_to(elsewhere)
    forget_arrays(files, read_study(STUDY).spec)
    assert (elsewhere / "rows").exists()
    files.arrays.unlink()
    (files.arrays / "rows").mkdir(parents=True)
    forget_arrays(files, read_study(STUDY).spec)
    assert not (files.arrays / "rows").exists()


def test_rows_are_kept_only_for_a_study_that_is_one(tmp_path: Path) -> None:
    for wrong in ({"name": "../a"}, {"training": {"epochs": 0}}, {"search": {"enqueue": [{"nothing": 1}]}}):
        with pytest.raises(StudyFileError):
            read_study({**STUDY, **wrong}, data=(X, Y), out=tmp_path / "out")
    with pytest.raises(DataError, match="target= is the name of a column"):
        read_study(STUDY, target="y", data=(X, Y), out=tmp_path / "out")
    with pytest.raises(DataError, match=r"write \{'csv': FILE, 'target': 'y'\}"):
        read_study(STUDY, target="y", data="csv:flats.csv")
    assert not (tmp_path / "out" / "runs").exists()
    assert not (tmp_path / "a").exists()
