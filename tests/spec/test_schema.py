"""The JSON Schema that editors check study files with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from hpsearch.spec import json_schema
from hpsearch.spec.sections.activations import ACTIVATIONS
from hpsearch.spec.sections.initializers import INITIALIZERS
from hpsearch.spec.study_file.source import parse

SCHEMA = json_schema()


def valid(text: str) -> bool:
    data = parse(text, "study.yaml").data
    base: dict[str, Any] = {
        "name": "a",
        "data": "sklearn:digits",
        "model": {"mlp": {"hidden": [4]}},
        "training": {"epochs": 3},
    }
    return bool(Draft7Validator(SCHEMA).is_valid({**base, **data}))


def test_it_is_a_small_schema_of_draft_7() -> None:
    Draft7Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    assert len(text) < 200_000  # a hundred layers of Keras with their arguments among it
    for foreign in ("$defs", "prefixItems", "x-"):
        assert f'"{foreign}' not in text


def test_every_reference_leads_to_a_definition_and_every_definition_is_used() -> None:
    references: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                references.add(node["$ref"])
                assert set(node) == {"$ref"}, "draft 7 ignores what stands beside a reference"
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(SCHEMA)
    assert references == {f"#/definitions/{name}" for name in SCHEMA["definitions"]}


@pytest.mark.parametrize("name", [*INITIALIZERS, *ACTIVATIONS])
def test_it_offers_every_name(name: str) -> None:
    field = "initializer" if name in INITIALIZERS else "activation"
    written = "{threshold: {threshold: 0, default_value: 0}}" if name == "threshold" else name
    assert valid(f"model: {{mlp: {{hidden: [4], {field}: {written}}}}}")
    assert valid(f"model: {{mlp: {{hidden: [4], {field}: {{choice: [{written}]}}}}}}")


@pytest.mark.parametrize(
    "text",
    [
        "model: {mlp: {layers: {int: [1, 3]}, units: {log_int: [8, 64]}}}",
        "model: {mlp: {hidden: [4, {choice: [4, 8]}], activation: [relu, {choice: [tanh, elu]}]}}",
        "model: {mlp: {hidden: [4], activation: {relu: {max_value: {uniform: [1, 6]}}}}}",
        "model: {cnn: {filters: [8, {log_int: [8, 32]}], kernel: {choice: [3, [3, 5]]}, hidden: [9]}}",
        "model: {cnn: {filters: 8, blocks: {int: [1, 3]}, pooling: {choice: [none, {max: {size: 3}}]}}}",
        "data: {sklearn: digits, shape: [8, 8]}",
        "training: {epochs: {choice: [3, 5]}, schedule: {cosine: {warmup: {uniform: [0, 0.2]}}}}",
        "model: {python: {file: a.py, arguments: {units: {log_int: [8, 64]}, sizes: [3, {choice: [same, 5]}]}}}",
        "model: {python: {file: a.py, arguments: {cell: {choice: [{lstm: {units: {int: [4, 8]}}}, {a: 1, b: [2]}]}}}}",
        "training: {choice: [{epochs: 3}, {steps: 10}]}",
        "training: {epochs: 3, optimizer: {choice: [{adam: {learning_rate: {uniform: [0.1, 1]}}}, sgd]}}",
        "data: {sklearn: digits, rescale: 1/16, validation: {folds: 3}, test: 0.2}",
        "data: {random_normal: {rows: 400, features: 20, classes: 10}}",
        "search: {metric: f1_macro, sampler: {tpe: {startup_trials: 5}}}",
    ],
)
def test_it_accepts(text: str) -> None:
    assert valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "serach: {}",
        "name: 5",
        "data: digits",
        "data: {sklearn: digit}",
        "data: {sklearn: digits, standardise: true}",
        "data: {sklearn: digits, validation: {fold: 3}}",
        "data: {random_normal: {rows: 400, features: 20}}",
        "data: random_normal:400",
        "model: {mpl: {hidden: [4]}}",
        "model: {cnn: {filters: []}}",
        "model: {mlp: {hidden: 4}}",
        "model: {mlp: {hidden: [4], dropuot: 0.1}}",
        "model: {mlp: {hidden: [4], dropout: 1.5}}",
        "model: {mlp: {hidden: [4], activation: rellu}}",
        "model: {mlp: {hidden: [4], activation: {choice: [relu, rellu]}}}",
        "model: {mlp: {hidden: [4], activation: {uniform: [0, 1]}}}",
        "model: {mlp: {hidden: [4], initializer: {random_normal: {stdev: 1}}}}",
        "model: {cnn: {kernel: 3}}",
        "model: {cnn: {filters: [8], pooling: mean}}",
        "model: {cnn: {filters: [8], initializer: identity}}",
        "data: {sklearn: digits, shape: []}",
        "model: {python: {fil: a.py}}",
        "model: {python: {file: a.py, arguments: {units: {itn: [8, 64]}}}}",
        "model: {python: {file: a.py, arguments: {units: []}}}",
        "model: {python: {file: a.py, arguments: {units: {choice: [{unifrom: [8, 64]}]}}}}",
        "model: {python: {file: a.py, arguments: {units: {a: 1, int: [8, 64]}}}}",
        "training: {epochs: 3, learning_rate: fast}",
        "training: {epochs: 3, learning_rate: {unifrom: [0, 1]}}",
        "training: {epochs: 3, learning_rate: {uniform: [0]}}",
        "training: {epochs: 3, learning_rate: {log_uniform: [1, 2, 3]}}",
        "training: {epochs: 3, batch_size: {uniform: [8, 64]}}",
        "training: {epochs: 3, batch_size: 3.5}",
        "training: {epochs: 3, schedule: {cosine: {warmpu: 0}}}",
        "training: {epochs: 3, optimizer: adamm}",
        "training: {epochs: 3, clipping: {clip_norm: 1}}",
        "search: {metric: val_los}",
        "search: {pruner: medain}",
    ],
)
def test_it_refuses(text: str) -> None:
    assert not valid(text)
