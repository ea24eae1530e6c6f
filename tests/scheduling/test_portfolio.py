"""What a search decides when it begins: the sampler by its space, and a portfolio of textbook configurations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpsearch.scheduling.beginning import begun
from hpsearch.scheduling.interface import StartTrial
from hpsearch.scheduling.portfolio import chosen, textbook
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import Search, StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.events import Asked

PAIRS = {
    "relu": "he_normal",
    "elu": "he_normal",
    "leaky_relu": "he_normal",
    "tanh": "glorot_uniform",
    "selu": "lecun_normal",
}
RATES = {"log_uniform": [1e-4, 1e-1]}
WIDE = {
    "hidden": {"choice": [[16], [32, 16]]},
    "activation": {
        "choice": ["relu", "tanh", "selu", {"leaky_relu": {"negative_slope": {"uniform": [0, 0.3]}}}]
    },
    "initializer": {"choice": ["zeros", "he_normal", "glorot_uniform", "lecun_normal"]},
    "dropout": {"uniform": [0.0, 0.5]},
}


def study(mlp: dict[str, Any], training: dict[str, Any] | None = None, **search: Any) -> StudySpec:
    given = {"epochs": 1, "learning_rate": RATES, **(training or {})}
    raw = {"name": "s", "data": "sklearn:iris", "model": {"mlp": mlp}, "training": given, "search": search}
    return StudySpec.model_validate(raw)


def portfolio(*parts: Any, **search: Any) -> list[dict[str, Any]]:
    found = begun(study(*parts, **search))[0].search.portfolio
    assert isinstance(found, tuple)
    return list(found)


@pytest.mark.parametrize(
    ("search", "sampler", "told"),
    [
        ({}, "hierarchical_tpe", "has conditions"),
        ({"trials": 2}, "hierarchical_tpe", "has conditions"),
        ({"sampler": "tpe"}, "tpe", None),
    ],
)
def test_the_sampler_of_a_space_without_an_end(
    search: dict[str, Any], sampler: str, told: str | None
) -> None:
    spec, why = begun(study(WIDE, **search))
    assert spec.search.sampler.name == sampler
    assert (why is None) == (told is None)
    assert why is None or told in why


def test_a_space_for_which_the_trials_suffice_is_a_grid() -> None:
    small = study({"hidden": {"choice": [[4], [8], [16]]}}, {"learning_rate": 0.1}, trials=3)
    assert begun(small)[0].search.sampler.name == "grid"
    assert begun(small)[1] == "grid, because all 3 configurations fit into 3 trials"
    fewer = small.model_copy(update={"search": Search(trials=2)})
    assert begun(fewer)[0].search.sampler.name == "hierarchical_tpe"


def test_a_named_sampler_or_a_prior_begins_by_itself_unless_a_portfolio_is_asked_for() -> None:
    for search in ({"sampler": "random"}, {"prior": {"learning_rate": 0.01}}, {"portfolio": "off"}):
        assert begun(study(WIDE, **search))[0].search.portfolio == "off"
    assert portfolio(WIDE, sampler="random", portfolio="on") == portfolio(WIDE)


def test_activations_have_their_initializers_and_all_lies_in_the_space() -> None:
    spec = study(WIDE)
    found, space = portfolio(WIDE), SearchSpace(spec)
    assert 3 <= len(found) <= 8
    assert len({tuple(one.items()) for one in found}) == len(found)
    for one in found:
        assert PAIRS[one["activation"]] == one["initializer"]
        assert "hidden" not in one
        assert all(space[name].contains(value) for name, value in one.items())
    assert len(portfolio(WIDE, trials=12)) == 3
    assert portfolio(WIDE, trials=12) == found[:3]


def test_what_the_study_has_fixed_leaves_out_the_others() -> None:
    searched = {"hidden": [8], "initializer": {"choice": ["he_normal", "glorot_uniform", "lecun_normal"]}}
    for activation, initializer in PAIRS.items():
        found = portfolio({**searched, "activation": activation})
        assert {one["initializer"] for one in found} == {initializer}


def test_a_space_of_which_nothing_is_known_has_none() -> None:
    assert portfolio({"hidden": {"choice": [[4], [8]]}}, {"learning_rate": 0.1}, trials=4) == []
    assert portfolio({"hidden": [4]}, {"learning_rate": {"log_uniform": [1e-7, 1e-6]}}) == []


@pytest.mark.parametrize(
    ("training", "own"),
    [({}, 0.001), ({"batch_size": 128}, 0.002), ({"optimizer": "sgd", "batch_size": 64}, 0.02)],
)
def test_the_learning_rate_suits_the_optimizer_and_the_batch_size(
    training: dict[str, Any], own: float
) -> None:
    rates = [one["learning_rate"] / own for one in portfolio({"hidden": [4]}, training)]
    assert rates
    assert all(np.isclose(rate, [1, 3, 10]).any() for rate in rates)


def test_rows_are_chosen_greedily_until_another_one_adds_little() -> None:
    regrets = np.array([[0.5, 0.5, 0.5], [0.0, 0.9, 0.9], [1.5, 0.0, 0.4], [0.9, 0.9, 0.499]])
    assert list(chosen(regrets, 8)) == [0, 2, 1]
    assert list(chosen(regrets, 1)) == [0]


def test_every_candidate_of_the_table_is_a_pair_of_the_textbooks() -> None:
    table = textbook()
    assert table.regrets.shape == (len(table.candidates), 8)
    assert all(PAIRS[one["activation"]] == one["initializer"] for one in table.candidates)
    assert (table.regrets.min(axis=0) == 0).all()
    assert np.allclose(np.median(table.regrets, axis=0), 1)


def test_trials_come_from_the_queue_then_from_the_portfolio_also_where_it_goes_on() -> None:
    queue = [{"hidden": "[16]", "activation": "relu", "initializer": "zeros", "dropout": 0.0}]
    first = [{"activation": "tanh", "learning_rate": 0.003}, {"dropout": 0.25}]
    spec = study(WIDE, enqueue=[{**queue[0], "learning_rate": 0.1}], portfolio=first, sampler="random")
    log: list[Asked] = []
    for number in range(4):
        scheduler = SearchScheduler(SearchExperiment(spec), 100)
        for event in log:
            scheduler.apply(event)
        following = scheduler.next(number)
        assert isinstance(following, StartTrial)
        log.append(Asked(number, following.values, following.origin))
    assert [one.origin for one in log] == ["enqueue", "portfolio", "portfolio", None]
    for one, values in zip(log[1:3], first, strict=True):
        assert values.items() <= one.values.items()
    assert log[2].values.keys() >= {"hidden", "activation", "initializer", "learning_rate"}


def test_a_study_goes_on_with_what_it_began_with() -> None:
    stored = begun(study(WIDE))[0].search
    assert Search().as_begun(stored) == stored
    assert Search(portfolio="on").as_begun(stored) == stored
    assert Search(portfolio="off").as_begun(stored).portfolio == "off"
    old = Search(sampler="tpe", portfolio="off")  # type: ignore[arg-type]  # pydantic reads the name
    assert Search().as_begun(old) == old
