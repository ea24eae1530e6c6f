"""A search that ends by itself, with made-up scores in place of training: when, why, and whoever ends first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hpsearch.exceptions import StudyFileError
from hpsearch.scheduling.gain import ExpectedGain, last_judgement
from hpsearch.scheduling.interface import Done, StartTrial
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import StudySpec, read_spec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.study_file.source import parse
from hpsearch.store.events import Asked, Ended, Event

SCORES = np.random.default_rng(5).normal(size=400)
Score = Callable[[int, bool], float | None]
"""The score of a trial by its number, and whether it is a replicate."""


def spec_of(**search: Any) -> StudySpec:
    raw = {
        "name": "s",
        "data": "sklearn:iris",
        "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.0, 0.5]}}},
        "training": {"epochs": 3},
        "search": {"sampler": "random", "until": "no_gain", **search},
    }
    return StudySpec.model_validate(raw)


def ended(number: int, value: float | None) -> Ended:
    state = "failed" if value is None else "complete"
    return Ended(number, state, value, 3, None if value is None else 1, 1.0, None)


@dataclass
class Search:
    """A search whose workers end their trials in any order."""

    score: Score
    spec: StudySpec = field(default_factory=spec_of)
    workers: int = 1
    seed: int = 0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = self.fresh()
        self.asked: list[Asked] = []

    def fresh(self) -> SearchScheduler:
        return SearchScheduler(SearchExperiment(self.spec), 100)

    def take(self, event: Event) -> None:
        self.events.append(event)
        self.scheduler.apply(event)

    def run(self, trials: int = 200) -> Search:
        running: list[int] = []
        chance = np.random.default_rng(self.seed)
        while self.fill(running, trials):
            number = running.pop(int(chance.integers(len(running))))
            self.take(ended(number, self.score(number, number in self.replicates)))
        return self

    def fill(self, running: list[int], trials: int) -> bool:
        while len(running) < self.workers and len(self.asked) < trials:
            following = self.scheduler.next(len(self.asked))
            if not isinstance(following, StartTrial):
                assert following == Done("no_gain")
                break
            asked = Asked(len(self.asked), following.values, following.origin)
            self.asked.append(asked)
            self.take(asked)
            running.append(asked.number)
        return bool(running)

    @property
    def replicates(self) -> list[int]:
        return [asked.number for asked in self.asked if asked.origin == "replicate"]

    @property
    def judgement(self) -> ExpectedGain | None:
        assert self.scheduler.rule is not None
        return self.scheduler.rule.judgement


def expected_least(scores: Sequence[float], drawn: int) -> float:
    """Give the expected least of so many scores, drawn from all without replacement, by counting."""
    count = len(scores)
    ways = [math.comb(count - 1 - place, drawn - 1) for place in range(count)]
    return sum(way * score for way, score in zip(ways, sorted(scores), strict=True)) / sum(ways)


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_it_ends_where_the_gain_is_within_the_deviation_of_replicates(metric: str) -> None:
    sign = 1 if metric == "val_loss" else -1
    found = Search(lambda number, _: sign * float(SCORES[number]), spec_of(metric=metric)).run()
    assert found.replicates == [20, 21, 22]
    best = found.asked[int(SCORES[:20].argmin())]
    assert all(found.asked[number].values == best.values for number in found.replicates)
    assert len(found.asked) == 23
    scores = SCORES[:20].tolist()
    gain = max(expected_least(scores, 10), min(scores[:10])) - min(scores)
    assert found.judgement is not None
    assert found.judgement.trials == 10
    assert found.judgement.gain == pytest.approx(gain)
    assert found.judgement.noise == pytest.approx(SCORES[20:23].std(ddof=1))
    assert not found.judgement.pays


def test_it_goes_on_by_half_as_many_trials_while_they_gain_more_and_pools_what_replicates_differ() -> None:
    falling = Search(lambda number, again: number % 3 if again else -10.0 * number).run(100)
    # 20, 30, 45 and 67 trials ended; each time three of them follow that were tried before.
    assert falling.replicates == [20, 21, 22, 33, 34, 35, 51, 52, 53, 76, 77, 78]
    assert {falling.asked[number].values["dropout"] for number in falling.replicates[3:6]} == {
        falling.asked[32].values["dropout"]
    }
    assert falling.judgement is not None
    assert falling.judgement.noise == pytest.approx(1.0)
    assert falling.judgement.pays


def test_replicates_without_a_value_judge_nothing() -> None:
    failing = Search(lambda number, again: None if again else 0.0).run(60)
    assert failing.judgement is None
    assert failing.replicates == [20, 21, 22, 33, 34, 35, 51, 52, 53]
    nothing = Search(lambda *_: None).run(40)
    assert not nothing.replicates


@pytest.mark.parametrize("seed", range(5))
def test_whoever_ends_first_it_is_judged_by_the_same_trials(seed: int) -> None:
    found = Search(lambda number, _: float(SCORES[number]), workers=4, seed=seed).run()
    assert len(found.asked) < 200
    known = [number for number in range(found.replicates[-1]) if number not in found.replicates]
    assert found.judgement is not None
    assert found.judgement.trials == len(known) // 2
    scores = SCORES[known].tolist()
    earlier = len(known) - len(known) // 2
    gain = max(expected_least(scores, earlier), min(scores[:earlier])) - min(scores)
    assert found.judgement.gain == pytest.approx(gain)
    assert found.scheduler.rule is not None
    trials = found.scheduler.rule.trials.values()
    assert last_judgement(reversed(list(trials)), minimize=True) == found.judgement


@pytest.mark.parametrize("sampler", ["random", "hierarchical_tpe"])
def test_a_search_that_is_taken_up_again_asks_for_the_same(sampler: str) -> None:
    found = Search(lambda number, _: float(SCORES[number]), spec_of(sampler=sampler)).run()
    again, asked = found.fresh(), 0
    for event in found.events:
        if isinstance(event, Asked):
            assert again.next(asked) == StartTrial(event.values, event.origin)
            asked += 1
        again.apply(event)
    assert again.next(asked) == Done("no_gain")


def test_rungs_end_with_their_budget() -> None:
    text = (
        "name: s\ndata: sklearn:iris\nmodel: {mlp: {hidden: [4]}}\ntraining: {epochs: 3}\n"
        "search: {schedule: rungs, until: no_gain}\n"
    )
    with pytest.raises(StudyFileError, match=r"study.yaml:5.*search.until.*budget"):
        read_spec(parse(text, "study.yaml"))
