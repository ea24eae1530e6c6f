"""The scaling of features as a part of what is searched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hpsearch
from hpsearch.data import load_raw_data
from hpsearch.engines.session.splits import Splits
from hpsearch.spec import Confirm, StudySpec, read_configuration
from hpsearch.spec.sections.scaling import SCALINGS
from hpsearch.spec.space.defaults import ablation_space
from hpsearch.spec.space.space import SearchSpace

CHOICE = {"choice": ["standard", "robust", "quantile"]}


def study(scaling: Any, **sections: Any) -> dict[str, Any]:
    return {
        "name": "scaled",
        "data": {"sklearn": "wine", "scaling": scaling, "test": 40},
        "model": {"mlp": {"hidden": [8]}},
        "training": {"epochs": 3, "learning_rate": 0.01},
        "confirm": {"finalists": 0},
        "baseline": "off",
        **sections,
    }


def spec(scaling: Any) -> StudySpec:
    return StudySpec.model_validate(study(scaling))


class TestSearchSpace:
    def test_has_it_without_another_structure(self) -> None:
        space = SearchSpace(spec(CHOICE))
        assert [parameter.name for parameter in space.parameters] == ["data.scaling"]
        assert not space["data.scaling"].structural
        assert (space.size(), space.structures()) == (3, 1)
        assert not spec(CHOICE).fixed
        assert spec("robust").fixed

    def test_configurations_name_it_and_are_read_again(self) -> None:
        space = SearchSpace(spec(CHOICE))
        for values in space.grid():
            configuration = space.configuration(values)
            assert configuration.dump()["data"] == {"scaling": values["data.scaling"]}
            assert read_configuration(configuration.dump()) == configuration

    def test_configurations_of_other_studies_are_what_they_were(self) -> None:
        raw = study("none")
        raw["data"] = {"sklearn": "wine", "standardize": True}
        configuration = SearchSpace(StudySpec.model_validate(raw)).configuration({})
        assert set(configuration.dump()) == {"model", "training"}

    def test_an_ablation_goes_from_none_to_it(self) -> None:
        winner = SearchSpace(spec(CHOICE)).configuration({"data.scaling": "quantile"})
        (parameter,) = SearchSpace(ablation_space(spec(CHOICE), winner).spec).parameters
        assert parameter.options == ("none", "quantile")

    def test_rows_that_are_their_own_targets_have_one(self) -> None:
        raw = study(CHOICE)
        raw["data"] |= {"target": "x"}
        with pytest.raises(ValueError, match="one 'scaling' with 'target: x'"):
            StudySpec.model_validate(raw)


@pytest.mark.parametrize("split", [None, 1, "whole"])
def test_rows_are_those_of_a_study_with_that_scaling_and_made_once(split: Any) -> None:
    searched = Splits(lambda: load_raw_data(spec(CHOICE).data, Path()), Confirm(splits="fresh"))
    for name, scaling in SCALINGS.items():
        alone = Splits(lambda name=name: load_raw_data(spec(name).data, Path()), Confirm(splits="fresh"))  # type: ignore[misc]
        found, expected = searched.of(split, scaling()), alone.of(split)
        assert searched.of(split, scaling()) is found
        for own, other in zip(found.splits, expected.splits, strict=True):
            np.testing.assert_array_equal(own.train.x, other.train.x)
            np.testing.assert_array_equal(own.validation.x, other.validation.x)
        assert (found.test() is None) == (expected.test() is None)


@pytest.mark.long
class TestStudy:
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize("model", ["mlp", "realmlp"])
    @pytest.mark.parametrize("scaling", ["robust", "quantile"])
    def test_a_trial_is_that_of_a_study_with_its_scaling(self, model: str, scaling: str) -> None:
        models = {"model": {model: {"hidden": [8]}}}
        search = {"trials": 2, "enqueue": [{"data.scaling": scaling}]}
        searched = hpsearch.optimize(study(CHOICE, **models, search=search), engine="in_process")
        alone = study(scaling, **models, search={"trials": 1}, name="alone")
        (expected,) = hpsearch.optimize(alone, engine="in_process").trials
        found = searched.trials[0]
        assert found.parameters["data.scaling"] == scaling
        for metric in ("loss", "val_loss"):
            assert found.history[metric] == expected.history[metric]

    def test_the_model_has_the_scaling_of_the_winner(self) -> None:
        raw = study({"choice": ["none", "quantile"]}, search={"sampler": "grid", "trials": 2})
        found = hpsearch.optimize(raw, engine="in_process")
        best = found.best
        assert best is not None
        data = StudySpec.model_validate(raw).data
        rows = load_raw_data(data, Path()).own().raw(0, "validation")
        model = best.model()
        model.compile(loss="sparse_categorical_crossentropy")
        assert model.evaluate(rows.x, rows.y, verbose=0) == pytest.approx(best.value, rel=1e-3)
        assert "data:" in Path("runs/scaled/best.yaml").read_text(encoding="utf-8")
