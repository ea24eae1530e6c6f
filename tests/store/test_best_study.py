"""The paths of the best study, which finds its data wherever it is."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.spec import Data
from hpsearch.store.best_study import _found_from_anywhere


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"csv": ["a.csv", "/b.csv"]}, {"csv": ("/home/a.csv", "/b.csv")}),
        ({"csv": "sales-*.csv"}, {"csv": "/home/sales-*.csv"}),
        ({"table": "a.parquet"}, {"table": "/home/a.parquet"}),
    ],
)
def test_files_of_tables_are_written_in_full(given: dict[str, Any], found: dict[str, Any]) -> None:
    data = Data.model_validate({**given, "target": "y", "test": {"file": "test.csv"}})
    moved = _found_from_anywhere(data, "/home")
    assert {name: getattr(moved, name) for name in found} == found
    assert moved.dump()["test"] == {"file": "/home/test.csv"}
    assert Data.model_validate(moved.dump()) == moved
