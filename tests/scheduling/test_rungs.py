"""Rungs, with made-up curves in place of training: who is compared with whom, who goes on, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hpsearch.exceptions import StudyFileError
from hpsearch.scheduling.interface import Evidence, Pause, StartTrial
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.scheduling.schedulers.bracket import rungs_of
from hpsearch.spec import StudySpec, read_spec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.sections.search import Rungs
from hpsearch.spec.study_file.source import parse
from hpsearch.store.events import Asked, Ended, Event, Promoted, Reported

EPOCHS = 27


def spec_of(metric: str = "val_loss", sampler: Any = "random", **rungs: int) -> StudySpec:
    raw = {
        "name": "s",
        "data": "sklearn:iris",
        "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.0, 0.5]}}},
        "training": {"epochs": EPOCHS},
        "search": {"schedule": {"rungs": rungs}, "metric": metric, "sampler": sampler},
    }
    return StudySpec.model_validate(raw)


Curve = Callable[[int], Sequence[float | None]]
"""The values of a trial's epochs by its number; None where it fails."""


@dataclass
class Search:
    """A search by one worker that trains so many trials side by side, as the coordinator runs it."""

    trials: int
    curve: Curve
    spec: StudySpec = field(default_factory=spec_of)
    width: int = 1
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = SearchScheduler(SearchExperiment(self.spec), 100)
        self.running: list[int] = []
        self.trained: dict[int, int] = {}
        self.paused: set[int] = set()
        self.promoted: list[tuple[int, int]] = []
        self.complete: list[int] = []

    def take(self, event: Event) -> None:
        self.events.append(event)
        self.scheduler.apply(event)

    def run(self) -> Search:
        while self.fill():
            for number in list(self.running):
                self.advance(number)
        return self

    def fill(self) -> list[int]:
        while len(self.running) < self.width and (number := self.next()) is not None:
            self.running.append(number)
        return self.running

    def next(self) -> int | None:
        asked = len(self.trained)
        evidence: Evidence = "generations" if asked < self.trials else "complete"
        promoted = self.scheduler.promotion(evidence)
        if promoted is not None:
            self.take(promoted)
            self.promoted.append((promoted.number, promoted.rung))
            self.paused.remove(promoted.number)
            return promoted.number
        if asked == self.trials:
            return None
        following = self.scheduler.next(asked)
        assert isinstance(following, StartTrial)
        self.take(Asked(asked, following.values))
        self.trained[asked] = 0
        return asked

    def advance(self, number: int) -> None:
        curve = self.curve(number)
        value = curve[self.trained[number]]
        self.trained[number] += 1
        epoch = self.trained[number]
        metric = self.spec.search.first_metric
        self.take(Reported(number, epoch, value, {metric: value}, 0.1))
        if value is None or epoch == len(curve):
            self.end(number, "failed" if value is None else "complete")
        elif isinstance(self.scheduler.decide(number), Pause):
            assert self.scheduler.pauses_at(number) == epoch
            self.running.remove(number)
            self.paused.add(number)

    def end(self, number: int, state: Any) -> None:
        seen = [value for value in self.curve(number)[: self.trained[number]] if value is not None]
        self.running.remove(number)
        best = (min if self.scheduler.history.minimize else max)(seen, default=None)
        self.take(Ended(number, state, None if state == "failed" else best, len(seen), 1, 0.1, None))
        if state == "complete":
            self.complete.append(number)

    def went_on_from(self, rung: int) -> list[int]:
        return [number for number, place in self.promoted if place == rung]


def levels(*order: float) -> Curve:
    """Let curves fall to these levels, and never cross."""
    return lambda number: [order[number] + 1 / epoch for epoch in range(1, EPOCHS + 1)]


def shuffled(count: int, seed: int = 0) -> list[float]:
    return [float(level) for level in np.random.default_rng(seed).permutation(count)]


class TestBudgets:
    """Epochs against arithmetic."""

    @pytest.mark.parametrize(
        ("epochs", "settings", "rungs"),
        [
            (27, {}, [(1, 27), (3, 9), (9, 3)]),
            (30, {}, [(1, 27), (3, 9), (9, 3)]),
            (8, {}, [(1, 27)]),
            (30, {"min_epochs": 3, "generation": 9}, [(3, 9), (9, 3)]),
            (16, {"reduction_factor": 2, "generation": 8}, [(1, 8), (2, 4), (4, 2), (8, 2)]),
            (2, {}, []),
        ],
    )
    def test_rungs(self, epochs: int, settings: dict[str, int], rungs: list[tuple[int, int]]) -> None:
        assert [(rung.epoch, rung.batch) for rung in rungs_of(Rungs(**settings), epochs)] == rungs

    def test_one_generation_is_successive_halving(self) -> None:
        order = shuffled(27)
        search = Search(27, levels(*order)).run()
        ranking = sorted(range(27), key=lambda number: order[number])
        assert [search.went_on_from(rung) for rung in (1, 2, 3)] == [ranking[:9], ranking[:3], ranking[:1]]
        assert search.complete == ranking[:1]
        assert sum(search.trained.values()) == 27 * 1 + 9 * 2 + 3 * 6 + 1 * 18

    def test_generations_cost_the_same_each(self) -> None:
        search = Search(81, levels(*shuffled(81))).run()
        assert sum(search.trained.values()) == 3 * (27 * 1 + 9 * 2 + 3 * 6 + 1 * 18)

    @pytest.mark.parametrize("width", [1, 4, 32])
    def test_what_is_left_of_a_generation(self, width: int) -> None:
        search = Search(100, levels(*shuffled(100)), width=width).run()
        counts = [len(search.went_on_from(rung)) for rung in (1, 2, 3)]
        assert counts == [34, 12, 4]
        assert sum(search.trained.values()) == 100 + 34 * 2 + 12 * 6 + 4 * 18
        assert search.trained[search.complete[0]] == EPOCHS

    @pytest.mark.parametrize("trials", [1, 2, 5])
    def test_few_trials_have_one_that_is_complete(self, trials: int) -> None:
        order = shuffled(trials)
        search = Search(trials, levels(*order)).run()
        assert order.index(min(order)) in search.complete


class TestPromotion:
    def test_a_generation_decides_before_the_next_begins(self) -> None:
        search = Search(54, levels(*shuffled(54))).run()
        kinds = [type(event) for event in search.events]
        first = next(i for i, e in enumerate(search.events) if isinstance(e, Asked) and e.number == 27)
        assert kinds[:first].count(Promoted) == 9 + 3 + 1

    def test_those_left_behind_compete_with_the_next_generation(self) -> None:
        good, bad = shuffled(27), [100 + level for level in shuffled(27)]
        search = Search(54, levels(*good, *bad)).run()
        ranking = sorted(range(54), key=lambda number: [*good, *bad][number])
        assert search.went_on_from(1) == ranking[:18]

    def test_the_best_of_all_is_trained_to_its_end(self) -> None:
        # The best one by far is the last, and comes to a rung at which no place is free.
        curve = levels(*shuffled(27), -10.0)
        assert 27 in Search(28, curve).run().complete

    def test_failed_and_short_trials_keep_no_generation_waiting(self) -> None:
        def curve(number: int) -> list[float | None]:
            if number % 3 == 0:
                return [1.0, None]
            return [number + 0.1] * (2 if number % 3 == 1 else EPOCHS)

        search = Search(27, curve).run()
        # The best nine fail behind their rung; so the best of the rest is trained to its end, which is near.
        assert search.went_on_from(1) == [*range(0, 27, 3), 1]
        assert search.complete == [1]

    def test_a_larger_score_is_better(self) -> None:
        order = shuffled(27)
        search = Search(27, lambda number: [order[number]] * EPOCHS, spec_of("accuracy")).run()
        assert order[search.complete[0]] == 26.0

    def test_a_worker_that_would_idle_decides_by_what_there_is(self) -> None:
        search = Search(3, levels(3, 1, 2))
        for number in range(3):
            search.next()
            search.running.append(number)
        for number in (0, 1):
            search.advance(number)
        assert search.scheduler.promotion("complete") is None
        assert search.scheduler.promotion("partial") is None
        search.advance(2)
        assert search.scheduler.promotion("partial") == Promoted(1, 1)

    def test_when_the_time_is_over_only_the_best_goes_on(self) -> None:
        search = Search(27, levels(*shuffled(27)))
        for _ in range(20):
            search.fill()
            search.advance(search.running[0])
        best = min(search.paused, key=lambda number: search.curve(number)[0] or 0.0)
        promoted = search.scheduler.promotion("leader")
        assert promoted == Promoted(best, 1)
        search.take(promoted)
        assert search.scheduler.promotion("leader") is None


class TestState:
    @pytest.mark.parametrize("width", [1, 3])
    def test_the_log_rebuilds_every_decision(self, width: int) -> None:
        search = Search(40, levels(*shuffled(40, 3)), spec_of(sampler="tpe"), width=width).run()
        again = SearchScheduler(SearchExperiment(search.spec), 100)
        asked = 0
        for event in search.events:
            if isinstance(event, Promoted):
                evidence: Evidence = "generations" if asked < 40 else "complete"
                assert again.promotion(evidence) == event
            elif isinstance(event, Asked):
                following = again.next(event.number)
                assert isinstance(following, StartTrial)
                assert following.values == event.values
                asked += 1
            again.apply(event)

    def test_a_sampler_takes_paused_trials_by_what_they_reached_and_failed_ones_for_the_worst(self) -> None:
        search = Search(27, lambda number: [None] if number == 5 else [float(number + 1)] * EPOCHS)
        for _ in range(27 + 2):
            search.fill()
            search.advance(search.running[0])
        shown = search.scheduler.history.study().trials
        assert {trial.state.name for trial in shown} == {"PRUNED"}
        assert max(shown[0].intermediate_values) == 3
        assert max(shown[20].intermediate_values) == 1
        assert shown[5].intermediate_values == {}

    def test_a_paused_trial_is_dismissed_with_its_rung(self) -> None:
        order = shuffled(27)
        search = Search(27, levels(*order)).run()
        number = order.index(9.0)
        left = search.scheduler.dismissal(number)
        assert left.pruning.rung == left.pruning.epoch == 1
        assert (left.pruning.value, left.pruning.cutoff, left.pruning.trials) == (10.0, 9.0, 27)
        assert left.reason == (
            "paused at rung 1 (epoch 1) with 10: 9 of 27 trials went on from there, the last with 9"
        )


@pytest.mark.parametrize(
    ("search", "line", "told"),
    [
        ("{schedule: rungs, pruner: hyperband}", 5, "none: a schedule of rungs compares trials itself"),
        ("{schedule: {rungs: {generation: 2}}}", 5, "at least the reduction_factor, 3"),
        ("{schedule: halving}", 5, "a schedule of trials"),
    ],
)
def test_errors_have_their_line(search: str, line: int, told: str) -> None:
    text = (
        "name: s\ndata: sklearn:iris\nmodel: {mlp: {hidden: [4]}}\ntraining: {epochs: 9}\nsearch: " + search
    )
    with pytest.raises(StudyFileError) as caught:
        read_spec(parse(text, "s.yaml"))
    assert f"s.yaml:{line}" in str(caught.value)
    assert told in str(caught.value)
