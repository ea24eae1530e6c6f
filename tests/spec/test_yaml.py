"""What the words and numbers of a study file mean."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from hpsearch.exceptions import StudyFileError
from hpsearch.spec import Choice, Numeric, StudySpec, print_spec, print_yaml, read_spec
from hpsearch.spec.sections.initializers import INITIALIZERS
from hpsearch.spec.study_file.source import parse


def read(model: str = "", training: str = "", data: str = "sklearn: digits") -> StudySpec:
    lines = (
        "name: a",
        f"data: {{{data}}}",
        f"model: {{mlp: {{hidden: [4, 4], {model}}}}}",
        f"training: {{epochs: 3, {training}}}",
    )
    return read_spec(parse("\n".join(lines), "study.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        ("-1.5e+2", -150.0),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1:30", "1:30"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("null", None),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    read_value = parse(f"a: {text}", "study.yaml").data["a"]
    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        "no",
        "on",
        "1e-4",
        "1_000",
        "null",
        "true",
        "",
        " a ",
        "#x",
        "a: b",
        "é\u2028字",
        "a\x85",
        "?a",
        ":=",
        "::",
        "\r",
        "a\nb",
        "\ud800",
    ],
)
def test_words_are_printed_so_that_they_stay_words(value: str) -> None:
    for data in ({"a": value}, {"a": [value, {"b": value}]}, {"a": {value: 1}}):
        assert parse(print_yaml(data), "printed").data == data


@pytest.mark.parametrize("value", [1e-7, 1e-4, 1.0, 1e22, 1e-300, 5e-324, 0.1 + 0.2, 10**20, -0.0])
def test_numbers_are_printed_exactly(value: float) -> None:
    again = parse(print_yaml({"a": value}), "printed").data["a"]
    assert (again, type(again)) == (value, type(value))


def test_lines_are_those_of_keys_and_items() -> None:
    source = parse("a:\n  b: 1\n  c:\n    - x\n    - y\n", "study.yaml")
    assert [source.line_of(place) for place in ((), ("a",), ("a", "c"), ("a", "c", 1))] == [1, 1, 3, 5]
    assert source.line_of(("a", "c", 7, "deeper")) == 3


def test_a_bare_word_is_a_name_and_a_word_with_a_list_is_a_distribution() -> None:
    spec: Any = read("initializer: uniform, dropout: {uniform: [0, 0.5]}")
    assert spec.model.initializer == INITIALIZERS["random_uniform"]()
    assert spec.model.dropout == Numeric(0.0, 0.5)
    named: Any = read("initializer: {uniform: {minval: -1}}")
    assert named.model.initializer.minval == -1
    assert named.model.initializer.name == "random_uniform"


def test_a_bare_step_is_a_schedule() -> None:
    assert read(training="schedule: step").training.schedule.name == "step"


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("{uniform: [0, 1]}", Numeric(0.0, 1.0)),
        ("{uniform: [0, 1, 0.25]}", Numeric(0.0, 1.0, 0.25)),
        ("{log_uniform: [1e-5, 1e-1]}", Numeric(1e-5, 0.1, log=True)),
        ("{int: [0, 5]}", Numeric(0, 5, integer=True)),
        ("{int: [0, 5, 2]}", Numeric(0, 5, 2, integer=True)),
        ("{log_int: [1, 9]}", Numeric(1, 9, log=True, integer=True)),
        ("{choice: [0.1, 0.2]}", Choice((0.1, 0.2))),
        ("{choice: [0.1, {choice: [0.2, {uniform: [0, 1]}]}]}", Choice((0.1, Choice((0.2, Numeric(0, 1)))))),
        ("{choice: [0.1, [0.2, {uniform: [0, 1]}]]}", Choice((0.1, (0.2, Numeric(0, 1))))),
        ("[0.1, {choice: [0.2, 0.3]}]", (0.1, Choice((0.2, 0.3)))),
    ],
)
def test_distributions_are_read_wherever_a_number_may_stand(text: str, distribution: Any) -> None:
    spec: Any = read(f"l1: {text}")
    assert spec.model.l1 == distribution
    assert read_spec(parse(print_spec(spec), "printed")) == spec


def test_choices_of_lists_and_of_mappings() -> None:
    spec: Any = read("activation: {choice: [[relu, tanh], {leaky_relu: {negative_slope: 0.1}}, elu]}")
    layers, leaky, elu = spec.model.activation.options
    assert [kind.name for kind in layers] == ["relu", "tanh"]
    assert leaky.negative_slope == 0.1
    assert elu.alpha == 1.0


def test_settings_by_layer_must_fit_every_depth_that_can_be_chosen() -> None:
    text = "name: a\ndata: sklearn:digits\nmodel: {mlp: {hidden: {choice: [[4], [4, 4]]}, l1: [0.1, 0.2]}}\n"
    with pytest.raises(StudyFileError, match="2 settings for 1 or 2 hidden layers"):
        read_spec(parse(text + "training: {epochs: 3}\n", "study.yaml"))
    text = "name: a\ndata: sklearn:digits\nmodel: {mlp: {layers: {int: [1, 2]}, units: 4, l1: [0.1, 0.2]}}\n"
    with pytest.raises(StudyFileError, match="2 settings for a searched number of hidden layers"):
        read_spec(parse(text + "training: {epochs: 3}\n", "study.yaml"))


@pytest.mark.parametrize(
    ("data", "validation"),
    [
        ("sklearn: digits", 0.2),
        ("sklearn: digits, validation: 0.3", 0.3),
        ("sklearn: digits, validation: 500", 500),
        ("sklearn: digits, validation: {share: 0.3}", 0.3),
        ("sklearn: digits, validation: {last: 9}", {"last": 9}),
        ("sklearn: digits, validation: {folds: 5}", {"folds": 5}),
    ],
)
def test_forms_of_the_validation_part(data: str, validation: Any) -> None:
    assert read(data=data).dump()["data"]["validation"] == validation


@pytest.mark.parametrize(
    ("text", "factor"), [("1/255", 1 / 255), ("0.5", 0.5), ("'1/16'", 1 / 16), ("2", 2.0)]
)
def test_a_factor_may_be_a_fraction(text: str, factor: float) -> None:
    assert read(data=f"sklearn: digits, rescale: {text}").data.rescale == factor


def test_the_short_form_of_data_names_the_same_source() -> None:
    assert read(data="npz: a:b.npz").data.source == "npz:a:b.npz"
    text = "name: a\ndata: npz:a:b.npz\nmodel: {mlp: {hidden: [4]}}\ntraining: {epochs: 3}\n"
    assert read_spec(parse(text, "study.yaml")).data == read(data="npz: a:b.npz").data


def test_a_spec_with_nothing_to_search_is_fixed() -> None:
    assert read().fixed
    assert not read("l1: [0.1, {uniform: [0, 1]}]").fixed


HEAVY = ("keras", "jax", "tensorflow", "torch", "optuna", "sklearn", "numpy")


@pytest.mark.parametrize("module", ["hpsearch.spec", "hpsearch.spec.space.space"])
def test_reading_a_study_needs_no_heavy_library(module: str) -> None:
    code = f"import {module}, sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
