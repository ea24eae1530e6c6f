"""Densities on a space with conditions, and what is learned from trials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState, create_trial

from hpsearch.scheduling.history import rank_of
from hpsearch.scheduling.samplers.base import draw
from hpsearch.scheduling.samplers.columns import Columns
from hpsearch.scheduling.samplers.hierarchical_tpe import Density
from hpsearch.spec import StudySpec
from hpsearch.spec.space.space import SearchSpace

STUDY = {
    "name": "s",
    "data": "sklearn:iris",
    "model": {
        "mlp": {
            "hidden": {"choice": [[4], [8, 8], [16]]},
            "activation": {"choice": ["relu", {"leaky_relu": {"negative_slope": {"uniform": [0.1, 0.3]}}}]},
            "dropout": {"uniform": [0.0, 0.5, 0.1]},
        }
    },
    "training": {
        "epochs": 1,
        "learning_rate": {"log_uniform": [1e-4, 1e-1]},
        "batch_size": {"log_int": [8, 128]},
    },
}
LAYERS = {
    **STUDY,
    "model": {
        "sequential": {
            "layers": [
                {"repeat": {"times": {"int": [1, 3]}, "layers": [{"dense": {"units": {"int": [4, 9]}}}]}}
            ]
        }
    },
}


def space_of(study: dict[str, Any]) -> SearchSpace:
    return SearchSpace(StudySpec.model_validate(study))


@pytest.mark.parametrize("study", [STUDY, LAYERS], ids=["choices", "repetitions"])
def test_rows_stand_for_configurations(study: dict[str, Any]) -> None:
    space = space_of(study)
    columns = Columns(space)
    for seed in range(20):
        values = draw(space, seed)
        row = columns.row(values)
        told = columns.values(row)
        assert told.keys() == values.keys()
        for name, value in values.items():
            assert told[name] == pytest.approx(value) if isinstance(value, float) else told[name] == value
        assert np.array_equal(columns.active(np.nan_to_num(row)[None])[0], row, equal_nan=True)


def test_a_density_has_the_mass_of_one_on_the_whole_tree() -> None:
    space = space_of(STUDY)
    columns, random = Columns(space), np.random.default_rng(0)
    density = Density(columns.columns, np.stack([columns.row(draw(space, seed)) for seed in range(5)]))
    drawn = columns.active(columns.draw(40_000, random))
    assert np.exp(density.log(drawn)).mean() == pytest.approx(1, abs=0.05)


def test_draws_have_the_density_that_is_told() -> None:
    space = space_of(STUDY)
    columns, random = Columns(space), np.random.default_rng(0)
    density = Density(columns.columns, np.stack([columns.row(draw(space, seed)) for seed in range(5)]))
    near = columns.active(density.draw(columns.draw(20_000, random), random))
    # Drawn from f, the mean of 1 / f is the volume: that of the study file's distribution.
    assert np.exp(-density.log(near)).mean() == pytest.approx(1, abs=0.05)


def test_trials_that_went_further_are_better_and_failures_worst() -> None:
    def trial(state: TrialState, value: float | None, curve: dict[int, float]) -> Any:
        if state == TrialState.RUNNING:
            return create_trial(state=state, intermediate_values=curve)
        return create_trial(state=state, value=value, intermediate_values=curve)

    complete, pruned = TrialState.COMPLETE, TrialState.PRUNED
    best_first = [
        trial(complete, 0.5, {3: 0.5}),
        trial(complete, 0.9, {1: 0.9}),
        trial(pruned, 0.7, {2: 0.7}),
        trial(pruned, 0.1, {1: 0.1}),
        trial(pruned, 0.2, {1: 0.2}),
        trial(complete, math.inf, {}),
    ]
    ranks = [rank_of(one, minimize=True) for one in best_first]
    assert ranks == sorted(ranks, key=lambda rank: rank or ())
    assert rank_of(trial(TrialState.RUNNING, None, {1: 0.1}), minimize=True) is None
    assert rank_of(best_first[1], minimize=False) < rank_of(best_first[0], minimize=False)
