"""The `hp` of `build(hp)`: its answers are Keras Tuner's, and what it asks for is found by running it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import pytest

from hpsearch.models.components.hyperparameters import HyperParameters
from hpsearch.models.sources.exploration import MOST_RUNS, explore
from hpsearch.scheduling.samplers.base import draw, value_at
from hpsearch.spec import Choice, KerasTunerModel, StudySpec, print_spec, read_spec
from hpsearch.spec.space.parameter import condition_text
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import parse

STUDY = {"name": "a", "data": "sklearn:iris", "training": {"epochs": 1}}


def space_of(build: Callable[[Any], Any], **changes: Any) -> SearchSpace:
    """Give the search space of a function, as it is read again from what was printed of it."""
    model = KerasTunerModel(file="nets.py", hyperparameters=explore(build))
    spec = StudySpec.model_validate({**STUDY, "model": {"keras_tuner": "nets.py"}, **changes})
    spec = spec.model_copy(update={"model": model})
    assert read_spec(parse(print_spec(spec), "printed")) == spec
    return SearchSpace(spec)


def values_of(build: Callable[[Any], Any]) -> list[Any]:
    """List the values that the only hyperparameter of a function can have in a configuration."""
    space = space_of(build)
    (parameter,) = space.parameters
    models: list[Any] = [space.configuration({parameter.name: value}).model for value in parameter.iterate()]
    return [model.hyperparameters[0].value for model in models]


# What Keras Tuner's own reference says of each.
GRIDS = {
    "int": (lambda hp: hp.Int("a", 6, 12), [6, 7, 8, 9, 10, 11, 12]),
    "int with a step": (lambda hp: hp.Int("a", 6, 13, step=3), [6, 9, 12]),
    "int with a factor": (lambda hp: hp.Int("a", 2, 32, step=2, sampling="log"), [2, 4, 8, 16, 32]),
    "float with a step": (lambda hp: hp.Float("a", 0, 1, step=0.2), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    "float with a factor": (
        lambda hp: hp.Float("a", 0.001, 10, step=10, sampling="log"),
        [0.001, 0.01, 0.1, 1, 10],
    ),
    "float with a mirrored factor": (
        lambda hp: hp.Float("a", 0.001, 10, step=10, sampling="reverse_log"),
        [10.001 - distance for distance in (0.001, 0.01, 0.1, 1, 10)],
    ),
    "choice": (lambda hp: hp.Choice("a", ["x", "y"]), ["x", "y"]),
    "choice of numbers": (lambda hp: hp.Choice("a", [1e-2, 1e-3]), [1e-2, 1e-3]),
    "boolean": (lambda hp: hp.Boolean("a"), [True, False]),
}


class TestHp:
    @pytest.mark.parametrize("kind", GRIDS)
    def test_values_are_those_of_the_reference(self, kind: str) -> None:
        build, expected = GRIDS[kind]
        found = values_of(build)
        assert [type(value) for value in found] == [type(value) for value in found[:1]] * len(expected)
        assert found == (pytest.approx(expected) if isinstance(found[0], float) else expected)

    @pytest.mark.parametrize(
        ("ask", "default"),
        [
            (lambda hp: hp.Choice("a", ["x", "y"]), "x"),
            (lambda hp: hp.Choice("a", ["x", "y"], default="y"), "y"),
            (lambda hp: hp.Int("a", 3, 9), 3),
            (lambda hp: hp.Int("a", 3, 9, default=5), 5),
            (lambda hp: hp.Float("a", 0, 1), 0.0),
            (lambda hp: hp.Boolean("a"), False),
            (lambda hp: hp.Boolean("a", default=True), True),
            (lambda hp: hp.Fixed("a", 0.5), 0.5),
        ],
    )
    def test_the_default_is_given_unless_there_is_a_value(self, ask: Any, default: Any) -> None:
        hp = HyperParameters()
        found = ask(hp)
        assert (found, type(found)) == (default, type(default))
        assert hp.values == {"a": default}
        assert hp.get("a") == hp["a"] == default
        assert "a" in hp
        assert ask(HyperParameters({"a": 7})) == 7

    def test_conditions_answer_none_where_they_are_not_met(self) -> None:
        hp = HyperParameters({"kind": "cnn"})
        hp.Choice("kind", ["mlp", "cnn"])
        with hp.conditional_scope("kind", ["mlp"]):
            assert hp.Int("units", 1, 9) is None
            with hp.name_scope("head"):
                assert hp.Boolean("norm") is None
        assert hp.Int("filters", 1, 9, parent_name="kind", parent_values="cnn") == 1
        assert hp.values == {"kind": "cnn", "filters": 1}
        with pytest.raises(ValueError, match="units is currently inactive"):
            hp.get("units")
        with pytest.raises(KeyError, match="other does not exist"):
            hp.get("other")
        assert not hp.is_active("head/norm")
        assert hp.copy().values == hp.values

    @pytest.mark.parametrize(
        ("ask", "told"),
        [
            (lambda hp: hp.Choice("a", []), "must be provided"),
            (lambda hp: hp.Choice("a", [1, "x"]), "only one type"),
            (lambda hp: hp.Choice("a", [None]), "can contain only"),
            (lambda hp: hp.Choice("a", [1, 2], default=3), "one of the choices"),
            (lambda hp: hp.Choice("a", ["x"], ordered=True), "ordered"),
            (lambda hp: hp.Int("a", 1.5, 3), "min_value must be an int"),
            (lambda hp: hp.Int("a", 3, 1), "greater than"),
            (lambda hp: hp.Float("a", 0, 1, sampling="log"), "negative values"),
            (lambda hp: hp.Float("a", 1, 2, sampling="cubic"), "sampling must be one"),
            (lambda hp: hp.Float("a", 1, 2, step=1, sampling="log"), "expected step > 1"),
            (lambda hp: hp.Boolean("a", default=3), "must be a Python boolean"),
            (lambda hp: hp.Fixed("a", [1]), "value must be"),
            (lambda hp: hp.Int("a", 1, 2, parent_name="b", parent_values=[1]), "not defined"),
        ],
    )
    def test_errors_are_those_of_the_protocol(self, ask: Any, told: str) -> None:
        with pytest.raises((TypeError, ValueError), match=told):
            ask(HyperParameters())

    @pytest.mark.long
    def test_it_answers_as_keras_tuner_does(self) -> None:
        """The same questions to both, with the same values, give the same answers, spaces and errors."""
        keras_tuner = pytest.importorskip("keras_tuner")
        asks = [
            *(build for build, _ in GRIDS.values()),
            lambda hp: hp.Int("a", 1, 100, sampling="log", default=7),
            lambda hp: hp.Float("a", 0.5, 0.9, sampling="reverse_log"),
            lambda hp: hp.Choice("a", [1, 2], default=3),
            lambda hp: hp.Choice("a", [1, "x"]),
            lambda hp: hp.Choice("a", []),
            lambda hp: hp.Int("a", 3, 1),
            lambda hp: hp.Int("a", 1, 8, step=0.5),
            lambda hp: hp.Float("a", 0, 1, sampling="log"),
            lambda hp: hp.Fixed("a", [1]),
            lambda hp: hp.get("nothing"),
            lambda hp: hp.Int("b", 1, 2, parent_name="zzz", parent_values=[1]),
            lambda hp: (hp.Choice("k", ["x", "y"]), hp.Int("b", 1, 2, parent_name="k", parent_values=["y"])),
            lambda hp: (hp.Choice("k", ["x", "y"]), hp.Int("b", 1, 2, parent_name="k", parent_values="x")),
            lambda hp: (hp.Boolean("k"), hp.Int("k", 1, 2, parent_name="k", parent_values=[True])),
        ]
        for ask in asks:
            known = []
            for hp in (HyperParameters(), keras_tuner.HyperParameters()):
                answer: Any = None
                try:
                    answer = ask(hp)
                except (KeyError, TypeError, ValueError) as failure:
                    answer = type(failure)
                known.append((answer, hp.values, [(one.name, one.default) for one in hp.space]))
            assert known[0] == known[1]


@pytest.mark.long
def test_grids_and_ranges_are_those_of_keras_tuner() -> None:
    keras_tuner = pytest.importorskip("keras_tuner")

    def known(build: Callable[[Any], Any]) -> Any:
        hp = keras_tuner.HyperParameters()
        build(hp)
        return hp.space[0]

    for kind, (build, _) in GRIDS.items():
        expected = [int(value) if "int" in kind else value for value in known(build).values]
        if kind == "float with a step":
            expected.append(1.0)  # which its reference has, and its code loses by a rounding
        assert values_of(build) == (pytest.approx(expected) if "float" in kind else expected), kind
    for sampling in ("linear", "log", "reverse_log"):

        def ask(hp: Any, sampling: str = sampling) -> Any:
            return hp.Float("a", 0.5, 0.9, sampling=sampling)

        space = space_of(ask)
        (parameter,) = space.parameters
        for share in (0.05, 0.5, 0.8):
            drawn = value_at(parameter, 1 - share if sampling == "reverse_log" else share)
            model: Any = space.configuration({parameter.name: drawn}).model
            assert model.hyperparameters[0].value == pytest.approx(known(ask).prob_to_value(share))


def build_layers(hp: Any) -> None:
    for layer in range(hp.Int("layers", 1, 4)):
        hp.Int(f"units_{layer}", 32, 512, step=32)
    if hp.Boolean("dropout"):
        hp.Float("rate", 0.1, 0.5)


def build_kinds(hp: Any) -> None:
    kind = hp.Choice("kind", ["mlp", "cnn", "linear"])
    with hp.conditional_scope("kind", ["mlp", "cnn"]):
        if kind in ("mlp", "cnn") and hp.Boolean("norm"):
            hp.Float("epsilon", 1e-5, 1e-2, sampling="log")
    with hp.conditional_scope("kind", ["cnn"]):
        hp.Int("filters", 8, 64)
    for optimizer, high in (("sgd", 1.0), ("adam", 0.1)):
        hp.Choice("optimizer", ["sgd", "adam"])
        hp.Float("rate", 1e-3, high, sampling="log", parent_name="optimizer", parent_values=[optimizer])


def conditions(space: SearchSpace) -> dict[str, list[str]]:
    return {one.name: [condition_text(condition) for condition in one.conditions] for one in space.parameters}


class TestExploration:
    def test_loops_and_ifs_are_conditions(self) -> None:
        space = space_of(build_layers)
        assert conditions(space) == {
            "layers": [],
            "units_0": [],
            "units_1": ["layers = 2 or 3 or 4"],
            "units_2": ["layers = 3 or 4"],
            "units_3": ["layers = 4"],
            "dropout": [],
            "rate": ["dropout = True"],
        }
        # Sixteen sizes in each layer; without the rate, which has no end of values.
        assert space_of(lambda hp: [hp.Int(f"u{i}", 1, 16) for i in range(hp.Int("n", 1, 3))]).size() == (
            16 + 16**2 + 16**3
        )

    def test_scopes_are_conditions_and_names_may_come_twice(self) -> None:
        assert conditions(space_of(build_kinds)) == {
            "kind": [],
            "norm": ["kind = mlp or cnn"],
            "epsilon": ["kind = mlp or cnn", "norm = True"],
            "filters": ["kind = cnn"],
            "optimizer": [],
            "rate": ["optimizer = sgd"],
            "rate#2": ["optimizer = adam"],
        }

    @pytest.mark.parametrize("build", [build_layers, build_kinds])
    def test_a_configuration_answers_all_questions_and_no_other(self, build: Any) -> None:
        space = space_of(build)
        for seed in range(50):
            model: Any = space.configuration(draw(space, seed)).model
            given = {one.name: one.value for one in model.hyperparameters}
            hp = HyperParameters(given)
            build(hp)
            assert hp.values == given

    def test_what_nothing_tells_is_always_there(self) -> None:
        def build(hp: Any) -> None:
            both = [hp.Boolean("a"), hp.Boolean("b")]
            if any(both):
                hp.Int("c", 1, 9)

        assert conditions(space_of(build)) == {"a": [], "b": [], "c": []}

    def test_a_mirrored_number_is_searched_by_its_distance(self) -> None:
        space = space_of(lambda hp: hp.Float("momentum", 0.5, 0.9, sampling="reverse_log"))
        (parameter,) = space.parameters
        assert (parameter.name, parameter.describe()) == ("1.4 - momentum", "log_uniform [0.5, 0.9]")
        for share in (0.1, 0.5, 0.9):
            distance = 0.5 * (0.9 / 0.5) ** (1 - share)
            model: Any = space.configuration({parameter.name: distance}).model
            # Keras Tuner's formula, of a probability.
            expected = 0.9 + 0.5 - 0.5 * math.pow(0.9 / 0.5, 1 - share)
            assert model.hyperparameters[0].value == pytest.approx(expected)

    def test_a_build_that_fails_with_some_values_keeps_its_space(self) -> None:
        def build(hp: Any) -> None:
            if hp.Choice("kind", ["good", "bad"]) == "bad":
                hp.Int("after", 1, 3)
                raise ValueError
            hp.Boolean("last")

        assert conditions(space_of(build)) == {"kind": [], "after": ["kind = bad"], "last": []}

    def test_it_ends(self) -> None:
        runs = []

        def build(hp: Any) -> None:
            runs.append(1)
            for layer in range(hp.Int("layers", 1, 500)):
                hp.Choice(f"kind_{layer}", ["a", "b", "c"])

        with pytest.warns(RuntimeWarning, match="100 runs, and .* more would be left"):
            explore(build)
        assert len(runs) == MOST_RUNS

    def test_numbers_of_the_optimizer_are_no_structure(self) -> None:
        space = space_of(lambda hp: (hp.Float("rate", 1e-4, 1e-2, sampling="log"), hp.Int("units", 1, 8)))
        assert [parameter.structural for parameter in space.parameters] == [False, True]
        assert space.structures() == 8

    def test_parameters_of_a_choice_of_models_bear_its_name(self) -> None:
        found = explore(build_kinds)
        options = [{"mlp": {"hidden": [4]}}, {"keras_tuner": "nets.py:build"}]
        spec = StudySpec.model_validate({**STUDY, "model": {"choice": options}})
        mlp, own = cast("Choice", spec.model).options
        model = Choice((mlp, own.model_copy(update={"hyperparameters": found})))
        known = conditions(SearchSpace(spec.model_copy(update={"model": model})))
        name = "keras_tuner(file=nets.py)"
        assert known[f"model.{name}.kind"] == [f"model = {name}"]
        assert known[f"model.{name}.filters"] == [f"model = {name}", f"model.{name}.kind = cnn"]
