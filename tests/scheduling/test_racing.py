"""Races: who is trained again, and what is concluded, on simulated finalists."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hpsearch.scheduling.racing.estimates import difference
from hpsearch.scheduling.racing.race import Race, conclude
from hpsearch.scheduling.racing.ties import tie_set

NAMES = "abcdefghij"


def race_of(table, limit, budget, *, minimize=True):
    return Race(tuple(NAMES[: len(table)]), limit, budget, minimize)


def train(race, table, workers=1, order=None):
    """Train as `workers` would, which end in a random order; give what ended and the runs one after another."""
    ended, under_way, begun = {}, [], []
    while True:
        while len(under_way) < workers and (run := race.next(ended, under_way)):
            under_way.append(run)
            begun.append(run)
        if not under_way:
            return ended, begun
        name, replicate = under_way.pop(0 if order is None else int(order.integers(len(under_way))))
        value = table[race.finalists.index(name)][replicate]
        ended.setdefault(name, {})[replicate] = None if value is None else float(value)


def noisy(seed, finalists=5, limit=5, spread=1.0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0, spread, (finalists, 1)) + rng.normal(size=(finalists, limit)) + rng.normal(size=limit)
    )


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 10), st.integers(1, 5), st.integers(1, 40), st.integers(1, 4))
def test_the_race_keeps_its_bounds_and_knows_no_clock(seed, finalists, limit, budget, workers):
    table = noisy(seed, finalists, limit)
    race = race_of(table, limit, budget)
    alone, runs = train(race, table)
    together, others = train(race, table, workers, np.random.default_rng(seed))
    assert alone == together
    assert sorted(runs) == sorted(others)
    assert len(set(runs)) == len(runs) <= budget
    assert all(sorted(values) == list(range(len(values))) for values in alone.values())
    assert max(map(len, alone.values())) <= limit
    assert conclude(race, alone, 0.0) == conclude(race, together, 0.0)


def test_a_clear_winner_ends_the_race_of_the_others():
    table = np.array([[5.0], [1.0], [6.0], [7.0]]) + np.random.default_rng(0).normal(0, 0.1, (4, 5))
    ended, _ = train(race_of(table, 5, 20), table)
    assert {name: len(values) for name, values in ended.items()} == {"a": 2, "b": 5, "c": 2, "d": 2}


def test_close_finalists_get_all_replicates_that_the_budget_allows():
    table = np.array([[1.0], [1.0], [9.0], [9.0]]) + np.random.default_rng(0).normal(0, 0.1, (4, 5))
    ended, _ = train(race_of(table, 5, 20), table)
    assert {name: len(values) for name, values in ended.items()} == {"a": 5, "b": 5, "c": 2, "d": 2}


def test_a_short_budget_halves_the_field():
    table = noisy(1, 10, 3, spread=0.0)
    race = race_of(table, 3, 20)
    ended, _ = train(race, table)
    assert [len(r.finalists) for r in race.rounds(ended)] == [10, 5, 5]
    best = sorted(NAMES, key=lambda name: ended[name][0])[:5]
    assert set(race.rounds(ended)[1].finalists) == set(best)


def test_a_budget_below_the_number_of_finalists_takes_the_first_ones():
    table = noisy(1, 10, 3)
    race = race_of(table, 3, 6)
    ended, _ = train(race, table)
    assert race.rounds(ended)[0].finalists == ("a", "b", "c")
    assert sum(map(len, ended.values())) <= 6


def test_a_round_is_waited_for():
    table = noisy(1, 3, 2)
    race = race_of(table, 2, 6)
    started = {"a": {0: 1.0}, "b": {0: 1.1}}
    assert race.next(started) == ("c", 0)
    assert race.next(started, [("c", 0)]) is None
    assert race.next({**started, "c": {0: 1.2}}) == ("a", 1)


def test_a_finalist_that_fails_is_out():
    table = [[1.0, None, 1.0], [2.0, 2.1, 2.2], [2.1, 2.2, 2.0]]
    race = race_of(table, 3, 9)
    ended, _ = train(race, table)
    assert ended["a"] == {0: 1.0, 1: None}
    conclusion = conclude(race, ended, 0.5)
    assert conclusion.winner == "b"
    assert [row.name for row in conclusion.standings] == ["b", "c", "a"]
    assert conclusion.standings[-1].estimate.failed == 1


def test_a_leader_that_fails_late_gives_the_race_back_to_the_others():
    table = [[1.0, 1.01, None], [8.0, 8.1, 8.2], [8.1, 8.0, 8.1]]
    race = race_of(table, 3, 9)
    ended, runs = train(race, table)
    assert runs[6:] == [("a", 2), ("b", 2), ("c", 2)]
    assert conclude(race, ended, 0.5).winner in {"b", "c"}


def test_nobody_wins_where_everybody_fails():
    table = [[None, 1.0], [None, 2.0]]
    race = race_of(table, 2, 4)
    ended, runs = train(race, table)
    conclusion = conclude(race, ended, 0.5)
    assert len(runs) == 2
    assert (conclusion.winner, conclusion.optimism, conclusion.ties) == (None, None, ())
    assert [row.estimate.failed for row in conclusion.standings] == [1, 1]


def test_nothing_is_concluded_from_half_a_round():
    table = noisy(4, 3, 3)
    race = race_of(table, 3, 9)
    half = {"a": numbered(table[0][:2]), "b": numbered(table[1][:1]), "c": numbered(table[2][:1])}
    assert conclude(race, half, 0.0) == conclude(race, {n: {0: v[0]} for n, v in half.items()}, 0.0)
    assert conclude(race, {"a": {0: 1.0}}, 0.0).winner is None


def numbered(values):
    return dict(enumerate(map(float, values)))


@pytest.mark.parametrize("minimize", [True, False])
def test_the_conclusion_says_what_the_replicates_say(minimize):
    table = noisy(2, 4, 5, spread=0.2) * (1 if minimize else -1)
    race = race_of(table, 5, 20, minimize=minimize)
    ended, _ = train(race, table)
    conclusion = conclude(race, ended, best_of_search=0.0)
    assert conclusion.ties == tie_set(ended, minimize=minimize)
    assert conclusion.winner == conclusion.ties[0] == conclusion.standings[0].name
    assert conclusion.standings[0].difference is None
    second = conclusion.standings[1]
    assert second.difference == difference(ended[second.name], ended[conclusion.winner], minimize=minimize)
    assert conclusion.runs == sum(map(len, ended.values()))


@pytest.mark.parametrize("minimize", [True, False])
def test_a_search_that_promised_too_much_was_optimistic(minimize):
    sign = 1 if minimize else -1
    table = sign * np.array([[1.0, 1.1, 0.9], [2.0, 2.1, 2.2]])
    race = race_of(table, 3, 6, minimize=minimize)
    ended, _ = train(race, table)
    conclusion = conclude(race, ended, best_of_search=sign * 0.7)
    assert conclusion.winner == "a"
    assert conclusion.cross_validated_score.mean == pytest.approx(sign)
    assert conclusion.optimism == pytest.approx(0.3)


def test_the_score_is_taken_from_whoever_leads_on_the_other_replicates():
    table = [[1.1, 1.1, 1.9], [1.25, 1.15, 1.2]]
    race = race_of(table, 3, 6)
    ended, _ = train(race, table)
    conclusion = conclude(race, ended, 1.0)
    assert conclusion.winner == "b"
    values = [1.25, 1.15, 1.9]
    assert conclusion.cross_validated_score.mean == pytest.approx(np.mean(values))
    half = stats.t.interval(0.95, 2, 0, stats.sem(values))[1] * np.sqrt(1 + 3 / 2)
    assert conclusion.cross_validated_score.high - conclusion.cross_validated_score.mean == pytest.approx(
        half
    )


def test_replicates_that_chose_the_field_are_no_witnesses():
    table = noisy(1, 10, 3, spread=0.0)
    race = race_of(table, 3, 20)
    ended, _ = train(race, table)
    assert conclude(race, ended, 0.0).cross_validated_score.count == 2


@pytest.mark.slow
@pytest.mark.parametrize(("finalists", "limit", "budget"), [(6, 3, 18), (10, 3, 20), (5, 5, 15), (10, 2, 20)])
def test_the_score_of_the_winner_is_not_optimistic(finalists, limit, budget):
    """All finalists are equally good, with a true score of 0: the hardest case for an honest score."""
    rng = np.random.default_rng(finalists)
    scores, own, covered = [], [], []
    for _ in range(150):
        table = rng.normal(size=(finalists, limit))
        race = race_of(table, limit, budget)
        ended = {}
        while missing := race.missing(ended):
            for name, replicate in missing:
                ended.setdefault(name, {})[replicate] = table[NAMES.index(name)][replicate]
        conclusion = conclude(race, ended, 0.0)
        scores.append(conclusion.cross_validated_score.mean)
        if conclusion.cross_validated_score.low is not None:
            covered.append(conclusion.cross_validated_score.low <= 0 <= conclusion.cross_validated_score.high)
        own.append(conclusion.standings[0].estimate.mean)
    error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores)) < 3 * error
    assert np.mean(own) < -5 * error
    if limit == 2:
        assert not covered, "two seeds are not enough for an interval"
    else:
        assert len(covered) >= 0.9 * len(scores)
        assert np.mean(covered) >= 0.92


def test_no_interval_leaves_the_bounds_of_the_metric():
    table = np.array([[0.01, 0.3, 0.02], [0.02, 0.01, 0.4]])
    free = Race(("a", "b"), 3, 6, minimize=True)
    ended, _ = train(free, table)
    bounded = Race(("a", "b"), 3, 6, minimize=True, bounds=(0.0, math.inf))
    before, after = conclude(free, ended, 0.01), conclude(bounded, ended, 0.01)
    assert before.cross_validated_score.low < 0
    assert before.cross_validated_score.high - before.cross_validated_score.mean == pytest.approx(
        before.cross_validated_score.mean - before.cross_validated_score.low
    )
    pairs = [(before.cross_validated_score, after.cross_validated_score)]
    pairs += [(a.estimate, b.estimate) for a, b in zip(before.standings, after.standings, strict=True)]
    for wide, cut in pairs:
        assert (cut.low, cut.high, cut.mean) == (0.0, wide.high, wide.mean)
    (apart,) = [row.difference for row in after.standings if row.difference]
    assert apart.estimate.low < 0, "a difference may be negative"
