"""What a sampler learns from trials of other studies: their order, as long as it has few of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hpsearch.exceptions import StudyFileError
from hpsearch.scheduling.beginning import begun
from hpsearch.scheduling.earlier_trials import MOST, observed_in_log, overlap, spread
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import Search, StudySpec, print_spec, read_spec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import parse
from hpsearch.store.events import Asked, Ended, Event
from support.searches import Objective, searched

RATES = {"log_uniform": [1e-5, 1e-1]}
ACTIVATIONS = {"choice": ["relu", {"leaky_relu": {"negative_slope": {"uniform": [0.1, 0.3]}}}]}


def study(rates: Any = RATES, activation: Any = ACTIVATIONS, mlp: Any = None, **search: Any) -> StudySpec:
    model = {"mlp": {"hidden": [4], "activation": activation, **(mlp or {})}}
    training = {"epochs": 1, "learning_rate": rates}
    raw = {"name": "s", "data": "sklearn:iris", "model": model, "training": training}
    return StudySpec.model_validate({**raw, "search": {"sampler": "hierarchical_tpe", **search}})


def rates(log: list[Event]) -> list[float]:
    return [event.values["learning_rate"] for event in log if isinstance(event, Asked)]  # type: ignore[misc]


def at(best: float, *, scale: float = 1.0, offset: float = 0.0) -> Objective:
    return lambda values: offset + scale * abs(math.log10(values["learning_rate"] / best))


def near(found: list[float], value: float) -> float:
    """Give the share of learning rates within half a decade of one."""
    return float(np.mean([abs(math.log10(one / value)) < 0.5 for one in found]))


def kept(objective: Objective, trials: int = 40) -> dict[str, Any]:
    """Give what a search keeps of another one of random trials."""
    spec = study(sampler="random", seed=7)
    found = overlap(observed_in_log(spec, searched(spec, objective, trials)), SearchSpace(study()))
    return {"study": "other", "trials": list(spread(found.values, MOST))}


def test_the_first_trials_are_near_the_best_ones_of_the_other_study() -> None:
    warm = rates(searched(study(warm_start=[kept(at(1e-3))]), at(1e-3), 10))
    assert near(warm, 1e-3) >= 0.6
    assert near(rates(searched(study(), at(1e-3), 10)), 1e-3) <= 0.4


def test_its_order_counts_and_not_its_values() -> None:
    other = kept(at(1e-3))
    assert kept(at(1e-3, scale=1e6, offset=-3e5)) == other
    turned = study(sampler="random", seed=7, metric="val_accuracy")
    log = searched(turned, at(1e-3, scale=-1.0), 40)
    found = overlap(observed_in_log(turned, log), SearchSpace(study()))
    assert list(spread(found.values, MOST)) == other["trials"]


def test_own_trials_take_the_places_of_the_others() -> None:
    objective = at(1e-2)
    misled = study(warm_start=[kept(at(1e-5))])
    log = searched(misled, objective, 60)
    assert near(rates(log)[40:], 1e-2) >= 0.6
    # From so many own trials on the others inform nothing: the next one is that of a search without them.
    scheduler, alone = (SearchScheduler(SearchExperiment(spec), 100) for spec in (misled, study()))
    for event in log[: 2 * MOST]:
        scheduler.apply(event)
        alone.apply(event)
    assert scheduler.next(MOST) == alone.next(MOST)


def test_a_search_that_goes_on_suggests_the_same() -> None:
    spec = study(warm_start=[kept(at(1e-3))])
    whole = searched(spec, at(1e-2), 15)
    assert searched(spec, at(1e-2), 15, rebuilt=True) == whole
    assert searched(read_spec(parse(print_spec(spec), "study.yaml")), at(1e-2), 15) == whole


def test_only_trials_whose_common_values_lie_in_the_space_are_kept() -> None:
    other = study({"choice": [1e-3, 0.5]}, sampler="random", mlp={"l1": {"uniform": [0.0, 1.0]}})
    asked = [
        {"learning_rate": 1e-3, "activation": "relu", "l1": 0.1},
        {"learning_rate": 0.5, "activation": "relu", "l1": 0.2},
        {"learning_rate": 1e-3, "activation": "leaky_relu", "activation.leaky_relu.negative_slope": 0.2},
        {"learning_rate": 1e-3, "activation": "relu", "l1": 0.4},
        {"learning_rate": 1e-3, "activation": "relu", "l1": 0.5},
    ]
    ends = ((0, 2.0, "complete"), (1, 0.1, "complete"), (2, 1.0, "complete"), (4, None, "failed"))
    log: list[Event] = [Asked(number, values) for number, values in enumerate(asked)]  # type: ignore[arg-type]
    log += [Ended(number, state, value, 1, 1, 0.0, None) for number, value, state in ends]  # type: ignore[arg-type]
    here = SearchSpace(study(mlp={"dropout": {"uniform": [0.0, 0.5]}}))
    found = overlap(observed_in_log(other, log), here)
    first = {"learning_rate": 1e-3, "activation": "relu"}
    assert found.values == (asked[2], first, first)  # the best one first, the failed one last
    assert found.left_out == {
        "with learning_rate outside of log_uniform [1e-05, 0.1]": 1,
        "that did not end": 1,
    }
    assert found.unknown == ("dropout",)
    nothing = SearchSpace(study(0.1, "relu", {"l2": {"log_uniform": [1e-7, 1e-3]}}))
    assert (
        overlap(observed_in_log(other, log), nothing).left_out["without a parameter that is searched here"]
        == 4
    )


def test_what_is_spread_has_the_best_and_the_worst() -> None:
    assert spread(range(3), 5) == range(3)
    assert spread(range(9), 5) == [0, 2, 4, 6, 8]
    assert spread(range(9), 1) == [0]
    assert spread(range(9), -1) == []


def test_with_other_studies_no_portfolio_and_no_grid_is_chosen() -> None:
    small = study({"choice": [1e-3, 1e-2]}, "relu", sampler="auto", warm_start=["other"])
    decided, why = begun(small)
    assert decided.search.sampler.name == "hierarchical_tpe"
    assert decided.search.portfolio == "off"
    assert why == "hierarchical_tpe, because the space has no conditions, and it learns from other studies"


def test_a_study_keeps_what_it_began_with_as_long_as_its_file_names_the_same_studies() -> None:
    stored = study(warm_start=[kept(at(1e-3))]).search
    assert study(warm_start="other").search.as_begun(stored) == stored
    assert study(warm_start=["another"]).search.as_begun(stored).warm_start == ("another",)
    assert study().search.as_begun(stored).warm_start is None


@pytest.mark.parametrize("sampler", ["random", "grid", "qmc", "tpe"])
def test_a_sampler_that_does_not_learn_from_others_is_refused(sampler: str) -> None:
    with pytest.raises(ValueError, match="hierarchical_tpe or auto beside warm_start"):
        Search.model_validate({"sampler": sampler, "warm_start": ["other"]})


def test_kept_values_outside_of_the_space_are_refused() -> None:
    source = parse(print_spec(study(warm_start=[{"study": "a", "trials": [{"learning_rate": 3}]}])), "s.yaml")
    with pytest.raises(StudyFileError, match=r"warm_start\.0\.trials\.0\.learning_rate") as refused:
        check_enqueued(read_spec(source), source)
    assert refused.value.problems[0].line is not None
