"""Which trials a sampler learns from, where there are too many for all."""

from __future__ import annotations

import numpy as np
import pytest

from hpsearch.scheduling.history import TrialHistory
from hpsearch.scheduling.learned_trials import BEST, MOST, UNDER_WAY, LearnedTrials
from hpsearch.spec import Search
from hpsearch.store.events import Asked, Ended, Reported

COUNT = 10 * MOST


def learned(values: dict[int, float | None]) -> LearnedTrials:
    found = LearnedTrials()
    for number, value in values.items():
        found.put(number, None)
        if value is not None:
            found.put(number, (0.0, value))
    return found


@pytest.fixture(scope="module")
def values() -> dict[int, float | None]:
    chance = np.random.default_rng(0)
    return {number: chance.random() if number < COUNT - 1_000 else None for number in range(COUNT)}


def test_few_trials_are_all_learned_from(values: dict[int, float | None]) -> None:
    assert learned({number: values[number] for number in range(MOST)}).numbers() == list(range(MOST))


def test_of_many_the_best_the_last_under_way_and_an_even_draw_of_the_others(
    values: dict[int, float | None],
) -> None:
    numbers = learned(values).numbers()
    assert len(set(numbers)) == len(numbers) == MOST
    assert numbers == sorted(numbers)
    ended = [number for number, value in values.items() if value is not None]
    best = set(sorted(ended, key=values.__getitem__)[:BEST])
    assert best <= set(numbers)
    assert set(range(COUNT - UNDER_WAY, COUNT)) <= set(numbers)
    others = [number for number in numbers if number in set(ended) - best]
    assert len(others) == MOST - BEST - UNDER_WAY
    # Of a uniform draw: the mean of 275 numbers deviates by 1,000 / sqrt(275).
    assert np.mean(others) == pytest.approx(len(ended) / 2, abs=200)
    assert np.mean([values[number] for number in others]) == pytest.approx(0.5, abs=0.06)


def test_the_order_in_which_trials_ended_and_what_they_were_before_do_not_matter(
    values: dict[int, float | None],
) -> None:
    chance = np.random.default_rng(1)
    other = LearnedTrials()
    for number in values:
        other.put(number, None)
    ended = [number for number, value in values.items() if value is not None]
    for rank in (1.0, 0.0):
        chance.shuffle(ended)
        for number in ended:
            other.put(number, (rank, values[number] if rank == 0 else chance.random()))
    assert other.numbers() == learned(values).numbers()


@pytest.mark.parametrize("schedule", ["full", "rungs"])
def test_samplers_are_shown_these_and_no_others(schedule: str) -> None:
    history = TrialHistory(Search(schedule=schedule, pruner="none"), ())
    chance = np.random.default_rng(2)
    for number in range(2 * MOST):
        history.apply(Asked(number, {}))
        history.apply(Reported(number, 1, chance.random(), {}, 1.0))
        if number % 2:
            history.apply(Ended(number, "complete", chance.random(), 1, 1, 1.0, None))
    history.begin(2 * MOST)
    seen = [number for number, _, _ in history.observed(2 * MOST)]
    assert seen == [trial.number for trial in history.study().trials if trial.number != 2 * MOST]
    assert len(seen) == MOST - 1
    assert len(history.study(whole=True).trials) == len(history.everything()) == 2 * MOST + 1
    # By rungs a trial that waits is no bad one, and by itself none is known to be good.
    ranks = {rank is None for number, _, rank in history.observed(2 * MOST) if number % 2 == 0}
    assert ranks == {schedule == "full"}
