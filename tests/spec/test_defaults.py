"""From the defaults of a study file to the configuration of a winner."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.exceptions import StudyMismatchError
from hpsearch.spec import (
    Choice,
    Configuration,
    Mlp,
    StudySpec,
    Training,
    print_spec,
    read_configuration,
    read_spec,
)
from hpsearch.spec.experiments import Ablation
from hpsearch.spec.sections.optimizers import OPTIMIZERS
from hpsearch.spec.space.defaults import ablation_space, searched_places
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import Source, parse
from hpsearch.store.resolved import check_same_experiment
from spec.test_generated import any_value, quickly
from support.strategies import study_files


def read(**sections: Any) -> StudySpec:
    data = {"name": "a", "data": "sklearn:digits", **sections}
    data.setdefault("training", {"epochs": 1})
    return read_spec(Source("a.yaml", data, {(): 1}))


def winner_of(spec: StudySpec, **values: Any) -> Configuration:
    return SearchSpace(spec).configuration(values)


def sides(spec: StudySpec, winner: Configuration) -> dict[str, Any]:
    """Give the two sides of each place that changes, by the name that the ablation has for it."""
    found = ablation_space(spec, winner).spec
    return {p.name: p.distribution.options for p in SearchSpace(found).parameters}  # type: ignore[union-attr]


def whys(spec: StudySpec, winner: Configuration) -> dict[str, tuple[str, str]]:
    return {kept.name: (kept.value, kept.why) for kept in ablation_space(spec, winner).kept}


@quickly(15)
@given(study_files(), st.data())
def test_every_way_from_the_default_to_the_winner_is_valid(raw: Any, data: st.DataObject) -> None:
    spec = read_spec(Source("study.yaml", raw, {(): 1}))
    winner = SearchSpace(spec).configure(any_value(data))
    opened = ablation_space(spec, winner)
    ablation = Ablation(opened.spec)
    assert ablation.configuration(ablation.values(ablation.changes, 0)) == winner
    some = random.Random(0).sample(ablation.changes, len(ablation.changes) // 2)  # noqa: S311 - no secret
    for made in ((), some):
        assert ablation.configuration(ablation.values(made, 0)).model.name == winner.model.name
    places = {place.name for place in searched_places(spec, winner)}
    assert places == {*ablation.changes, *(kept.name for kept in opened.kept)}
    text = print_spec(opened.spec)
    assert read_spec(parse(text, "a.yaml")) == opened.spec


def test_sides_are_kerass_default_and_the_winners_value() -> None:
    model = {
        "hidden": [8],
        "initializer": {"choice": ["he_normal", "glorot_uniform"]},
        "activation": {"choice": ["tanh", {"leaky_relu": {"negative_slope": {"uniform": [0.01, 0.3]}}}]},
        "batch_norm": {"choice": ["none", "before_activation"]},
        "dropout": {"uniform": [0.0, 0.5]},
    }
    training = {
        "optimizer": {"sgd": {"momentum": {"uniform": [0.5, 0.99]}}},
        "learning_rate": {"log_uniform": [1e-4, 1e-1]},
        "clipping": {"choice": ["none", {"clipvalue": {"log_uniform": [0.01, 1]}}]},
        "epochs": 1,
    }
    spec = read(model={"mlp": model}, training=training)
    winner = winner_of(
        spec,
        **{
            "initializer": "glorot_uniform",
            "activation": "leaky_relu",
            "activation.leaky_relu.negative_slope": 0.2,
            "batch_norm": "before_activation",
            "dropout": 0.25,
            "optimizer.sgd.momentum": 0.9,
            "learning_rate": 0.02,
            "clipping": "clipvalue",
            "clipping.clipvalue": 0.5,
        },
    )
    expected = winner.training.clipping, winner.model.activation, winner.model.batch_norm
    plain = Mlp.model_validate({"hidden": [8]})
    assert sides(spec, winner) == {
        "activation": (plain.activation, expected[1]),
        "batch_norm": (plain.batch_norm, expected[2]),
        "dropout": (0.0, 0.25),
        "optimizer.sgd.momentum": (0.0, 0.9),
        "learning_rate": (0.01, 0.02),
        "clipping": (Training.model_validate({"epochs": 1}).clipping, expected[0]),
    }
    assert whys(spec, winner) == {"initializer": ("glorot_uniform", "it is the default")}


def test_of_a_function_of_keras_tuner_the_defaults_are_those_that_it_tells() -> None:
    found = [
        {"name": "kind", "value": {"choice": ["sgd", "adam"]}, "default": "sgd"},
        {"name": "rate", "value": {"uniform": [0.1, 0.9]}, "default": 0.1, "when": {"kind": ["sgd"]}},
        {"name": "rate", "value": {"uniform": [0.01, 0.09]}, "default": 0.05, "when": {"kind": ["adam"]}},
        {"name": "units", "value": {"int": [8, 64]}, "default": 8},
        {"name": "fixed", "value": 3, "default": 3},
    ]
    spec = read(model={"keras_tuner": {"file": "nets.py", "hyperparameters": found}})
    winner = winner_of(spec, **{"kind": "adam", "rate#2": 0.07, "units": 8})
    assert sides(spec, winner) == {"kind": ("sgd", "adam"), "rate": (0.05, 0.07)}
    assert whys(spec, winner) == {"units": ("8", "it is the default")}


def test_a_learning_rate_that_is_not_given_is_that_of_each_optimizer() -> None:
    """On the way from the defaults, Adam begins with its own, and not with that of the winner's sgd."""
    optimizers = {"choice": ["adam", "rmsprop", "sgd"]}
    spec = read(model={"mlp": {"hidden": [4]}}, training={"optimizer": optimizers, "epochs": 1})
    winner = winner_of(spec, optimizer="sgd")
    assert winner.training.learning_rate == 0.01
    assert read_spec(parse(print_spec(spec), "a.yaml")) == spec
    (_, sgd) = sides(spec, winner)["optimizer"]
    assert sgd.name == "sgd"
    ablation = Ablation(ablation_space(spec, winner).spec)
    rates = [
        ablation.configuration(ablation.values(made, 0)).training.learning_rate
        for made in ([], ["optimizer"])
    ]
    assert rates == [0.001, 0.01]


def test_the_default_of_a_searched_learning_rate_is_that_of_the_optimizer() -> None:
    rate = {"log_uniform": [1e-4, 1.0]}
    for optimizer, default in (("adam", 0.001), ("sgd", 0.01), ({"choice": ["sgd", "adam"]}, 0.001)):
        training = {"optimizer": optimizer, "learning_rate": rate, "epochs": 1}
        spec = read(model={"mlp": {"hidden": [4]}}, training=training)
        values = {"optimizer": "sgd"} if isinstance(optimizer, dict) else {}
        assert sides(spec, winner_of(spec, learning_rate=0.5, **values))["learning_rate"] == (default, 0.5)


def test_a_learning_rate_may_depend_on_the_optimizer() -> None:
    """In a configuration it stands in the training section, as if it had been given there."""
    sgd = {"sgd": {"learning_rate": {"log_uniform": [0.01, 1.0]}, "momentum": {"uniform": [0.0, 0.9]}}}
    options = ["rmsprop", {"adam": {"learning_rate": {"log_uniform": [1e-4, 1e-2]}}}, sgd]
    spec = read(model={"mlp": {"hidden": [4]}}, training={"optimizer": {"choice": options}, "epochs": 1})
    names = [
        "optimizer",
        "optimizer.adam.learning_rate",
        "optimizer.sgd.learning_rate",
        "optimizer.sgd.momentum",
    ]
    space = SearchSpace(spec)
    assert [one.name for one in space.parameters] == names
    assert [one.structural for one in space.parameters] == [True, False, False, False]
    found = [
        space.configuration({"optimizer": "rmsprop"}),
        space.configuration({names[0]: "adam", names[1]: 0.002}),
        space.configuration({names[0]: "sgd", names[2]: 0.5, names[3]: 0.25}),
    ]
    plain: list[Any] = ["rmsprop", "adam", {"sgd": {"momentum": 0.25}}]
    for one, rate, optimizer in zip(found, (0.001, 0.002, 0.5), plain, strict=True):
        training = {"optimizer": optimizer, "learning_rate": rate, "epochs": 1}
        assert one.training == Training.model_validate(training)
        assert read_configuration(one.dump()) == one
    (_, value) = sides(spec, found[2])["optimizer"]
    assert value == OPTIMIZERS["sgd"](learning_rate=0.5, momentum=0.25)
    ablation = Ablation(ablation_space(spec, found[2]).spec)
    made = [ablation.configuration(ablation.values(changes, 0)) for changes in ([], ["optimizer"])]
    assert [(one.training.optimizer.name, one.training.learning_rate) for one in made] == [
        ("adam", 0.001),
        ("sgd", 0.5),
    ]
    assert read_spec(parse(print_spec(spec), "a.yaml")) == spec


def test_the_default_of_a_learning_rate_among_arguments_is_that_of_the_optimizer() -> None:
    rate = {"log_uniform": [1e-4, 1.0]}
    for optimizer, default in (("adam", 0.001), ("sgd", 0.01)):
        training = {"optimizer": {optimizer: {"learning_rate": rate}}, "epochs": 1}
        spec = read(model={"mlp": {"hidden": [4]}}, training=training)
        name = f"optimizer.{optimizer}.learning_rate"
        assert sides(spec, winner_of(spec, **{name: 0.5})) == {name: (default, 0.5)}


def test_a_fixed_learning_rate_is_the_same_wherever_it_stands() -> None:
    inside = read(
        training={"optimizer": {"sgd": {"learning_rate": 0.5}}, "epochs": 1}, model={"mlp": {"hidden": [4]}}
    )
    beside = read(
        training={"optimizer": "sgd", "learning_rate": 0.5, "epochs": 1}, model={"mlp": {"hidden": [4]}}
    )
    assert winner_of(inside) == winner_of(beside)
    check_same_experiment(inside, beside)


def test_options_of_whole_trainings_without_a_learning_rate() -> None:
    options = [{"optimizer": "sgd", "epochs": 2}, {"epochs": 3}, {"epochs": 4, "learning_rate": 0.5}]
    spec = read(model={"mlp": {"hidden": [4]}}, training={"choice": options})
    space = SearchSpace(spec)
    found = [space.configuration(values) for values in space.grid()]
    assert [one.training.learning_rate for one in found] == [0.01, 0.001, 0.5]
    for winner in found:
        assert whys(spec, winner) == {"training": (whys(spec, winner)["training"][0], "it has no default")}


def test_a_study_of_before_goes_on_where_its_learning_rate_was_the_optimizers() -> None:
    """Older versions wrote 0.001 into the resolved study file, whatever the optimizer."""
    for optimizer in ("adam", "rmsprop", {"adamw": {"weight_decay": 0.1}}, {"choice": ["adam", "nadam"]}):
        given = read(model={"mlp": {"hidden": [4]}}, training={"optimizer": optimizer, "epochs": 1})
        stored = given.model_copy(
            update={"training": given.training.model_copy(update={"learning_rate": 1e-3})}
        )
        check_same_experiment(stored, given)
        check_same_experiment(given, stored)
    given = read(model={"mlp": {"hidden": [4]}}, training={"optimizer": "sgd", "epochs": 1})
    stored = given.model_copy(update={"training": given.training.model_copy(update={"learning_rate": 1e-3})})
    with pytest.raises(StudyMismatchError, match=r"training.learning_rate: 0.001 -> 0.01"):
        check_same_experiment(stored, given)


def test_what_has_no_default_stands_as_the_winner_has_it() -> None:
    spec = read(
        model={"mlp": {"layers": {"int": [1, 3]}, "units": {"log_int": [4, 64]}}},
        training={"epochs": {"int": [1, 9]}, "batch_size": {"choice": [16, 32]}},
    )
    winner = winner_of(spec, layers=2, units=8, epochs=5, batch_size=16)
    assert sides(spec, winner) == {"batch_size": (32, 16)}
    assert list(whys(spec, winner)) == ["layers", "units", "epochs"]
    assert {value for value, _ in whys(spec, winner).values()} == {"2", "8", "5"}


def test_a_searched_share_of_the_run_may_be_an_option_of_what_has_no_default() -> None:
    boundary = {"choice": [{"uniform": [0.2, 0.8]}, {"epochs": 1}]}
    schedule = {"piecewise_constant": {"boundaries": [boundary], "values": [1.0, 0.1]}}
    spec = read(model={"mlp": {"hidden": [4]}}, training={"schedule": schedule, "epochs": 9})
    names = [parameter.name for parameter in SearchSpace(spec).parameters]
    winner = winner_of(
        spec, **dict(zip(names, (SearchSpace(spec).parameters[0].options[0], 0.5), strict=True))
    )
    assert [why for _, why in whys(spec, winner).values()] == ["it has no default"]


def test_what_is_nested_in_a_choice_without_default_changes_by_itself() -> None:
    models = [
        {"mlp": {"hidden": [4], "dropout": {"uniform": [0.1, 0.5]}}},
        {"cnn": {"filters": [2], "dropout": {"uniform": [0.1, 0.5]}}},
    ]
    spec = read(model={"choice": models})
    space = SearchSpace(spec)
    label = space.parameters[0].options[0]
    winner = winner_of(spec, model=label, **{f"model.{label}.dropout": 0.3})
    assert sides(spec, winner) == {"dropout": (0.0, 0.3)}
    assert whys(spec, winner) == {"model": ("mlp", "it has no default")}


def test_what_is_nested_in_a_choice_with_a_default_goes_with_it() -> None:
    optimizers = ["sgd", {"adam": {"beta_1": {"uniform": [0.5, 0.99]}}}]
    spec = read(model={"mlp": {"hidden": [4]}}, training={"optimizer": {"choice": optimizers}, "epochs": 1})
    winner = winner_of(spec, optimizer="adam", **{"optimizer.adam.beta_1": 0.7})
    ((name, (default, value)),) = sides(spec, winner).items()
    assert (name, default.beta_1, value.beta_1) == ("optimizer", 0.9, 0.7)


def test_each_layer_has_its_own_place() -> None:
    dropout = [{"uniform": [0.0, 0.5]}, 0.2, {"uniform": [0.0, 0.5]}]
    spec = read(model={"mlp": {"hidden": [4, 4, 4], "dropout": dropout}})
    winner = winner_of(spec, **{"dropout.0": 0.3, "dropout.2": 0.0})
    assert sides(spec, winner) == {"dropout.0": (0.0, 0.3)}
    assert whys(spec, winner) == {"dropout.2": ("0", "it is the default")}


@pytest.mark.parametrize(
    ("model", "values", "expected"),
    [
        ({"cnn": {"filters": [2], "hidden": {"choice": [[4], [8]]}}}, {"hidden": "[8]"}, {"hidden": (None, (8,))}),
        ({"mlp": {"hidden": {"choice": [[4], [8]]}}}, {"hidden": "[8]"}, {}),
        (
            {"mlp": {"hidden": [4], "activation": {"relu": {"max_value": {"uniform": [1, 6]}}}}},
            {"activation.relu.max_value": 5.0},
            {"activation.relu.max_value": (None, 5.0)},
        ),
        (
            {"python": {"file": "a.py", "arguments": {"units": {"int": [1, 9]}}}},
            {"units": 5},
            {},
        ),
    ],
    ids=["no dense layers", "no hidden layers", "no largest value", "an argument of a person's function"],
)  # fmt: skip
def test_none_is_a_default_where_a_study_file_may_search_it(
    model: Any, values: dict[str, Any], expected: dict[str, Any]
) -> None:
    spec = read(model=model)
    assert sides(spec, winner_of(spec, **values)) == expected


def test_the_choices_are_named_as_a_trial_of_the_ablation_names_them() -> None:
    spec = read(model={"mlp": {"hidden": [4], "dropout": {"uniform": [0.1, 0.5]}}})
    ablation = Ablation(ablation_space(spec, winner_of(spec, dropout=0.25)).spec)
    place, replicate = ablation.parameters
    assert place.distribution == Choice(("default", "winner"))
    assert (place.name, replicate.name) == ("dropout", "replicate")
    assert ablation.configuration({"dropout": "default", "replicate": 7}).model.dropout == 0.0
    assert ablation.configuration({"dropout": "winner", "replicate": 7}).model.dropout == 0.25


class TestRecipe:
    """Of a model with a recipe the defaults of training are what the study would have without a word on it."""

    def read(self, training: Any, model: Any = "realmlp") -> StudySpec:
        return read(data={"sklearn": "diabetes"}, model=model, training=training)

    def sides_of(self, training: Any, values: dict[str, Any], model: Any = "realmlp") -> dict[str, Any]:
        spec = self.read(training, model)
        return sides(spec, SearchSpace(spec).configuration(values))

    def test_numbers_and_components_come_from_it(self) -> None:
        rate = {"learning_rate": {"log_uniform": [0.01, 0.1]}, "batch_size": {"choice": [64, 128]}}
        found = self.sides_of(rate, {"learning_rate": 0.02, "batch_size": 64})
        assert found == {"learning_rate": (0.04, 0.02), "batch_size": (256, 64)}
        schedule = {"schedule": {"choice": ["constant", "cosine"]}}
        (default, won) = self.sides_of(schedule, {"schedule": "cosine"})["schedule"]
        assert (default.name, default.cycles, won.name) == ("coslog", 4, "cosine")

    def test_what_is_nested_in_its_optimizer_too(self) -> None:
        adam = {"beta_2": {"uniform": [0.9, 0.99]}, "learning_rate": {"log_uniform": [0.01, 0.1]}}
        values = {"optimizer.adam.beta_2": 0.92, "optimizer.adam.learning_rate": 0.02}
        found = self.sides_of({"optimizer": {"adam": adam}}, values)
        assert set(found.values()) == {(0.95, 0.92), (0.04, 0.02)}

    def test_other_optimizers_and_kinds_of_models_have_their_own_defaults(self) -> None:
        rmsprop = {"optimizer": {"rmsprop": {"rho": {"uniform": [0.1, 0.5]}}}}
        assert self.sides_of(rmsprop, {"optimizer.rmsprop.rho": 0.25})["optimizer.rmsprop.rho"][0] == 0.9
        batch = {"epochs": 3, "batch_size": {"choice": [64, 128]}}
        both = {"choice": ["realmlp", {"mlp": {"hidden": [4]}}]}
        assert self.sides_of(batch, {"model": "realmlp", "batch_size": 64}, both) == {"batch_size": (32, 64)}
