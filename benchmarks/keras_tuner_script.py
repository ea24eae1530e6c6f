"""A script of Keras Tuner, as it is and with one line changed: how long both take, with their start.

    nice -n -5 python benchmarks/keras_tuner_script.py [--trials 30] [--epochs 30] [--out DIRECTORY]

`import keras_tuner` becomes `from hpsearch import keras_tuner`. Each is a process of its own; the cache of
compiled programs is empty. Bar: at most a tenth of Keras Tuner's time, and a report.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMPORT, CHANGED = "import keras_tuner\n", "from hpsearch import keras_tuner\n"

SCRIPT = """
import keras
import keras_tuner
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")


def build(hp):
    model = keras.Sequential()
    for _ in range(hp.Int("layers", 1, 2)):
        model.add(keras.layers.Dense(64, activation=hp.Choice("activation", ["relu", "tanh"])))
        model.add(keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(keras.layers.Dense(10, activation="softmax"))
    optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


tuner = keras_tuner.RandomSearch(
    build, objective="val_accuracy", max_trials=TRIALS, seed=0, project_name="digits"
)
tuner.search(x[:1437], y[:1437], epochs=EPOCHS, validation_data=(x[1437:], y[1437:]), verbose=0)
model = tuner.get_best_models()[0]
print("best:", tuner.get_best_hyperparameters()[0].values, model.evaluate(x[1437:], y[1437:], verbose=0))
"""
"""Four structures; rates of dropout and of learning are numbers."""


def seconds_of(code: str, directory: Path) -> float:
    """Run a script in a directory of its own, and return the seconds that it took."""
    directory.mkdir(parents=True)
    (directory / "script.py").write_text(code)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "HPSEARCH_CACHE": str(directory / "cache")}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=directory,
        env=os.environ | quiet,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    seconds = time.monotonic() - begun
    print(done.stdout[-400:].strip())
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", type=Path, help="a directory that does not exist yet")
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp()) / "scripts"
    code = SCRIPT.replace("TRIALS", str(given.trials)).replace("EPOCHS", str(given.epochs))
    theirs = seconds_of(code, out / "keras_tuner")
    ours = seconds_of(code.replace(IMPORT, CHANGED), out / "hpsearch")
    report = out / "hpsearch" / "reports" / "digits.html"
    print(f"keras tuner {theirs:.1f} s, hpsearch {ours:.1f} s: {ours / theirs:.3f} of its time (bar: 0.1)")
    print(f"report: {report}" if report.is_file() else "no report")


if __name__ == "__main__":
    main()
