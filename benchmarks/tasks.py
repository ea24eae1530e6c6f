"""The tasks of the throughput benchmark, and the configurations that every contestant trains."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.spec import Choice, read_spec
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import Source

CARD: dict[str, Any] = {
    "initializer": {
        "choice": ["glorot_uniform", "he_normal", "lecun_normal", {"random_normal": {"stddev": 0.01}}]
    },
    "activation": {
        "choice": ["relu", "tanh", "selu", {"leaky_relu": {"negative_slope": {"uniform": [0.01, 0.3]}}}]
    },
    "batch_norm": {"choice": ["none", "before_activation", "after_activation"]},
    "dropout": {"uniform": [0.0, 0.5]},
    "l1": {"log_uniform": [1e-7, 1e-3]},
    "l2": {"log_uniform": [1e-7, 1e-2]},
}
TRAINING: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": {"log_uniform": [1e-4, 1e-1]},
    "schedule": {
        "choice": [
            "constant",
            {"cosine": {"warmup": {"uniform": [0.0, 0.2]}}},
            {"exponential": {"rate": {"uniform": [0.8, 1.0]}}},
        ]
    },
    "clipping": {
        "choice": [
            "none",
            {"global_clipnorm": {"log_uniform": [0.1, 10]}},
            {"clipvalue": {"log_uniform": [0.01, 1]}},
        ]
    },
}
DIGITS = {"sklearn": "digits", "validation": 0.2, "rescale": 1 / 16}
FASHION = {"keras": "fashion_mnist", "validation": {"last": 10_000}, "rescale": 1 / 255}


@dataclass(frozen=True)
class Task:
    """One comparison: `trials` configurations for us, `peer_trials` of them for each peer."""

    name: str
    data: dict[str, Any]
    hidden: tuple[int, ...]
    batch_size: int
    epochs: int
    trials: int
    peer_trials: int
    repeats: int

    def study(self) -> dict[str, Any]:
        """Give the study without its configurations."""
        return {
            "name": f"throughput-{self.name}",
            "data": self.data,
            "model": {"mlp": {"hidden": list(self.hidden), **CARD}},
            "training": {**TRAINING, "epochs": self.epochs, "batch_size": self.batch_size},
            "search": {"trials": self.trials, "sampler": "random", "seed": 0},
            # The peers train every configuration once.
            "confirm": "none",
        }

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write our study file and the peers' list of the same configurations."""
        study = self.study()
        space = SearchSpace(read_spec(Source("benchmark", study, {})))
        chosen = [_draw(space, random.Random(seed)) for seed in range(self.trials)]  # noqa: S311
        study["search"]["enqueue"] = chosen
        configurations = [space.configuration(values).dump() for values in chosen]
        files = directory / f"{self.name}.yaml", directory / f"{self.name}.json"
        # JSON is YAML, so the study file needs no other printer.
        files[0].write_text(json.dumps(study))
        files[1].write_text(json.dumps({"data": self.data, "configurations": configurations}))
        return files


TASKS = {
    "a": Task("a", DIGITS, (64, 64), 32, 30, trials=64, peer_trials=4, repeats=3),
    "b": Task("b", FASHION, (128, 64), 128, 5, trials=8, peer_trials=3, repeats=3),
    "c": Task("c", FASHION, (512, 512, 512), 128, 2, trials=3, peer_trials=3, repeats=3),
}


def _draw(space: SearchSpace, generator: random.Random) -> dict[str, Value]:
    values: dict[str, Value] = {}

    def choose(parameter: Parameter) -> Value:
        distribution = parameter.distribution
        if isinstance(distribution, Choice):
            values[parameter.name] = generator.choice(parameter.options)
        elif distribution.log:
            low, high = distribution.low, distribution.high
            values[parameter.name] = min(max(low * (high / low) ** generator.random(), low), high)
        else:
            values[parameter.name] = generator.uniform(distribution.low, distribution.high)
        return values[parameter.name]

    space.configure(choose)
    return values
