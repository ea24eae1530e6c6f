"""The page: its sentences, its numbers, its markup."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import warnings
from dataclasses import fields, replace
from html.parser import HTMLParser

import pytest
from jinja2 import meta

from hpsearch.analysis import analyze, judge_influence
from hpsearch.analysis.influence.fanova import judge_by_fanova
from hpsearch.exceptions import StoreError
from hpsearch.report.html.document import TEMPLATES, environment
from hpsearch.report.html.reports import render_report, write_report
from hpsearch.report.html.study import study_page
from hpsearch.spec import print_spec, print_yaml

pytestmark = pytest.mark.slow

VOID = {"meta", "input", "wbr", "br", "link", "img"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{1}{0}$ & 'quotes' {{ 7*7 }}",
    "한국어 이름 🚀",
    "שלום עולם",
    "long " * 60,
]


class Page(HTMLParser):
    """The elements of a page, with their text, and a check that tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            self.elements.append((tag, dict(attrs), ""))
        else:
            self.open.append((tag, dict(attrs), []))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), ""))

    def handle_data(self, data):
        for _, _, texts in self.open:
            texts.append(data)

    def handle_endtag(self, tag):
        name, attributes, texts = self.open.pop()
        assert name == tag
        self.elements.append((name, attributes, "".join(texts)))

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]

    def by_id(self, identifier):
        return next(
            (text for _, attributes, text in self.elements if attributes.get("id") == identifier), None
        )


def rendered(record):
    return render_report(analyze(record), record)


def rows_of(text):
    """Give the cells of the ranking as (text, exact number or None)."""
    body = text.split('<table id="trials">')[1].split("</table>")[0]
    rows = []
    for row in body.split("<tr>")[2:]:
        cells = Page(f"<table><tr>{row.split('</tr>')[0]}</tr></table>").elements
        rows.append([(t.strip(), a.get("data-value")) for tag, a, t in cells if tag in {"td", "th"}])
    return rows


@pytest.mark.parametrize("page", TEMPLATES)
def test_template_uses_exactly_the_fields_of_the_page(page):
    made = environment()
    source = made.loader.get_source(made, TEMPLATES[page])[0]
    assert meta.find_undeclared_variables(made.parse(source)) == {field.name for field in fields(page)}


@pytest.mark.parametrize("trials", [0, 1, 2, 9, 40])
def test_page_is_well_formed_and_has_unique_ids(synthetic, trials):
    page = Page(rendered(synthetic.record_of(trials)))
    identifiers = [a["id"] for _, a, _ in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    named = {a["href"][1:] for a, _ in page.all("a") + page.all("use")}
    named |= {a[k] for _, a, _ in page.elements for k in ("aria-labelledby", "data-copy", "for") if k in a}
    assert named <= set(identifiers)
    assert len(page.all("main")) == len(page.all("h1")) == 1


def test_ranking_holds_the_exact_numbers_of_the_record(synthetic):
    record = synthetic.record_of(40)
    analysis = analyze(record)
    names = [row.name for row in analysis.importance.parameters]
    assert sorted(names) == sorted(parameter.name for parameter in record.parameters)
    rows = rows_of(render_report(analysis, record))
    assert len(rows) == 40
    for rank, number, state, value, best_epoch, epochs, seconds, *parameters, cause in rows:
        trial = record.trials[int(number[1])]
        assert (None if best_epoch[1] is None else int(best_epoch[1])) == trial.best_epoch
        assert cause[0] == (trial.cause or "–")
        assert state[0] == trial.state
        assert int(epochs[1]) == trial.epochs
        assert float(seconds[1]) == trial.seconds
        assert (None if value[1] is None else float(value[1])) == trial.value
        assert (rank[0] == "–") == (trial.value is None)
        for name, (text, exact) in zip(names, parameters, strict=True):
            expected = trial.parameters.get(name, "–")
            assert (float(exact) if isinstance(expected, float) else text) == expected
            if isinstance(expected, float):
                assert float(text) == pytest.approx(expected, rel=5.1e-4)


def test_answer_names_the_best_trial_and_its_optimism(synthetic):
    record = synthetic.record_of(40)
    answer = study_page(analyze(record), record).answer
    best = min((t for t in record.trials if t.value is not None), key=lambda t: t.value)
    assert f"trial {best.number}: val_loss {best.value:.4g} at epoch {best.best_epoch}" in answer
    valued = sum(t.value is not None for t in record.trials)
    assert f"best single-seed score of {valued} trials and therefore optimistic" in answer
    assert "40 trials: 33 finished, 6 pruned, 1 failed." in answer


def test_best_configuration_and_study_file_are_shown_as_yaml(synthetic):
    record = synthetic.record_of(20)
    page = Page(rendered(record))
    assert page.by_id("best-yaml") == print_yaml(record.best.configuration.dump())
    assert print_spec(record.spec) in [text for _, text in page.all("pre")]
    codes = [text for _, text in page.all("code")]
    assert codes[:2] == ["runs/digits/best.keras", "runs/digits/best.yaml"]


def test_an_empty_study_says_so(synthetic):
    record = replace(synthetic.record_of(0), data=None)
    page = Page(rendered(record))
    assert page.by_id("ranking") is None
    assert page.by_id("failures") is None
    assert "No trial has been run yet." in [text for _, text in page.all("p")]


def test_one_trial_is_not_called_optimistic(synthetic):
    record = synthetic.record_of(1)
    answer = study_page(analyze(record), record).answer
    assert "optimistic" not in answer
    assert "Too few trials" in answer


def test_all_failed_says_so_and_lists_the_causes(synthetic):
    record = synthetic.record_of(5, mixed=False)
    record = replace(record, trials=tuple(map(synthetic.failed, record.trials)))
    page = Page(rendered(record))
    assert page.by_id("best-yaml") is page.by_id("inside") is None
    assert synthetic.CAUSES[0] in page.by_id("causes")
    assert "every trial failed" in study_page(analyze(record), record).answer


def test_running_trials_are_counted_and_not_ranked(synthetic):
    record = synthetic.record_of(12, mixed=False)
    record = replace(record, trials=(*record.trials[:-1], synthetic.running(record.trials[-1])))
    assert "1 still running" in study_page(analyze(record), record).answer
    assert len(rows_of(rendered(record))) == 11


def test_only_running_trials(synthetic):
    record = synthetic.record_of(3, mixed=False)
    record = replace(record, trials=tuple(map(synthetic.running, record.trials)))
    assert Page(rendered(record)).by_id("ranking") is None


def test_a_fixed_study_says_that_nothing_was_searched(synthetic):
    record = synthetic.record_of(1, synthetic.spec_of(synthetic.FIXED), mixed=False)
    assert "Nothing was searched" in Page(rendered(record)).by_id("searched")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(synthetic, name):
    record = synthetic.record_of(60, mixed=False)
    record = replace(
        record,
        spec=record.spec.model_copy(update={"name": name}),
        versions={name: name},
        trials=(*record.trials[1:], synthetic.failed(record.trials[0], name)),
    )
    analysis = analyze(record)
    shares = tuple(replace(p, name=f"{name}{i}") for i, p in enumerate(analysis.importance.parameters))
    analysis = replace(analysis, importance=replace(analysis.importance, parameters=shares))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = render_report(analysis, record)
    page = Page(text)
    assert page.all("h1")[0][1] == name
    assert name in page.by_id("causes")
    assert len(page.all("script")) == 4
    assert not page.all("img")
    if len(name) < 35:
        assert f"{name}0" in [label for _, label in page.all("text")]


def test_letters_that_html_cannot_hold_do_no_harm(synthetic, tmp_path):
    record = synthetic.record_of(20, mixed=False)
    analysis = analyze(record)
    odd = tuple(replace(p, name="nul \0 half \ud83d") for p in analysis.importance.parameters)
    analysis = replace(analysis, importance=replace(analysis.importance, parameters=odd))
    write_report(analysis, record, tmp_path / "odd.html")
    assert "half" in (tmp_path / "odd.html").read_text(encoding="utf-8")


def test_page_allows_and_asks_for_nothing_from_outside(synthetic):
    text = rendered(synthetic.record_of(20))
    page = Page(text)
    policy = next(a["content"] for a, _ in page.all("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    inline = [("style", text) for _, text in page.all("style")]
    inline += [("script", text) for a, text in page.all("script") if "type" not in a]
    assert len(inline) == 4
    for tag, inlined in inline:
        digest = base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
        (sources,) = [part for part in policy.split("; ") if part.startswith(f"{tag}-src ")]
        assert f"'sha256-{digest}'" in sources
    assert "unsafe" not in policy
    assert not [a for _, a, _ in page.elements if "style" in a or "src" in a]
    assert not re.search(r"""(href=["'](?!#)|url\((?!#)|@import|https?://)""", text)


def test_the_same_study_gives_the_same_page(synthetic):
    record = synthetic.record_of(20)
    assert rendered(record) == rendered(record)


@pytest.mark.long
def test_a_thousand_trials_stay_small_and_quick(synthetic):
    record = synthetic.record_of(1000)
    started = time.process_time()
    text = rendered(record)
    assert time.process_time() - started < 10
    assert len(text.encode()) < 1_500_000
    assert "an even sample of 60 of the other 990 curves" in text


def test_a_report_is_replaced_in_one_step(synthetic, tmp_path, monkeypatch):
    record = synthetic.record_of(3)
    path = tmp_path / "reports" / "digits.html"
    write_report(analyze(record), record, path)
    first = path.read_text(encoding="utf-8")
    assert first == rendered(record)

    def torn(descriptor: int) -> None:
        raise OSError(descriptor)

    monkeypatch.setattr("os.fsync", torn)
    with pytest.raises(StoreError, match="cannot write"):
        write_report(analyze(synthetic.record_of(9)), record, path)
    assert path.read_text(encoding="utf-8") == first
    assert [file.name for file in path.parent.iterdir()] == ["digits.html"]


def test_importance_is_told_with_its_intervals_and_what_took_part(synthetic):
    record = synthetic.record_of(60)
    analysis = analyze(record)
    importance = study_page(analysis, record).importance
    assert (
        "60 finished trials (9 pruned, ranked by their values at the epochs they trained; " in importance.note
    )
    assert "2 without a value, counted as the worst)" in importance.note
    assert "90 % of the shares over 200 resamples" in importance.note
    assert importance.table.columns[:4] == ("parameter", "share", "from", "to")
    shares = {
        row.name: [row.share, row.low, row.high]
        for row in analysis.importance.parameters
        if row.doubt is None
    }
    shown = {cells[0].text: [cell.value for cell in cells[1:4]] for cells in importance.table.rows}
    assert {
        name: [float(value) for value in values] for name, values in shown.items() if None not in values
    } == shares
    assert set(shown) == {row.name for row in analysis.importance.parameters}
    assert len(shares) >= 3


def test_fanova_says_what_it_leaves_out(synthetic):
    record = synthetic.record_of(20)
    influence = judge_influence(record)
    influence = replace(influence, importance=judge_by_fanova(record))
    note = study_page(analyze(record, influence=influence), record).importance.note
    assert note.startswith("fANOVA over 16 completed trials")
    assert "no intervals" in note
