"""Splits by a column: groups stay whole, the latest rows validate, and values have equal shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold, train_test_split

from hpsearch.data import RawData, load_raw_data
from hpsearch.exceptions import DataError, StudyFileError
from hpsearch.spec import Data, load_study_file
from support.commands import STUDY, write_study

ROWS = 300
RNG = np.random.default_rng(2)
PATIENTS = RNG.integers(40, size=ROWS)
DAYS = RNG.permutation(ROWS) // 2
TOWNS = RNG.choice(["Ulm", "Bonn", "Kiel"], ROWS, p=[0.6, 0.3, 0.1])
LABELS = RNG.choice(["a", "b"], ROWS)
X = RNG.normal(size=ROWS)


def dates() -> list[str]:
    return [f"{day % 28 + 1:02}.{day // 28 % 12 + 1:02}.2024" for day in DAYS.tolist()]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = zip(PATIENTS, dates(), TOWNS, X, LABELS, RNG.normal(size=ROWS), strict=True)
    lines = ["patient,day,town,x,label,size", *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def split(directory: Path, target: str = "label", **options: Any) -> RawData:
    data = Data.model_validate({"csv": "d.csv", "target": target, **options})
    return load_raw_data(data, directory)


def state(raw: RawData) -> int:
    """Give the `random_state` of the validation part."""
    return int(np.random.SeedSequence([raw.data.split_seed, 2]).generate_state(1)[0])


class TestGroups:
    @pytest.mark.parametrize("target", ["label", "size"])
    def test_are_on_one_side(self, table: Path, target: str) -> None:
        raw = split(table, target, group="patient", test=0.2, validation=0.25)
        ((train, validation),) = raw.partition.splits
        assert raw.partition.test is not None
        parts = [set(PATIENTS[part].tolist()) for part in (train, validation, raw.partition.test)]
        assert not parts[0] & parts[1]
        assert not (parts[0] | parts[1]) & parts[2]
        assert 50 <= len(raw.partition.test) <= 60
        assert 50 <= len(validation) <= 60
        assert sum(map(len, (train, validation, raw.partition.test))) == ROWS

    def test_of_fresh_splits_too(self, table: Path) -> None:
        raw = split(table, group="patient")
        fresh = [raw.fresh(seed).splits[0] for seed in range(4)]
        for one in fresh:
            assert not set(PATIENTS[one.train_index]) & set(PATIENTS[one.validation_index])
        assert len({tuple(one.validation_index) for one in fresh}) == 4

    @pytest.mark.parametrize(("target", "kind"), [("label", StratifiedGroupKFold), ("size", GroupKFold)])
    def test_of_folds_are_those_of_sklearn(self, table: Path, target: str, kind: Any) -> None:
        raw = split(table, target, group="patient", validation={"folds": 4})
        labels = np.unique(LABELS, return_inverse=True)[1]
        folder = kind(4, shuffle=True, random_state=state(raw))
        codes = first_seen(PATIENTS)
        for (train, validation), fold in zip(
            raw.partition.splits, folder.split(labels, labels, codes), strict=True
        ):
            assert not set(PATIENTS[train]) & set(PATIENTS[validation])
            np.testing.assert_array_equal(train, fold[0])
            np.testing.assert_array_equal(validation, fold[1])

    def test_are_no_feature(self, table: Path) -> None:
        dataset = split(table, group="patient").own()
        assert dataset.encoding is not None
        assert not any("patient" in name for name in dataset.encoding.feature_names)
        assert next(one.kind for one in dataset.columns if one.name == "patient") == "group"

    def test_that_are_too_few(self, table: Path) -> None:
        with pytest.raises(DataError, match=r"data\.group: .*3 groups are too few for 5 folds"):
            split(table, group="town", validation={"folds": 5})


class TestTimes:
    @pytest.mark.parametrize("validation", [0.2, 60, {"last": 60}])
    def test_no_row_is_trained_on_that_is_later(self, table: Path, validation: Any) -> None:
        raw = split(table, time="day", validation=validation, test=30)
        ((train, other),) = raw.partition.splits
        assert raw.partition.test is not None
        assert DAYS[train].max() <= DAYS[other].min()
        assert DAYS[other].max() <= DAYS[raw.partition.test].min()
        assert len(other) == {0.2: 54}.get(validation if isinstance(validation, float) else 0, 60)

    def test_are_features_too(self, table: Path) -> None:
        dataset = split(table, time="day").own()
        assert next(one.becomes for one in dataset.columns if one.name == "day").endswith(
            "; its latest rows validate"
        )
        assert not any("in its order" in note for note in dataset.notes)

    def test_may_be_numbers(self, table: Path) -> None:
        ((train, other),) = split(table, time="x").partition.splits
        assert X[train].max() < X[other].min()

    def test_that_are_words(self, table: Path) -> None:
        with pytest.raises(
            DataError, match=r"data\.time: .*d\.csv:2: column 'town' holds .*expected numbers"
        ):
            split(table, time="town")

    def test_that_are_missing(self, table: Path) -> None:
        (table / "d.csv").write_text("day,x,label\n1,1,a\n,2,b\n3,3,a\n")
        with pytest.raises(DataError, match=r"data\.time: .*d\.csv:3: column 'day' has no value in this row"):
            split(table, time="day")


class TestStrata:
    def test_are_shared_as_by_sklearn(self, table: Path) -> None:
        raw = split(table, "size", stratify="town", validation=60)
        ((train, other),) = raw.partition.splits
        _, expected = train_test_split(
            np.arange(ROWS), test_size=60, stratify=first_seen(TOWNS), random_state=state(raw)
        )
        np.testing.assert_array_equal(other, np.sort(expected))
        assert len(train) == ROWS - 60

    def test_of_folds(self, table: Path) -> None:
        raw = split(table, "size", stratify="town", validation={"folds": 3})
        folds = StratifiedKFold(3, shuffle=True, random_state=state(raw)).split(TOWNS, first_seen(TOWNS))
        for (train, other), fold in zip(raw.partition.splits, folds, strict=True):
            np.testing.assert_array_equal(train, fold[0])
            np.testing.assert_array_equal(other, fold[1])

    def test_with_one_row(self, table: Path) -> None:
        with pytest.raises(DataError, match=r"stratum '.*' has 1 row\(s\), too few to be split"):
            split(table, "size", stratify="x")


def first_seen(words: Any) -> Any:
    """Number words in the order in which they come."""
    order = list(dict.fromkeys(words.tolist()))
    return np.array([order.index(word) for word in words.tolist()])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"group": "a", "time": "b"}, "data.group: expected one of 'group', 'time' and 'stratify'"),
        (
            {"time": "a", "validation": {"folds": 3}},
            "data.validation: expected a share or a number of rows with",
        ),
        (
            {"group": "a", "validation": {"last": 3}},
            "data.validation: expected a share or a number of rows or",
        ),
        ({"group": "a", "window": {"length": 3}}, "data.group: expected no 'group' with 'window'"),
        (
            {"csv": None, "sklearn": "iris", "target": None, "time": "a"},
            "data.time: expected 'time' only with csv",
        ),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    data = {"csv": "d.csv", "target": "y", **options}
    given = {key: value for key, value in data.items() if value is not None}
    write_study(tmp_path / "s.yaml", {**STUDY, "data": given})
    with pytest.raises(StudyFileError, match=r"s\.yaml:\d+: ") as caught:
        load_study_file(tmp_path / "s.yaml")
    assert told in str(caught.value)


def test_fresh_splits_are_not_drawn_from_times(tmp_path: Path) -> None:
    raw = {"data": {"csv": "d.csv", "target": "y", "time": "a"}, "confirm": {"splits": "fresh"}}
    write_study(tmp_path / "s.yaml", {**STUDY, **raw})
    with pytest.raises(StudyFileError, match=r"confirm\.splits: expected own: the latest rows"):
        load_study_file(tmp_path / "s.yaml")
