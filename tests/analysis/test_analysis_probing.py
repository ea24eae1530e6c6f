"""Findings: each at its threshold, and the numbers that are compared."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from hpsearch.analysis import ArmSummary, probe_to_json, summarize
from hpsearch.analysis import probe as limits
from support.made_probes import arm, layer, probe

DOCS = Path(__file__).parents[2] / "docs" / "probe.md"


def summary(first: dict[str, Any], last: dict[str, Any]) -> ArmSummary:
    return summarize(arm(layer(**first), layer(), layer(**last)))


def kinds(first: dict[str, Any], last: dict[str, Any]) -> list[str]:
    return [finding.kind for finding in summary(first, last).findings]


def test_an_even_network_has_no_finding() -> None:
    even = summary({}, {})
    assert even.findings == ()
    assert even.deviation_ratio == even.gradient_ratio == 1.0


@pytest.mark.parametrize(
    ("first", "last", "kind"),
    [
        ({"deviation": 2.0}, {"deviation": 0.19}, "vanishing activations"),
        ({"deviation": 0.1}, {"deviation": 1.01}, "exploding activations"),
        ({}, {"deviation": math.inf}, "exploding activations"),
        ({"deviation_between_rows": 1.0}, {"deviation_between_rows": 0.009}, "rows alike"),
        ({}, {"dead": 0.25}, "dead units"),
        ({"dead": 0.25}, {}, "dead units"),
        ({}, {"saturated": 0.25}, "saturation"),
        ({"saturated": 0.3}, {"saturated": 0.0}, "saturation"),
        ({"gradient_norm": 0.009}, {}, "vanishing gradient"),
        ({"gradient_norm": 0.0}, {"gradient_norm": 0.0}, "vanishing gradient"),
        ({"gradient_norm": 101.0}, {}, "exploding gradient"),
        ({"gradient_norm": math.inf}, {"gradient_norm": math.inf}, "exploding gradient"),
        ({"symmetric": True}, {}, "symmetry"),
    ],
)
def test_each_trouble_is_found_alone(first: dict[str, Any], last: dict[str, Any], kind: str) -> None:
    assert kinds(first, last) == [kind]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ({"deviation": 2.0}, {"deviation": 0.21}),
        ({"deviation": 0.1}, {"deviation": 0.99}),
        ({"deviation_between_rows": 1.0}, {"deviation_between_rows": 0.011}),
        ({}, {"dead": 0.24}),
        ({}, {"saturated": 0.24}),
        ({"gradient_norm": 0.011}, {}),
        ({"gradient_norm": 99.0}, {}),
    ],
)
def test_below_its_threshold_nothing_is_found(first: dict[str, Any], last: dict[str, Any]) -> None:
    assert kinds(first, last) == []


def test_sentences_hold_the_evidence() -> None:
    first = {"deviation": 2.0, "gradient_norm": 0.001, "symmetric": True}
    told = {finding.kind: finding.sentence for finding in summary(first, {"deviation": 0.01}).findings}
    assert told["vanishing activations"] == (
        "the deviation falls from 2 in the first to 0.01 in the last hidden layer"
    )
    assert told["vanishing gradient"].endswith("falls from 1 to 0.001")
    assert "all units of layer 1 are identical" in told["symmetry"]
    (dead,) = summary({}, {"dead": 0.5}).findings
    assert dead.sentence == "50 % of the units are 0 for every row in layer 3"


def test_one_trouble_is_not_told_twice() -> None:
    fading = {"deviation": 0.001, "deviation_between_rows": 0.001}
    assert kinds({}, fading) == ["vanishing activations"]
    equal = {"symmetric": True, "dead": 1.0}
    assert kinds(equal, equal) == ["symmetry"]


def test_a_ratio_without_two_numbers_is_none() -> None:
    silent = {"deviation": 0.0, "gradient_norm": 0.0}
    assert summary(silent, silent).deviation_ratio is None
    assert summary(silent, silent).gradient_ratio is None
    assert summary({}, {"deviation": math.inf}).deviation_ratio is None


def test_one_hidden_layer_is_first_and_last() -> None:
    only = summarize(arm(layer(dead=0.5)))
    assert only.first == only.last
    assert [finding.kind for finding in only.findings] == ["dead units"]


def test_json_holds_every_number_and_null_for_what_is_not_finite() -> None:
    made = probe(arm(layer(), layer(deviation=math.inf), batch_norm="after_activation"))
    plain = json.loads(json.dumps(probe_to_json(made, [summarize(made.arms[0])]), allow_nan=False))
    (told,) = plain["arms"]
    assert (told["initializer"], told["activation"], told["batch_norm"]) == (
        "he_normal",
        "relu",
        "after_activation",
    )
    assert told["layers"][0]["deviation"] == 1.0
    assert told["layers"][1]["deviation"] is told["deviation_ratio"] is None
    assert len(told["layers"][0]["histogram"]) == len(plain["edges"]) - 1 == 121
    assert [finding["kind"] for finding in told["findings"]] == ["exploding activations"]
    assert (plain["rows"], plain["replicates"], plain["fixed"]) == (120, 3, {"dropout": 0.25})


def test_the_page_of_the_docs_gives_the_thresholds() -> None:
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    numbers = {
        "vanishing activations": limits.VANISHING_ACTIVATIONS,
        "exploding activations": limits.EXPLODING_ACTIVATIONS,
        "rows alike": limits.ROWS_ALIKE,
        "dead units": limits.DEAD,
        "saturation": limits.SATURATED,
        "vanishing gradient": limits.VANISHING_GRADIENT,
        "exploding gradient": limits.EXPLODING_GRADIENT,
    }
    assert set(limits.LOOKS) <= set(rows)
    for kind, number in numbers.items():
        share = kind in ("dead units", "saturation")
        assert (f"{100 * number:g} %" if share else f"{number:g} times") in rows[kind], kind
