"""Which networks of a study are probed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Choice, Numeric, StudySpec
from hpsearch.spec.space.arms import middle_of
from hpsearch.spec.space.parameter import Parameter
from hpsearch.spec.study_file.parts import label_of
from hpsearch.study.probe_arms import MAX_ARMS, probed_arms


def spec_of(model: Any = None, training: Any = None, **mlp: Any) -> StudySpec:
    return StudySpec.model_validate(
        {
            "name": "a",
            "data": "sklearn:iris",
            "model": model or {"mlp": {"hidden": [8, 8], **mlp}},
            "training": training or {"epochs": 1},
        }
    )


def found(spec: StudySpec) -> list[tuple[str, str, str]]:
    models = [configuration.model for configuration in probed_arms(spec).configurations]
    fields = ("initializer", "activation", "batch_norm")
    return [tuple(label_of(getattr(model, field)) for field in fields) for model in models]


def test_every_combination_of_the_three_is_an_arm() -> None:
    spec = spec_of(
        initializer={"choice": ["zeros", "he_normal"]},
        activation={"choice": ["relu", "tanh"]},
        batch_norm={"choice": ["none", "before_activation"]},
    )
    assert found(spec) == [
        (initializer, activation, position)
        for initializer in ("zeros", "he_normal")
        for activation in ("relu", "tanh")
        for position in ("none", "before_activation")
    ]


def test_what_is_not_searched_is_one_arm() -> None:
    assert found(spec_of(initializer="he_normal")) == [("he_normal", "relu", "none")]


def test_choices_of_a_single_layer_and_inside_an_option_are_varied() -> None:
    spec = spec_of(
        activation=["relu", {"choice": ["tanh", "elu"]}],
        initializer={"choice": ["zeros", {"variance_scaling": {"mode": {"choice": ["fan_in", "fan_out"]}}}]},
    )
    assert [(initializer, activation) for initializer, activation, _ in found(spec)] == [
        (initializer, f"[relu, {second}]")
        for initializer in ("zeros", "variance_scaling", "variance_scaling(mode=fan_out)")
        for second in ("tanh", "elu")
    ]


def test_everything_else_takes_its_first_option_or_the_middle() -> None:
    spec = spec_of(
        hidden={"choice": [[4], [8, 8]]},
        activation={"choice": ["relu", {"leaky_relu": {"negative_slope": {"uniform": [0.1, 0.3]}}}]},
        dropout={"uniform": [0.0, 0.5]},
        l2={"log_uniform": [1e-6, 1e-2]},
        training={"epochs": {"int": [1, 9]}, "learning_rate": {"choice": [0.1, 0.2]}},
    )
    arms = probed_arms(spec)
    assert arms.fixed == {
        "hidden": "[4]",
        "activation.leaky_relu.negative_slope": pytest.approx(0.2),
        "dropout": 0.25,
        "l2": pytest.approx(1e-4),
    }
    relu, leaky = (configuration.model for configuration in arms.configurations)
    assert relu.sizes == leaky.sizes == (4,)  # type: ignore[attr-defined]
    assert relu.dropout == 0.25  # type: ignore[attr-defined]
    assert leaky.activation.negative_slope == pytest.approx(0.2)  # type: ignore[attr-defined]


def test_of_several_models_the_first_is_probed() -> None:
    first = {"mlp": {"hidden": [4], "activation": {"choice": ["relu", "tanh"]}}}
    spec = spec_of(model={"choice": [{"choice": [first]}, {"mlp": {"hidden": [9]}}]})
    assert [activation for _, activation, _ in found(spec)] == ["relu", "tanh"]


def test_a_model_in_python_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="'python'"):
        probed_arms(spec_of(model={"python": {"file": "nets.py"}}))


def test_too_many_arms_are_refused() -> None:
    layers = [{"choice": ["relu", "tanh", "elu", "selu"]}] * 4
    with pytest.raises(UnsupportedError, match=f"more than {MAX_ARMS} combinations"):
        probed_arms(spec_of(hidden=[4] * 4, activation=layers))


def test_a_network_without_hidden_layers_has_nothing_to_probe() -> None:
    with pytest.raises(UnsupportedError, match="needs a hidden layer"):
        probed_arms(spec_of(hidden=[]))


@pytest.mark.parametrize(
    ("distribution", "middle"),
    [
        (Choice(("b", "a")), "b"),
        (Numeric(0.0, 0.5), 0.25),
        (Numeric(1e-4, 1e-2, log=True), 1e-3),
        (Numeric(0.0, 0.5, 0.2), 0.2),
        (Numeric(0.0, 0.4, 0.1), 0.2),
        (Numeric(1, 4, integer=True), 2),
        (Numeric(1, 10, 4, integer=True), 5),
        (Numeric(1, 100, log=True, integer=True), 10),
        (Numeric(-1.7e308, 1.7e308), 0.0),
    ],
)
def test_the_middle_is_a_value_of_the_distribution(distribution: Choice | Numeric, middle: Any) -> None:
    parameter = Parameter("x", distribution)
    value = middle_of(parameter)
    assert value == (middle if isinstance(middle, str) else pytest.approx(middle))
    assert parameter.contains(value)
    assert isinstance(value, str) or math.isfinite(value)
