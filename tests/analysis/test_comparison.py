"""The results of a comparison against NumPy, SciPy and the record's own numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from statistics import fmean, median
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hpsearch.analysis import compare, comparison_to_json
from hpsearch.analysis.arms.replicates import EPOCHS, has_direction, is_minimized
from hpsearch.analysis.export import plain
from hpsearch.report.tables.comparison import arms_table
from hpsearch.spec.sections.further_metrics import METRICS
from hpsearch.spec.space.arms import Arm
from hpsearch.store.resolved import Resolved
from hpsearch.study.worker_count import with_workers
from hpsearch.training.decisions import Decisions
from support import made_comparisons as made

HE, GLOROT, ZEROS = "he_normal, relu", "glorot_uniform, relu", "zeros, relu"


def table_of(record, name="val_loss", at="best"):
    """Give the values of each arm in the order of the seeds, from the trials alone."""
    values: dict[str, list[float]] = {}
    for trial in record.trials:
        curve = trial.history[name]
        place = trial.best_epoch - 1 if at == "best" else -1
        values.setdefault(trial.parameters["arm"], []).append(curve[place])
    return {arm: np.array(own) for arm, own in values.items()}


def lines(levels):
    """Make losses that follow a level for each arm, with the seed's own luck; more digits are its scatter."""
    shifts = (0.0, 0.03, -0.02, 0.01, -0.01)

    def losses(arm: Arm, replicate: int) -> tuple[float, ...]:
        level = levels[arm.values["initializer"]]
        if level is None:
            return (1.0, math.nan)
        scatter = 0.004 * math.sin(7.0 * replicate + 1000 * level)
        return tuple(level + shifts[replicate] + scatter + 1 / epoch for epoch in range(1, 9))

    return losses


def record_of(levels, **section: Any):
    spec = made.spec_of(list(levels), ["relu"], **section)
    return made.record_of(spec, lines(levels))


def test_means_and_intervals_are_students():
    record = made.small()
    comparison = compare(record)
    for arm in comparison.arms:
        for found, values in ((arm.best, table_of(record)), (arm.final, table_of(record, at="final"))):
            own = values[arm.name]
            low, high = stats.t.interval(0.95, 4, own.mean(), stats.sem(own))
            assert (found.mean, found.low, found.high) == pytest.approx((own.mean(), low, high))
            assert (found.count, found.failed) == (5, 0)


def test_arms_are_sorted_by_their_means_and_the_best_ones_are_named():
    record = made.small()
    comparison = compare(record)
    means = {name: own.mean() for name, own in table_of(record).items()}
    assert [arm.name for arm in comparison.arms] == sorted(means, key=means.__getitem__)
    assert comparison.best.name == comparison.tied[0] == HE
    assert {arm.name for arm in comparison.arms if arm.tied} == set(comparison.tied)
    assert "zeros, relu" not in comparison.tied


def test_what_cannot_be_told_apart_is_among_the_best():
    record = record_of({"he_normal": 0.5, "he_uniform": 0.5005, "zeros": 2.0})
    assert set(compare(record).tied) == {HE, "he_uniform, relu"}


def test_the_difference_to_the_baseline_is_paired_by_seed():
    record = made.small(baseline=GLOROT)
    comparison, values = compare(record), table_of(record)
    for arm in comparison.arms:
        if arm.name == GLOROT:
            assert arm.standing is None
            continue
        own = values[arm.name] - values[GLOROT]
        test = stats.ttest_rel(values[arm.name], values[GLOROT], alternative="less")
        interval = stats.ttest_rel(values[arm.name], values[GLOROT]).confidence_interval(0.95)
        found = arm.standing.difference
        assert found.estimate.mean == pytest.approx(own.mean())
        assert (found.estimate.low, found.estimate.high) == pytest.approx(tuple(interval))
        assert found.probability == pytest.approx(1 - test.pvalue)
        both = 2 * min(test.pvalue, 1 - test.pvalue)
        expected = "cannot tell" if both > 0.05 else "better" if own.mean() < 0 else "worse"
        assert arm.standing.order == expected


def test_a_metric_that_is_maximized_turns_the_order():
    raw = made.spec_of(["zeros", "he_normal"], ["relu"]).dump()
    spec = type(made.small().spec).model_validate({**raw, "search": {"metric": "val_accuracy"}})
    losses = made.realistic(spec)
    record = made.record_of(spec, losses)
    turned = [replace(t, value=t.history["val_accuracy"][t.best_epoch - 1]) for t in record.trials]
    comparison = compare(replace(record, trials=tuple(turned)))
    assert [arm.name for arm in comparison.arms] == [HE, ZEROS]
    assert comparison.by_name[HE].standing.order == "better"
    assert comparison.by_name[HE].training.name == "accuracy"
    assert comparison.by_name[HE].standing.difference.estimate.mean > 0


def test_bands_are_the_means_of_the_curves_epoch_by_epoch():
    record = made.small()
    arm = compare(record).by_name[HE]
    for band, name in ((arm.validation, "val_loss"), (arm.training, "loss")):
        curves = np.array([t.history[name] for t in record.trials if t.parameters["arm"] == HE])
        assert band.name == name
        assert band.counts == (5,) * 20
        assert band.mean == pytest.approx(curves.mean(axis=0))
        low, high = stats.t.interval(0.95, 4, curves.mean(axis=0), stats.sem(curves))
        assert band.low == pytest.approx(low)
        assert band.high == pytest.approx(high)


def test_a_band_goes_on_with_the_seeds_that_still_train():
    spec = made.spec_of(["zeros", "he_normal"], ["relu"])
    record = made.record_of(spec, lambda _, replicate: (0.9, 0.8, 0.7, 0.6)[: 2 + replicate % 3])
    band = compare(record).by_name[HE].validation
    assert band.counts == (5, 5, 3, 1)
    assert band.common == 2
    assert band.mean == pytest.approx((0.9, 0.8, 0.7, 0.6))
    assert band.low[-1] is None


@pytest.mark.slow
def test_failed_runs_are_told_and_no_part_of_a_band():
    record = made.large()
    comparison = compare(record)
    failed = [t for t in record.trials if t.state == "failed"]
    assert comparison.runs.failed == len(failed) == sum(len(one.runs) for one in comparison.failures)
    assert [one.cause for one in comparison.failures] == [made.FAILURE]
    arm = comparison.by_name["random_normal(stddev=1), tanh"]
    assert (arm.best.mean, arm.best.failed, arm.best.count) == (None, 1, 4)
    assert arm.validation.counts[0] == 4
    names = [one.name for one in comparison.arms]
    sound = [one.name for one in comparison.arms if not one.best.failed]
    assert names[: len(sound)] == sound
    assert not arm.tied


def test_a_run_that_failed_late_has_no_value_though_it_had_one():
    record = made.small(target=1.0)
    late = replace(record.trials[2], state="failed", cause="out of memory")
    assert late.value is not None
    arm = compare(replace(record, trials=(*record.trials[:2], late, *record.trials[3:]))).by_name[GLOROT]
    assert arm.name == late.parameters["arm"]
    one = arm.replicates[0]
    assert (one.best, one.final, one.to_target, one.cause) == (None, None, None, "out of memory")
    assert (arm.best.mean, arm.best.failed) == (None, 1)
    assert arm.standing.order == "worse", "than any arm that never failed"


def test_epochs_to_the_target_are_counted_on_the_loss():
    record = made.small(target=0.45)
    comparison = compare(record)
    assert (comparison.target.loss, comparison.target.given) == (0.45, True)
    for arm in comparison.arms:
        curves = [t.history["val_loss"] for t in record.trials if t.parameters["arm"] == arm.name]
        first = [next((e for e, v in enumerate(curve, 1) if v <= 0.45), None) for curve in curves]
        assert [one.to_target for one in arm.replicates] == first
        reached = [epoch for epoch in first if epoch is not None]
        assert arm.to_target.count == len(reached)
        assert arm.to_target.mean == (pytest.approx(fmean(first)) if len(reached) == 5 else None)
        assert arm.median_to_target == (
            pytest.approx(median(e or 99 for e in first)) if len(reached) > 2 else None
        )


def test_by_default_half_of_the_arms_reach_the_target_with_every_seed():
    record = made.large()
    comparison = compare(record)
    assert not comparison.target.given
    sound = [arm for arm in comparison.arms if not arm.best.failed]
    reach = [arm for arm in sound if arm.to_target.count == 5]
    worst = {arm.name: max(one.best for one in arm.replicates) for arm in sound}
    assert comparison.target.loss in worst.values()
    assert len(reach) >= len(sound) / 2
    assert sum(value < comparison.target.loss for value in worst.values()) <= len(sound) / 2


@pytest.mark.parametrize(
    ("decisions", "timed"),
    [
        (Decisions(workers=1, width=1), True),
        (Decisions(workers=2, width=1), False),
        (Decisions(width=1), False),
    ],
)
def test_seconds_are_told_only_of_runs_that_were_alone(decisions, timed):
    claim = {"says": "quick", "arm": HE, "between": [0, 1], "by": "seconds"}
    comparison = compare(replace(made.small(claims=[claim]), decisions=decisions))
    pace = comparison.by_name[HE].seconds_per_epoch
    assert (pace is not None) == timed
    assert comparison.claims[0].verdict == ("holds" if timed else "cannot tell")
    assert bool(comparison.claims[0].obstacle) != timed
    if timed:
        assert pace.mean == 0.5, "without the first epoch, which compiles"


def test_a_comparison_notes_the_most_workers_that_it_had():
    resolved = Resolved(
        spec=made.small().spec, kind="comparison", directory="", data=made.DATA, decisions=Decisions(width=1)
    )
    first = with_workers(resolved, 1)
    assert first.decisions == Decisions(width=1, workers=1)
    assert with_workers(with_workers(first, 3), 1).decisions.workers == 3
    assert with_workers(replace(resolved, kind="search"), 3) == replace(resolved, kind="search")


LEVELS = {"he_normal": 0.5, "glorot_uniform": 0.6, "he_uniform": 0.5005, "zeros": None}


@pytest.mark.parametrize(
    ("better", "than", "verdict"),
    [
        (HE, GLOROT, "holds"),
        (GLOROT, HE, "does not hold"),
        (HE, "he_uniform, relu", "cannot tell"),
        (HE, ZEROS, "holds"),
        (ZEROS, HE, "does not hold"),
    ],
)
@pytest.mark.parametrize("at", ["best", "final"])
def test_a_claim_of_two_arms_is_judged_by_the_interval_of_their_difference(better, than, verdict, at):
    record = record_of(LEVELS, claims=[{"says": "so", "better": better, "than": than, "at": at}])
    (claim,) = compare(record).claims
    assert claim.verdict == verdict
    assert (claim.arm, claim.than, claim.by, claim.at) == (better, than, "val_loss", at)
    if ZEROS not in (better, than):
        values = (
            table_of(record, at=at)
            if at == "final"
            else table_of(replace(record, trials=tuple(t for t in record.trials if t.state == "complete")))
        )
        interval = stats.ttest_rel(values[better], values[than]).confidence_interval(0.95)
        assert (claim.measured.low, claim.measured.high) == pytest.approx(tuple(interval))


@pytest.mark.parametrize(
    ("between", "verdict"),
    [((0.0, 9.0), "holds"), ((0.0, 0.1), "does not hold"), ((0.627, 9.0), "cannot tell")],
)
def test_a_claim_of_one_arm_is_judged_by_where_its_interval_lies(between, verdict):
    record = record_of(LEVELS, claims=[{"says": "so", "arm": HE, "between": list(between)}])
    (claim,) = compare(record).claims
    assert claim.verdict == verdict
    assert claim.measured == compare(record).by_name[HE].best


def test_a_claim_about_a_failed_arm_or_by_other_numbers():
    claims = [
        {"says": "finite", "arm": ZEROS, "between": [0, 1e9]},
        {"says": "accurate", "better": HE, "than": GLOROT, "by": "val_accuracy"},
        {"says": "quick", "better": HE, "than": GLOROT, "by": EPOCHS},
        {"says": "what", "better": HE, "than": GLOROT, "by": "val_auc"},
    ]
    finite, accurate, quick, what = compare(record_of(LEVELS, claims=claims, target=0.8)).claims
    assert (finite.verdict, finite.failed) == ("does not hold", 5)
    assert accurate.verdict == "holds"
    assert accurate.measured.mean > 0
    assert quick.verdict == "holds"
    assert quick.measured.mean < 0
    assert quick.at == ""
    assert what.verdict == "cannot tell"
    assert "no run has a curve val_auc; there are accuracy" in what.obstacle


def test_claims_by_further_metrics_know_which_way_these_are_better():
    """Of a function of one's own that is not known, and nothing is said but where it lies."""
    claims = [
        {"says": "so", "better": HE, "than": GLOROT, "by": "auc"},
        {"says": "so", "better": HE, "than": GLOROT, "by": "own"},
        {"says": "so", "arm": HE, "between": [0, 1], "by": "own"},
    ]
    record = record_of(LEVELS, claims=claims)
    trials = [
        replace(
            one, history={**one.history, **dict.fromkeys(("auc", "own"), one.history.get("val_accuracy", ()))}
        )
        for one in record.trials
    ]
    search = record.spec.search.model_copy(update={"metrics": (METRICS["auc"](),)})
    told = compare(
        replace(record, trials=tuple(trials), spec=record.spec.model_copy(update={"search": search}))
    )
    area, own, place = told.claims
    leader = told.by_name[HE]
    curves = [(one.history["auc"], one.best_epoch) for one in leader.replicates]
    assert leader.further["auc"].mean == pytest.approx(fmean(curve[best - 1] for curve, best in curves))
    assert "mean auc" in arms_table(told).columns
    assert plain(leader)["further"]["auc"]["count"] == len(curves)
    assert "further" not in plain(compare(record).by_name[HE])
    assert (area.verdict, own.verdict, place.verdict) == ("holds", "cannot tell", "holds")
    assert own.obstacle == "it is not known whether more of own is better; use 'between'"


def test_an_arm_that_never_reaches_the_target_is_slower_than_one_that_does():
    claims = [
        {"says": "so", "better": GLOROT, "than": HE, "by": EPOCHS},
        {"says": "so", "better": HE, "than": GLOROT, "by": EPOCHS},
    ]
    slower, quicker = compare(record_of(LEVELS, claims=claims, target=0.66)).claims
    assert (slower.verdict, slower.failed, slower.others_failed) == ("does not hold", 5, 0)
    assert (quicker.verdict, quicker.failed, quicker.others_failed) == ("holds", 0, 5)


def test_with_two_seeds_nothing_is_judged_not_even_a_failure():
    claims = [
        {"says": "so", "better": HE, "than": ZEROS},
        {"says": "so", "arm": ZEROS, "between": [0, 1]},
    ]
    comparison = compare(record_of({"he_normal": 0.5, "zeros": None}, claims=claims, replicates=2))
    assert [claim.verdict for claim in comparison.claims] == ["not enough", "not enough"]
    assert comparison.by_name[ZEROS].standing.order == "not enough"


def test_two_arms_that_both_failed_cannot_be_told_apart():
    levels = {"zeros": None, "ones": None, "he_normal": 0.5}
    claim = {"says": "so", "better": ZEROS, "than": "ones, relu"}
    assert compare(record_of(levels, claims=[claim])).claims[0].verdict == "cannot tell"


def test_which_numbers_are_better_when_less():
    assert all(map(is_minimized, ("val_loss", "loss", "val_mae", EPOCHS, "seconds", "learning_rate")))
    assert not any(map(is_minimized, ("val_accuracy", "accuracy", "r2", "f1_macro", "neg_log_loss")))
    assert not any(map(is_minimized, ("auc(curve=PR)", "precision(thresholds=0.3)", "r2_score")))
    assert all(map(is_minimized, ("mean_squared_error", "false_positives", "binary_crossentropy")))
    assert all(map(has_direction, ("loss", "val_mae", "seconds", EPOCHS, "auc", "f1", "val_accuracy")))
    assert not has_direction("my_function")


def test_optimism_is_what_choosing_without_a_seed_gives_on_it():
    record = made.large()
    found = compare(record).optimism
    values = {
        name: own
        for name, own in table_of(
            replace(record, trials=tuple(t for t in record.trials if t.state == "complete"))
        ).items()
        if len(own) == 5
    }
    names = list(values)
    table = np.array([values[name] for name in names])
    chosen = [int(np.delete(table, seed, axis=1).mean(axis=1).argmin()) for seed in range(5)]
    assert found.chosen == tuple(names[place] for place in chosen)
    assert found.held_out == pytest.approx(fmean(table[place, seed] for seed, place in enumerate(chosen)))
    assert found.reported == pytest.approx(table.mean(axis=1).min())
    assert found.held_out > found.reported


@pytest.mark.parametrize("trials", [0, 1, 7, 12, 13, 29])
def test_an_unfinished_comparison_says_what_there_is(trials):
    claim = {"says": "so", "better": HE, "than": GLOROT}
    record = made.small(claims=[claim])
    kept = record.trials[:trials]
    if trials == 13:
        kept = (*kept[:12], replace(kept[12], state="running", value=None, best_epoch=None, history={}))
    comparison = compare(replace(record, trials=kept))
    runs = comparison.runs
    assert runs.planned == 30
    assert (runs.ended, runs.running, runs.missing) == (trials - (trials == 13), trials == 13, 30 - trials)
    assert sum(arm.ended for arm in comparison.arms) == runs.ended
    assert comparison.enough == (trials == 29)
    assert bool(comparison.tied) == (trials == 29)
    assert comparison.claims[0].verdict == ("holds" if trials == 29 else "not enough")
    assert (comparison.best is None) == (trials == 0)
    json.dumps(comparison_to_json(comparison), allow_nan=False)


def test_when_every_arm_failed_none_is_best():
    comparison = compare(record_of({"zeros": None, "ones": None}))
    assert comparison.best is None
    assert comparison.tied == ()
    assert comparison.target.loss is None
    assert comparison.optimism is None


@pytest.mark.slow
def test_json_holds_what_all_numbers_can_be_computed_from_again():
    record = made.large(baseline=GLOROT)
    plain = json.loads(json.dumps(comparison_to_json(compare(record)), allow_nan=False))
    assert (plain["baseline"], plain["runs"]["replicates"], len(plain["arms"])) == (GLOROT, 5, 66)
    runs = {(arm["name"], one["replicate"]): one for arm in plain["arms"] for one in arm["replicates"]}
    assert len(runs) == 330
    for trial in record.trials:
        one = runs[trial.parameters["arm"], trial.parameters["replicate"]]
        assert (one["best"], one["seed"], one["number"]) == (trial.value, trial.seed, trial.number)
        assert one["history"]["val_loss"] == list(trial.history["val_loss"])
    he = next(arm for arm in plain["arms"] if arm["name"] == HE)
    assert he["best"]["mean"] == pytest.approx(fmean(one["best"] for one in he["replicates"]))
    assert he["values"] == {"initializer": "he_normal", "activation": "relu"}


def test_a_study_without_a_comparison_is_refused():
    record = made.small()
    plain = replace(record, spec=record.spec.model_copy(update={"compare": None}))
    with pytest.raises(ValueError, match="no section 'compare'"):
        compare(plain)
