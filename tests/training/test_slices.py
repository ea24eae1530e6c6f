"""Slices of the rows of a table, against SciPy's tests and counts by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact, ttest_ind

from hpsearch.data.encoding import Column, Encoding
from hpsearch.data.table import View
from hpsearch.training.slices import MOST_TOLD, Errors, Guesses, Mistake, cuts_of, find_slices, holm

ROWS = 400
RANDOM = np.random.default_rng(0)
KIND = RANDOM.integers(0, 3, ROWS)
OWNED = (RANDOM.uniform(size=ROWS) < 0.3).astype(float)
ROOMS, SIZE = RANDOM.integers(1, 6, ROWS).astype(float), RANDOM.normal(size=ROWS)
X = np.column_stack([np.eye(3)[KIND], OWNED, ROOMS, SIZE, RANDOM.normal(size=ROWS)]).astype(np.float32)


def column(name: str, categories: tuple[str, ...] = (), view: View | None = None) -> Column:
    kind: Any = "categorical" if categories else "numeric"
    return Column(name, kind, categories, ("p" if categories else 0.0,), ((),), view=view)


TABLE = Encoding(
    "y",
    (
        column("kind", ("p", "q", "r")),
        column("owned", view=View("owned", "boolean")),
        column("rooms"),
        column("size"),
        column("when month sin", view=View("when", "month sin", "%Y-%m-%d")),
    ),
)


def classes(wrong: Any) -> Guesses:
    """Give guesses of three classes that are wrong in some rows, where `b` is taken for `c`."""
    y = np.where(wrong, 1, np.arange(ROWS) % 3)
    return Guesses(y, np.where(wrong, 2, y), ("a", "b", "c"))


def test_columns_are_cut_by_their_values_and_at_their_quartiles() -> None:
    cuts = {(cut.column, cut.values): cut.rows for cut in cuts_of(TABLE, X)}
    names = [name for name, _ in cuts]
    assert [names.count(name) for name in ("kind", "owned", "rooms", "size")] == [3, 1, 5, 4]
    assert len(cuts) == 13
    np.testing.assert_array_equal(cuts["kind", "q"], KIND == 1)
    np.testing.assert_array_equal(cuts["owned", "yes"], OWNED == 1)
    np.testing.assert_array_equal(cuts["rooms", "4"], ROOMS == 4)
    quarters = [rows for (name, _), rows in cuts.items() if name == "size"]
    assert [int(rows.sum()) for rows in quarters] == pytest.approx([100] * 4, abs=2)
    assert np.sum(quarters, axis=0).tolist() == [1] * ROWS
    ends = [tuple(map(float, values.split(" to "))) for name, values in cuts if name == "size"]
    assert ends == sorted(ends)
    assert ends[1][0] == pytest.approx(X[quarters[1], 5].min(), rel=1e-4)


def test_the_slice_with_mistakes_comes_first_and_is_no_chance() -> None:
    judged = classes((KIND == 1) & (RANDOM.uniform(size=ROWS) < 0.4))
    found = find_slices(TABLE, X, judged)
    assert found is not None
    assert (found.looked_at, len(found.found)) == (13, MOST_TOLD)
    assert found.whole.value == pytest.approx(judged.hits.mean())
    first, rows = found.found[0], KIND == 1
    assert (first.column, first.values, first.rows) == ("kind", "q", rows.sum())
    interval = binomtest(int(judged.hits[rows].sum()), int(rows.sum())).proportion_ci(method="wilson")
    assert (first.measure.low, first.measure.high) == pytest.approx((interval.low, interval.high))
    assert first.difference == pytest.approx(judged.hits[rows].mean() - judged.hits[~rows].mean())
    counts = [[int(part.sum()), int((~part).sum())] for part in (judged.hits[rows], judged.hits[~rows])]
    assert first.p == pytest.approx(min(13 * fisher_exact(counts).pvalue, 1.0))
    assert first.mistake == Mistake("b", "c", int((~judged.hits).sum()))
    assert first.p < 1e-9
    assert [one.p for one in found.found] == sorted(one.p for one in found.found)


def test_numbers_have_errors_and_their_mean_residual() -> None:
    residuals = RANDOM.normal(size=ROWS) * np.where(OWNED == 1, 3.0, 1.0) + OWNED
    found = find_slices(TABLE, X, Errors(residuals))
    assert found is not None
    first, rows = found.found[0], OWNED == 1
    assert (first.column, first.values, first.measure.name, first.mistake) == ("owned", "yes", "mae", None)
    sizes = np.abs(residuals)
    assert first.measure.value == pytest.approx(sizes[rows].mean())
    assert first.p == pytest.approx(13 * ttest_ind(sizes[rows], sizes[~rows], equal_var=False).pvalue)
    assert first.residual is not None
    assert first.residual.value == pytest.approx(residuals[rows].mean())
    assert first.residual.low is not None


def test_noise_is_taken_for_chance_in_nineteen_of_twenty_tables() -> None:
    sure = 0
    for _ in range(100):
        found = find_slices(TABLE, X, classes(RANDOM.uniform(size=ROWS) < 0.2))
        assert found is not None
        sure += found.found[0].p < 0.05
    assert sure <= 11  # more has a chance of 1 in 100 at 5 of 100


def test_small_slices_are_not_looked_at() -> None:
    assert find_slices(TABLE, X[:30], Guesses(np.zeros(30), np.zeros(30), ("a", "b"))) is None


def test_a_model_without_mistakes_has_none_and_no_slice_differs() -> None:
    found = find_slices(TABLE, X, classes(np.zeros(ROWS, bool)))
    assert found is not None
    assert {one.p for one in found.found} == {1.0}
    assert {one.mistake for one in found.found} == {None}


def test_the_correction_is_holms() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # p.adjust of R
    assert holm([0.5, 0.9]) == [1.0, 1.0]
