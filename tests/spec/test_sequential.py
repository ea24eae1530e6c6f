"""Lists of Keras' layers in the study file: what is read, searched, refused and named."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from hpsearch.engines.policy.layer_axes import layer_problems
from hpsearch.exceptions import StudyFileError
from hpsearch.scheduling.samplers.base import draw
from hpsearch.spec import Choice, StudySpec, print_spec, read_configuration, read_spec
from hpsearch.spec.sections.layer_kinds import LAYERS, TABLE
from hpsearch.spec.space.defaults import ablation_space
from hpsearch.spec.space.parameter import AtLeast, condition_text
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.editing import replace_distribution
from hpsearch.spec.study_file.source import Source, parse
from support.commands import python

ROOT = Path(__file__).parent.parent.parent


def source(model: str) -> Source:
    text = f"name: a\ndata: sklearn:digits\nmodel:\n  sequential:\n{model}\ntraining: {{epochs: 2}}\n"
    return parse(text, "study.yaml")


def spec(model: str) -> StudySpec:
    return read_spec(source(model))


def names(model: str) -> list[str]:
    return [parameter.name for parameter in SearchSpace(spec(model)).parameters]


DEPTH = """
    - repeat:
        times: {int: [0, 3]}
        layers:
          - {dense: {units: {int: [4, 64]}}}
          - choice: [none, {dropout: {rate: {uniform: [0.1, 0.5]}}}]
          - relu
"""

SHARED = """
    shared: {width: {int: [4, 8]}, act: {choice: [relu, tanh, {leaky_relu: {negative_slope: {uniform: [0, 1]}}}]}}
    layers:
      - {dense: {units: {shared: width}, activation: {shared: act}}}
      - {dense: {units: {shared: width}, activation: {shared: act}}}
"""


def test_each_repetition_has_parameters_of_its_own_under_the_condition_that_it_exists() -> None:
    space = SearchSpace(spec(DEPTH))
    per = ["units.{}", "layer.{}", "layer.{}.dropout.rate"]
    assert [p.name for p in space.parameters] == ["times", *(n.format(i) for i in (1, 2, 3) for n in per)]
    assert space["units.2"].conditions == (("times", AtLeast(2)),)
    assert condition_text(space["units.2"].conditions[0]) == "times ≥ 2"
    for seed in range(30):
        values = draw(space, seed)
        configuration = space.configuration(values)
        assert sum(name.startswith("units.") for name in values) == values["times"]
        units = [layer.units for layer in configuration.model.layers if layer.name == "dense"]
        assert units == [values[f"units.{number + 1}"] for number in range(int(values["times"]))]
        assert read_configuration(configuration.dump()) == configuration
        assert space.active(values) == values


def test_structures_are_counted_and_combinations_are_all_different() -> None:
    space = SearchSpace(
        spec("    - {repeat: {times: {int: [1, 2]}, layers: [{dense: {units: {int: [4, 6]}}}]}}")
    )
    found = [space.configuration(values) for values in space.grid()]
    assert len(set(found)) == len(found) == space.size() == space.structures() == 3 + 9


def test_a_float_is_no_structure_and_a_shared_value_counts_once() -> None:
    space = SearchSpace(spec(SHARED))
    assert [p.name for p in space.parameters] == ["width", "act", "act.leaky_relu.negative_slope"]
    assert space.structures() == 5 * 3
    for seed in range(20):
        first, second = space.configuration(draw(space, seed)).model.layers
        assert first == second


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("    - {dense: {units: {int: [1, 2]}}}", ["units"]),
        (
            "    - {dense: {units: {int: [1, 2]}}}\n    - {lstm: {units: {int: [1, 2]}}}",
            ["dense.units", "lstm.units"],
        ),
        (
            "    - dense: {units: {int: [1, 2]}}\n    - dense: {units: {int: [1, 2]}}",
            ["dense_1.units", "dense_2.units"],
        ),
        ("    - dense: {units: 3}\n    - dense: {units: {int: [1, 2]}}", ["units"]),
        ("    - choice: [relu, tanh]\n    - choice: [elu, selu]", ["layer_1", "layer_2"]),
        (
            "    layers: [relu]\n    output: {kernel_regularizer: {l2: {uniform: [0, 1]}}}",
            ["output.kernel_regularizer.l2"],
        ),
        (
            "    - choice: [{block: [{dense: {units: {int: [1, 2]}}}, relu]}, tanh]",
            ["layer", "layer.block.units"],
        ),
    ],
)
def test_names_are_short_and_differ(model: str, expected: list[str]) -> None:
    assert names(model) == expected


@pytest.mark.parametrize("model", [DEPTH, SHARED])
def test_what_is_printed_reads_back(model: str) -> None:
    one = spec(model)
    assert StudySpec.model_validate(one.dump()) == one
    assert read_spec(parse(print_spec(one), "again.yaml")) == one


FLAT = """
    - {dense: {units: 8, use_bias: {choice: [true, false]}}}
    - {lstm: {units: 4, dropout: {uniform: [0.1, 0.5]}}}
"""


def test_an_ablation_varies_a_plain_list_by_its_layers_and_keeps_any_other_as_it_is() -> None:
    one = spec(FLAT)
    winner = SearchSpace(one).configuration({"use_bias": False, "dropout": 0.3})
    opened = ablation_space(one, winner)
    assert not opened.kept
    assert [p.describe() for p in SearchSpace(opened.spec).parameters] == [
        "choice [True, False]",
        "choice [0.0, 0.3]",
    ]
    deep = spec(DEPTH)
    kept = ablation_space(deep, SearchSpace(deep).configuration(draw(SearchSpace(deep), 3)))
    assert [one.why for one in kept.kept] == ["it has no default"]


@pytest.mark.parametrize(
    ("data", "model", "told"),
    [
        ((784,), "    - {lstm: {units: 4}}", "lstm needs (steps, features), and has (784,) here"),
        (
            (8, 8),
            "    - {conv2d: {filters: 2, kernel_size: 3}}",
            "conv2d needs (height, width, channels), and has (8, 8)",
        ),
        (
            (8, 8),
            "    - {dense: {units: 4}}",
            "the output layer needs (features), and has (8, 4) here",
        ),
        (
            (8, 8),
            "    - {lstm: {units: 4}}\n    - {gru: {units: 4}}",
            "gru needs (steps, features), and has (features) here",
        ),
        (
            (8, 8),
            "    - {choice: [flatten, {lstm: {units: 3, return_sequences: true}}]}",
            "the output layer needs (features)",
        ),
        (
            (8, 8),
            "    - {repeat: {times: {int: [1, 2]}, layers: [{simple_rnn: {units: 3}}]}}",
            "simple_rnn needs (steps, features)",
        ),
        (
            (8, 8),
            "    - {residual: [{lstm: {units: 3}}]}\n    - flatten",
            "residual adds what has (features) to what has (8, 8)",
        ),
        (
            (8, 8),
            "    - {spatial_dropout2d: {rate: 0.1}}",
            "spatial_dropout2d needs (height, width, channels)",
        ),
        (
            (8, 8),
            "    - {time_distributed: {layer: {dense: {units: 2}}}}\n    - {bidirectional: {layer: {gru: {units: 3}}}}",
            None,
        ),
        (
            (8, 8),
            "    - {conv1d: {filters: 2, kernel_size: 3}}\n    - {global_max_pooling1d: {keepdims: true}}\n    - flatten",
            None,
        ),
        (
            (64,),
            "    - {embedding: {input_dim: 17, output_dim: 3}}\n    - {lstm: {units: {int: [2, 3]}}}",
            None,
        ),
        (
            (8, 8, 1),
            "    - {conv2d: {filters: 2, kernel_size: 3}}\n    - {max_pooling2d: {pool_size: [2, 7]}}\n    - flatten",
            "max_pooling2d needs rows of at least 2 x 7, its window, and has (6, 6, 2) here",
        ),
        (
            (8, 8, 1),
            "    - {conv2d: {filters: {int: [2, 4]}, kernel_size: 5}}\n    - {conv2d: {filters: 3, kernel_size: 5}}\n    - flatten",
            "conv2d needs rows of at least 5 x 5, its window, and has (4, 4, channels) here",
        ),
        (
            (64,),
            "    - {dense: {units: 49}}\n    - {reshape: {target_shape: [7, 8, 1]}}\n    - flatten",
            "reshape makes rows of 7 x 8 x 1 = 56 numbers, and has (49,) here",
        ),
        (
            (8, 8, 1),
            "    - {residual: [{conv2d: {filters: 2, kernel_size: 3, padding: same}}]}\n    - flatten",
            "residual adds what has (8, 8, 2) to what has (8, 8, 1)",
        ),
        (
            (8, 8, 1),
            "    - {repeat: {times: 4, layers: [{max_pooling2d: {pool_size: 2}}]}}\n    - flatten",
            "max_pooling2d needs rows of at least 2 x 2, its window, and has (1, 1, 1) here",
        ),
        (
            (8, 8, 1),
            "    - {repeat: {times: {int: [3, 4]}, layers: [{max_pooling2d: {pool_size: 2}}]}}\n    - flatten",
            None,
        ),
        (
            (8, 8, 1),
            "    - {choice: [relu, {max_pooling2d: {pool_size: 4}}]}\n    - {max_pooling2d: {pool_size: 3}}\n    - flatten",
            None,
        ),
        (
            (8, 8, 1),
            "    - {conv2d: {filters: 2, kernel_size: {choice: [3, 9]}}}\n    - flatten",
            None,
        ),
    ],
)
def test_the_axes_of_rows_are_followed_through_the_layers(
    data: tuple[int, ...], model: str, told: str | None
) -> None:
    found = [sentence for _, sentence in layer_problems(spec(model), data)]
    assert len(found) == (told is not None), found
    assert told is None or found[0].startswith(told)


def test_a_shared_distribution_is_edited_in_all_its_places() -> None:
    one = spec(SHARED)
    old = SearchSpace(one)["act"].distribution
    assert isinstance(old, Choice)
    edited = replace_distribution(one, old, Choice(old.options[:2]))
    assert [p.describe() for p in SearchSpace(edited).parameters] == ["int [4, 8]", "choice [relu, tanh]"]
    assert edited.model.layers[0] == edited.model.layers[1]


@pytest.mark.parametrize(
    ("model", "line", "path", "said"),
    [
        ("    - lsmt", 5, "model.sequential.0", "did you mean 'lstm'?"),
        ("    - relu\n    - {lstm: {unts: 3}}", 6, "model.sequential.1.lstm.unts", "did you mean 'units'?"),
        ("    - {dense: {units: 0}}", 5, "model.sequential.0.dense.units", "a number of at least 1"),
        (
            "    - {dense: {units: 3, kernel_regularizer: l1l2}}",
            5,
            "model.sequential.0.dense.kernel_regularizer",
            "did you mean 'l1_l2'?",
        ),
        (
            "    - {dense: {units: 3, kernel_constraint: maxnorm}}",
            5,
            "model.sequential.0.dense.kernel_constraint",
            "did you mean 'max_norm'?",
        ),
        (
            "    - {lstm: {units: 3, activation: prelu}}",
            5,
            "model.sequential.0.lstm.activation",
            "prelu is a layer of its own",
        ),
        ("    - lambda", 5, "model.sequential.0", "write a model in Python"),
        ("    - dense", 5, "model.sequential.0", "{dense: {units: ...}}"),
        (
            "    - {residual: [{dropout: {rate: 2}}]}",
            5,
            "model.sequential.0.residual.0.dropout.rate",
            "below 1",
        ),
        (
            "    - {repeat: {times: 2, layers: [dens]}}",
            5,
            "model.sequential.0.repeat.layers.0",
            "did you mean 'dense'?",
        ),
        (
            "    - {bidirectional: {layer: {lstn: {units: 2}}}}",
            5,
            "model.sequential.0.bidirectional.layer",
            "did you mean 'lstm'?",
        ),
        (
            "    shared: {w: {int: [1, 2]}}\n    layers: [{dense: {units: {shared: v}}}]",
            6,
            "model.sequential.layers.0.dense.units",
            "the name of a shared value (w)",
        ),
        (
            "    shared: {w: 3}\n    layers: [relu]",
            5,
            "model.sequential.shared.w",
            "a name that some place has",
        ),
        (
            "    shared: {epochs: 3}\n    layers: [relu]",
            5,
            "model.sequential.shared.epochs",
            "the training section has a field",
        ),
        (
            "    shared: {w: {int: [0, 2]}}\n    layers: [{dense: {units: {shared: w}}}]",
            6,
            "model.sequential.layers.0.dense.units",
            "at least 1",
        ),
    ],
)
def test_errors_know_line_path_and_what_was_meant(model: str, line: int, path: str, said: str) -> None:
    with pytest.raises(StudyFileError) as caught:
        spec(model)
    found = [p for p in caught.value.problems if p.path.startswith(path)]
    assert found, caught.value
    assert found[0].line == line
    assert said in str(caught.value)


@pytest.mark.slow
def test_study_files_and_their_schema_know_all_layers_without_keras(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        json.dumps(
            {
                "name": "a",
                "data": "sklearn:iris",
                "model": {"sequential": ["relu"]},
                "training": {"epochs": 1},
            }
        )
    )
    code = (
        "import sys; from support.commands import in_process; "
        "assert in_process('schema') == 0; assert in_process('validate', 'a.yaml') == 0; "
        "assert not {'keras', 'jax', 'tensorflow'} & set(sys.modules)"
    )
    result = python(code, cwd=tmp_path, PYTHONPATH=f"{ROOT / 'src'}:{ROOT / 'tests'}")
    assert result.returncode == 0, result.stderr
    layer = json.loads(result.stdout[: result.stdout.rindex("}") + 1])["definitions"]["layer"]
    assert {"lstm", "conv2d"} <= {key for branch in layer["anyOf"] for key in branch.get("properties", {})}


def generator() -> Any:
    found = importlib.util.spec_from_file_location("generate_layers", ROOT / "docs" / "generate_layers.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def without_axes(table: dict[str, Any]) -> dict[str, Any]:
    return {
        section: {
            name: {key: value for key, value in entry.items() if key != "axes"}
            if isinstance(entry, dict)
            else entry
            for name, entry in entries.items()
        }
        for section, entries in table.items()
    }


def test_the_table_is_that_of_the_installed_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    made = generator()
    monkeypatch.setattr(made, "_tried", lambda name, axes: axes)
    assert without_axes(made.table()) == without_axes(TABLE)


@pytest.mark.long
@pytest.mark.slow
def test_the_axes_of_the_table_are_those_that_keras_takes() -> None:
    assert generator().table() == TABLE


def test_every_layer_of_the_table_can_be_read() -> None:
    for name in LAYERS:
        assert LAYERS[name].model_fields is not None
    assert len(LAYERS) > 140
