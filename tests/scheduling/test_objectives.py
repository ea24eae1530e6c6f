"""What is trained next, and who is on the front, where there are several objectives."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.scheduling.beginning import begun
from hpsearch.scheduling.interface import StartTrial
from hpsearch.scheduling.racing.race import Race
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Ended, Event, Reported
from hpsearch.store.record import pareto_front, turned

SPEC: dict[str, Any] = {
    "name": "s",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [{"int": [1, 1000]}]}},
    "training": {"epochs": 2, "learning_rate": {"log_uniform": [1e-4, 1e-1]}},
}


def spec_of(**search: Any) -> StudySpec:
    return StudySpec.model_validate({**SPEC, "search": {"metric": ["val_loss", "parameters"], **search}})


def searched(spec: StudySpec, trials: int, fails: int = 10**9) -> list[Event]:
    """Search where a small network has a great loss, and only the best of all rates a small one."""
    scheduler, log = SearchScheduler(SearchExperiment(spec), 100), list[Event]()
    for number in range(trials):
        following = scheduler.next(number)
        assert isinstance(following, StartTrial)
        units, rate = int(following.values["hidden.0"]), float(following.values["learning_rate"])
        loss = 10 / units + abs(rate - 0.01) / 0.01
        metrics = {"val_loss": loss, "parameters": float(units)}
        end = Ended(number, "complete", loss, 2, 1, 0.0, None)
        events: list[Event] = [Asked(number, following.values)]
        if units > fails:
            events.append(Ended(number, "failed", None, 0, None, 0.0, "too large"))
        else:
            worse = Reported(number, 2, loss + 1, {"val_loss": loss + 1, "parameters": 1e9}, 0.0)
            events += [Reported(number, 1, loss, metrics, 0.0), worse, end]
        for event in events:
            scheduler.apply(event)
        log += events
    return log


def rates(log: list[Event]) -> list[float]:
    return [float(event.values["learning_rate"]) for event in log if isinstance(event, Asked)]


def test_tpe_learns_from_all_objectives_at_the_best_epoch() -> None:
    found = searched(spec_of(sampler="tpe"), 60)
    study = optuna.create_study(directions=["minimize", "minimize"])
    distributions = SearchScheduler(SearchExperiment(spec_of(sampler="tpe")), 100).history.distributions
    asked = [event for event in found if isinstance(event, Asked)]
    for event in asked:
        units, rate = int(event.values["hidden.0"]), float(event.values["learning_rate"])
        values = [10 / units + abs(rate - 0.01) / 0.01, float(units)]
        study.add_trial(
            optuna.trial.create_trial(params=event.values, distributions=distributions, values=values)
        )
    scheduler = SearchScheduler(SearchExperiment(spec_of(sampler="tpe")), 100)
    for event in found:
        scheduler.apply(event)
    assert [trial.values for trial in scheduler.history.trials()] == [t.values for t in study.trials]
    near = [abs(rate - 0.01) < 0.005 for rate in rates(found)]
    assert sum(near[30:]) >= 1.5 * sum(near[:30])


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_failures_do_not_end_a_search(sampler: str) -> None:
    states = [e.state for e in searched(spec_of(sampler=sampler), 40, fails=300) if isinstance(e, Ended)]
    assert {"failed", "complete"} == set(states)
    assert all(e.state == "failed" for e in searched(spec_of(sampler=sampler), 15, 0) if isinstance(e, Ended))


def test_auto_is_a_sampler_of_several_objectives() -> None:
    assert begun(spec_of(trials=20))[0].search.sampler.name == "tpe"


Points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3)), max_size=40)


@given(Points, st.tuples(*[st.sampled_from(["minimize", "maximize"])] * 3))
@settings(max_examples=60, deadline=None)
def test_the_front_is_that_of_optuna(points: list[tuple[int, ...]], directions: Any) -> None:
    study = optuna.create_study(directions=directions)
    study.add_trials([optuna.trial.create_trial(values=list(map(float, point))) for point in points])
    ours = pareto_front((number, turned(point, directions)) for number, point in enumerate(points))
    assert sorted(ours) == [trial.number for trial in study.best_trials]


def test_no_finalist_is_out_of_a_race_of_a_front() -> None:
    values = {"a": {0: 0.1, 1: 0.11, 2: 0.1}, "b": {0: 5.0, 1: 5.1, 2: 5.0}, "c": {0: 9.0, 1: 9.1, 2: 9.0}}
    alone, all_of_them = (Race(("a", "b", "c"), 4, 12, minimize=True, everyone=e) for e in (False, True))
    assert {name for name, _ in alone.missing(values)} <= {"a"}
    assert all_of_them.missing(values) == (("a", 3), ("b", 3), ("c", 3))
