"""A search on digits of which half diverges, for two causes that are known: its findings, rules and page."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.analysis import Analysis, analyze, to_json
from hpsearch.analysis.influence.influence import judge_influence
from hpsearch.data import load_dataset
from hpsearch.report.html.reports import render_report
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_confirmation, read_record
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import EpochPlan
from hpsearch.training.messages import Member
from support.commands import succeed_here

pytestmark = pytest.mark.slow

STUDY = Path(__file__).parents[2] / "studies" / "divergence.yaml"
HUGE = "random_normal(stddev=1e+20)"
LAYERS = ("hidden_1", "hidden_2", "output")


class Search:
    """The finished search: its trials as other programs read them, its analysis, and its page."""

    def __init__(self, directory: Path) -> None:
        succeed_here("optimize", STUDY, cwd=directory)
        files = StudyFiles(directory, "divergence")
        told = succeed_here("trials", "divergence", "--format", "json", cwd=directory).stdout
        self.trials: list[dict[str, Any]] = json.loads(told)
        self.record = read_record(files)
        self.confirmation = read_confirmation(files)
        self.influence = judge_influence(self.record)
        self.analysis: Analysis = analyze(self.record, self.confirmation, self.influence)
        self.text = files.report.read_text(encoding="utf-8")
        self.failed = [trial for trial in self.trials if trial["state"] == "failed"]

    def numbers(self, holds: Any) -> tuple[int, ...]:
        """Recompute which trials lie in a region."""
        return tuple(sorted(one["number"] for one in self.trials if holds(one["parameters"])))


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Search:
    return Search(tmp_path_factory.mktemp("divergence"))


def test_half_of_it_fails_and_each_failure_has_its_place(search: Search) -> None:
    assert 0.4 < len(search.failed) / len(search.trials) < 0.6
    for trial in search.failed:
        told = r"the training loss is not finite \(epoch 1, step \d+, first in (layer \w+|the loss)\)"
        assert re.fullmatch(told, trial["cause"]), trial["cause"]


def test_the_rules_are_the_two_causes_and_no_third(search: Search) -> None:
    long_steps, large_weights = search.analysis.failure_rules
    # Weights of 1e20 leave the range of float32 in the second layer; 3.4e38 is its end.
    (condition,) = large_weights.conditions
    assert (condition.parameter, condition.relation, condition.value) == ("initializer", "is", HUGE)
    rate, clipping = sorted(long_steps.conditions, key=lambda one: one.relation)
    assert (clipping.parameter, clipping.relation, clipping.value) == ("clipping", "is", "none")
    assert (rate.parameter, rate.relation) == ("learning_rate", "above")
    unclipped = {
        one["parameters"]["learning_rate"]: one["state"]
        for one in search.trials
        if one["parameters"]["clipping"] == "none" and one["parameters"]["initializer"] != HUGE
    }
    sound = max(rate for rate, state in unclipped.items() if state == "complete")
    assert sound <= rate.value < min(rate for rate, state in unclipped.items() if state == "failed")
    by_hand = search.numbers(lambda p: p["learning_rate"] > rate.value and p["clipping"] == "none")
    for rule, numbers in (
        (long_steps, by_hand),
        (large_weights, search.numbers(lambda p: p["initializer"] == HUGE)),
    ):
        assert rule.trials == numbers
        assert (rule.inside, rule.hits, rule.marked) == (len(numbers), len(numbers), len(search.failed))
        assert f'<p class="rule">{html.escape(rule.told())}</p>' in search.text
    assert {*long_steps.trials, *large_weights.trials} == {one["number"] for one in search.failed}


def test_a_finding_for_each_cause_says_how_to_avoid_it(search: Search) -> None:
    found = [one for one in search.analysis.judgement.findings if one.kind == "diverged"]
    assert [one.trials for one in found] == [rule.trials for rule in search.analysis.failure_rules]
    steps, weights = (one.sentence for one in found)
    (rate,) = [one for one in search.analysis.failure_rules[0].conditions if one.relation == "above"]
    assert steps.endswith(f"; keep learning_rate at most {rate.value:g} or use another clipping than none")
    assert weights.endswith(f"use another initializer than {HUGE}")
    assert "before the first step" in weights
    assert "before the first step" not in steps
    assert (found[1].evidence["epoch"], found[1].evidence["step"]) == (1, 1)
    assert found[1].evidence["layer"] == "hidden_2"
    told = to_json(search.analysis)["judgement"]["findings"]
    assert [one["evidence"]["region"] for one in told if one["kind"] == "diverged"] == [
        rule.where for rule in search.analysis.failure_rules
    ]


def replayed(search: Search, trial: dict[str, Any]) -> str:
    """Train by plain Keras up to the step of a failure, and send its rows through the layers in NumPy."""
    dataset = load_dataset(search.record.spec.data, STUDY.parent)
    (known,) = [one for one in search.record.trials if one.number == trial["number"]]
    trainer = FitTrainer(dataset)
    trainer.start(Member(0, known.configuration, trial["seed"]))
    ((network, plan),) = trainer._slots[0].work()
    step = int(re.findall(r"step (\d+)", trial["cause"])[0])
    if step > 1:
        before = EpochPlan(plan.epoch, plan.order, plan.rates[: step - 1], plan.seed)
        assert network.train(before).bad_step is None
    weights, size = network.weights(), search.record.spec.training.batch_size
    values = dataset.splits[0].train.x[plan.order[(step - 1) * size : step * size]]
    with np.errstate(over="ignore", invalid="ignore"):
        for name in LAYERS:
            values = values @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]
            if not np.isfinite(values).all():
                return f"layer {name}"
            values = np.where(values > 0, values, np.float32(0.2) * values)
    return "the loss"


def test_plain_keras_breaks_in_the_same_step_and_layer(search: Search) -> None:
    long_steps, large_weights = search.analysis.failure_rules
    rates = {trial["number"]: trial["parameters"]["learning_rate"] for trial in search.trials}
    slowest = min(set(long_steps.trials) - set(large_weights.trials), key=rates.__getitem__)
    for number in (slowest, large_weights.trials[0]):
        (trial,) = [one for one in search.trials if one["number"] == number]
        assert trial["cause"].endswith(f", first in {replayed(search, trial)})")


FIRST = """
  told({ page: page.documentElement.scrollWidth,
    facts: all(".facts > div:not(.mattered)").map((one) => [one.innerText.replaceAll("\\n", " "), one.getBoundingClientRect().bottom]),
    mattered: all(".mattered dd").map((one) => [one.querySelector("strong")?.textContent, one.getBoundingClientRect().bottom]) });"""


def test_the_first_900_pixels_hold_what_one_wants_to_know(search: Search, visit: Any) -> None:
    seen = visit(search.text, FIRST)
    conclusion = search.analysis.verdict.conclusion
    facts = dict(
        zip(
            ("winner", "score", "mean", "constant", "tied"), (text for text, _ in seen["facts"]), strict=False
        )
    )
    assert re.search(rf"trial {search.analysis.winner.number}\b", facts["winner"])
    assert (
        f"95 % interval {conclusion.cross_validated_score.low:.4g} to {conclusion.cross_validated_score.high:.4g}"
        in facts["score"]
    )
    assert f"{len(conclusion.ties) - 1} of {len(conclusion.standings) - 1} others" in facts["tied"]
    shares = {row.name: row.share for row in search.analysis.importance.told}
    first = sorted(shares, key=lambda name: -shares[name])[:3]
    assert [name for name, _ in seen["mattered"]] == first
    assert max(bottom for _, bottom in (*seen["facts"], *seen["mattered"])) < 900


def test_without_a_confirmation_the_page_claims_neither_interval_nor_ties(search: Search, visit: Any) -> None:
    alone = render_report(analyze(search.record, influence=search.influence), search.record)
    seen = visit(alone, FIRST)
    facts = [text for text, _ in seen["facts"]]
    best = min(one["value"] for one in search.trials if one["value"] is not None)
    assert f"{best:.4g} one seed: no interval" in facts[1]
    assert facts[3] == "Tied with it unknown no finalists were confirmed"
    assert "95 %" not in " ".join(facts[:4])
    assert max(bottom for _, bottom in (*seen["facts"], *seen["mattered"])) < 900
    assert len(seen["mattered"]) == 3
