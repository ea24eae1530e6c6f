"""The table of columns: tables as people bring them are read as a person would read them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import TypeAdapter
from sklearn.feature_extraction.text import CountVectorizer

from hpsearch.data import Dataset, Preprocessing, load_dataset
from hpsearch.data.columns.kinds import is_name_of_key
from hpsearch.data.summary import ColumnSummary
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

ROWS = 400
RNG = np.random.default_rng(5)
NOISE = RNG.normal(size=ROWS)
HALVES = [f"{number:.3f}" for number in RNG.normal(50, 9, ROWS)]
Columns = Mapping[str, Sequence[Any]]
Load = Callable[..., Dataset]


def among(*words: Any) -> list[Any]:
    return [words[place] for place in RNG.integers(len(words), size=ROWS)]


def days(form: str = "%Y-%m-%d", step: int = 1) -> list[str]:
    first = datetime(2022, 1, 1, 8, 30)  # noqa: DTZ001 - tables have no zone
    return [(first + timedelta(days=step * row, hours=row % 7)).strftime(form) for row in range(ROWS)]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write columns to a csv file and load it."""

    def write(table: Columns, /, separator: str = ",", **options: Any) -> Dataset:
        with (tmp_path / "d.csv").open("w", newline="", encoding="utf-8") as file:
            rows = [list(table), *zip(*table.values(), strict=True)]
            csv.writer(file, delimiter=separator).writerows(rows)
        return load_dataset(Data.model_validate({"csv": "d.csv", "target": "y", **options}), tmp_path)

    return write


def refusal(load: Load, table: Columns, /, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(table, **options)
    return str(caught.value)


def column(dataset: Dataset, name: str) -> ColumnSummary:
    return next(one for one in dataset.columns if one.name == name)


def kinds(dataset: Dataset) -> dict[str, str]:
    return {one.name: one.kind for one in dataset.columns}


def names(dataset: Dataset) -> tuple[str, ...]:
    assert dataset.encoding is not None
    return dataset.encoding.feature_names


def all_rows(dataset: Dataset) -> Any:
    return dataset.unscaled.take(np.arange(ROWS), 0).x


class TestTables:
    """Twelve tables, hostile and ordinary."""

    def test_customers(self, load: Load) -> None:
        """Seven columns, of which one-hot encoding would make hundreds of features."""
        dataset = load(
            {
                "customer_id": range(10_000, 10_000 + ROWS),
                "signup": days(),
                "town": among("Ulm", "Bonn", "Kiel"),
                "visits": among(1, 2, 3, 4),
                "income": HALVES,
                "country": ["DE"] * ROWS,
                "y": among("stays", "leaves"),
            },
            standardize=True,
        )
        assert kinds(dataset) == {
            "customer_id": "id",
            "signup": "date",
            "town": "category",
            "visits": "whole number",
            "income": "number",
            "country": "constant",
            "y": "target",
        }
        assert [one.becomes for one in dataset.columns] == [
            "left out: a key: another value in every row",
            "year, month (sine, cosine), weekday (sine, cosine), standardized",
            "one-hot, 3 features",
            "standardized",
            "standardized",
            "left out: one value",
            "what is predicted",
        ]
        assert dataset.features == (10,)
        assert column(dataset, "signup").range == "2022-01-01 to 2023-02-04"
        assert column(dataset, "visits").range == "1 to 4"
        assert (column(dataset, "income").missing, column(dataset, "y").distinct) == (0, 2)
        (note,) = [note for note in dataset.notes if note.startswith("left out")]
        assert "'customer_id' (id: " in note
        assert "'country' (constant: " in note

    @pytest.mark.parametrize(
        ("form", "parts"),
        [
            ("%Y-%m-%d", 5),
            ("%Y-%m-%dT%H:%M:%SZ", 7),
            ("%Y-%m-%d %H:%M:%S.%f", 7),
            ("%d.%m.%Y", 5),
            ("%d.%m.%Y %H:%M", 7),
            ("%m/%d/%Y", 5),
            ("%d/%m/%Y %I:%M %p", 7),
            ("%Y/%m/%d", 5),
            ("%d %b %Y", 5),
            ("%B %d, %Y", 5),
            ("%Y-%m", 3),
            ("%H:%M", 2),
        ],
    )
    def test_dates(self, load: Load, form: str, parts: int) -> None:
        dataset = load({"when": days(form), "y": HALVES})
        assert kinds(dataset)["when"] == "date"
        assert dataset.features == (parts,)

    def test_dates_are_parts_and_cycles(self, load: Load) -> None:
        dataset = load({"when": days("%d.%m.%Y"), "y": HALVES}, columns={"when": {"date": "%d.%m.%Y"}})
        assert names(dataset) == (
            "when year",
            "when month sin",
            "when month cos",
            "when weekday sin",
            "when weekday cos",
        )
        dates = [date(2022, 1, 1) + timedelta(days=row) for row in range(ROWS)]
        x = all_rows(dataset)
        np.testing.assert_array_equal(x[:, 0], [day.year for day in dates])
        weeks = [2 * np.pi * day.weekday() / 7 for day in dates]
        np.testing.assert_allclose(x[:, 3:], np.column_stack([np.sin(weeks), np.cos(weeks)]), atol=1e-6)
        angle = np.arctan2(x[:, 1], x[:, 2]) % (2 * np.pi)
        np.testing.assert_array_equal(np.floor(angle * 6 / np.pi + 1e-5), [day.month - 1 for day in dates])

    def test_ids_of_words(self, load: Load) -> None:
        dataset = load(
            {
                "order": [f"ORD-{row:05}" for row in range(ROWS)],
                "e-mail": [f"person{row}@example.org" for row in range(ROWS)],
                "uuid": [f"{row:08x}-52a1-4c3e-9d5b-0242ac120002" for row in range(ROWS)],
                "x": HALVES,
                "y": HALVES[::-1],
            }
        )
        assert kinds(dataset) == {"order": "id", "e-mail": "id", "uuid": "id", "x": "number", "y": "target"}

    def test_measures_are_no_ids(self, load: Load) -> None:
        """Numbers that are all different are ids only by their name, and fractions never are."""
        dataset = load(
            {
                "population": (np.arange(ROWS) * 7919 % 100_003).tolist(),
                "account id": HALVES,
                "row": range(1, ROWS + 1),
                "y": NOISE.tolist(),
            }
        )
        assert set(kinds(dataset).values()) == {"number", "target"}
        assert "it numbers the rows: an id?" in column(dataset, "row").warning

    @pytest.mark.parametrize("words", [("no", "yes"), ("False", "True"), ("nein", "ja"), ("N", "Y"), (0, 1)])
    def test_booleans(self, load: Load, words: tuple[Any, Any]) -> None:
        values = among(0, 1)
        columns = {"active": [words[value] for value in values], "x": HALVES, "y": NOISE.tolist()}
        dataset = load(columns)
        assert kinds(dataset)["active"] == "boolean"
        np.testing.assert_array_equal(all_rows(dataset)[:, 0], values)
        scaled = load(columns, standardize=True).splits[0].train.x[:, 0]
        assert (set(np.unique(scaled)) == {0, 1}) == (words != (0, 1))

    def test_three_kinds_of_missing(self, load: Load) -> None:
        gaps = ["", "NA", "?", *HALVES[3:]]
        dataset = load(
            {
                "x": gaps,
                "town": ["null", "", *among("Ulm", "Bonn")[2:]],
                "on": ["N/A", *among("no", "yes")[1:]],
                "nothing": [""] * ROWS,
                "y": NOISE.tolist(),
            },
            validation={"last": 100},
        )
        assert kinds(dataset) == {
            "x": "number",
            "town": "category",
            "on": "boolean",
            "nothing": "constant",
            "y": "target",
        }
        assert [one.missing for one in dataset.columns] == [3, 2, 1, ROWS, 0]
        mean = np.mean(np.array(HALVES[3:300], float))
        np.testing.assert_allclose(all_rows(dataset)[:3, 0], mean, rtol=1e-6)
        assert set(np.unique(all_rows(dataset)[:, 1:])) == {0, 1}

    def test_thousands(self, load: Load) -> None:
        dataset = load({"price": [f"{row * 1234.5 + 1:,.1f}" for row in range(ROWS)], "y": NOISE.tolist()})
        assert kinds(dataset)["price"] == "number"
        assert column(dataset, "price").range == f"1 to {399 * 1234.5 + 1:.6g}"

    def test_of_germany(self, load: Load) -> None:
        dataset = load(
            {
                "Größe": [f"{row * 1.25:.2f}".replace(".", ",") for row in range(ROWS)],
                "Datum": days("%d.%m.%Y"),
                "Kunde": among("ja", "nein"),
                "Kundennummer": range(500, 500 + ROWS),
                "y": [f"{number:.4f}".replace(".", ",") for number in NOISE],
            },
            separator=";",
        )
        assert kinds(dataset) == {
            "Größe": "number",
            "Datum": "date",
            "Kunde": "boolean",
            "Kundennummer": "id",
            "y": "target",
        }
        assert column(dataset, "Größe").range == "0 to 498.75"

    def test_five_thousand_categories(self, load: Load) -> None:
        words = [f"P{int(place) % 5000:04}" for place in np.random.default_rng(1).zipf(1.2, 20_000)]
        dataset = load({"product": words, "y": np.arange(20_000) / 2})
        assert kinds(dataset)["product"] == "high-cardinality category"
        assert column(dataset, "product").distinct > 3000
        assert column(dataset, "product").becomes == "one-hot, 256 features, the rare ones pooled"
        assert dataset.features == (256,)

    def test_imbalance(self, load: Load) -> None:
        target = ["sound"] * ROWS
        target[::50] = ["broken"] * len(target[::50])
        dataset = load({"x": HALVES, "part no": range(ROWS), "y": target})
        assert kinds(dataset) == {"x": "number", "part no": "id", "y": "target"}
        assert dataset.labels == ("broken", "sound")
        assert (dataset.splits[0].validation.y == 0).sum() == 2

    def test_names_with_spaces(self, load: Load) -> None:
        dataset = load({" living area [m²] ": HALVES, "has garage?": among("yes", "no"), "y": NOISE.tolist()})
        assert names(dataset) == ("living area [m²]", "has garage?")

    def test_text(self, load: Load) -> None:
        words = ["the", "a", "good", "bad", "film", "actor", "story", "was", "is"]
        reviews = [" ".join(words[i] for i in RNG.integers(9, size=8)) for _ in range(ROWS)]
        people = [f"{name}, Mr. {row}" for row, name in enumerate(among("Smith", "Jones", "Brown"))]
        dataset = load({"review": reviews, "name": people, "x": HALVES, "y": NOISE.tolist()})
        assert kinds(dataset) == {"review": "text", "name": "text", "x": "number", "y": "target"}
        assert column(dataset, "review").becomes == "left out: free text"

    def test_outliers(self, load: Load) -> None:
        numbers = [*HALVES[2:], "1e30", "-99999"]
        dataset = load({"x": numbers, "y": NOISE.tolist()}, standardize=True, validation={"last": 50})
        assert column(dataset, "x").range == "-99999 to 1e+30"
        assert np.isfinite(dataset.splits[0].validation.x).all()

    @pytest.mark.parametrize("leak", ["number", "category", "quantity"])
    def test_a_leak(self, load: Load, leak: str) -> None:
        target: list[Any] = among("a", "b")
        if leak == "quantity":
            target = NOISE.tolist()
            given = [2 * number + 1 for number in target]
        elif leak == "number":
            given = [row if label == "a" else 1000 + row for row, label in enumerate(target)]
        else:
            given = [label.upper() for label in target]
        dataset = load({"given": given, "x": HALVES, "y": target})
        assert "it alone gives the target" in column(dataset, "given").warning
        assert column(dataset, "x").warning == ""
        assert any(note.startswith("column 'given': it alone gives the target") for note in dataset.notes)

    def test_rows_twice(self, load: Load) -> None:
        halves = [*HALVES[: ROWS // 2]] * 2
        dataset = load({"x": halves, "y": halves}, validation={"last": 200})
        assert any(
            note.startswith("200 of 200 validation rows have the same cells") for note in dataset.notes
        )
        tested = load({"x": halves, "y": halves}, validation={"last": 1}, test=100, split_seed=3)
        assert any("100 test rows have the same cells as one of the others" in note for note in tested.notes)
        assert not any("same cells" in note for note in load({"x": HALVES, "y": NOISE}).notes)

    @pytest.mark.parametrize(("validation", "told"), [(0.2, True), ({"last": 50}, False)])
    def test_an_order_in_time(self, load: Load, validation: Any, *, told: bool) -> None:
        dataset = load({"when": days(), "x": HALVES, "y": NOISE.tolist()}, validation=validation)
        assert ("the rows are in its order" in column(dataset, "when").warning) == told


def test_the_past_of_a_target_is_no_leak(load: Load) -> None:
    columns = {"day": days(), "x": HALVES, "y": NOISE.tolist()}
    dataset = load(columns, window={"length": 5}, standardize=True)
    assert [one.warning for one in dataset.columns] == [""] * 3
    assert column(dataset, "y").becomes == "what is predicted, and its past; standardized"
    assert dataset.features == (5, 7)


class TestDeclarations:
    COLUMNS: Columns = {
        "code": among(1, 2, 3),
        "when": among("03/04/2024", "05/06/2024"),
        "id": range(ROWS),
        "x": HALVES,
        "y": NOISE.tolist(),
    }

    def test_what_is_said_holds(self, load: Load) -> None:
        said = {"code": "category", "id": "number", "when": {"date": "%d/%m/%Y"}, "x": "drop"}
        dataset = load(self.COLUMNS, columns=said)
        assert kinds(dataset) == {
            "code": "category",
            "when": "date",
            "id": "number",
            "x": "dropped",
            "y": "target",
        }
        assert names(dataset)[:3] == ("code=1", "code=2", "code=3")
        assert "when month sin" in names(dataset)
        assert not any(note.startswith("left out") for note in dataset.notes)

    def test_what_is_dropped_is_not_read(self, load: Load) -> None:
        columns = {**self.COLUMNS, "when": ["5 %", "7 %"] * (ROWS // 2)}
        assert "a percent sign" in refusal(load, columns)
        assert names(load(columns, drop=["when", "code"])) == ("x",)

    def test_a_day_that_may_be_the_month_is_asked_about(self, load: Load) -> None:
        told = refusal(load, self.COLUMNS)
        assert "column 'when' holds dates such as '03/04/2024'" in told
        assert 'columns: {when: {date: "%d/%m/%Y"}}' in told

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (
                {"columns": {"codes": "number"}},
                "data.columns.codes: {}: there is no column 'codes' (did you mean",
            ),
            ({"drop": ["x", "z"]}, "data.drop.1: {}: there is no column 'z'"),
            ({"columns": {"y": "category"}}, "data.columns.y: {}: column 'y' is the target"),
            ({"columns": {"when": "number"}}, "data.columns.when: {}:2: column 'when' holds '0"),
            ({"columns": {"when": {"date": "%Y"}}}, "data.columns.when: {}:"),
            (
                {"columns": {"x": "date"}, "drop": ["when"]},
                "which are not all dates or times in one usual form",
            ),
            ({"columns": {"code": "boolean"}}, "column 'code' holds '1', '2', '3'; expected two words"),
        ],
    )
    def test_what_is_not_so_is_told(
        self, load: Load, tmp_path: Path, options: dict[str, Any], told: str
    ) -> None:
        assert told.format(tmp_path / "d.csv") in refusal(load, self.COLUMNS, **options)

    def test_indicators_of_missing_values(self, load: Load, tmp_path: Path) -> None:
        columns = {
            "x": ["", *HALVES[1:]],
            "town": ["Ulm", "NA", *among("Ulm", "Bonn")[2:]],
            "seen": ["", "", "yes", *[""] * (ROWS - 3)],
            "id": ["", *range(ROWS - 1)],
            "full": HALVES,
            "y": NOISE.tolist(),
        }
        dataset = load(columns, missing_indicators=True, standardize=True)
        assert names(dataset) == (
            "x",
            "x missing",
            "town=Bonn",
            "town=Ulm",
            "town missing",
            "seen missing",
            "full",
        )
        assert column(dataset, "x").becomes == "standardized; 0 or 1 where missing"
        assert column(dataset, "seen").becomes == "left out: one value; 0 or 1 where missing"
        x = all_rows(dataset)
        np.testing.assert_array_equal(x[:3, [1, 4, 5]], [[1, 0, 1], [0, 1, 1], [0, 0, 0]])
        np.testing.assert_array_equal(dataset.preprocessing().read(tmp_path / "d.csv").x, x)
        for split in dataset.splits:
            assert set(np.unique(split.train.x[:, [1, 4, 5]])) <= {0, 1}
        assert len(names(load(columns))) == 4

    def test_text_becomes_a_bag_of_words_where_that_is_said(self, load: Load, tmp_path: Path) -> None:
        words = [*(f"word{number}" for number in range(300)), "Ein", "a", "été"]
        chances = 1 / np.arange(1, len(words) + 1)
        drawn = RNG.choice(len(words), (ROWS, 12), p=chances / chances.sum())
        reviews = [", ".join(words[place] for place in row) + "!" for row in drawn]
        columns = {"review": ["", *reviews[1:]], "x": HALVES, "y": NOISE.tolist()}
        dataset = load(columns, columns={"review": "text"}, standardize=True)
        train = dataset.splits[0].train_index
        assert dataset.encoding is not None
        known = dataset.encoding.columns[0].categories
        counted = CountVectorizer(binary=True).fit([reviews[row] for row in train if row])
        rows = np.asarray(counted.transform([reviews[row] for row in train if row]).sum(axis=0))[0]
        common = {word for word, column in counted.vocabulary_.items() if rows[column] >= 5}
        assert set(known) == common
        expected = CountVectorizer(binary=True, vocabulary=known).transform(columns["review"]).toarray()
        np.testing.assert_array_equal(all_rows(dataset)[:, :-1], expected)
        np.testing.assert_array_equal(dataset.splits[0].train.x[:, :-1], expected[train])
        assert column(dataset, "review").becomes == f"bag of words: 0 or 1 for each of {len(known)}"
        np.testing.assert_array_equal(dataset.preprocessing().read(tmp_path / "d.csv").x, all_rows(dataset))

    def test_text_without_words_is_told(self, load: Load) -> None:
        columns = {"review": [f"n{row}" for row in range(ROWS)], "x": HALVES, "y": NOISE.tolist()}
        told = refusal(load, columns, columns={"review": "text"})
        assert told.startswith("data.columns.review: ")
        assert "occurs in 5 training rows or more" in told

    def test_nothing_left_is_told(self, load: Load) -> None:
        told = refusal(load, {"id": range(ROWS), "y": NOISE.tolist()})
        assert "no column is left that a target could be predicted from: 'id' (a key:" in told


class TestNewRows:
    def test_are_prepared_alike(self, load: Load, tmp_path: Path) -> None:
        columns = {
            "when": days(),
            "on": among("yes", "no"),
            "id": range(ROWS),
            "code": among(1, 2),
            "x": HALVES,
            "y": NOISE.tolist(),
        }
        dataset = load(columns, columns={"code": "category"}, standardize=True)
        kind = TypeAdapter(Preprocessing)
        kept = kind.validate_json(kind.dump_json(dataset.preprocessing()))
        assert kept == dataset.preprocessing()
        found = kept.read(tmp_path / "d.csv")
        np.testing.assert_array_equal(found.x, all_rows(dataset))
        typed = {
            **columns,
            "when": [date.fromisoformat(day) for day in columns["when"]],
            "id": list(range(ROWS)),
        }
        parquet.write_table(pa.table(typed), tmp_path / "d.parquet")
        again = dataset.preprocessing().read(tmp_path / "d.parquet")
        np.testing.assert_array_equal(again.x, all_rows(dataset))

    def test_what_is_no_date_is_told(self, load: Load, tmp_path: Path) -> None:
        dataset = load({"when": days(), "on": among("yes", "no"), "y": NOISE.tolist()})
        (tmp_path / "new.csv").write_text("when,on\n2024-02-29,yes\n2024-02-30,no\n")
        with pytest.raises(
            DataError, match=r"new\.csv:3: column 'when' holds '2024-02-30', which is not a date"
        ):
            dataset.preprocessing().read(tmp_path / "new.csv")
        (tmp_path / "new.csv").write_text("when,on\n2024-02-29,maybe\n")
        with pytest.raises(
            DataError, match=r"new\.csv:2: column 'on' holds 'maybe', which is not true or false"
        ):
            dataset.preprocessing().read(tmp_path / "new.csv")


@pytest.mark.parametrize("name", ["id", "ID", "user_id", "PassengerId", "customerID", "Kundennummer", "id_2"])
def test_names_of_keys(name: str) -> None:
    assert is_name_of_key(name)


@pytest.mark.parametrize("name", ["paid", "humidity", "width", "no_of_rooms", "keyboard", "x1", "", "valid"])
def test_names_of_measures(name: str) -> None:
    assert not is_name_of_key(name)
