"""Several objectives as they are written, and what they cannot stand beside."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.exceptions import StudyFileError
from hpsearch.spec import Search, StudySpec, read_spec
from hpsearch.spec.study_file.source import parse

STUDY = (
    "name: s\ndata: sklearn:iris\nmodel: {mlp: {hidden: [{int: [4, 8]}]}}\ntraining: {epochs: 1}\nsearch:\n"
)


def read(search: str) -> StudySpec:
    return read_spec(parse(f"{STUDY}  {search}\n", "s.yaml"))


@pytest.mark.parametrize(
    ("written", "objectives", "directions", "recorded"),
    [
        ("val_loss", ("val_loss",), "-", ()),
        ("[accuracy]", ("val_accuracy",), "+", ()),
        ("[val_loss, parameters]", ("val_loss", "parameters"), "--", ()),
        ("[accuracy, f1_macro, val_loss]", ("val_accuracy", "f1_macro", "val_loss"), "++-", ("f1_macro",)),
        ("[f1_macro, mean_squared_error]", ("f1_macro", "mean_squared_error"), "+-", ("mean_squared_error",)),
        ("[val_a_loss, val_a_accuracy]", ("val_a_loss", "val_a_accuracy"), "-+", ()),
    ],
)
def test_a_metric_is_one_or_a_list(
    written: str, objectives: tuple[str, ...], directions: str, recorded: tuple[str, ...]
) -> None:
    search = read(f"metric: {written}").search
    assert search.objectives == objectives
    assert search.directions == tuple({"-": "minimize", "+": "maximize"}[sign] for sign in directions)
    assert tuple(one.name for one in search.recorded) == recorded
    assert search.first_metric == objectives[0]
    assert search.further == objectives[1:]
    assert Search.model_validate(search.dump()) == search


def test_a_metric_with_arguments_is_an_objective_by_its_recorded_name() -> None:
    metrics = "{fbeta_score: {beta: 2.0, average: macro}}"
    search = read(f"{{metric: [val_loss, 'fbeta_score(average=macro, beta=2)'], metrics: {metrics}}}").search
    assert search.further == search.objectives[1:]
    assert search.directions == ("minimize", "maximize")
    assert len(search.recorded) == 1


@pytest.mark.parametrize(
    ("written", "place", "told"),
    [
        ("[val_los, parameters]", "metric.0", "did you mean 'val_loss'?"),
        ("[val_loss, paramters]", "metric.1", "did you mean 'parameters'?"),
        ("[val_loss, precision_at_recall]", "metric.1", "with arguments it stands in search.metrics"),
        ("[val_loss, val_loss]", "metric.1", "objectives, each once"),
        ("[val_accuracy, accuracy]", "metric.1", "objectives, each once"),
        ("[parameters, val_loss]", "metric.0", "first a metric, by which epochs are chosen"),
        ("parameters", "metric", "first a metric, by which epochs are chosen"),
        ("[val_loss, seconds_per_row]", "metric.1", "a measured time differs from run to run"),
        ("seconds_per_row", "metric", "parameters, the number of weights, does not"),
        ("[]", "metric", "the name of a metric, or a list of such names"),
        ("[val_loss, 3]", "metric", "the name of a metric, or a list of such names"),
    ],
)
def test_what_is_no_objective_is_told_with_its_place(written: str, place: str, told: str) -> None:
    with pytest.raises(StudyFileError) as caught:
        read(f"metric: {written}")
    assert f"s.yaml:6: search.{place}: expected" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("sampler", "gp", "one of auto, tpe, random, grid, qmc"),
        ("sampler", "hierarchical_tpe", "one of auto, tpe, random, grid, qmc"),
        ("pruner", "median", "none: a pruner compares trials by one metric"),
        ("schedule", "rungs", "full: a schedule compares trials by one metric"),
        ("until", "no_gain", "budget: no_gain compares trials by one metric"),
        ("prior", {"hidden.0": 4}, "no prior: it compares trials by one metric"),
        ("warm_start", ["other"], "no other studies"),
    ],
)
def test_what_compares_by_one_metric_is_refused(field: str, value: Any, told: str) -> None:
    assert Search.model_validate({"metric": ["val_loss"], field: value}).objectives == ("val_loss",)
    with pytest.raises(ValueError, match=told):
        Search.model_validate({"metric": ["val_loss", "parameters"], field: value})


def test_losses_that_differ_are_no_objective() -> None:
    losses = "training: {epochs: 1, loss: {choice: [mse, mae]}}"
    text = STUDY.replace("training: {epochs: 1}", losses)
    with pytest.raises(StudyFileError, match="another metric than val_loss"):
        read_spec(parse(f"{text}  metric: [val_accuracy, val_loss]\n", "s.yaml"))


def test_a_function_of_ones_own_is_no_objective() -> None:
    with pytest.raises(ValueError, match="known to be better where it is larger"):
        Search.model_validate({"metric": ["val_loss", "own"], "metrics": [{"python": "own"}]})
