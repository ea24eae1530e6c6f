"""What the paper of a model asks of training, in the places that a study leaves out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hpsearch.spec import StudySpec
from hpsearch.spec.sections.realmlp import RealMlp


def study(model: Any, **given: Any) -> StudySpec:
    return StudySpec.model_validate({"name": "a", "data": {"sklearn": "diabetes"}, "model": model, **given})


@pytest.mark.parametrize("model", ["realmlp", {"realmlp": {"dropout": 0.1}}, {"choice": ["realmlp"]}])
def test_a_model_with_a_recipe_needs_no_training_section(model: Any) -> None:
    spec = study(model)
    told = spec.training.dump()
    assert (told["epochs"], told["batch_size"], told["learning_rate"]) == (256, 256, 0.04)
    assert told["optimizer"]["adam"]["beta_2"] == 0.95
    assert told["schedule"]["coslog"]["cycles"] == 4
    assert told["decay_biases"] is False
    assert StudySpec.model_validate(spec.dump()) == spec


def test_what_is_given_takes_the_place_of_the_recipe() -> None:
    rate = {"log_uniform": [0.01, 0.1]}
    training = study("realmlp", training={"learning_rate": rate, "steps": 500}).training
    assert (training.epochs, training.steps, training.batch_size) == (None, 500, 256)
    assert training.dump()["learning_rate"] == rate
    inside = {"choice": [{"sgd": {"learning_rate": 0.1}}, "adam"]}
    assert study("realmlp", training={"optimizer": inside}).training.learning_rate is None
    assert study("realmlp", training={"optimizer": "sgd"}).training.learning_rate == 0.04
    several = study("realmlp", training={"choice": [{"epochs": 3}, {"batch_size": 64}]}).training
    assert [one.epochs for one in several.options] == [3, 256]


@pytest.mark.parametrize("model", ["mlp", {"choice": ["realmlp", {"mlp": {"hidden": [4]}}]}])
def test_models_without_a_common_recipe_need_a_training_section(model: Any) -> None:
    with pytest.raises(ValidationError, match="training"):
        study(model)


def test_every_default_may_be_searched() -> None:
    fields = {"dropout": {"uniform": [0, 0.5]}, "scale_rate": {"log_uniform": [1, 10]}}
    fields |= {"activation": {"choice": ["mish", "selu"]}, "clamp": {"choice": [True, False]}}
    spec = study({"realmlp": {**fields, "hidden": {"choice": [[64, 64], [256, 256, 256]]}}})
    assert StudySpec.model_validate(spec.dump()) == spec
    assert set(fields) <= set(RealMlp.model_fields)
