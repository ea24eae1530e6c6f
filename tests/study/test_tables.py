"""What a study found, as tables for other libraries; the records are made, not trained."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.study.results import Trials
from hpsearch.study.tables import Curves, Tabular
from support.synthetic import record_of

RECORD = record_of(9)
"""Trial 3 was pruned, and trial 7 failed in its second epoch."""

TABLES = [Trials(RECORD), Curves(RECORD)]


def test_curves_have_a_row_for_each_trial_and_epoch() -> None:
    columns = Curves(RECORD).columns()
    rows = list(zip(columns["number"], columns["epoch"], columns["val_loss"], strict=True))
    told = [(trial.number, list(enumerate(trial.history["val_loss"], 1))) for trial in RECORD.trials]
    assert rows == [(number, epoch, value) for number, curve in told for epoch, value in curve]
    assert (7, 2, None) in rows
    assert sum(number == 3 for number, *_ in rows) == 6


@pytest.mark.parametrize("table", TABLES)
def test_arrow_has_the_columns_as_they_are(table: Tabular) -> None:
    assert table.to_arrow().to_pydict() == table.columns()


def test_a_column_of_numbers_and_words_is_one_of_words_in_arrow() -> None:
    class Mixed(Tabular):
        def columns(self) -> dict[str, list[Any]]:
            return {"rate": [0.5, "none", None], "units": [8, 2.5, None]}

    assert Mixed().to_arrow().to_pydict() == {"rate": ["0.5", "none", None], "units": [8.0, 2.5, None]}


@pytest.mark.parametrize("table", [*TABLES, Curves(record_of(0))])
def test_pandas_and_polars_take_a_table(table: Tabular) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    assert polars.DataFrame(table.to_arrow()).to_dict(as_series=False) == table.columns()
    frame = table.to_pandas()
    assert {name: [None if pandas.isna(value) else value for value in frame[name]] for name in frame} == (
        table.columns()
    )
