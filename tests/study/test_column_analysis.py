"""What the report of a table says of its columns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from support.commands import succeed_here, write_study

pytestmark = pytest.mark.slow


def test_the_column_that_decides_is_told_with_how_it_does(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    decides, colour = generator.normal(size=300), generator.choice(["red", "blue", "green"], 300)
    lines = [
        f"{value:.4f},{word},{'yes' if value > 0 else 'no'}"
        for value, word in zip(decides, colour, strict=True)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["decides,colour,bought", *lines]))
    study = {
        "name": "columns",
        "data": {"csv": "rows.csv", "target": "bought", "test": 0.3, "standardize": True},
        "model": {"mlp": {"hidden": [8]}},
        "training": {"learning_rate": 0.02, "epochs": 15},
        "search": {"trials": 1},
        "confirm": "none",
    }
    write_study(tmp_path / "columns.yaml", study)
    succeed_here("optimize", "columns.yaml", cwd=tmp_path)
    told = json.loads(succeed_here("report", "columns", "--format", "json", cwd=tmp_path).stdout)
    insides = told["search"]["insides"]
    first, second = insides["columns"]
    assert (first["column"], second["column"]) == ("decides", "colour")
    assert first["low"] > second["high"]
    effects = {one["column"]: one for one in insides["effects"]}
    means = [at["mean"] for at in effects["decides"]["values"]]
    assert effects["decides"]["of"] == "yes"
    assert means == sorted(means)
    assert means[-1] - means[0] > 0.8
    assert [at["value"] for at in effects["colour"]["values"]] == ["blue", "green", "red"]
    slices = insides["slices"]
    measured = {one["name"]: one["value"] for one in insides["evaluation"]["measures"]}
    assert slices["looked_at"] == 7, "three colours, and four quarters of the numbers"
    assert slices["whole"]["value"] == pytest.approx(measured["accuracy"])
    assert {one["column"] for one in slices["found"]} == {"decides", "colour"}
    assert sum(one["rows"] for one in slices["found"] if one["column"] == "colour") == 90
    page = (tmp_path / "reports" / "columns.html").read_text()
    for heading in (
        "Importance of the columns",
        "Effects of the most important columns",
        "Calibration of",
        "Slices: where",
    ):
        assert heading in page


@pytest.mark.long
def test_slices_of_a_regression_are_in_the_units_of_its_target(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    size, floor = generator.uniform(20, 200, 600), generator.integers(0, 5, 600)
    garden = generator.choice(["yes", "no"], 600)
    noise = generator.normal(size=600) * np.where(garden == "yes", 90_000, 5_000)
    price = 3_000 * size + 10_000 * floor + noise
    rows = zip(size, floor, garden, price, strict=True)
    lines = [f"{one:.1f},{number},{word},{value:.0f}" for one, number, word, value in rows]
    (tmp_path / "rows.csv").write_text("\n".join(["size,floor,garden,price", *lines]))
    study = {
        "name": "prices",
        "data": {"csv": "rows.csv", "target": "price", "test": 0.4, "standardize": True},
        "model": {"mlp": {"hidden": [16]}},
        "training": {"learning_rate": 0.02, "epochs": 30},
        "search": {"trials": 1},
        "confirm": "none",
    }
    write_study(tmp_path / "prices.yaml", study)
    succeed_here("optimize", "prices.yaml", cwd=tmp_path)
    told = json.loads(succeed_here("report", "prices", "--format", "json", cwd=tmp_path).stdout)
    insides = told["search"]["insides"]
    measured = {one["name"]: one["value"] for one in insides["evaluation"]["measures"]}
    slices = insides["slices"]
    assert slices["whole"]["value"] == pytest.approx(measured["mae"])
    assert slices["looked_at"] == 10, "one of two kinds of gardens, five floors, and four quarters of sizes"
    first = slices["found"][0]
    assert first["column"] == "garden"
    assert first["p"] < 0.001
    sign = 1 if first["values"] == "yes" else -1
    assert sign * first["difference"] > 40_000
    assert first["residual"]["low"] < first["residual"]["value"] < first["residual"]["high"]
    assert "Welch" in (tmp_path / "reports" / "prices.html").read_text()
