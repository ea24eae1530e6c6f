"""Ensemble selection against a plain loop over lists, and what judges it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hpsearch.training.ensemble import Selector

Y = np.random.default_rng(0).normal(size=40)


def candidates(count: int, seed: int = 1) -> NDArray[np.float32]:
    """Return (count, 40, 1) noisy guesses of Y."""
    noise = np.random.default_rng(seed).normal(size=(count, 40, 1))
    return (Y[None, :, None] + noise).astype(np.float32)


def error(rows: NDArray[np.int64], given: NDArray[np.float64]) -> float:
    return float(np.mean((given[:, 0] - Y[rows]) ** 2))


def selected_by_hand(given: NDArray[np.float32], members: int) -> tuple[list[int], list[float]]:
    """Choose as Caruana et al. (2004, section 2) say, with a bag that is averaged anew for each candidate."""
    bag: list[int] = []
    errors: list[float] = []
    for _ in range(members):
        tried = []
        for one in range(len(given)):
            mean = np.mean([given[member, :, 0].astype(np.float64) for member in [*bag, one]], axis=0)
            tried.append(float(np.mean((mean - Y) ** 2)))
        bag.append(int(np.argmin(tried)))
        errors.append(min(tried))
    best = errors.index(min(errors)) + 1
    return bag[:best], errors


@pytest.mark.parametrize("seed", range(5))
def test_members_are_chosen_as_the_paper_says(seed: int) -> None:
    given = candidates(7, seed)
    found = Selector(error, 9, minimize=True)(given, np.arange(40))
    bag, errors = selected_by_hand(given, 9)
    assert list(found.picks) == bag
    assert found.values == pytest.approx(errors)
    counts = {place: bag.count(place) for place in bag}
    assert found.counts == counts
    assert list(found.counts.values()) == sorted(counts.values(), reverse=True)
    assert found.mean_of(given) == pytest.approx(np.mean([given[place] for place in bag], axis=0), abs=1e-6)


def test_what_is_to_be_large_is_maximized() -> None:
    given = candidates(5)
    low = Selector(error, 6, minimize=True)(given, np.arange(40))
    high = Selector(lambda rows, one: -error(rows, one), 6, minimize=False)(given, np.arange(40))
    assert high.picks == low.picks
    assert high.values == pytest.approx([-value for value in low.values])


def test_a_candidate_without_a_finite_value_is_never_chosen() -> None:
    given = candidates(3)
    given[1] = np.nan
    assert 1 not in Selector(error, 5, minimize=True)(given, np.arange(40)).picks


def test_rows_that_judge_do_not_choose() -> None:
    given = candidates(4)
    chosen_by: list[set[int]] = []

    def watched(rows: NDArray[np.int64], one: NDArray[np.float64]) -> float:
        chosen_by.append(set(rows.tolist()))
        return error(rows, one)

    joined, single = Selector(watched, 3, minimize=True).crossed(given, seed=5)
    halves = {frozenset(rows) for rows in chosen_by}
    assert len(halves) == 2
    for half in halves:
        rows = np.array(sorted(half))
        others = np.setdiff1d(np.arange(40), rows)
        assert set(others.tolist()) in map(set, halves)
        by_half = Selector(error, 3, minimize=True)(given, rows)
        assert joined[others] == pytest.approx(by_half.mean_of(given)[others])
        best = min(range(4), key=lambda place: error(rows, given[place][rows]))
        assert single[others] == pytest.approx(given[best][others])
