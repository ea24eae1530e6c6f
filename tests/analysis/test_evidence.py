"""Estimates, differences and ties against SciPy, against formulas of textbooks, and in simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hpsearch.scheduling.racing.bounds import bounds_of
from hpsearch.scheduling.racing.estimates import Estimate, difference, estimate
from hpsearch.scheduling.racing.ties import tie_set
from hpsearch.spec import StudySpec
from hpsearch.spec.sections.objectives import METRICS
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.training.scorers import score

NOTHING = {"low": None, "high": None}


def numbered(values):
    return dict(enumerate(float(value) for value in values))


def arms_of(table):
    """Name the rows a, b, c...; NaN stands for not trained."""
    rows = [{n: float(v) for n, v in enumerate(row) if not math.isnan(v)} for row in table]
    return dict(zip("abcdefghijklmnopqrst", rows, strict=False))


@pytest.mark.parametrize("count", [3, 4, 5, 20])
def test_the_interval_is_students(count):
    values = np.random.default_rng(count).normal(3, 2, count)
    found = estimate(numbered(values))
    low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert (found.mean, found.deviation) == pytest.approx((values.mean(), values.std(ddof=1)))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.count, found.failed) == (count, 0)


def test_too_few_replicates_have_no_interval():
    assert estimate({}) == Estimate(mean=None, deviation=None, **NOTHING, count=0, failed=0)
    assert estimate({4: 2.0}) == Estimate(mean=2.0, deviation=None, **NOTHING, count=1, failed=0)
    two = estimate({0: 1.0, 1: 3.0})
    assert two == Estimate(mean=2.0, deviation=math.sqrt(2), **NOTHING, count=2, failed=0)


@pytest.mark.parametrize("lost", [None, math.nan, math.inf])
def test_a_failed_replicate_leaves_no_mean(lost):
    found = estimate({0: 1.0, 1: lost, 2: 1.0, 3: 2.0})
    assert found == Estimate(mean=None, deviation=None, **NOTHING, count=3, failed=1)
    assert difference({0: lost, 1: 1.0, 2: 3.0}, numbered([1, 2, 2]), minimize=True).probability is None


def test_identical_values_have_an_interval_of_no_width():
    found = estimate(numbered([0.3, 0.3, 0.3]))
    assert (found.mean, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))


@pytest.mark.parametrize("minimize", [True, False])
def test_the_probability_is_that_of_the_one_sided_paired_test(minimize):
    a, b = np.random.default_rng(1).normal(size=(2, 5))
    found = difference(numbered(a), numbered(b), minimize=minimize)
    test = stats.ttest_rel(a, b, alternative="less" if minimize else "greater")
    assert found.probability == pytest.approx(1 - test.pvalue)
    interval = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((interval.low, interval.high))


def test_only_common_replicates_are_paired():
    a, b = {0: 1.0, 1: 2.0, 2: 4.0, 7: 100.0, 8: None}, {2: 3.0, 1: 1.5, 0: 1.0, 9: -100.0}
    found = difference(a, b, minimize=True)
    assert (found.estimate.count, found.estimate.failed) == (3, 0)
    assert found.estimate.mean == pytest.approx(0.5)
    assert difference(a, {0: 1.0, 1: 2.0}, minimize=True).probability is None


def test_differences_that_never_vary_decide_at_once():
    same = numbered([0.5, 0.5, 0.5])
    assert difference(same, same, minimize=True).probability == 0.5
    assert difference(same, numbered([1, 1, 1]), minimize=True).probability == 1
    assert difference(same, numbered([1, 1, 1]), minimize=False).probability == 0


@pytest.mark.parametrize("seed", range(20))
def test_two_arms_are_told_apart_as_the_paired_t_test_does(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(2, 4)) + rng.normal(size=4) + [[0.0], [1.2]]
    better, worse = sorted(table, key=np.mean)
    told_apart = stats.ttest_rel(better, worse, alternative="less").pvalue <= 0.05
    assert len(tie_set(arms_of(table), minimize=True)) == (1 if told_apart else 2)


def dunnett_values(table):
    """Give the p-values of comparisons with the largest mean in a two-way layout, by Dunnett's distribution."""
    k, n = table.shape
    residual = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    freedom = (k - 1) * (n - 1)
    variance = (residual**2).sum() / freedom
    lead = table.mean(1).max() - table.mean(1)
    joint = stats.multivariate_t(shape=0.5 * np.eye(k - 1) + 0.5, df=freedom, seed=0)
    return [1 - joint.cdf(np.full(k - 1, t)) for t in lead / math.sqrt(2 * variance / n)]


@pytest.mark.parametrize("seed", range(8))
def test_no_arm_is_excluded_that_dunnett_keeps(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(5, 4)) + rng.normal(size=4) - np.arange(5.0)[:, None] / 2
    kept = tie_set(arms_of(table), minimize=False)
    values = dict(zip("abcde", dunnett_values(table), strict=True))
    assert {name for name, p in values.items() if p > 0.05} <= set(kept)
    assert not {name for name, p in values.items() if p < 0.002} & set(kept)
    assert kept[0] == "abcde"[int(table.mean(1).argmax())]


def test_seeds_that_shift_all_arms_alike_do_not_blur_them():
    rng = np.random.default_rng(0)
    table = np.array([[0.0], [1.0], [2.0]]) + rng.normal(0, 0.1, (3, 3))
    assert tie_set(arms_of(table + np.array([-50.0, 0.0, 70.0])), minimize=True) == ("a",)


def test_nothing_is_told_apart_from_one_replicate_each():
    assert tie_set({"a": {0: 3.0}, "b": {0: 1.0}, "c": {0: 2.0}}, minimize=True) == ("b", "c", "a")


def test_arms_without_common_replicates_are_not_told_apart():
    arms = {"a": numbered([5, 5.1, 5.2]), "b": {7: 1.0, 8: 1.1, 9: 1.2}}
    assert tie_set(arms, minimize=True) == ("b", "a")


def test_failures_are_worse_than_anything():
    arms = {"a": {0: 0.1, 1: None, 2: 0.1}, "b": numbered([5, 6, 7]), "c": {}}
    assert tie_set(arms, minimize=True) == ("b",)
    assert tie_set({"a": arms["a"]}, minimize=True) == ()
    assert tie_set({}, minimize=True) == ()


def test_identical_arms_tie_in_the_order_given():
    same = numbered([0.9, 0.95, 0.9])
    assert tie_set({"b": same, "a": dict(same), "c": dict(same)}, minimize=False) == ("b", "a", "c")
    constant = {"a": numbered([0.9] * 3), "b": numbered([0.8] * 3)}
    assert tie_set(constant, minimize=False) == ("a",)


def test_an_arm_that_varies_widely_is_judged_by_its_own_variance():
    quiet = np.array([[0.0, 0.0, 0.0], [0.01, -0.01, 0.0], [0.0, 0.01, -0.01], [-0.01, 0.0, 0.01]])
    table = np.vstack([np.repeat(quiet, 4, axis=0), [0.2, 0.9, 0.1]])
    assert "q" in tie_set(arms_of(table), minimize=True)
    assert "q" not in tie_set(arms_of(np.vstack([table[:-1], [0.4, 0.401, 0.399]])), minimize=True)


def test_an_arm_that_went_astray_does_not_hide_the_others():
    quiet = np.array([[1.0], [1.0], [2.0], [2.0]]) + np.random.default_rng(0).normal(0, 0.02, (4, 3))
    for astray in ([1.0, 1.0, 900.0], [900.0, 1.0, 1.0]):
        assert set(tie_set(arms_of([*quiet, astray]), minimize=True)) == {"a", "b", "e"}
    assert set(tie_set(arms_of([*quiet[:, :2], [1.0, 900.0]]), minimize=True)) == {"a", "b", "e"}


def test_an_erratic_leader_excludes_nobody_by_one_lucky_seed():
    quiet = np.random.default_rng(0).normal(0, 0.02, (8, 2))
    assert len(tie_set(arms_of([*quiet, [-60.0, -90.0]]), minimize=True)) == 9


def test_an_arm_with_fewer_replicates_is_adjusted_for_the_seeds_it_had():
    """Its plain mean is the best only because its one seed was kind to everybody."""
    table = np.array([[1.0, 2.0, 3.01], [1.02, 2.0, 3.0], [1.3, math.nan, math.nan]])
    assert tie_set(arms_of(table), minimize=True) == ("a", "b")


def test_a_given_leader_comes_first():
    table = np.random.default_rng(3).normal(size=(4, 3))
    assert tie_set(arms_of(table), minimize=True, leader="c")[0] == "c"


def contained(means, spreads, replicates, studies, seed):
    """Give the share of simulated studies whose tie set holds the first arm, and the mean size of the set."""
    rng = np.random.default_rng(seed)
    sets = []
    for _ in range(studies):
        table = (
            np.array(means)[:, None] + rng.normal(size=(len(means), replicates)) * np.array(spreads)[:, None]
        )
        sets.append(tie_set(arms_of(table + rng.normal(0, 2, replicates)), minimize=True))
    return np.mean(["a" in found for found in sets]), np.mean([len(found) for found in sets])


@pytest.mark.parametrize("replicates", [2, 3, 5])
def test_the_set_holds_the_best_arm(replicates):
    share, _ = contained([0.0] * 6, [1.0] * 6, replicates, 200, replicates)
    assert share >= 0.93
    share, size = contained([0.0, 4, 5, 6, 7, 8], [1.0] * 6, replicates, 50, replicates)
    assert share >= 0.99
    assert size < 2


def test_the_set_holds_the_best_arm_where_spreads_differ():
    share, _ = contained([0.0] * 6, [3.0, 1, 1, 1, 1, 1], 3, 200, 0)
    assert share >= 0.91


@pytest.mark.parametrize("of_the_seed", [0.0, 1.0, 10.0])
def test_pooled_intervals_cover(of_the_seed):
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(500):
        table = rng.normal(size=(6, 3)) + rng.normal(0, of_the_seed, 3)
        arms = [numbered(row[:2] if number == 0 else row) for number, row in enumerate(table)]
        found = estimate(arms[0], among=arms)
        # Two replicates that are far more apart than all others have no interval.
        inside += [] if found.low is None else [found.low <= 0 <= found.high]
    assert len(inside) > 480
    assert 0.94 <= np.mean(inside) <= 0.995


def test_a_pooled_interval_grows_with_what_the_seed_does_to_all():
    """Without it, 14 degrees of freedom decide; where it is everything, the two of a single arm."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(8, 3))
    table -= table.mean(0)
    arms, two = list(arms_of(table).values()), numbered(table[0, :2])
    found = estimate(two, among=arms)
    variance = np.var(table, axis=1, ddof=1).mean()
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 14) * math.sqrt(variance / 2))
    shifts = np.array([0, 1e6, 2e6])
    shifted = list(arms_of(table + shifts).values())
    found = estimate(numbered((table[0] + shifts)[:2]), among=shifted)
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 2) * 1e6 / math.sqrt(2), rel=1e-4)


def test_a_pooled_interval_of_one_replicate_is_as_wide_as_its_number_asks():
    arms = [numbered([1, 2, 4]), numbered([2, 2, 5]), {0: 3.0}, {0: 1.0, 1: 2.0}]
    one, two = (estimate(arm, among=arms) for arm in arms[2:])
    assert one.high - one.low == pytest.approx(math.sqrt(2) * (two.high - two.low))
    assert estimate({0: 3.0}, among=[{0: 3.0}, {0: 4.0}]).low is None


def test_two_replicates_far_apart_do_not_borrow_the_calm_of_others():
    arms = [numbered(values) for values in np.random.default_rng(0).normal(0, 0.02, (8, 3))]
    assert estimate(numbered([0, 0.02]), among=arms).low is not None
    found = estimate(numbered([0, 10]), among=arms)
    assert (found.mean, found.low, found.high) == (5, None, None)


def test_from_two_seeds_nothing_is_said_however_many_share_them():
    """Their quantile is 12.7; the least that is said reaches 2.5 deviations."""
    arms = [numbered(values) for values in np.random.default_rng(0).normal(size=(20, 2))]
    assert estimate(arms[0], among=arms).low is None
    assert stats.t.ppf(0.975, 1) / math.sqrt(2) == pytest.approx(9, abs=0.02)
    three = estimate(numbered([1, 2, 3]))
    assert three.high - three.mean == pytest.approx(2.484, abs=1e-3)


def test_two_replicates_far_apart_do_not_borrow_the_calm_of_a_single_other():
    assert estimate(numbered([0, 10]), among=[numbered([1, 1.01, 1.02])]).low is None


def test_an_interval_stays_within_the_bounds_of_its_metric():
    free, cut = (estimate(numbered([0.01, 0.02, 0.3]), **given) for given in ({}, {"within": (0, math.inf)}))
    assert free.low < 0
    assert (cut.low, cut.high, cut.mean) == (0, free.high, free.mean)
    high = estimate(numbered([0.99, 0.98, 0.9]), within=bounds_of("val_accuracy"))
    assert high.high == 1
    assert high.low == estimate(numbered([0.99, 0.98, 0.9])).low


def test_no_bound_of_zero_cuts_the_interval_of_a_loss_below_zero():
    """As of a Poisson loss, a cosine similarity, or a function of one's own."""
    assert bounds_of("val_loss") == (0, math.inf)
    assert bounds_of("val_loss", positive=False) == (-math.inf, math.inf)
    values = numbered([-0.96, -0.95, -0.94])
    assert estimate(values, within=bounds_of("val_loss")) == estimate(values)
    for loss, positive in (("poisson", False), ("huber", True), ({"choice": ["mse", "poisson"]}, False)):
        spec = StudySpec.model_validate(
            {
                "name": "a",
                "data": "sklearn:diabetes",
                "model": {"mlp": {"hidden": [4]}},
                "training": {"epochs": 1, "loss": loss},
                "search": {"metric": "r2"},
            }
        )
        assert spec.loss_is_positive == positive


@pytest.mark.parametrize("metric", [*METRICS, "loss", "accuracy", "mae", "val_mae"])
def test_bounds_are_those_of_scikit_learn(metric):
    """Of every scorer, on guesses that are right, wrong and wild."""
    low, high = bounds_of(metric)
    rng = np.random.default_rng(0)
    if metric in SCORERS["regression"]:
        y = rng.uniform(0.1, 2, 40)
        told = [
            score(metric, y, given[:, None], ()) for given in (y, y[::-1], y + 9, rng.uniform(0.1, 50, 40))
        ]
    elif metric in SCORERS["classification"]:
        y, labels = rng.integers(0, 2, 40), ("a", "b")
        sure = np.clip(y, 0.01, 0.99)
        told = [score(metric, y, given[:, None], labels) for given in (sure, 1 - sure, rng.uniform(size=40))]
    else:
        told = [0.0, 0.5, 1.0]
    assert all(low - 1e-12 <= value <= high + 1e-12 for value in told if math.isfinite(value))
    assert min(abs(low), abs(high)) <= 1


def test_the_total_with_penalties_has_no_bounds():
    assert bounds_of("val_loss_with_penalties") == (-math.inf, math.inf)


def test_three_replicates_need_no_others():
    values = numbered([1, 2, 4])
    assert estimate(values, among=[numbered([0, 100, 200])]) == estimate(values)


TABLES = st.lists(st.lists(st.integers(-40, 40), min_size=3, max_size=3), min_size=1, max_size=5)


@settings(deadline=None, max_examples=60)
@given(TABLES, st.integers(-5, 5), st.sampled_from([0.25, 1.0, 8.0]), st.permutations(range(3)))
def test_shift_scale_sign_and_the_numbers_of_seeds_do_not_matter(rows, shift, scale, order):
    table = np.array(rows, float)
    expected = tie_set(arms_of(table), minimize=True)
    assert tie_set(arms_of(-table), minimize=False) == expected
    assert tie_set(arms_of(table * scale), minimize=True) == expected
    assert tie_set(arms_of(table[:, order]), minimize=True) == expected
    assert tie_set(arms_of(table + shift), minimize=True) == expected
    arms = {name: {7 * n + 3: v for n, v in values.items()} for name, values in arms_of(table).items()}
    assert tie_set(arms, minimize=True) == expected


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=6), st.integers(-99, 99)
)
def test_a_difference_turns_round_with_its_arms(pairs, shift):
    a, b = (numbered(values) for values in zip(*pairs, strict=True))
    there, back = difference(a, b, minimize=True), difference(b, a, minimize=True)
    assert there.probability == pytest.approx(1 - back.probability)
    assert there.estimate.mean == -back.estimate.mean
    assert (there.estimate.low, there.estimate.high) == pytest.approx(
        (-back.estimate.high, -back.estimate.low)
    )
    assert difference(a, b, minimize=False).probability == pytest.approx(back.probability)
    moved = [{n: v + shift for n, v in values.items()} for values in (a, b)]
    assert difference(*moved, minimize=True).probability == pytest.approx(there.probability)
