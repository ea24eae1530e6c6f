"""Scripts of Keras Tuner with one line changed: what they are given, refused, find and keep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch import keras_tuner, load
from hpsearch.exceptions import HpsearchError, ModelCodeError, StudyMismatchError, UnsupportedError
from hpsearch.keras_tuner.code import keep_code
from hpsearch.keras_tuner.objective import metric_of
from hpsearch.keras_tuner.search_arguments import SearchArguments
from hpsearch.store.layout import StudyFiles
from support.commands import python

X, Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2

SCRIPT = """
from hpsearch import keras_tuner
import keras, sys
from sklearn.datasets import load_iris

x, y = load_iris(return_X_y=True)
units = [4, 8]


class Hyper(keras_tuner.HyperModel):
    def __init__(self, classes):
        super().__init__(name="hyper")
        self.classes = classes

    def build(self, hp: keras_tuner.HyperParameters):
        model = keras.Sequential([keras.layers.Dense(hp.Choice("units", units), activation="relu")])
        import classes

        assert classes.count == self.classes
        model.add(keras.layers.Dense(self.classes))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), loss, metrics=["accuracy"])
        return model


tuner = keras_tuner.RandomSearch(
    Hyper(classes=len(set(y))), objective="val_accuracy", max_trials=int(sys.argv[1]), project_name="flowers"
)
tuner.search(x, y, epochs=2, validation_split=0.2, callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=5)])
hp = tuner.get_best_hyperparameters()[0]
print("values", hp.get("units"), hp.get("rate"), hp.values)
tuner.hypermodel.build(hp)
tuner.results_summary()
print("evaluated", *tuner.get_best_models()[0].evaluate(x[120:], y[120:], verbose=0))
"""


def test_an_objective_is_a_metric_of_the_study() -> None:
    assert metric_of(None) == "val_loss"
    assert metric_of("val_sparse_categorical_accuracy") == "val_accuracy"
    assert metric_of(keras_tuner.Objective("val_mae", "min")) == "neg_mean_absolute_error"
    with pytest.raises(UnsupportedError, match=r"val_loss, val_accuracy.*; found 'loss'"):
        metric_of("loss")


def test_rows_are_split_as_keras_splits_them() -> None:
    given = SearchArguments(X, Y.reshape(-1, 1), validation_split=0.15)
    assert given.data == {"validation": {"last": 3}}
    assert given.rows["y_train"].shape == (20,)
    ones = keras.utils.to_categorical(Y, 3)
    rows = SearchArguments(X, ones, validation_data=(X[:5], ones[:5])).rows
    np.testing.assert_array_equal(rows["y_train"], Y)
    np.testing.assert_array_equal(rows["y_val"], Y[:5])
    with pytest.raises(UnsupportedError, match=r"search\(x, y\); found no y"):
        _ = SearchArguments(X).rows


def test_early_stopping_is_that_of_the_callback() -> None:
    callback = keras.callbacks.EarlyStopping(monitor="val_acc", patience=0, min_delta=0.1, baseline=0.5)
    training = SearchArguments(
        X, Y, epochs=4, callbacks=[callback, keras.callbacks.TerminateOnNaN()]
    ).training
    assert training["early_stopping"] == {
        "monitor": "val_accuracy",
        "patience": 1,
        "min_delta": 0.1,
        "mode": "auto",
        "baseline": 0.5,
        "start_from_epoch": 0,
    }
    with pytest.raises(UnsupportedError, match="found LambdaCallback: remove it"):
        _ = SearchArguments(X, Y, callbacks=[keras.callbacks.LambdaCallback()]).training


def build(hp: Any) -> Any:
    return hp


def test_what_has_no_meaning_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UnsupportedError, match="optimizer: expected None; found 'adam': compile the model in build"
    ):
        keras_tuner.RandomSearch(build, optimizer="adam")
    with pytest.raises(TypeError, match="unexpected keyword argument 'trials'"):
        keras_tuner.RandomSearch(build, trials=3)
    with pytest.raises(UnsupportedError, match="run_trial of its own"):
        type("Own", (keras_tuner.RandomSearch,), {"run_trial": build})
    local = build.__call__
    with pytest.raises(ModelCodeError, match=r"found local of test_what_has_no_meaning_here_is_refused\(\)"):
        keras_tuner.RandomSearch(local)
    tuner = keras_tuner.RandomSearch(build, directory=tmp_path)
    with pytest.raises(HpsearchError, match=r"call search\(\) first"):
        tuner.get_best_models()


def test_trials_of_hyperband_are_those_of_keras_tuner() -> None:
    """One iteration has about `max_epochs * (log(max_epochs, factor) ** 2)` epochs."""
    tuner = keras_tuner.Hyperband(build, max_epochs=9, factor=3)
    assert tuner._search()["trials"] == 3 + 5 + 9
    assert tuner._search()["pruner"] == {"hyperband": {"reduction_factor": 3}}
    assert tuner._length(1) == 9


def test_other_code_under_the_same_name_is_refused(tmp_path: Path) -> None:
    files = StudyFiles(tmp_path, "a")
    assert keep_code(files, "a = 1\n") == {
        "file": str(tmp_path / "runs/a/model.py"),
        "function": "hypermodel",
    }
    keep_code(files, "a = 1\n")
    with pytest.raises(StudyMismatchError, match="overwrite=True"):
        keep_code(files, "a = 2\n")


@pytest.mark.long
def test_a_script_goes_on_with_more_trials_also_elsewhere(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    (before / "classes.py").write_text("count = 3\n")
    (before / "script.py").write_text(SCRIPT)
    run = "import runpy, sys; name = sys.argv.pop(1); runpy.run_path(name, run_name='__main__')"
    told = python(run, "script.py", "2", cwd=before)
    assert not told.returncode, told.stderr
    first = [trial.value for trial in load("flowers", out=before).trials]
    before.rename(after)
    (after / "script.py").rename(after / "another.py")
    again = python(run, "another.py", "3", cwd=after)
    assert not again.returncode, again.stderr
    told = again.stdout
    study = load("flowers", out=after)
    assert [trial.value for trial in study.trials][:2] == first
    assert len(study.trials) == 3
    assert study.spec.data.dump()["validation"] == {"last": 30}
    assert study.spec.training.dump()["early_stopping"]["patience"] == 5
    assert study.best is not None
    (accuracy,) = re.findall(r"evaluated \S+ (\S+)", told)
    assert float(accuracy) == pytest.approx(study.best.value, abs=1e-6)
    assert f"values {study.best.parameters['units']} " in told
    assert (after / "reports" / "flowers.html").is_file()
    after.rename(before)
    longer = load("flowers", out=before).resume(trials=4, progress=False)
    assert [trial.value for trial in longer.trials][:3] == [trial.value for trial in study.trials]
    assert len(longer.trials) == 4
