"""The best model in other formats, which compute what it computes."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from hpsearch.exceptions import ModelError
from hpsearch.study import formats
from support.commands import here, succeed_here, write_study

STUDY = {
    "name": "a",
    "data": {"sklearn": "wine", "standardize": True},
    "model": {"mlp": {"hidden": [8], "batch_norm": "before_activation", "dropout": 0.2}},
    "training": {"epochs": 2},
    "search": {"trials": 1},
}

BY_SAVEDMODEL = """
import numpy, sys, tensorflow
loaded = tensorflow.saved_model.load(sys.argv[1])
numpy.save(sys.argv[3], loaded.serve(numpy.load(sys.argv[2])).numpy())
"""

BY_LITERT = """
import numpy, sys, tensorflow
reader = tensorflow.lite.Interpreter(sys.argv[1])
given = []
for row in numpy.load(sys.argv[2]):
    reader.allocate_tensors()
    reader.set_tensor(reader.get_input_details()[0]["index"], row[None])
    reader.invoke()
    given.append(reader.get_tensor(reader.get_output_details()[0]["index"])[0])
numpy.save(sys.argv[3], given)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("formats")
    succeed_here("optimize", write_study(directory / "study.yaml", STUDY), cwd=directory)
    return directory


@pytest.mark.long
@pytest.mark.parametrize(
    ("to", "file", "reader"),
    [("savedmodel", "a_savedmodel", BY_SAVEDMODEL), ("litert", "a.tflite", BY_LITERT)],
)
def test_other_programs_predict_the_same(to: str, file: str, reader: str, place: Path) -> None:
    assert succeed_here("export", "a", "--to", to, cwd=place).stdout == f"{file}\n"
    rows = np.random.default_rng(1).normal(10, 3, (5, 13)).astype(np.float32)
    np.save(place / "rows.npy", rows)
    subprocess.run([sys.executable, "-c", reader, file, "rows.npy", "given.npy"], cwd=place, check=True)
    np.savez(place / "rows.npz", x=rows)
    known = succeed_here("predict", "a", "rows.npz", cwd=place).stdout.splitlines()[1:]
    probabilities = [[float(cell) for cell in line.split(",")[2:]] for line in known]
    np.testing.assert_allclose(np.load(place / "given.npy"), probabilities, atol=1e-5)


@pytest.mark.slow
def test_what_cannot_be_exported(place: Path) -> None:
    assert succeed_here("export", "a", "--to", "keras", cwd=place).stdout == "a.keras\n"
    assert (place / "a.keras").read_bytes() == (place / "runs" / "a" / "best.keras").read_bytes()
    again = here("export", "a", "--to", "keras", cwd=place)
    assert again.returncode == 1
    assert "a.keras: this exists and is left as it is" in again.stderr
    if find_spec("onnxruntime") is None:
        refused = here("export", "a", "--to", "onnx", cwd=place)
        assert refused.returncode == 2
        assert "is not installed: pip install" in refused.stderr
    unknown = here("export", "b", "--to", "keras", cwd=place)
    assert "'b' has no best model yet" in unknown.stderr


def test_a_format_that_computes_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    monkeypatch.setitem(formats.READERS, "litert", lambda _, rows: model.predict(rows, verbose=0) + 0.01)
    with pytest.raises(ModelError, match=r"predictions for random rows differ by 0.01"):
        formats._check_same(model, "litert", Path("a.tflite"))


def test_tokens_are_such_as_every_embedding_has() -> None:
    import keras

    layers = [keras.Input((4,)), keras.layers.Embedding(3, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
    rows = formats._rows_for(keras.Sequential([keras.Input((4,)), keras.Sequential(layers)]))
    assert set(np.unique(rows)) == {0.0, 1.0, 2.0}
    assert rows.shape == (formats.ROWS, 4)
