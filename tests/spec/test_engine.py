"""The engine section: how a study is run, and not what it is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hpsearch.spec import StudySpec
from hpsearch.store.resolved import check_same_experiment

STUDY = {"name": "s", "data": "sklearn:iris", "model": {"mlp": {"hidden": [4]}}, "training": {"epochs": 1}}


def test_it_may_change_between_runs() -> None:
    plain, larger = (
        StudySpec.model_validate(STUDY),
        StudySpec.model_validate(STUDY | {"engine": {"gpus": 0.5}}),
    )
    check_same_experiment(plain, larger)
    check_same_experiment(larger, plain)
    assert "engine" not in plain.dump()
    assert larger.dump()["engine"] == {"cpus": 1.0, "gpus": 0.5}


def test_how_many_workers() -> None:
    for workers in (3, "auto"):
        spec = StudySpec.model_validate(STUDY | {"engine": {"workers": workers}})
        assert spec.dump()["engine"]["workers"] == workers
    for wrong in (0, 1025, "many"):
        with pytest.raises(ValidationError):
            StudySpec.model_validate(STUDY | {"engine": {"workers": wrong}})


def test_a_worker_has_a_share_of_an_accelerator_or_whole_ones() -> None:
    with pytest.raises(ValidationError, match="a whole number, or a share of 1"):
        StudySpec.model_validate(STUDY | {"engine": {"gpus": 1.5}})
