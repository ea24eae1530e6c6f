"""Whether more trials would have paid, against counting all orders, SciPy's minima, and made studies."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from statistics import mean, stdev

import numpy as np
import pytest
from scipy import integrate, stats

from hpsearch.analysis import analyze
from hpsearch.analysis.export import plain
from hpsearch.analysis.influence.influence import NOT_JUDGED
from hpsearch.report.words.prose import answer
from hpsearch.report.words.verdict import end_sentence, gain_sentence
from hpsearch.scheduling.conclusion.confirmation_plan import finalists_of
from hpsearch.scheduling.gain import ExpectedGain, expect_gain, later_gain
from support import made_confirmations

REPLICATES = [{0: 1.0, 1: 1.2, 2: 0.9}, {0: 1.1, 1: 1.4, 2: 1.0}]


@pytest.mark.parametrize("later", [1, 2, 3, 4])
def test_it_is_the_mean_over_all_orders(later):
    scores = [0.1, 0.7, 0.7, 2.0, 3.5, 5.0]
    earlier = [min(order[: len(scores) - later]) for order in permutations(scores)]
    assert later_gain(scores, later) == pytest.approx(mean(earlier) - 0.1)


def test_a_search_that_got_better_of_late_counts_as_it_did():
    assert later_gain([9.0, 9.0, 9.0, 9.0, 9.0, 2.0], 3) == 7.0


def test_scores_of_noise_alone_gain_less_than_it():
    def least(count: int) -> float:
        return integrate.quad(
            lambda x: -x * count * stats.norm.pdf(x) * stats.norm.sf(x) ** (count - 1), -9, 9
        )[0]

    drawn = np.random.default_rng(0).normal(size=(2000, 100))
    # In this order the luckiest is among the earlier ones, so that the mean over all orders is what counts.
    found = mean(later_gain(sorted(row), 50) for row in drawn)
    assert found == pytest.approx(least(100) - least(50), abs=0.05)
    assert found < 0.4


def of_values(synthetic, values, minimize=True):
    spec = synthetic.spec_of(trials=len(values))
    if not minimize:
        search = spec.search.model_copy(update={"metric": "val_accuracy"})
        spec = spec.model_copy(update={"search": search})
    record = synthetic.record_of(len(values), spec, mixed=False)
    trials = [replace(trial, value=value) for trial, value in zip(record.trials, values, strict=True)]
    return replace(record, trials=tuple(trials))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_late_step_pays_where_it_exceeds_the_noise_and_a_failure_is_worst(synthetic, sign):
    replicates = [{n: sign * value for n, value in values.items()} for values in REPLICATES]
    values = [sign * value for value in [*[5.0] * 19, 2.0]]
    found = expect_gain(of_values(synthetic, [None, *values], minimize=sign == 1), replicates)
    assert (found.trials, found.gain, found.pays) == (10, 3.0, True)
    settled = expect_gain(of_values(synthetic, [values[-1], *values], minimize=sign == 1), replicates)
    assert settled.noise == found.noise
    assert settled.gain < 1


def test_the_noise_is_the_deviation_over_seeds(synthetic):
    record = of_values(synthetic, [5.0] * 20)
    alone = expect_gain(record, REPLICATES[:1])
    assert alone.noise == pytest.approx(stdev(REPLICATES[0].values()))
    assert (alone.gain, alone.pays) == (0, False)


def test_it_is_not_told_without_evidence(synthetic):
    assert expect_gain(of_values(synthetic, [5.0] * 19), REPLICATES) is None
    assert expect_gain(of_values(synthetic, [5.0] * 20), [{0: 1.0}, {0: 2.0}]) is None
    assert expect_gain(of_values(synthetic, [5.0] * 20), [{0: 1.0, 1: None}]) is None
    assert expect_gain(of_values(synthetic, [None] * 20), REPLICATES) is None
    assert gain_sentence(None) == ""


def test_report_and_json_tell_it(synthetic):
    record = synthetic.record_of(40)
    confirmation = made_confirmations.confirmed(record, finalists=3, replicates=4)
    found = analyze(record, confirmation, NOT_JUDGED)
    gain = found.verdict.gain
    assert gain_sentence(gain) in answer(found)
    assert plain(found)["verdict"]["gain"] == {"trials": 20, "gain": gain.gain, "noise": gain.noise}
    assert gain_sentence(ExpectedGain(20, 0.3, 0.1)).startswith("20 more trials may pay: ")
    assert gain_sentence(ExpectedGain(20, 0.1, 0.3)).startswith("20 more trials would hardly pay: ")


def test_a_search_that_ended_by_itself_says_why():
    told = end_sentence(ExpectedGain(10, 0.1, 0.3), 23, 100)
    assert told.startswith("The search ended by itself after 23 of at most 100 trials. By replicates of its ")
    assert told.endswith(gain_sentence(ExpectedGain(10, 0.1, 0.3)))
    assert end_sentence(None, 23, 100) == ""


def test_finalists_have_different_configurations(synthetic):
    record = synthetic.record_of(12)
    asked = record.spec.confirm.finalists
    first, second, *others = record.ranking
    again = replace(second, configuration=first.configuration, origin="replicate")
    doubled = replace(record, trials=tuple(again if t is second else t for t in record.trials))
    assert finalists_of(record) == list(record.ranking[:asked])
    assert finalists_of(doubled) == [first, *others][:asked]
