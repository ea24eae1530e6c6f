"""Libraries that are imported beside the reading of the data do not get in its way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import python

pytestmark = pytest.mark.slow

RACE = """
import sys
from hpsearch.engines.process.imports import import_keras, jax_ahead

assert "numpy.ma" not in sys.modules
with jax_ahead(wanted={wanted}):
    found = "numpy.ma" in sys.modules
assert found == {wanted}, "NumPy's table of types changes while numpy.ma goes through it"
assert ("jax.numpy" in sys.modules) == {wanted}, "JAX is imported while Keras hides modules"
import_keras("jax", spawned=True)
"""


THROUGH_KERAS = """
import numpy as np
from hpsearch.data.readers import keras as _keras

def load_data(name, **options):
    import keras
    rows = np.zeros((20, 2)), np.arange(20) % 2
    return rows, rows

_keras._load_data = load_data
from hpsearch.engines.messages import Job
from hpsearch.engines.session.session import Session
from hpsearch.spec import StudySpec

study = {"name": "a", "data": "keras:mnist", "model": {"mlp": {"hidden": [2]}}, "training": {"epochs": 1}}
print(Session(Job(StudySpec.model_validate(study).dump(), ".", None), spawned=True).backend)
"""


SPAWNED = """
import sys
from hpsearch.engines.process.imports import import_keras
import_keras("jax", spawned=True)
import keras
import numpy as np
model = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(2.0), keras.layers.Dense(2)])
"""

TOLD = """
print("tensorflow" in sys.modules)
"""


def test_rows_from_keras_leave_the_choice_of_the_backend(tmp_path: Path) -> None:
    """Keras is imported for the rows, before the study asks for it, and would take what its own file says."""
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "tensorflow"}), encoding="utf-8")
    done = python(THROUGH_KERAS, cwd=tmp_path, KERAS_HOME=str(tmp_path))
    assert done.stdout == "jax\n", done.stderr


class TestImportingAhead:
    def check(self, wanted: bool) -> None:
        code = RACE.format(wanted=wanted)
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr

    def test_ends_before_keras_is_imported(self) -> None:
        self.check(wanted=True)

    def test_is_left_where_another_backend_is_wanted(self) -> None:
        self.check(wanted=False)


class TestTensorflow:
    """It is imported where something computes with it, and nowhere else."""

    def outcome(self, code: str, directory: Path) -> str:
        done = python(SPAWNED + code + TOLD, cwd=directory)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @pytest.mark.parametrize(
        "code",
        [
            pytest.param("keras.utils.set_random_seed(1)", marks=pytest.mark.long),
            pytest.param("keras.saving.serialize_keras_object(model)", marks=pytest.mark.long),
            "keras.models.clone_model(model).save('a.keras'); keras.saving.load_model('a.keras')",
            "keras.layers.RandomFlip()(np.zeros((2, 4, 4, 3)))",
            "model.compile('sgd', 'mse'); model.fit(np.zeros((4, 3)), np.zeros((4, 2)), verbose=0)",
        ],
    )
    def test_is_not_imported_by_what_only_asks_for_it(self, code: str, tmp_path: Path) -> None:
        assert self.outcome(code, tmp_path) == "False\n"

    def test_is_there_for_those_who_import_it_and_for_layers_that_compute_with_it(
        self, tmp_path: Path
    ) -> None:
        """After Keras was told that it is not there, too."""
        code = """
keras.utils.set_random_seed(1)
print(int(keras.layers.StringLookup(vocabulary=["a", "b"])(["b"])[0]))
import tensorflow as tf
keras.utils.set_random_seed(2)
one = float(tf.random.uniform(())), float(np.random.rand())
keras.utils.set_random_seed(2)
print(one == (float(tf.random.uniform(())), float(np.random.rand())))
"""
        assert self.outcome(code, tmp_path) == "2\nTrue\nTrue\n"
