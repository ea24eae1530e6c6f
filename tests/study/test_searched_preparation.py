"""The scaling of features and the transform of targets as parts of what is searched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hpsearch
from hpsearch.data import load_raw_data
from hpsearch.engines.session.splits import Splits
from hpsearch.exceptions import DataError
from hpsearch.spec import Confirm, StudySpec, read_configuration
from hpsearch.spec.sections.preparation import Preparation
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


TRANSFORMS = {"choice": ["standard", "log", "power", {"power": 0.5}, "none"]}


def regression(transform: Any, **sections: Any) -> dict[str, Any]:
    """Return a study of diabetes whose targets are transformed so."""
    return study("standard", **sections) | {
        "data": {"sklearn": "diabetes", "target_transform": transform, "test": 40}
    }


class TestTargetTransform:
    def test_is_a_structure_of_its_own(self) -> None:
        space = SearchSpace(StudySpec.model_validate(regression(TRANSFORMS)))
        assert space["data.target_transform"].structural
        assert (space.size(), space.structures()) == (5, 5)

    def test_configurations_name_it_and_are_read_again(self) -> None:
        space = SearchSpace(StudySpec.model_validate(regression(TRANSFORMS)))
        for values in space.grid():
            configuration = space.configuration(values)
            assert read_configuration(configuration.dump()) == configuration
        assert configuration.dump()["data"] == {"target_transform": "none"}

    @pytest.mark.parametrize("scaling", [None, {"choice": ["none", "robust"]}])
    @pytest.mark.parametrize("transform", ["none", "log", "power", {"power": 0.5}])
    def test_targets_are_those_of_a_study_with_it(self, transform: Any, scaling: Any) -> None:
        raw = regression(TRANSFORMS)
        raw["data"] |= {} if scaling is None else {"scaling": scaling}
        searched = Splits(lambda: load_raw_data(StudySpec.model_validate(raw).data, Path()), Confirm())
        plain = StudySpec.model_validate(regression(transform) if scaling is None else with_robust(transform))
        alone = load_raw_data(plain.data, Path()).own()
        preparation = plain.data.preparation
        for own, other in zip(searched.of(None, preparation).splits, alone.splits, strict=True):
            np.testing.assert_array_equal(own.trained.train.y, other.trained.train.y)
            np.testing.assert_array_equal(own.trained.train.x, other.trained.train.x)

    def test_all_must_suit_the_targets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        raw = regression({"choice": ["standard", "log"]})
        raw["data"] = {"csv": "y.csv", "target": "y", "target_transform": raw["data"]["target_transform"]}
        Path("y.csv").write_text("a,y\n" + "".join(f"{place},{place - 3}\n" for place in range(20)))
        with pytest.raises(DataError, match="targets of 0 or more for 'target_transform: log'"):
            load_raw_data(StudySpec.model_validate(raw).data, Path()).own()


def with_robust(transform: Any) -> dict[str, Any]:
    raw = regression(transform)
    return raw | {"data": raw["data"] | {"scaling": "robust"}}


@pytest.mark.parametrize("split", [None, 1, "whole"])
def test_rows_are_those_of_a_study_with_that_scaling_and_made_once(split: Any) -> None:
    searched = Splits(lambda: load_raw_data(spec(CHOICE).data, Path()), Confirm(splits="fresh"))
    for name, scaling in SCALINGS.items():
        alone = Splits(lambda name=name: load_raw_data(spec(name).data, Path()), Confirm(splits="fresh"))  # type: ignore[misc]
        preparation = Preparation(scaling=scaling())
        found, expected = searched.of(split, preparation), alone.of(split)
        assert searched.of(split, preparation) is found
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

    @pytest.mark.parametrize(("label", "transform"), [("log", "log"), ("power(0.5)", {"power": 0.5})])
    @pytest.mark.parametrize("model", ["mlp", "realmlp"])
    def test_a_trial_is_that_of_a_study_with_its_transform(
        self, model: str, label: str, transform: Any
    ) -> None:
        sections = {"model": {model: {"hidden": [8]}}}
        search = {"trials": 2, "enqueue": [{"data.target_transform": label}]}
        searched = hpsearch.optimize(regression(TRANSFORMS, **sections, search=search), engine="in_process")
        alone = regression(transform, **sections, search={"trials": 1}, name="alone")
        (expected,) = hpsearch.optimize(alone, engine="in_process").trials
        for metric in ("loss", "val_loss", "val_mae"):
            assert searched.trials[0].history[metric] == expected.history[metric]

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
