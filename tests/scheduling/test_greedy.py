"""The greedy way from the default to the winner, against one that is written out plainly."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping

import pytest

from hpsearch.scheduling.racing.greedy import GreedyPath, Made

CHANGES = ("a", "b", "c", "d")
Known = dict[Made, dict[int, float | None]]


def noise(seed: int, replicates: int = 3) -> Known:
    """Give every configuration a value for every replicate."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    every = [frozenset(s) for n in range(len(CHANGES) + 1) for s in itertools.combinations(CHANGES, n)]
    return {made: {replicate: draw.gauss(0, 1) for replicate in range(replicates)} for made in every}


def followed(path: GreedyPath, truth: Mapping[Made, Mapping[int, float | None]]) -> tuple[Known, list[Made]]:
    """Train what the path asks for, one after another, and give what was trained."""
    ended: Known = {}
    order: list[Made] = []
    while (following := path.next(ended)) is not None:
        made, replicate = following
        assert replicate not in ended.get(made, {}), "trained twice"
        ended.setdefault(made, {})[replicate] = truth[made][replicate]
        order.append(made)
    return ended, order


def taken(path: GreedyPath, ended: Known) -> list[str | None]:
    return [one.taken for one in path.rounds(ended)]


def plainly(truth: Known, *, minimize: bool) -> list[str]:
    """Go the way as it is told: the best mean of each round."""
    made: list[str] = []
    while len(made) < len(CHANGES):
        left = [change for change in CHANGES if change not in made]
        means = []
        for change in left:
            values = list(truth[frozenset([*made, change])].values())
            sound = all(value is not None and math.isfinite(value) for value in values)
            mean = sum(values) / len(values) if sound else math.inf if minimize else -math.inf  # type: ignore[arg-type]
            means.append(mean if minimize else -mean)
        made.append(left[means.index(min(means))])
    return made


@pytest.mark.parametrize("minimize", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_it_takes_the_best_mean_of_every_round(seed: int, minimize: bool) -> None:
    path, truth = GreedyPath(CHANGES, 3, minimize), noise(seed)
    for spoiled in random.Random(seed).sample(sorted(truth, key=sorted), 3):  # noqa: S311 - no secret
        truth[spoiled][1] = None
    ended, order = followed(path, truth)
    assert taken(path, ended) == plainly(truth, minimize=minimize)
    assert len(set(order)) == path.configurations == 11
    assert len(order) == 33
    assert frozenset() in ended
    assert frozenset(CHANGES) in ended


def test_a_round_waits_for_its_runs() -> None:
    path, truth = GreedyPath(CHANGES, 3, minimize=True), noise(0)
    first = [(made, r) for r in range(3) for made in (frozenset(), *(frozenset({c}) for c in CHANGES))]
    assert path.missing({}) == tuple(first)
    assert path.next({}, first) is None
    ended: Known = {}
    for made, replicate in first[:-1]:
        ended.setdefault(made, {})[replicate] = truth[made][replicate]
    assert path.missing(ended) == tuple(first[-1:])
    assert taken(path, ended) == [None]


def test_the_order_in_which_runs_end_plays_no_part() -> None:
    path, truth = GreedyPath(CHANGES, 2, minimize=True), noise(1)
    ended, _ = followed(path, truth)
    turned = {made: dict(reversed(ended[made].items())) for made in reversed(ended)}
    assert path.rounds(turned) == path.rounds(ended)


def test_of_equal_changes_the_first_is_taken() -> None:
    path = GreedyPath(CHANGES, 2, minimize=True)
    for value in (1.0, None):
        ended, _ = followed(path, {made: dict.fromkeys(range(2), value) for made in noise(0)})
        assert taken(path, ended) == list(CHANGES)


def test_more_replicates_go_on_from_those_there_are() -> None:
    truth = noise(5, replicates=5)
    few, many = GreedyPath(CHANGES, 2, minimize=True), GreedyPath(CHANGES, 5, minimize=True)
    before, _ = followed(few, truth)
    assert taken(few, before) != plainly(truth, minimize=True), "else this shows nothing"
    known = {made: dict(values) for made, values in before.items()}
    fresh = 0
    while (following := many.next(known)) is not None:
        made, replicate = following
        assert replicate not in known.get(made, {}), "trained twice"
        known.setdefault(made, {})[replicate] = truth[made][replicate]
        fresh += 1
    assert many.rounds(known) == many.rounds(followed(many, truth)[0])
    assert fresh < 5 * many.configurations
    assert few.rounds(known) == few.rounds(before)
