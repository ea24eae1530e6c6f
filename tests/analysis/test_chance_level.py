"""The winner against a constant prediction, and the sentences that say so."""

from __future__ import annotations

import json
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from hpsearch.analysis import analyze, to_json
from hpsearch.analysis.chance import against, judge_chance
from hpsearch.report.words.best import best_json, best_lines
from hpsearch.report.words.evaluation import evaluation_words
from hpsearch.report.words.prose import answer
from hpsearch.scheduling.conclusion import conclude_search
from hpsearch.scheduling.racing.estimates import estimate
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import HeldOutEvaluation, HeldOutEvaluations, WinnerName
from hpsearch.training.evaluation import Evaluation
from hpsearch.training.measure import Measure
from support.made_confirmations import confirmed

SHARES = "the shares of the classes"


def record_with(
    synthetic: ModuleType, chance: float | None, constant: str = SHARES, **search: Any
) -> StudyRecord:
    """Make a search of 12 trials, whose best loss is about 0.09, with this level of chance."""
    made: StudyRecord = synthetic.record_of(12, synthetic.spec_of(**search), mixed=False)
    assert made.data is not None
    return replace(made, data=replace(made.data, chance=chance, constant=constant))


def first_sentence(text: str) -> str:
    return text.partition(". ")[0]


@pytest.mark.parametrize(
    ("of_best", "standing", "words"),
    [
        (2.0, "better", "(lower is better), and a constant prediction has"),
        (1.02, "hardly better", "but this is hardly better than a constant prediction, which has"),
        (1.0, "no better", "but this is no better than a constant prediction, which has"),
        (0.5, "no better", "but this is no better than a constant prediction, which has"),
    ],
)
def test_the_first_sentence_of_a_search_says_how_a_constant_does(
    synthetic: ModuleType, of_best: float, standing: str, words: str
) -> None:
    plain = record_with(synthetic, None)
    assert plain.best is not None
    assert plain.best.value is not None
    record = record_with(synthetic, of_best * plain.best.value)
    analysis = analyze(record)
    assert analysis.chance is not None
    assert analysis.chance.standing == standing
    assert words in first_sentence(answer(analysis))
    assert first_sentence(answer(analysis)).endswith(f"({SHARES})")
    assert words.partition(" a constant")[2] in best_lines(conclude_search(record), None)[0]
    told = json.loads(best_json(conclude_search(record), None))["chance"]
    assert told == to_json(analysis)["chance"] == {
        "value": of_best * plain.best.value, "constant": SHARES, "standing": standing
    }  # fmt: skip


@pytest.mark.parametrize(("chance", "word"), [(-1e9, "and a constant"), (1e9, "but this is no better")])
def test_of_a_score_more_is_better_even_where_it_is_negative(
    synthetic: ModuleType, chance: float, word: str
) -> None:
    record = record_with(synthetic, chance, "the mean", metric="val_accuracy")
    assert word in first_sentence(answer(analyze(record)))


@pytest.mark.slow
def test_of_a_confirmed_winner_the_interval_decides(synthetic: ModuleType) -> None:
    record = record_with(synthetic, None)
    confirmation = confirmed(record)
    verdict = analyze(record, confirmation).verdict
    assert verdict is not None
    score = verdict.conclusion.cross_validated_score
    assert score.mean is not None
    assert score.low is not None
    assert score.high is not None
    for level, standing in (
        (score.high + 0.01, "better"),
        ((score.mean + score.high) / 2, "cannot tell"),
        (score.mean, "no better"),
        (score.low / 2, "no better"),
    ):
        there = record_with(synthetic, level)
        found = judge_chance(there, verdict)
        assert found is not None
        assert found.standing == standing
        first = first_sentence(answer(analyze(there, confirmation)))
        assert ("a constant prediction" in first, "but" in first) == (True, standing != "better")
        assert first == best_lines(conclude_search(there, confirmation), None)[0].rstrip(".")


@pytest.mark.parametrize(
    ("value", "level", "metric", "minimize", "standing"),
    [
        (0.49, 0.5, "val_accuracy", False, "no better"),
        (0.981, 0.98, "val_accuracy", False, "hardly better"),
        (0.6, 0.5, "val_accuracy", False, "better"),
        (0.0, 0.0, "f1", False, "no better"),
        (-0.1, 0.0, "r2", False, "no better"),
        (0.1, -0.002, "r2", False, "better"),
        (-3.0, -2.0, "neg_log_loss", False, "no better"),
        (-1.0, -2.0, "neg_log_loss", False, "better"),
        (0.101, 0.0931, "val_loss", True, "no better"),
    ],
)
def test_every_direction_and_sign(
    value: float, level: float, metric: str, minimize: bool, standing: str
) -> None:
    assert against(estimate({0: value}), level, metric, minimize=minimize) == standing


def test_studies_of_older_versions_know_the_level_of_the_loss_only(synthetic: ModuleType) -> None:
    record = record_with(synthetic, None)
    assert record.data is not None
    old = replace(record, data=replace(record.data, chance_loss=2.3))
    found = judge_chance(old, None)
    assert found is not None
    assert (found.value, found.constant, found.standing) == (2.3, SHARES, "better")
    assert judge_chance(record, None) is None
    assert judge_chance(replace(record, data=None), None) is None
    assert "constant" not in answer(analyze(record))


def test_what_every_resample_gives_alike_is_no_interval(synthetic: ModuleType) -> None:
    from hpsearch.report.words.verdict import interval

    assert interval(estimate({0: 1.0, 1: 1.0, 2: 1.0})) == (" (identical in all replicates, so no interval)")
    assert interval(estimate({0: 0.9, 1: 0.95, 2: 0.92})).startswith(" (95 % interval")


def test_the_test_part_names_the_metric_first_and_the_constant() -> None:
    measures = (
        Measure("loss", 0.14, 0.05, 0.22, "normal", 0.09),
        Measure("accuracy", 0.98, 0.965, 0.989, "wilson", 0.9817),
        Measure("f1", 0.0, None, None, "bootstrap", 0.036),
    )
    look = HeldOutEvaluation(
        "2026-01-01T00:00:00+00:00",
        WinnerName(0, None, 1, 5),
        "ab",
        Evaluation("test", 600, measures, None, None),
    )
    told = evaluation_words(HeldOutEvaluations((look,)), look, "f1")
    assert told == (
        "on the test set, with 95 % intervals: f1 0, loss 0.14 (0.05 to 0.22), accuracy 0.98 (0.965 to 0.989); "
        "by f1 this is not better than a constant prediction, which has f1 0.036, loss 0.09, accuracy 0.9817"
    )
    assert "intervals: accuracy 0.98" in evaluation_words(HeldOutEvaluations((look,)), look, "val_accuracy")
    better = replace(measures[2], value=0.4)
    good = replace(look, evaluation=replace(look.evaluation, measures=(better,)))
    assert evaluation_words(HeldOutEvaluations((good,)), good, "f1").endswith(
        "f1 0.4; a constant prediction has f1 0.036"
    )
    lost = (Measure("loss", None, None, None, "normal"), replace(measures[1], value=0.5))
    told = replace(look, evaluation=replace(look.evaluation, measures=lost))
    assert evaluation_words(HeldOutEvaluations((told,)), told, "val_loss").endswith(
        "no number for loss: a prediction for these rows is not finite, or the rows do not define it"
    )
