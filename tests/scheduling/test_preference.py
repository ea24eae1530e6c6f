"""Preferred values: the first trial has them, later ones are near them until the data speak against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from hpsearch.spec import StudySpec
from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Asked
from support import searches

Values = dict[str, Value]
SPACE = {
    "model": {
        "mlp": {
            "hidden": [4],
            "activation": {"choice": ["relu", {"leaky_relu": {"negative_slope": {"uniform": [0.1, 0.3]}}}]},
        }
    },
    "training": {"epochs": 1, "learning_rate": {"log_uniform": [1e-5, 1e-1]}},
}


def searched(
    objective: Callable[[Values], float], trials: int, *, rebuilt: bool = False, **search: Any
) -> list[Values]:
    spec = StudySpec.model_validate({"name": "s", "data": "sklearn:iris", **SPACE, "search": search})
    log = searches.searched(spec, objective, trials, rebuilt=rebuilt)
    return [event.values for event in log if isinstance(event, Asked)]


def at(best: float) -> Callable[[Values], float]:
    return lambda values: abs(math.log10(float(values["learning_rate"]) / best))


def near(found: list[Values], value: float) -> float:
    """Give the share of trials within half a decade of a learning rate."""
    return float(np.mean([abs(math.log10(float(one["learning_rate"]) / value)) < 0.5 for one in found]))


def test_the_first_trial_has_the_preferred_values_and_their_branch() -> None:
    prior = {"activation": "leaky_relu", "activation.leaky_relu.negative_slope": 0.2}
    first = searched(at(1e-3), 1, sampler="random", prior=prior)[0]
    assert first["activation"] == "leaky_relu"
    assert first["activation.leaky_relu.negative_slope"] == pytest.approx(0.2)


def test_trials_are_near_the_preference() -> None:
    def share(**search: Any) -> float:
        found = [searched(at(1e-2), 30, sampler="random", seed=seed, **search) for seed in range(3)]
        return float(np.mean([near(one, 1e-2) for one in found]))

    assert share(prior={"learning_rate": 1e-2}) > 1.3 * share()


def test_a_wrong_preference_is_given_up() -> None:
    found = searched(at(1e-2), 30, sampler="hierarchical_tpe", prior={"learning_rate": 1e-4})
    assert near(found[10:], 1e-2) > 3 * near(found[10:], 1e-4)


def test_a_rebuilt_search_prefers_the_same() -> None:
    settings: dict[str, Any] = {"sampler": "hierarchical_tpe", "prior": {"learning_rate": 1e-3}}
    assert searched(at(1e-2), 14, rebuilt=True, **settings) == searched(at(1e-2), 14, **settings)


def test_a_grid_prefers_nothing() -> None:
    with pytest.raises(ValidationError, match="other than grid"):
        searched(at(1e-2), 1, sampler="grid", prior={"learning_rate": 1e-3})
