"""The page in a real browser, with its script allowed by its own policy."""

from __future__ import annotations

import html
import json
import re
import subprocess
from functools import cache

import pytest

from hpsearch.analysis import analyze, compare, summarize
from hpsearch.report.html.reports import render_comparison, render_probe, render_report
from support import made_comparisons, made_probes
from support.browsers import CHROMIUM, FLAGS

pytestmark = pytest.mark.slow

FRAME = """<!DOCTYPE html><iframe style="width:375px;height:800px;border:0" srcdoc="{page}"></iframe><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const page = frame.contentDocument;
  const rows = () => Array.from(page.querySelectorAll("#trials tbody tr"));
  const numbers = () => rows().filter((row) => !row.hidden).map((row) => Number(row.cells[1].dataset.value));
  const header = page.querySelectorAll("#trials thead th")[3];
  const seen = {{ width: page.documentElement.scrollWidth, unsorted: numbers() }};
  header.querySelector("button").click();
  header.querySelector("button").click();
  seen.sorted = numbers();
  seen.direction = header.getAttribute("aria-sort");
  const filter = page.querySelector("#filter");
  filter.value = "FAILED";
  filter.dispatchEvent(new Event("input"));
  seen.filtered = numbers();
  seen.copy = !page.querySelector("[data-copy]").hidden;
  document.body.append(Object.assign(document.createElement("pre"), {{ textContent: JSON.stringify(seen) }}));
}};
</script>"""


@pytest.fixture
def browse(tmp_path):
    """Open HTML in the browser and give the document after its scripts ran; nothing may be complained of."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")

    def dump(text: str) -> str:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert "CONSOLE" not in done.stderr
        return done.stdout

    return dump


def test_script_and_styles_run_under_the_policy_of_the_page(synthetic, browse):
    record = synthetic.record_of(12)
    document = browse(render_report(analyze(record), record))
    assert document.count('<button type="button">') == 8 + len(record.parameters)
    assert '<div class="controls"><p><label' in document.replace("\n", "")


def test_the_page_on_probes_runs_under_its_policy_and_its_table_sorts(browse):
    arms = [made_probes.arm(initializer=name) for name in ("zeros", "he_normal")]
    probe = made_probes.probe(*arms)
    document = browse(render_probe(probe, tuple(map(summarize, probe.arms))))
    assert document.count('<button type="button">') == 9
    assert document.count("<svg") == 3


WIDTHS = """<!DOCTYPE html><iframe style="width:{width}px;height:800px;border:0" srcdoc="{page}"></iframe><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const page = frame.contentDocument;
  const header = page.querySelectorAll("#arms thead th")[2];
  const names = () => Array.from(page.querySelectorAll("#arms tbody th"), (cell) => cell.textContent.trim());
  const seen = {{ width: page.documentElement.scrollWidth, unsorted: names() }};
  header.querySelector("button").click();
  header.querySelector("button").click();
  seen.sorted = names();
  seen.focusable = Array.from(page.querySelectorAll(".scroll")).every((region) => region.tabIndex === 0);
  seen.named = Array.from(page.querySelectorAll("svg")).every((svg) => svg.getAttribute("aria-label"));
  document.body.append(Object.assign(document.createElement("pre"), {{ textContent: JSON.stringify(seen) }}));
}};
</script>"""


@cache
def compared():
    """Give the names of the arms that have a mean, best first, and the page."""
    record = made_comparisons.large(baseline="glorot_uniform, relu")
    comparison = compare(record)
    names = [arm.name for arm in comparison.arms if arm.best.mean is not None]
    return names, html.escape(render_comparison(comparison, record))


@pytest.mark.parametrize("width", [375, 1440])
def test_the_page_on_a_comparison_fits_and_its_table_sorts(browse, width):
    names, page = compared()
    document = browse(WIDTHS.format(page=page, width=width))
    seen = json.loads(re.findall(r"<pre>(\{.*?\})</pre>", document)[-1])
    assert seen["width"] <= width
    assert [name.removesuffix(" (baseline)") for name in seen["unsorted"][: len(names)]] == names
    assert [name.removesuffix(" (baseline)") for name in seen["sorted"][: len(names)]] == names[::-1]
    assert seen["focusable"]
    assert seen["named"]


def test_page_fits_a_phone_and_its_table_sorts_and_filters(synthetic, browse):
    record = synthetic.record_of(12)
    page = html.escape(render_report(analyze(record), record))
    document = browse(FRAME.format(page=page))
    seen = json.loads(re.findall(r"<pre>(\{.*?\})</pre>", document)[-1])
    ranked = [trial.number for trial in record.ranking]
    assert seen["width"] <= 375
    assert seen["unsorted"] == [*ranked, 7]
    assert seen["sorted"] == [*ranked[::-1], 7]
    assert seen["direction"] == "descending"
    assert seen["filtered"] == [7]
    assert seen["copy"]
