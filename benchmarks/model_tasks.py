"""The tasks of the throughput benchmark beyond perceptrons: as lists of layers and as functions in Python."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.spec import read_spec
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import Source

TRIALS, ROWS, CLASSES, TOKENS, LENGTH = 24, 2_400, 4, 500, 64
EPOCHS, BATCH = 5, 32
FORMS = ("sequential", "python")

SEARCHED: dict[str, Any] = {"rate": {"uniform": [0.05, 0.5]}, "l2": {"log_uniform": [1e-6, 1e-2]}}
L2 = {"l2": {"shared": "l2"}}
DROPOUT = {"dropout": {"rate": {"shared": "rate"}}}
WIDTH, RATE = "WIDTH", {"shared": "rate"}

LAYERS: dict[str, list[Any]] = {
    "cnn": [
        {"reshape": {"target_shape": [28, 28, 1]}},
        {"conv2d": {"filters": WIDTH, "kernel_size": 3, "activation": "relu", "kernel_regularizer": L2}},
        "max_pooling2d",
        {"conv2d": {"filters": 32, "kernel_size": 3, "activation": "relu"}},
        "max_pooling2d",
        "flatten",
        DROPOUT,
    ],
    "lstm": [
        {"embedding": {"input_dim": TOKENS, "output_dim": 16}},
        {"lstm": {"units": WIDTH, "dropout": RATE, "kernel_regularizer": L2}},
    ],
    "embedding": [
        {"embedding": {"input_dim": TOKENS, "output_dim": 32}},
        "global_average_pooling1d",
        {"dense": {"units": WIDTH, "activation": "relu", "kernel_regularizer": L2}},
        DROPOUT,
    ],
    "transformer": [
        {"embedding": {"input_dim": TOKENS, "output_dim": 32}},
        {"residual": [{"multi_head_attention": {"num_heads": 2, "key_dim": 16, "dropout": RATE}}]},
        "layer_normalization",
        {
            "residual": [
                {"dense": {"units": WIDTH, "activation": "relu", "kernel_regularizer": L2}},
                {"dense": {"units": 32}},
                DROPOUT,
            ]
        },
        "layer_normalization",
        "global_average_pooling1d",
    ],
}


@dataclass(frozen=True)
class ModelTask:
    """One comparison of all contestants on the same configurations of one model.

    `widths` are the sizes of one layer, which part structures: the trials take them in turn.
    """

    model: str
    widths: tuple[int, ...]
    repeats: int = 3

    @property
    def name(self) -> str:
        """Name the task."""
        return self.model if len(self.widths) == 1 else f"{self.model}, {len(self.widths)} structures"

    def write(self, directory: Path) -> dict[str, Path]:
        """Write the rows, our study file of each form, and the peers' list of the same configurations."""
        np.savez(directory / "rows.npz", **_rows(images=self.model == "cnn"))
        shutil.copy(Path(__file__).parent / "nets.py", directory)
        chosen = [self._drawn(number) for number in range(TRIALS)]
        files = {}
        for form in FORMS:
            files[form] = directory / f"{form}.yaml"
            # JSON is YAML, so the study file needs no other printer.
            files[form].write_text(json.dumps(self._study(form, chosen)))
        training = {"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": None}
        configurations = [
            {
                "model": {"net": {"function": self.model, **{n: values[n] for n in ("width", "rate", "l2")}}},
                "training": {**training, "learning_rate": values["learning_rate"]},
            }
            for values in chosen
        ]
        files["peers"] = directory / "peers.json"
        data = {"npz": str(directory / "rows.npz"), "validation": 0.2, "standardize": False}
        files["peers"].write_text(json.dumps({"data": data, "configurations": configurations}))
        return files

    def _drawn(self, number: int) -> dict[str, Any]:
        draw = random.Random(number)  # noqa: S311
        width = self.widths[number % len(self.widths)]
        rates = {"rate": draw.uniform(0.05, 0.5), "l2": 10 ** draw.uniform(-6, -2)}
        return {**rates, "width": width, "learning_rate": 10 ** draw.uniform(-4, -2)}

    def _study(self, form: str, chosen: list[dict[str, Any]]) -> dict[str, Any]:
        study: dict[str, Any] = {
            "name": f"{self.model}-{len(self.widths)}-{form}",
            "data": {"npz": "rows.npz", "validation": 0.2, "standardize": False},
            "model": self._model(form),
            "training": {
                "optimizer": "adam",
                "learning_rate": {"log_uniform": [1e-4, 1e-2]},
                "epochs": EPOCHS,
                "batch_size": BATCH,
            },
            "search": {"trials": TRIALS, "sampler": "random", "seed": 0},
            # The peers train every configuration once.
            "confirm": "none",
        }
        names = [each.name for each in SearchSpace(read_spec(Source("benchmark", study, {}))).parameters]
        own = {"units": "width", "filters": "width"}
        study["search"]["enqueue"] = [
            {name: values[own.get(last := name.split(".")[-1], last)] for name in names} for values in chosen
        ]
        return study

    def _model(self, form: str) -> dict[str, Any]:
        width = {"choice": list(self.widths)} if len(self.widths) > 1 else self.widths[0]
        if form == "python":
            arguments = {**SEARCHED, "width": width}
            return {"python": {"file": "nets.py", "function": self.model, "arguments": arguments}}
        layers = json.loads(json.dumps(LAYERS[self.model]).replace(f'"{WIDTH}"', json.dumps(width)))
        return {"sequential": {"shared": SEARCHED, "layers": layers}}


def _rows(*, images: bool) -> dict[str, Any]:
    """Make rows of four classes that a network learns in some epochs, but not wholly."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, CLASSES, ROWS).astype(np.int32)
    if images:
        patterns = draw.normal(size=(CLASSES, 28, 28))
        return {"x": (0.3 * patterns[y] + draw.normal(size=(ROWS, 28, 28))).astype(np.float32), "y": y}
    tokens = draw.integers(0, TOKENS, (ROWS, LENGTH))
    own = draw.integers(0, TOKENS // CLASSES, (ROWS, LENGTH)) * CLASSES + y[:, None]
    return {"x": np.where(draw.random((ROWS, LENGTH)) < 0.15, own, tokens).astype(np.float32), "y": y}


MODEL_TASKS = {
    task.name: task
    for model, widths in (
        ("cnn", (8, 12, 16, 24)),
        ("lstm", (16, 24, 32, 48)),
        ("embedding", (16, 32, 48, 64)),
        ("transformer", (32, 48, 64, 96)),
    )
    for task in (ModelTask(model, widths[2:3]), ModelTask(model, widths))
}
