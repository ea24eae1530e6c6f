"""What a person does with the page on a search in a real browser: sort, filter, brush, choose columns."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hpsearch.analysis import NOT_JUDGED, analyze
from hpsearch.report.html.reports import render_report
from hpsearch.report.html.study import FIRST_ROWS
from support import made_confirmations
from support.made_hostile import HOSTILE, made_hostile

pytestmark = pytest.mark.slow

HELPERS = """
  const set = (field, value) => { field.value = value; field.dispatchEvent(new view.Event(field.id === "filter" ? "input" : "change")); };
  const group = (name) => all("#ranges fieldset").find((one) => one.querySelector("legend").textContent === name);
  const label = (name, text) => Array.from(group(name).querySelectorAll("label")).find((one) => one.textContent.trim() === text).querySelector("input");
  const press = (selector) => page.querySelector(selector).click();
  const axes = JSON.parse(page.getElementById("explored").textContent).axes.map((axis) => axis.name);
  const brush = (name, from, to) => {
    const field = page.querySelector(`[data-axis="${axes.indexOf(name)}"]`);
    const top = field.ownerSVGElement.getBoundingClientRect().top;
    for (const [kind, y] of [["down", from], ["move", to], ["up", to]]) {
      field.dispatchEvent(new view.PointerEvent(`pointer${kind}`, { clientY: top + y, bubbles: true }));
    }
  };
"""


@pytest.fixture(scope="module")
def record(synthetic):
    return synthetic.record_of(60)


@pytest.fixture(scope="module")
def text(record):
    return render_report(analyze(record, made_confirmations.confirmed(record)), record)


def test_a_brush_a_text_and_the_fields_are_one_filter(visit, record, text):
    seen = visit(
        text,
        HELPERS
        + """
  const seen = {};
  brush("schedule", 40, 60);
  seen.brushed = shown();
  seen.boxes = Array.from(group("schedule").querySelectorAll("input"), (box) => box.checked);
  const [values, learning] = all("#course figure").slice(0, 2);
  const undimmed = (figure) => Array.from(figure.querySelectorAll("[data-trial]:not(.dimmed)"), (mark) => Number(mark.dataset.trial));
  seen.marks = undimmed(values);
  seen.curves = undimmed(learning);
  seen.told = all(".controls .status").map((one) => one.textContent);
  set(page.getElementById("filter"), "PRUNED");
  seen.both = shown();
  press("[data-clear]");
  seen.cleared = shown();
  set(group("learning_rate").querySelector("input"), "0.01");
  seen.typed = shown();
  seen.bar = Number(page.querySelectorAll(".stage .bar")[axes.indexOf("learning_rate")].getAttribute("height"));
  brush("learning_rate", 200, 200);
  seen.clicked = shown();
  label("schedule.cosine.warmup", "in this range").click();
  seen.absent = shown();
  told(seen);""",
    )
    ranked = [trial.number for trial in record.ranking]
    ranked += [trial.number for trial in record.trials if trial.value is None]
    trials = {trial.number: trial for trial in record.trials}

    def having(test) -> list[int]:
        return [number for number in ranked if test(trials[number])]

    last = record.parameters[[p.name for p in record.parameters].index("schedule")].options[-1]
    assert seen["brushed"] == having(lambda t: t.parameters["schedule"] == last)
    assert seen["boxes"] == [False, False, True]
    assert sorted(seen["marks"]) == sorted(seen["brushed"])
    assert 0 < len(seen["curves"]) < 60
    assert set(seen["curves"]) <= set(seen["brushed"])
    count = len(seen["brushed"])
    assert seen["told"] == [f"{count} of 60 trials: schedule: {last}"] * 2
    assert seen["both"] == having(lambda t: t.parameters["schedule"] == last and t.state == "pruned")
    assert seen["cleared"] == seen["clicked"] == ranked
    assert seen["typed"] == having(lambda t: t.parameters["learning_rate"] >= 0.01)
    assert 50 < seen["bar"] < 150
    assert seen["absent"] == having(lambda t: "schedule.cosine.warmup" not in t.parameters)


def test_end_points_and_absent_values_can_be_brushed(visit, record, text):
    seen = visit(
        text,
        HELPERS
        + """
  const seen = {};
  brush("val_loss", 345, 300);
  seen.best = shown();
  press("[data-clear]");
  brush("val_loss", 365, 392);
  seen.without = shown();
  press("[data-clear]");
  brush("learning_rate", 45, 343);
  seen.whole = shown();
  told(seen);""",
    )
    assert seen["best"][0] == record.best.number
    assert len(seen["best"]) < 50
    assert seen["without"] == [trial.number for trial in record.trials if trial.value is None]
    assert len(seen["whole"]) == 60


def test_the_table_sorts_and_its_columns_can_be_chosen(visit, record, text):
    seen = visit(
        text,
        """
  const headers = all("#trials thead th");
  const names = headers.map((header) => header.textContent.trim());
  const rate = names.indexOf("learning_rate");
  headers[rate].querySelector("button").click();
  const seen = { sorted: shown(), direction: headers[rate].getAttribute("aria-sort") };
  const box = all("#columns label").find((one) => one.textContent.trim() === "epochs").querySelector("input");
  box.click();
  seen.hidden = all("#trials tr").every((row) => row.cells[names.indexOf("epochs")].hidden);
  seen.kept = all("#trials tr").every((row) => !row.cells[rate].hidden);
  seen.requests = view.performance.getEntriesByType("resource").length;
  told(seen);""",
    )
    by_rate = sorted(record.trials, key=lambda trial: trial.parameters["learning_rate"])
    assert seen["sorted"] == [trial.number for trial in by_rate]
    assert seen["direction"] == "ascending"
    assert seen["hidden"]
    assert seen["kept"]
    assert seen["requests"] == 0


LOOKS = """
  const beyond = all("main *, header *, nav *").filter((one) => !one.closest(".scroll, pre, .skip")
    && one.getBoundingClientRect().right > view.innerWidth + 1).map((one) => one.outerHTML.slice(0, 99));
  const bottoms = all(".facts > div, .mattered dd").map((one) => one.getBoundingClientRect().bottom);
  told({ width: page.documentElement.scrollWidth, beyond, lowest: Math.max(...bottoms) });"""


@pytest.mark.parametrize("width", [375, 1440])
def test_nothing_overflows_and_the_facts_come_first(visit, text, width):
    seen = visit(text, LOOKS, width=width)
    assert seen["width"] <= width
    assert seen["beyond"] == []
    if width == 1440:
        assert seen["lowest"] < 900


def test_on_paper_every_table_is_whole(visit, text, unguarded):
    paper = unguarded(text).replace("@media screen", "@media none").replace("@media print", "@media all")
    seen = visit(
        paper,
        """
  view.dispatchEvent(new view.Event("beforeprint"));
  told({ tables: all("table").map((one) => [one.id, one.scrollWidth]), width: view.innerWidth,
    folded: all("details.folded:not([open])").length });""",
        width=740,
    )
    assert seen["folded"] == 0
    assert len(seen["tables"]) > 8
    # The ranking has pages of its own, across.
    assert [
        name for name, width in seen["tables"] if width > seen["width"] * (1.4 if name == "trials" else 1)
    ] == []


def test_in_the_dark_nothing_is_drawn_in_black(visit, text):
    seen = visit(
        text,
        """
  const shades = all("figure svg :is(path, use, text, rect)").map((one) => view.getComputedStyle(one))
    .flatMap((style) => [style.fill, style.stroke]);
  told({ shades: shades.length, black: shades.filter((shade) => shade === "rgb(0, 0, 0)").length });""",
        scheme="dark",
    )
    assert seen["shades"] > 100
    assert seen["black"] == 0


def test_without_its_script_the_page_says_so_and_keeps_its_numbers(visit, record, text):
    silent = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    seen = visit(
        silent,
        """told({ rows: shown().length, told: !page.getElementById("parallel-absent").hidden,
  controls: all(".controls").every((one) => one.hidden), answer: page.querySelector(".answer").textContent });""",
    )
    assert seen["rows"] == 60
    assert seen["told"]
    assert seen["controls"]
    assert f"{len(record.trials)} trials" in seen["answer"]


@pytest.fixture(scope="module")
def thousand(synthetic):
    """Give a record of 1,000 trials, each with a learning rate of its own, and its page."""
    parts = [synthetic.trial_of(synthetic.spec_of(), number, epochs=3) for number in range(1000)]
    record = replace(synthetic.record_of(1), trials=tuple(parts))
    return record, render_report(analyze(record, influence=NOT_JUDGED), record)


def test_of_a_thousand_trials_the_first_stand_there_at_once(visit, thousand):
    record, text = thousand
    seen = visit(
        text,
        HELPERS
        + """
  const seen = { first: shown(), opened: view.performance.now(), more: page.querySelector(".more").textContent };
  brush("learning_rate", 40, 200);
  seen.brushed = shown();
  seen.told = page.querySelector(".controls .status").textContent;
  brush("learning_rate", 200, 200);
  const headers = all("#trials thead th"), names = headers.map((header) => header.textContent.trim());
  headers[names.indexOf("learning_rate")].querySelector("button").click();
  seen.sorted = shown();
  press(".more button");
  seen.every = shown();
  seen.done = page.querySelector(".more").hidden;
  set(page.getElementById("filter"), "selu");
  seen.filtered = shown().length;
  press(".more button");
  seen.matching = shown();
  press("[data-clear]");
  seen.cleared = shown().length;
  view.dispatchEvent(new view.Event("beforeprint"));
  seen.printed = shown().length;
  told(seen);""",
    )
    ranked = [trial.number for trial in record.ranking]
    by_rate = sorted(record.trials, key=lambda trial: trial.parameters["learning_rate"])
    assert seen["first"] == ranked[:FIRST_ROWS]
    assert seen["more"] == "Show the other 900 rows"
    assert len(seen["brushed"]) == FIRST_ROWS
    count = int(seen["told"].partition(" of 1000 trials")[0])
    assert FIRST_ROWS < count < 1000
    assert seen["sorted"] == [trial.number for trial in by_rate[:FIRST_ROWS]]
    assert seen["every"] == [trial.number for trial in by_rate]
    assert seen["done"]
    selu = [trial.number for trial in by_rate if trial.parameters["activation"] == "selu"]
    assert (seen["filtered"], seen["matching"]) == (FIRST_ROWS, selu)
    assert (seen["cleared"], seen["printed"]) == (FIRST_ROWS, 1000)
    # The limit is 1 s where nothing else runs; this machine may be busy.
    assert 0 < seen["opened"] < 3000


def test_rows_follow_where_one_scrolls_to_their_end(visit, thousand):
    seen = visit(
        thousand[1],
        """
  const region = page.getElementById("trials").parentElement;
  region.scrollTop = region.scrollHeight;
  region.dispatchEvent(new view.Event("scroll"));
  told({ rows: shown().length, more: page.querySelector(".more").textContent, requests: view.performance.getEntriesByType("resource").length });""",
    )
    assert seen == {"rows": 2 * FIRST_ROWS, "more": "Show the other 800 rows", "requests": 0}


def test_without_scripts_every_row_stands_in_the_document(thousand):
    record, text = thousand
    static = text.partition('<section id="ranking"')[2].partition("</section>")[0]
    rows = re.findall(r'<th scope="row" data-value="(\d+)">', static)
    assert [int(number) for number in rows] == [trial.number for trial in record.ranking]
    assert "From row 101 on" in static
    assert len(text.encode()) < 1_500_000


def test_hostile_names_are_text_in_every_drawing(visit, synthetic):
    record, analysis = made_hostile(synthetic, 30)
    seen = visit(
        render_report(analysis, record),
        """
  told({ title: page.querySelector("h1").textContent, images: all("img").length, scripts: all("script").length,
    cells: all("#trials td").map((cell) => cell.textContent), still: view.hostile === undefined,
    fields: all("#ranges label").map((one) => one.textContent.trim()),
    drawn: all(".stage text").map((one) => one.textContent) });""",
    )
    assert seen["title"] == record.name
    assert seen["images"] == 0
    assert seen["scripts"] == 4
    assert seen["still"]
    assert HOSTILE in seen["cells"]
    assert HOSTILE in seen["fields"]
    assert [label for label in seen["drawn"] if label.startswith(HOSTILE[:9])]
