"""The hypermodels of `keras_tuner.applications` as they are: three trials, killed after the first, resumed.

    python benchmarks/keras_tuner_applications.py [NAME ...] [--out DIRECTORY]

The names are those of `HYPERMODELS`; the images are few and random, and one epoch is trained. EfficientNet
would download weights, and has none here; its three smallest networks are trained, as the largest take images
of 600 x 600. The `augment_layers` of `HyperImageAugment` are 0: its other way,
the layer `RandAugment`, makes layers anew in each call, which `fit` of Keras refuses to trace.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HYPERMODELS = {
    "xception": "build = HyperXception(input_shape=(32, 32, 3), classes=3)",
    "resnet": "build = HyperResNet(input_shape=(32, 32, 3), classes=3)",
    "efficientnet": """
from functools import partial
from keras_tuner.src.applications import efficientnet

for version, model in efficientnet.EFFICIENTNET_MODELS.items():
    efficientnet.EFFICIENTNET_MODELS[version] = partial(model, weights=None)
build = HyperEfficientNet(input_shape=(32, 32, 3), classes=3)
""",
    "augment": """
import keras


def build(hp):
    augmented = HyperImageAugment(input_shape=(32, 32, 3), augment_layers=0).build(hp)
    layers = [augmented, keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile(loss="categorical_crossentropy")
    return model
""",
}

IMPORT = (
    "from keras_tuner.applications import HyperEfficientNet, HyperImageAugment, HyperResNet, HyperXception\n"
)

STUDY = """
name: {name}
data: {{npz: images.npz}}
model: {{keras_tuner: {name}.py:build}}
training: {{epochs: 1, batch_size: 8}}
search: {{trials: 3, sampler: random, seed: 1, enqueue: {first}}}
"""

COMMON = {"pooling": "avg", "top_dropout_rate": 0.2, "learning_rate": 0.01}
FIRST = {"efficientnet": [{"version": version, **COMMON} for version in ("B0", "B1", "B2")]}
"""What is tried first."""


def ended(out: Path, name: str) -> list[str]:
    """Return how the trials of a study ended, as its log has it."""
    log = out / "runs" / name / "ticks.jsonl"
    if not log.is_file():
        return []
    ticks = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    events = [event for tick in ticks for event in tick.get("events", ())]
    return [event["state"] for event in events if event["kind"] == "end"]


def run(out: Path, name: str) -> None:
    """Train a hypermodel: kill its study after the first trial, and let it go on."""
    (out / f"{name}.py").write_text(IMPORT + HYPERMODELS[name])
    (out / f"{name}.yaml").write_text(STUDY.format(name=name, first=json.dumps(FIRST.get(name, []))))
    command = [sys.executable, "-m", "hpsearch", "optimize", f"{name}.yaml"]
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=out, start_new_session=True)
    while not ended(out, name) and process.poll() is None:
        time.sleep(0.2)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    killed = len(ended(out, name))
    subprocess.run(command, cwd=out, check=False)
    seconds = time.monotonic() - begun
    print(f"{name}: {seconds:.0f} s; {killed} before the kill, then {', '.join(ended(out, name))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(HYPERMODELS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp())
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y = np.arange(24) % 3
    x = rng.uniform(size=(24, 32, 32, 3)).astype(np.float32) + y[:, None, None, None] / 3
    np.savez(out / "images.npz", x=x, y=y)
    for name in given.names:
        run(out, name)


if __name__ == "__main__":
    main()
