"""Splits that are drawn anew for the replicates of finalists: as scikit-learn draws them, one at a time."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler

from hpsearch.data import RawData, load_raw_data
from hpsearch.engines.session.splits import Splits
from hpsearch.exceptions import StudyFileError
from hpsearch.spec import Confirm, Data, StudySpec, load_study_file
from hpsearch.spec.experiments import experiment_of

TABLE = """age,colour,label
1,red,a
2,red,b
NA,red,a
4,blue,b
5,blue,a
6,red,b
7,red,a
8,green,b
9,red,a
10,blue,b
"""


def raw_data(**raw: Any) -> RawData:
    return load_raw_data(Data.model_validate(raw), Path(str(raw.pop("directory", "."))))


class TestClasses:
    def test_training_and_validation_rows_are_divided_anew_and_the_test_part_stays(self) -> None:
        made = raw_data(sklearn="iris", test=0.2)
        own, fresh = made.own(), made.fresh(2**62 + 1)
        kept = np.sort(np.concatenate([own.splits[0].train_index, own.splits[0].validation_index]))
        drawn = fresh.splits[0]
        assert np.array_equal(np.sort(np.concatenate([drawn.train_index, drawn.validation_index])), kept)
        assert not np.array_equal(drawn.validation_index, own.splits[0].validation_index)
        assert np.array_equal(fresh.raw_test().x, own.raw_test().x)
        x, y = load_iris(return_X_y=True)
        assert np.array_equal(drawn.validation.x, x[drawn.validation_index].astype(np.float32))
        assert np.array_equal(drawn.train.y, y[drawn.train_index])

    def test_each_class_has_its_share_of_the_validation_part(self) -> None:
        made = raw_data(sklearn="iris", validation=30)
        for seed in range(5):
            assert np.bincount(made.fresh(seed).splits[0].validation.y).tolist() == [10, 10, 10]

    def test_a_seed_gives_one_split_and_another_seed_another(self) -> None:
        made = raw_data(sklearn="iris")
        first, again, other = (made.fresh(seed).splits[0].validation_index for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_scaling_is_that_of_the_fresh_training_part() -> None:
    made = raw_data(sklearn="diabetes", standardize=True)
    x, _ = load_diabetes(return_X_y=True)
    for dataset in (made.fresh(0), made.fresh(1), made.combined()):
        split = dataset.splits[0]
        scaler = StandardScaler().fit(x[split.train_index])
        np.testing.assert_allclose(split.train.x, scaler.transform(x[split.train_index]), atol=2e-5)
        np.testing.assert_allclose(split.scaling.mean, scaler.mean_, rtol=1e-5, atol=1e-7)


def test_columns_are_encoded_by_the_fresh_training_part(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    data = Data.model_validate({"csv": "t.csv", "target": "label", "validation": 4})
    made, rows = load_raw_data(data, tmp_path), [line.split(",") for line in TABLE.splitlines()[1:]]
    seen = set()
    for seed in range(12):
        fresh = made.fresh(seed)
        train = fresh.splits[0].train_index.tolist()
        ages = [float(rows[row][0]) for row in train if rows[row][0] != "NA"]
        colours = sorted({rows[row][1] for row in train})
        assert fresh.encoding is not None
        assert fresh.encoding.feature_names == ("age", *(f"colour={colour}" for colour in colours))
        assert fresh.encoding.columns[0].imputation == (pytest.approx(np.mean(ages)),)
        assert fresh.features == (1 + len(colours),)
        seen.add(tuple(colours))
    assert len(seen) > 1


def test_all_rows_together_leave_nothing_to_validate_on(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    data = Data.model_validate({"csv": "t.csv", "target": "label", "validation": {"folds": 2}})
    whole = load_raw_data(data, tmp_path).combined()
    assert whole.splits[0].train_index.tolist() == list(range(10))
    assert len(whole.splits[0].validation) == 0
    assert whole.preprocessing().encoding is not None
    assert whole.features == (4,)


class TestInAWorker:
    @pytest.mark.slow
    def test_one_is_held_beside_the_own(self) -> None:
        splits = Splits(lambda: raw_data(sklearn="iris"), Confirm(splits="fresh"))
        first = weakref.ref(splits.of(1))
        assert splits.of(1) is first()
        assert splits.of(None) is splits.own
        assert first() is not None
        splits.of(2)
        gc.collect()
        assert first() is None

    @pytest.mark.slow
    def test_what_a_split_is_made_from_is_kept_only_where_it_is_needed(self) -> None:
        loaded: list[Any] = []

        def load() -> RawData:
            made = raw_data(sklearn="iris")
            loaded.append(weakref.ref(made))
            return made

        splits = Splits(load, Confirm())
        gc.collect()
        assert [one() for one in loaded] == [None]
        assert splits.of(None) is splits.own
        # A confirmation of before may have had other splits.
        expected = raw_data(sklearn="iris").fresh(5).splits[0]
        assert np.array_equal(splits.of(5).splits[0].validation_index, expected.validation_index)
        assert len(loaded) == 2

    def test_a_copy_on_the_device_goes_with_its_split(self) -> None:
        from hpsearch.training.compiled import CompiledTrainer

        made = raw_data(sklearn="iris")
        trainer, fresh = CompiledTrainer(made.own()), made.fresh(3)
        trainer._on_device(fresh.splits[0])
        assert len(trainer._data) == 1
        del fresh
        gc.collect()
        assert not trainer._data


class TestSeeds:
    def confirmation(self, splits: str, seed: int = 0) -> Any:
        raw = {
            "name": "a",
            "data": "sklearn:iris",
            "model": {"mlp": {"hidden": [4]}},
            "training": {"epochs": 1},
            "search": {"seed": seed},
            "confirm": {"splits": splits},
            "compare": {"arms": {"trial 0": {}, "trial 1": {}}},
        }
        return experiment_of(StudySpec.model_validate(raw), "confirmation")

    def test_a_replicate_has_the_same_split_for_every_finalist(self) -> None:
        found = self.confirmation("fresh")
        values = [{"arm": f"trial {arm}", "replicate": n} for n in range(4) for arm in range(2)]
        splits = [found.split(value) for value in values]
        assert splits[::2] == splits[1::2]
        assert len(set(splits)) == 4
        assert found.split(values[0]) != self.confirmation("fresh", seed=1).split(values[0])

    def test_by_default_it_is_the_own_one(self) -> None:
        assert self.confirmation("own").split({"arm": "trial 0", "replicate": 1}) is None


STUDY = """name: a
data: {{sklearn: iris, validation: {validation}}}
model: {{mlp: {{hidden: [4]}}}}
training: {{epochs: 1}}
confirm:
  finalists: {finalists}
  {option}
"""


@pytest.mark.parametrize(
    ("validation", "finalists", "option", "told"),
    [
        ("{folds: 3}", 2, "splits: fresh", "7: confirm.splits: expected own: with {folds: k}"),
        ("{last: 9}", 2, "splits: fresh", "7: confirm.splits: expected own: {last: n} keeps"),
        ("test", 2, "splits: fresh", "7: confirm.splits: expected own: with validation: test"),
        ("test", 2, "refit: true", "7: confirm.refit: expected false: with validation: test"),
        ("0.2", 0, "splits: fresh", "7: confirm.splits: expected own (splits: fresh requires finalists)"),
        ("0.2", 0, "refit: true", "7: confirm.refit: expected false (refit: true requires finalists)"),
        ("0.2", 2, "splits: new", "7: confirm.splits: expected 'own' or 'fresh'"),
    ],
)
def test_what_has_no_meaning_is_refused(
    validation: str, finalists: int, option: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(STUDY.format(validation=validation, finalists=finalists, option=option))
    with pytest.raises(StudyFileError) as refused:
        load_study_file(path)
    assert told in str(refused.value)


@pytest.mark.parametrize("validation", ["{folds: 3}", "{last: 9}", "20"])
def test_a_refit_needs_no_drawn_validation_part(validation: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(STUDY.format(validation=validation, finalists=2, option="refit: true"))
    assert load_study_file(path).spec.confirm.refit
