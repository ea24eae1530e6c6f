"""Samplers, with a formula in place of training."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import qmc

from hpsearch.exceptions import UnsupportedError
from hpsearch.scheduling.interface import StartTrial
from hpsearch.scheduling.samplers import MAX_GRID, check_sampler
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import Numeric, StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.space.parameter import Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.events import Asked, Ended, State

Values = dict[str, Value]
Objective = Callable[[Values], float | None]

CONDITIONAL = {
    "model": {
        "hidden": {"choice": [[4], [8, 8]]},
        "activation": {"choice": ["relu", {"leaky_relu": {"negative_slope": {"uniform": [0.1, 0.3]}}}]},
        "dropout": {"uniform": [0.0, 0.5, 0.1]},
    },
    "training": {"learning_rate": {"log_uniform": [1e-4, 1e-1]}, "batch_size": {"log_int": [8, 128]}},
}
NUMBERS = {
    "model": {"hidden": [4], "dropout": {"uniform": [0.0, 0.5]}, "l2": {"log_uniform": [1e-6, 1e-2]}},
    "training": {"learning_rate": {"log_uniform": [1e-4, 1e-1]}, "batch_size": {"int": [8, 128]}},
}
FINITE = {
    "model": {
        "hidden": [4],
        "activation": {"choice": ["relu", {"elu": {"alpha": {"choice": [0.5, 1.0, 2.0]}}}]},
        "dropout": {"uniform": [0.0, 0.2, 0.1]},
    },
    "training": {"batch_size": {"int": [16, 48, 16]}},
}
SIZE = (1 + 3) * 3 * 3


def spec_of(space: dict[str, Any], sampler: Any, *, seed: int = 0, **search: Any) -> StudySpec:
    raw = {
        "name": "s",
        "data": "sklearn:iris",
        "model": {"mlp": space["model"]},
        "training": {"epochs": 1, **space["training"]},
        "search": {"sampler": sampler, "seed": seed, **search},
    }
    return StudySpec.model_validate(raw)


class Study:
    """A sampler and what it knows; the log is all that a rebuilt one gets."""

    def __init__(self, spec: StudySpec) -> None:
        self.spec, self.space = spec, SearchSpace(spec)
        self.log: list[tuple[Values, float | None]] = []
        self.rebuild()

    def rebuild(self) -> None:
        self.scheduler = SearchScheduler(SearchExperiment(self.spec), 100)
        for number, (values, result) in enumerate(self.log):
            self.scheduler.apply(Asked(number, values))
            self.tell(number, result)

    def tell(self, number: int, result: float | None) -> None:
        state: State = "failed" if result is None else "complete"
        self.scheduler.apply(Ended(number, state, result, 1, 1, 0.0, None))

    def ask(self, objective: Objective) -> Values | None:
        number = len(self.log)
        following = self.scheduler.next(number)
        if not isinstance(following, StartTrial):
            return None
        values, result = following.values, objective(following.values)
        self.scheduler.apply(Asked(number, values))
        self.tell(number, result)
        self.log.append((values, result))
        return values

    def search(self, objective: Objective, trials: int) -> list[Values]:
        found = [self.ask(objective) for _ in range(trials)]
        return [values for values in found if values is not None]


def distance(values: Values) -> float:
    """Judge by the learning rate: best at 0.01."""
    return abs(math.log10(float(values.get("learning_rate", 0.01))) + 2) + float(values.get("dropout", 0))


def key(values: Values) -> str:
    return repr(sorted(values.items()))


CASES = [
    pytest.param("tpe", CONDITIONAL, id="tpe"),
    pytest.param("hierarchical_tpe", CONDITIONAL, id="hierarchical_tpe"),
    pytest.param("random", CONDITIONAL, id="random"),
    pytest.param("qmc", CONDITIONAL, id="qmc"),
    pytest.param("grid", FINITE, id="grid"),
    pytest.param(
        "cmaes",
        NUMBERS,
        id="cmaes",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("cmaes") is None, reason="the package cmaes is not installed"
        ),
    ),
    pytest.param(
        {"gp": {"startup_trials": 5}},
        NUMBERS,
        id="gp",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("torch") is None, reason="the package torch is not installed"
        ),
    ),
]


@pytest.mark.parametrize(("sampler", "space"), CASES)
class TestEverySampler:
    """What holds of each sampler."""

    trials = 24

    def test_values_are_in_range_and_of_their_kind(self, sampler: Any, space: dict[str, Any]) -> None:
        study = Study(spec_of(space, sampler))
        for values in study.search(distance, self.trials):
            for name, value in values.items():
                parameter = study.space[name]
                assert parameter.contains(value), (name, value)
                if parameter.options:
                    assert any(type(value) is type(option) for option in parameter.options)
                else:
                    assert isinstance(parameter.distribution, Numeric)
                    assert type(value) is (int if parameter.distribution.integer else float)

    def test_parameters_only_where_they_are_active(self, sampler: Any, space: dict[str, Any]) -> None:
        study = Study(spec_of(space, sampler))
        found = study.search(distance, self.trials)
        for values in found:
            assert list(values) == list(study.space.active(values))
        if study.space.conditional:
            assert len({frozenset(values) for values in found}) > 1

    def test_no_configuration_twice(self, sampler: Any, space: dict[str, Any]) -> None:
        found = Study(spec_of(space, sampler)).search(distance, self.trials)
        assert len(found) == self.trials
        assert len(set(map(key, found))) == self.trials

    def test_the_seed_decides(self, sampler: Any, space: dict[str, Any]) -> None:
        first, second = (
            Study(spec_of(space, sampler, seed=3)).search(distance, self.trials) for _ in range(2)
        )
        other = Study(spec_of(space, sampler, seed=4)).search(distance, self.trials)
        assert first == second
        assert first != other

    @pytest.mark.slow
    def test_a_rebuilt_sampler_suggests_the_same(self, sampler: Any, space: dict[str, Any]) -> None:
        steady = Study(spec_of(space, sampler)).search(distance, self.trials)
        rebuilt = Study(spec_of(space, sampler))
        for _ in range(self.trials):
            rebuilt.ask(distance)
            rebuilt.rebuild()
        assert [values for values, _ in rebuilt.log] == steady

    def test_enqueued_configurations_go_first(self, sampler: Any, space: dict[str, Any]) -> None:
        wanted = Study(spec_of(space, "grid" if sampler == "grid" else "random", seed=9)).search(distance, 2)
        study = Study(spec_of(space, sampler, enqueue=wanted))
        found = study.search(distance, self.trials)
        assert found[:2] == wanted
        assert len(set(map(key, found))) == self.trials

    def test_failures_do_not_stop_it(self, sampler: Any, space: dict[str, Any]) -> None:
        study = Study(spec_of(space, sampler))
        results = iter([None, None, 1.0, None, 0.5] * self.trials)
        assert len(study.search(lambda values: next(results), 12)) == 12

    @pytest.mark.slow
    def test_a_rebuilt_sampler_goes_on_behind_enqueued_configurations(
        self, sampler: Any, space: dict[str, Any]
    ) -> None:
        wanted = Study(spec_of(space, "grid" if sampler == "grid" else "random", seed=9)).search(distance, 2)
        spec = spec_of(space, sampler, enqueue=wanted)
        steady = Study(spec).search(distance, self.trials)
        rebuilt = Study(spec)
        for _ in range(self.trials):
            rebuilt.ask(distance)
            rebuilt.rebuild()
        assert [values for values, _ in rebuilt.log] == steady


class TestFiniteSpaces:
    @pytest.mark.slow
    @pytest.mark.parametrize("sampler", ["grid", "random", "tpe", "qmc"])
    def test_everything_once_and_then_exhausted(self, sampler: str) -> None:
        study = Study(spec_of(FINITE, sampler))
        assert study.space.size() == SIZE
        found = study.search(distance, SIZE + 2)
        assert len(found) == SIZE
        assert set(map(key, found)) == set(map(key, study.space.grid()))
        assert study.ask(distance) is None

    def test_the_grid_is_shuffled(self) -> None:
        study = Study(spec_of(FINITE, "grid"))
        found = study.search(distance, SIZE)
        assert found != list(study.space.grid())
        assert found != Study(spec_of(FINITE, "grid", seed=1)).search(distance, SIZE)

    @pytest.mark.slow
    @pytest.mark.parametrize("sampler", ["grid", "tpe", "hierarchical_tpe", "qmc", "random", "cmaes"])
    def test_nothing_to_search(self, sampler: str) -> None:
        if sampler == "cmaes":
            pytest.importorskip("cmaes")
        study = Study(spec_of({"model": {"hidden": [4]}, "training": {}}, sampler))
        check_sampler(study.spec, study.space)
        assert study.search(distance, 3) == [{}]


class TestQmc:
    def test_fills_the_space_more_evenly_than_chance(self) -> None:
        def discrepancy(sampler: str, seed: int) -> float:
            study = Study(spec_of(NUMBERS, sampler, seed=seed))
            rows = []
            for values in study.search(distance, 64):
                logs = [
                    (math.log10(float(values["l2"])) + 6) / 4,
                    (math.log10(float(values["learning_rate"])) + 4) / 3,
                ]
                rows.append([float(values["dropout"]) / 0.5, *logs])
            return float(qmc.discrepancy(np.clip(rows, 0, 1)))

        even = [discrepancy("qmc", seed) for seed in range(3)]
        chance = [discrepancy("random", seed) for seed in range(3)]
        assert max(even) < min(chance) / 3

    def test_each_eighth_has_its_share(self) -> None:
        found = Study(spec_of(NUMBERS, "qmc")).search(distance, 64)
        eighths = np.bincount([int(float(values["dropout"]) / 0.5 * 8) for values in found], minlength=8)
        assert eighths.tolist() == [8] * 8

    def test_whole_numbers_have_their_share_too(self) -> None:
        space = {
            "model": {"hidden": [4], "dropout": {"uniform": [0, 0.5]}},
            "training": {"batch_size": {"int": [1, 4]}},
        }
        found = Study(spec_of(space, "qmc")).search(distance, 64)
        assert np.bincount([int(values["batch_size"]) for values in found]).tolist() == [0, 16, 16, 16, 16]


def _logs(found: list[Values]) -> list[float]:
    return [math.log10(float(values["learning_rate"])) for values in found]


class TestTpe:
    def test_finds_better_ones_than_chance(self) -> None:
        def nearness(sampler: str) -> float:
            found = [Study(spec_of(NUMBERS, sampler, seed=seed)).search(distance, 40) for seed in range(3)]
            return float(np.median([distance(values) for trials in found for values in trials[20:]]))

        assert nearness("tpe") < nearness("random") / 2

    def test_failures_count_as_the_worst(self) -> None:
        """All that succeed are equally good, so only the failures say where not to go."""
        space = {"model": {"hidden": [4]}, "training": {"learning_rate": {"log_uniform": [1e-4, 1.0]}}}

        def upper_half_fails(values: Values) -> float | None:
            return None if float(values["learning_rate"]) > 1e-2 else 1.0

        shares = []
        for seed in range(3):
            found = Study(spec_of(space, "tpe", seed=seed)).search(upper_half_fails, 45)
            shares.append(np.mean(np.array(_logs(found[15:])) > -2))
        # By chance it would be a half; of 90 draws, a third has a probability of less than 1/1000.
        assert np.mean(shares) < 1 / 3

    def test_failures_of_a_maximum_count_as_the_worst(self) -> None:
        space = {"model": {"hidden": [4]}, "training": {"learning_rate": {"log_uniform": [1e-4, 1.0]}}}
        spec = spec_of(space, "tpe", metric="accuracy")

        def upper_half_fails(values: Values) -> float | None:
            return None if float(values["learning_rate"]) > 1e-2 else 0.5

        found = Study(spec).search(upper_half_fails, 60)
        assert np.mean(np.array(_logs(found[15:])) > -2) < 1 / 3

    def test_the_direction_is_that_of_the_metric(self) -> None:
        def large(values: Values) -> float:
            return float(values["dropout"])

        up = Study(spec_of(NUMBERS, "tpe", metric="accuracy")).search(large, 40)
        down = Study(spec_of(NUMBERS, "tpe", metric="val_loss")).search(large, 40)
        assert np.mean([large(values) for values in up[20:]]) > 0.35
        assert np.mean([large(values) for values in down[20:]]) < 0.15


class TestCmaes:
    def test_closes_in(self) -> None:
        pytest.importorskip("cmaes")

        def bowl(values: Values) -> float:
            share = (math.log10(float(values["learning_rate"])) + 4) / 3
            return (float(values["dropout"]) / 0.5 - 0.3) ** 2 + (share - 0.7) ** 2

        space = {**NUMBERS, "model": {"hidden": [4], "dropout": {"uniform": [0.0, 0.5]}}}
        space["training"] = {"learning_rate": {"log_uniform": [1e-4, 1e-1]}}
        found = Study(spec_of(space, "cmaes")).search(bowl, 90)
        scores = [bowl(values) for values in found]
        assert np.median(scores[60:]) < np.median(scores[:20]) / 5


class TestUnsupported:
    @staticmethod
    def refusal(sampler: Any, model: dict[str, Any], **training: Any) -> str:
        spec = spec_of({"model": {"hidden": [4], **model}, "training": training}, sampler)
        with pytest.raises(UnsupportedError) as failure:
            check_sampler(spec, SearchSpace(spec))
        assert failure.value.exit_code == 2
        return str(failure.value)

    def test_grid_of_a_range(self) -> None:
        told = self.refusal("grid", {"dropout": {"uniform": [0, 0.5]}})
        assert "grid" in told
        assert "dropout" in told
        assert "step" in told

    def test_grid_that_is_too_large(self) -> None:
        told = self.refusal("grid", {}, batch_size={"int": [1, MAX_GRID]}, steps={"int": [1, 2]}, epochs=None)
        assert "40,000" in told
        assert "tpe" in told

    def test_grid_at_its_largest(self) -> None:
        spec = spec_of({"model": {"hidden": [4]}, "training": {"batch_size": {"int": [1, MAX_GRID]}}}, "grid")
        check_sampler(spec, SearchSpace(spec))

    @pytest.mark.parametrize("sampler", ["cmaes", "gp"])
    def test_conditions(self, sampler: str) -> None:
        told = self.refusal(
            sampler, {"activation": {"choice": ["relu", {"elu": {"alpha": {"uniform": [1, 2]}}}]}}
        )
        assert "activation.elu.alpha is active only with activation = elu" in told
        assert "use tpe" in told

    def test_cmaes_with_a_choice(self) -> None:
        told = self.refusal("cmaes", {"activation": {"choice": ["relu", "tanh"]}})
        assert "activation is a choice" in told

    def test_a_package_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        for sampler, package in (("cmaes", "cmaes"), ("gp", "torch")):
            told = self.refusal(sampler, {"dropout": {"uniform": [0, 0.5]}})
            assert f"needs the package {package}" in told
            assert f"pip install 'hpsearch[{sampler}]'" in told
