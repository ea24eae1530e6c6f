"""Constraints as they are written, and what they say of numbers."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.exceptions import StudyFileError
from hpsearch.spec import Search, read_spec
from hpsearch.spec.sections.constraints import infeasibility, read_constraint
from hpsearch.spec.study_file.source import parse


def study(constraint: str, more: str = "") -> str:
    return (
        "name: s\ndata: sklearn:iris\nmodel: {mlp: {hidden: [{int: [4, 8]}]}}\ntraining: {epochs: 1}\n"
        f"search:\n  trials: 2\n  constraints:\n    - {constraint}\n{more}"
    )


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("parameters <= 100000", "parameters <= 100000"),
        ("parameters<1e5", "parameters < 100000"),
        ("val_loss >= -0.25", "val_loss >= -0.25"),
        ("  val_accuracy  >  .9 ", "val_accuracy > 0.9"),
        ("auc(num_thresholds=50) >= 0.5", "auc(num_thresholds=50) >= 0.5"),
    ],
)
def test_a_constraint_is_a_name_a_sign_and_a_number(text: str, read: str) -> None:
    assert str(read_constraint(text)) == read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parameters", "expected a constraint, NAME <= NUMBER"),
        ("parameters == 5", "expected one of <=, >=, <, > at column 12 of 'parameters == 5'; found '=='"),
        ("parameters <= 5 * 5", "expected a number at column 15 of 'parameters <= 5 * 5'; found '5 * 5'"),
        ("parameters <= nan", "expected a number at column 15"),
        ("paramters <= 5", "did you mean 'parameters'?"),
        ("f1 >= 0.5", "a metric that is recorded (search.metrics records more)"),
        ("__import__('os') <= 5", "at column 1"),
    ],
)
def test_what_is_none_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(StudyFileError) as caught:
        read_spec(parse(study(f'"{text}"'), "s.yaml"))
    assert "s.yaml:8: search.constraints.0" in str(caught.value)
    assert told in str(caught.value)


def test_metrics_that_are_recorded_can_be_constrained() -> None:
    found = Search.model_validate({"metrics": ["f1_macro"], "constraints": "f1_macro >= 0.5"})
    assert [str(one) for one in found.limits] == ["f1_macro >= 0.5"]


@pytest.mark.parametrize(
    ("values", "violations"),
    [
        ({"parameters": 100, "val_loss": 0.4}, None),
        ({"parameters": 150, "val_loss": 0.4}, {"parameters <= 100": 0.5}),
        ({"parameters": 100, "val_loss": 0.5}, {"val_loss < 0.5": 1e-9}),
        ({"parameters": 300, "val_loss": None}, {"parameters <= 100": 2.0, "val_loss < 0.5": 1.0}),
    ],
)
def test_a_violation_is_a_share_of_the_limit(values: Any, violations: Any) -> None:
    limits = [read_constraint("parameters <= 100"), read_constraint("val_loss < 0.5")]
    found = infeasibility(limits, values)
    assert (found and found.violations) == violations
