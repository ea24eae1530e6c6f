"""Transforms of regression targets, against scikit-learn, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.readers.arrays import given_arrays, write_arrays
from hpsearch.data.target_scaling import TargetScaling, fit_target_scaling, yeo_johnson
from hpsearch.engines.policy.target_transform import with_target_transform
from hpsearch.exceptions import DataError, UnsupportedError
from hpsearch.spec import Data, StudySpec
from hpsearch.spec.sections.target_transform import TARGET_TRANSFORMS

GENERATOR = np.random.default_rng(3)
SKEWED = np.exp(GENERATOR.normal(10, 2, (200, 2))) * [1, 1e-3]
BOTH_SIGNS = GENERATOR.normal(0, 3, (200, 2)) ** 3


def fitted(name: str, y: Any, **arguments: Any) -> TargetScaling:
    scaling = fit_target_scaling(TARGET_TRANSFORMS[name](**arguments), y)
    assert scaling is not None
    return scaling


@pytest.mark.parametrize(
    ("name", "theirs", "y"),
    [
        ("standard", StandardScaler(), BOTH_SIGNS),
        ("power", PowerTransformer(), BOTH_SIGNS),
        ("power", PowerTransformer(), SKEWED),
    ],
)
def test_targets_are_transformed_as_scikit_learn_does(name: str, theirs: Any, y: Any) -> None:
    train, others = y[:150], y[150:]
    scaling = fitted(name, train)
    np.testing.assert_allclose(
        scaling.apply(others), theirs.fit(train).transform(others), rtol=2e-4, atol=2e-5
    )


def test_the_logarithm_is_standardized() -> None:
    expected = StandardScaler().fit_transform(FunctionTransformer(np.log1p).transform(SKEWED))
    np.testing.assert_allclose(fitted("log", SKEWED).apply(SKEWED), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("exponent", [-2.0, 0.0, 0.3, 1.0, 2.0, 3.5])
def test_powers_are_those_of_scipy(exponent: float) -> None:
    from scipy.stats import yeojohnson

    y = BOTH_SIGNS[:, 0]
    np.testing.assert_allclose(yeo_johnson(y, np.array(exponent)), yeojohnson(y, exponent), rtol=1e-10)


@pytest.mark.parametrize("exponent", [-2.0, 0.0, 0.5, 1.0, 2.0, 4.0])
def test_an_exponent_may_be_given(exponent: float) -> None:
    from scipy.stats import yeojohnson

    powers = np.stack([yeojohnson(column, exponent) for column in BOTH_SIGNS.T], axis=1)
    expected = StandardScaler().fit_transform(powers)
    found = fitted("power", BOTH_SIGNS, exponent=exponent).apply(BOTH_SIGNS)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_power_is_written_as_it_is_given() -> None:
    for given in ("power", {"power": 0.5}):
        data = Data.model_validate({"npz": "a.npz", "target_transform": given})
        assert data.dump()["target_transform"] == given
        assert Data.model_validate(data.dump()) == data
    with pytest.raises(ValueError, match="less than or equal to 4"):
        Data.model_validate({"npz": "a.npz", "target_transform": {"power": 5}})


def test_targets_of_one_value_are_only_centred() -> None:
    scaling = fitted("power", np.full(9, 4.0))
    np.testing.assert_allclose(scaling.apply(np.full(3, 4.0)), np.zeros(3), atol=1e-6)


def test_its_numbers_are_plain_data() -> None:
    assert json.loads(json.dumps(fitted("power", SKEWED).told())) == fitted("power", SKEWED).told()


def houses(folder: Path, transform: Any, y: Any = None, **options: Any) -> Dataset:
    y = SKEWED[:, 0] if y is None else y
    write_arrays(folder, given_arrays({"x": np.arange(2.0 * len(y)).reshape(-1, 2), "y": y}))
    return load_dataset(
        Data.model_validate({"arrays": str(folder), "target_transform": transform, **options}), Path()
    )


def test_each_fold_is_fitted_by_itself_and_keeps_its_units(tmp_path: Path) -> None:
    for split in houses(tmp_path, "standard", validation={"folds": 3}).splits:
        scaling = split.target_scaling
        assert scaling is not None
        train = split.train.y.astype(np.float64)
        assert (scaling.centre, scaling.deviation) == (
            pytest.approx(train.mean()),
            pytest.approx(train.std()),
        )
        np.testing.assert_allclose(
            split.trained.validation.y * train.std() + train.mean(), split.validation.y, rtol=1e-4
        )


def test_a_logarithm_of_what_is_below_0_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"expected targets of 0 or more for 'target_transform: log'.*found -.*use 'power'"
    ):
        houses(tmp_path, "log", SKEWED[:, 0] - 100)


def test_classes_are_not_transformed(tmp_path: Path) -> None:
    assert houses(tmp_path, "standard", np.arange(60) % 3).splits[0].target_scaling is None


def study(training: Any = None, model: Any = "mlp", **data: Any) -> StudySpec:
    model = {"mlp": {"hidden": [4]}} if model == "mlp" else model
    return StudySpec.model_validate(
        {
            "name": "a",
            "data": {"sklearn": "diabetes", **data},
            "model": model,
            "training": {"epochs": 1, **(training or {})},
        }
    )


@pytest.mark.parametrize(
    ("spec", "decided", "expected"),
    [
        (study(), None, "standard"),
        (study(), "none", "none"),
        (study({"loss": "huber"}), None, "standard"),
        (study({"loss": "mape"}), None, "none"),
        (study({"loss": "poisson"}), None, "none"),
        (study(target_transform="log"), None, "log"),
        (study(target="x"), None, "none"),
        (study(model={"python": {"file": "m.py", "function": "build"}}), None, "none"),
    ],
)
def test_targets_are_standardized_where_nothing_needs_them(spec: Any, decided: Any, expected: str) -> None:
    found = with_target_transform(spec, decided).data.target_transform
    assert found is not None
    assert found.name == expected


def test_a_transform_against_a_loss_that_needs_the_targets_is_refused() -> None:
    with pytest.raises(
        UnsupportedError, match=r"data.target_transform: expected none, because poisson is computed"
    ):
        with_target_transform(study({"loss": "poisson"}, target_transform="standard"))
