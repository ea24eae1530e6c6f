"""Keras Tuner's random search of a perceptron, as its users write it, for a number of seconds.

Run by `tables.py` as a process of its own: `tables_tuner.py DIRECTORY CLASSES SEED SECONDS`, where 0 classes
are a regression. Reads `rows.npz` and writes what the best model gives for the test rows to `given.npy`.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any

import keras
import keras_tuner
import numpy as np


def build(hp: Any, width: int, classes: int, mean: float, deviation: float) -> keras.Model:
    """Build and compile a perceptron."""
    model = keras.Sequential([keras.Input((width,))])
    for layer in range(hp.Int("layers", 1, 4)):
        model.add(keras.layers.Dense(hp.Choice(f"units_{layer}", [64, 128, 256, 512]), activation="relu"))
        model.add(keras.layers.Dropout(hp.Float(f"dropout_{layer}", 0.0, 0.5)))
    if classes:
        model.add(keras.layers.Dense(classes, activation="softmax"))
    else:
        model.add(keras.layers.Dense(1))
        model.add(keras.layers.Rescaling(deviation, offset=mean))
    optimizer = keras.optimizers.Adam(hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"))
    model.compile(optimizer, "sparse_categorical_crossentropy" if classes else "mean_squared_error")
    return model


class Timed(keras_tuner.RandomSearch):  # type: ignore[misc]  # Keras Tuner has no types
    """Ends after the trial in which its seconds are over."""

    end = float("inf")

    def on_trial_end(self, trial: Any) -> None:
        """End the search where its seconds are over."""
        super().on_trial_end(trial)
        if time.time() > self.end:
            raise KeyboardInterrupt


def main() -> None:
    """Search, and predict the test rows."""
    folder, classes, seed, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    end = time.time() + seconds
    with np.load(f"{folder}/rows.npz") as rows:
        x, y, xv, yv, xt = (rows[name] for name in ("x", "y", "xv", "yv", "xt"))
    mean, deviation = (0.0, 1.0) if classes else (float(y.mean()), float(y.std()))
    tuner = Timed(
        lambda hp: build(hp, x.shape[1], classes, mean, deviation),
        objective="val_loss",
        max_trials=10_000,
        seed=seed,
        directory=folder,
        project_name="tuner",
    )
    tuner.end = end
    stop = keras.callbacks.EarlyStopping(patience=12, restore_best_weights=True)
    with suppress(KeyboardInterrupt):
        tuner.search(x, y, validation_data=(xv, yv), epochs=100, batch_size=256, callbacks=[stop], verbose=0)
    given = tuner.get_best_models(1)[0].predict(xt, verbose=0)
    np.save(f"{folder}/given.npy", given if classes else given[:, 0])


if __name__ == "__main__":
    main()
