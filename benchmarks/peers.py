"""The contestants: Keras Tuner and Optuna with a hand-written `fit`, as their users write them.

Run as a process of its own: `peers.py keras-tuner|optuna TASK.json TRIALS DIRECTORY`, with KERAS_BACKEND set.
The seconds since the epoch at which each trial had ended are written to `DIRECTORY/ends.json`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np


def load(data: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """Load the training and validation set that hpsearch trains and validates on."""
    from hpsearch.data import load_dataset
    from hpsearch.spec import Data

    split = load_dataset(Data.model_validate(data), Path()).splits[0]
    return split.train.x, split.train.y, split.validation.x, split.validation.y


def build(configuration: dict[str, Any], shape: tuple[int, ...], steps: int) -> keras.Model:
    """Build and compile a configuration by hand."""
    if "net" in configuration["model"]:
        return _net(configuration, shape)
    mlp, training = configuration["model"]["mlp"], configuration["training"]
    model = keras.Sequential([keras.Input(shape)])
    if len(shape) > 1:
        model.add(keras.layers.Flatten())
    for units in mlp["hidden"]:
        regularizer = keras.regularizers.L1L2(mlp["l1"], mlp["l2"])
        model.add(
            keras.layers.Dense(units, kernel_initializer=_initializer(mlp), kernel_regularizer=regularizer)
        )
        if "before_activation" in mlp["batch_norm"]:
            model.add(keras.layers.BatchNormalization())
        model.add(_activation(mlp["activation"]))
        if "after_activation" in mlp["batch_norm"]:
            model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.Dropout(mlp["dropout"]))
    model.add(keras.layers.Dense(10, activation="softmax"))
    optimizer = keras.optimizers.Adam(_rate(training, steps), **_clipping(training["clipping"]))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _net(configuration: dict[str, Any], shape: tuple[int, ...]) -> keras.Model:
    import nets
    from model_tasks import CLASSES

    arguments = dict(configuration["model"]["net"])
    model: keras.Model = getattr(nets, arguments.pop("function"))(shape, CLASSES, **arguments)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = configuration["training"]["learning_rate"]
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def _initializer(mlp: dict[str, Any]) -> Any:
    named = mlp["initializer"]
    return keras.initializers.RandomNormal(**named["random_normal"]) if isinstance(named, dict) else named


def _activation(named: Any) -> keras.layers.Layer:
    if isinstance(named, dict) and "leaky_relu" in named:
        return keras.layers.LeakyReLU(**named["leaky_relu"])
    return keras.layers.Activation(next(iter(named)) if isinstance(named, dict) else named)


def _rate(training: dict[str, Any], steps: int) -> Any:
    ((name, arguments),) = training["schedule"].items()
    rate, total = training["learning_rate"], steps * training["epochs"]
    if name == "cosine":
        warmup = round(total * arguments["warmup"])
        if not warmup:
            return keras.optimizers.schedules.CosineDecay(rate, total)
        return keras.optimizers.schedules.CosineDecay(
            0.0, total - warmup, warmup_target=rate, warmup_steps=warmup
        )
    if name == "exponential":
        return keras.optimizers.schedules.ExponentialDecay(rate, steps, arguments["rate"])
    return rate


def _clipping(named: Any) -> dict[str, float]:
    return {} if named == "none" else dict(named)


def main() -> None:
    """Train the first TRIALS configurations of a task by one tool."""
    tool, task, trials, directory = (
        sys.argv[1],
        json.loads(Path(sys.argv[2]).read_text()),
        int(sys.argv[3]),
        sys.argv[4],
    )
    x, y, validation_x, validation_y = load(task["data"])
    configurations = task["configurations"][:trials]
    ends: list[float] = []
    end = keras.callbacks.LambdaCallback(on_train_end=lambda logs: ends.append(time.time()))  # noqa: ARG005

    def train(index: int) -> float:
        configuration = configurations[index]
        batch = configuration["training"]["batch_size"]
        model = build(configuration, x.shape[1:], -(-len(x) // batch))
        history = model.fit(
            x,
            y,
            batch_size=batch,
            epochs=configuration["training"]["epochs"],
            verbose=0,
            validation_data=(validation_x, validation_y),
            callbacks=[end],
        )
        return float(np.min(history.history["val_loss"]))

    if tool == "optuna":
        import optuna

        study = optuna.create_study(
            storage=f"sqlite:///{directory}/optuna.db",
            sampler=optuna.samplers.GridSampler({"index": range(trials)}),
        )
        study.optimize(lambda trial: train(trial.suggest_int("index", 0, trials - 1)), n_trials=trials)
        Path(directory, "ends.json").write_text(json.dumps(ends))
        return

    import keras_tuner

    def hypermodel(hp: Any) -> keras.Model:
        configuration = configurations[hp.Choice("index", list(range(trials)))]
        batch = configuration["training"]["batch_size"]
        return build(configuration, x.shape[1:], -(-len(x) // batch))

    tuner = keras_tuner.RandomSearch(
        hypermodel, objective="val_loss", max_trials=trials, seed=0, directory=directory, project_name="peer"
    )
    training = configurations[0]["training"]
    tuner.search(
        x,
        y,
        batch_size=training["batch_size"],
        epochs=training["epochs"],
        verbose=0,
        validation_data=(validation_x, validation_y),
        callbacks=[end],
    )
    Path(directory, "ends.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    main()
