"""The table of columns: in the report, and as lines of a terminal."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from hpsearch.analysis import analyze
from hpsearch.data.summary import ColumnSummary
from hpsearch.report.html.reports import render_report
from hpsearch.report.words.columns import column_lines
from support.synthetic import DATA

COLUMNS = (
    ColumnSummary("customer_id", "id", 0, 200, "1 to 200", "left out: a key"),
    ColumnSummary("age", "number", 13, 48, "20 to 69", "standardized", "it alone gives the target"),
    ColumnSummary("<b>", "constant", 1200, 0, "", "left out: empty"),
)


def test_lines_stand_below_each_other() -> None:
    assert column_lines(COLUMNS) == [
        "column       kind      missing  distinct  range     becomes",
        "customer_id  id        0        200       1 to 200  left out: a key",
        "age          number    13       48        20 to 69  standardized",
        "<b>          constant  1,200    0                   left out: empty",
    ]


def test_of_many_those_that_are_no_numbers_come_first() -> None:
    lines = column_lines(COLUMNS, most=2)
    assert [line.split()[0] for line in lines] == ["column", "customer_id", "<b>", "and"]
    assert lines[-1] == "and 1 more column: hpsearch validate lists them"
    assert column_lines(()) == []


@pytest.mark.slow
def test_the_report_has_a_section(synthetic: Any) -> None:
    record = synthetic.record_of(2)
    page = render_report(analyze(record), record)
    assert "<h3>Columns</h3>" not in page
    record = replace(record, data=replace(DATA, columns=COLUMNS))
    page = render_report(analyze(record), record)
    table = page.split('<table id="columns-of-data">')[1].split("</table>")[0]
    assert "<h3>Columns</h3>" in page
    cells = [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in table.split("<tr>")[1:]]
    assert cells[0] == ["column", "kind", "missing", "distinct", "range", "becomes", "warning"]
    assert cells[2] == ["age", "number", "13", "48", "20 to 69", "standardized", "it alone gives the target"]
    assert cells[3][0] == "&lt;b&gt;"
