"""What samplers learn of trials that violate constraints, with a formula in place of training."""

from __future__ import annotations

import pytest

from hpsearch.scheduling.interface import StartTrial
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Ended, Event, dump_event, read_event

LIMIT = "parameters <= 40"

SPEC = {
    "name": "s",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [{"int": [1, 100]}]}},
    "training": {"epochs": 1, "learning_rate": {"log_uniform": [1e-4, 1e-1]}},
}


def searched(sampler: str, trials: int) -> list[Event]:
    """Search for many units, of which 40 are allowed."""
    spec = StudySpec.model_validate({**SPEC, "search": {"sampler": sampler, "constraints": LIMIT}})
    scheduler, log = SearchScheduler(SearchExperiment(spec), 100), list[Event]()
    for number in range(trials):
        following = scheduler.next(number)
        assert isinstance(following, StartTrial)
        units = int(following.values["hidden.0"])
        if units > 40:
            end = Ended(number, "infeasible", None, 0, None, 0.0, "", violations={LIMIT: units / 40 - 1})
        else:
            end = Ended(number, "complete", 1 / units, 1, 1, 0.0, None)
        for event in (Asked(number, following.values), end):
            log.append(event)
            # As it comes back from the log.
            scheduler.apply(read_event(dump_event(event)))
    return log


@pytest.mark.parametrize("sampler", ["tpe", "hierarchical_tpe"])
def test_samplers_keep_to_the_constraints(sampler: str) -> None:
    states = [event.state for event in searched(sampler, 50) if isinstance(event, Ended)]
    assert states[:10].count("infeasible") >= 3
    assert states[25:].count("infeasible") <= 12


def test_a_log_of_infeasible_trials_is_read_as_it_was_written() -> None:
    log = searched("tpe", 20)
    assert [read_event(dump_event(event)) for event in log] == log
    assert any(isinstance(event, Ended) and event.violations for event in log)


@pytest.mark.parametrize("violations", [[1], 3, {LIMIT: "much"}, {LIMIT: float("inf")}])
def test_violations_that_are_no_numbers_are_no_event(violations: object) -> None:
    raw = dump_event(Ended(0, "infeasible", None, 0, None, 0.0, ""))
    with pytest.raises(ValueError, match=r"violations|not finite"):
        read_event({**raw, "violations": violations})
