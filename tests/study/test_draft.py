"""`hpsearch init`: a study file for data that somebody has, which runs as it stands."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hpsearch.exceptions import DataError
from hpsearch.spec import load_study_file
from hpsearch.study.draft.draft import draft_study
from support.commands import here, succeed_here

ROWS = 120
DRAW = np.random.default_rng(0)
AGES = DRAW.integers(18, 80, ROWS)
CITIES = DRAW.choice(["Berlin", "Bern", "Wien"], ROWS)
DAYS = [f"20{day:02d}-0{day % 9 + 1}-15" for day in DRAW.integers(10, 24, ROWS)]
PAID = DRAW.choice(["yes", "no"], ROWS, p=[0.1, 0.9])
INCOMES = np.round(DRAW.normal(3_000, 900, ROWS), 2)


def table(path: Path, header: str, *columns: object, separator: str = ",") -> None:
    lines = [header, *(separator.join(map(str, row)) for row in zip(*columns, strict=True))]
    path.write_text("\n".join(lines) + "\n")


def numbers(path: Path) -> None:
    table(path, "age,rooms,price", AGES, DRAW.integers(1, 9, ROWS), INCOMES)


def mixed(path: Path) -> None:
    names = [f"c{number:04d}" for number in range(ROWS)]
    table(path, "id,age,city,joined,paid", names, AGES, CITIES, DAYS, PAID)


def german(path: Path) -> None:
    written = [f"{int(income):,}".replace(",", ".") + ",50" for income in INCOMES]
    table(path, "Alter;Stadt;Einkommen", AGES, CITIES, written, separator=";")


def called_class(path: Path) -> None:
    table(path, "class,age,income", DRAW.choice(["a", "b", "c"], ROWS), AGES, INCOMES)


def missing(path: Path) -> None:
    ages = ["" if age > 60 else age for age in AGES]
    table(path, "age,city,income", ages, ["NA" if city == "Bern" else city for city in CITIES], INCOMES)


def packed(path: Path) -> None:
    numbers(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def parquet(path: Path) -> None:
    pq.write_table(pa.table({"age": AGES, "city": CITIES, "target": PAID}), path)


def series(path: Path) -> None:
    np.savez(path, x=DRAW.normal(size=(ROWS, 12, 3)), y=DRAW.normal(size=ROWS))


def tokens(path: Path) -> None:
    words = DRAW.integers(0, 900, (ROWS, 20))
    words[0, 0] = 899
    np.savez(path, x=words, y=DRAW.integers(0, 3, ROWS))


def images(path: Path) -> None:
    for name in ("cats", "dogs"):
        (path / name).mkdir(parents=True)
        for number in range(20):
            pixels = DRAW.integers(0, 255, (20, 17, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number}.png")


DATA: dict[str, tuple[Callable[[Path], None], str, list[str]]] = {
    "numbers.csv": (numbers, "mlp", ["target: price   # the last column; --target says another one"]),
    "mixed.csv": (
        mixed,
        "mlp",
        [
            "#   id      id        0        120       c0000, c0001, c0002, ...  left out",
            "# time: joined   #",
            "# class_weight: balanced   # the class yes is ",
        ],
    ),
    "german.csv": (
        german,
        "mlp",
        ["target: Einkommen", "# note: the numbers of column 'Einkommen' are written"],
    ),
    "named.csv": (called_class, "mlp", ["target: class   # by its name; --target says another column"]),
    "missing.tsv": (missing, "mlp", ["csv: missing.tsv"]),
    "packed.csv.gz": (packed, "mlp", ["csv: packed.csv.gz", "name: packed"]),
    "people.parquet": (parquet, "mlp", ["table: people.parquet", "target: target   # by its name"]),
    "series.npz": (series, "sequential", ["- {gru: {units: "]),
    "tokens.npz": (tokens, "sequential", ["- {embedding: {input_dim: 900, "]),
    "pets": (images, "cnn", ["images: pets", "size: [24, 16]   # height and width", "rescale: 1/255"]),
}
"""What a person may have, the network that is chosen for it, and lines of the study file."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    for name, (make, _, _) in DATA.items():
        make(directory / name)
    return directory


@pytest.mark.parametrize("name", DATA)
def test_a_study_says_what_was_found(name: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    file, draft = draft_study(name, None)
    assert str(file) == f"{name.split('.', maxsplit=1)[0]}.yaml"
    for line in DATA[name][2]:
        assert f"  {line}" in draft.text or f"\n{line}" in draft.text, draft.text
    file.write_text(draft.text)
    assert load_study_file(file).spec.model.name == DATA[name][1]


@pytest.mark.long
@pytest.mark.parametrize("name", DATA)
def test_a_study_runs(name: str, place: Path, tmp_path: Path) -> None:
    file = tmp_path / "first.yaml"
    told = succeed_here("init", place / name, "--file", file, cwd=tmp_path).stdout
    assert told.splitlines()[-1].endswith(f"hpsearch optimize {file}")
    small = ("--trials", "2", "--set", "training.epochs=2", "--quiet")
    succeed_here("optimize", file, *small, cwd=tmp_path)
    best = json.loads(succeed_here("best", "first", "--format", "json", cwd=tmp_path).stdout)
    assert math.isfinite(best["value"])


def test_data_that_come_along(tmp_path: Path) -> None:
    text = draft_study("sklearn:diabetes", None, tmp_path / "a.yaml")[1].text
    assert "  validation: {folds: 5}" in text  # 442 rows
    assert "name: a\n" in text


def test_names_of_columns_cannot_write_into_the_study(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a\nseed: 5": AGES, "b # c": CITIES, "#": PAID}), tmp_path / "x.parquet")
    _, draft = draft_study(str(tmp_path / "x.parquet"), "#", tmp_path / "x.yaml")
    assert '  target: "#"' in draft.text
    assert not any(line.startswith("seed") for line in draft.text.splitlines())


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    numbers(tmp_path / "numbers.csv")
    (tmp_path / "numbers.yaml").write_text("mine")
    result = here("init", cwd=tmp_path)
    assert result.returncode != 0
    assert "numbers.yaml: this file exists and is left as it is" in result.stderr
    assert (tmp_path / "numbers.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "target", "told"),
    [
        ("nowhere.csv", None, "nowhere.csv: there is no such file or folder. Expected a table"),
        ("keras:mnits", None, "keras:mnits: there is no such data set; expected one of mnist"),
        ("numbers.csv", "prize", "there is no column 'prize'; the columns are age, rooms, price"),
        ("sklearn:digits", "price", "--target: only a table has columns"),
        (
            None,
            None,
            "there are 9 files of data here (german.csv, missing.tsv, mixed.csv, named.csv, numbers.csv, ...)",
        ),
    ],
)
def test_what_cannot_be_begun_with(
    given: str | None, target: str | None, told: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(DataError) as refused:
        draft_study(given, target)
    assert told in str(refused.value)
