"""What a notebook shows of a study, a trial, a comparison and probes: the figures of their reports, in one piece."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from hpsearch.analysis import analyze, compare, comparison_to_json, judge_influence, summarize
from hpsearch.report.figures import alone
from hpsearch.report.html.document import render
from hpsearch.report.html.excerpts import (
    Excerpt,
    excerpt_of_comparison,
    excerpt_of_probe,
    excerpt_of_search,
    excerpt_of_trial,
)
from hpsearch.report.html.probe import probe_page
from hpsearch.store.layout import StudyFiles
from hpsearch.study.handle import Study
from hpsearch.study.options import Options
from hpsearch.study.probe import Probed
from hpsearch.study.results import Compared
from support import made_comparisons
from support.made_confirmations import confirmed
from support.made_probes import arm, probe
from support.synthetic import failed, record_of

NOWHERE = Path("there") / "a.html"


def figures_of(excerpt: Excerpt) -> list[str]:
    """List what the figures are called, each of which is a sound file that asks for no other."""
    text = render(excerpt)
    sources = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', text)
    assert len(sources) == text.count("<img ") == len(excerpt.pictures)
    roots = [ElementTree.fromstring(base64.b64decode(source)) for source in sources]
    for root in roots:
        links = [
            value for part in root.iter() for name, value in part.attrib.items() if name.endswith("href")
        ]
        assert all(link.startswith("#") for link in links)
    return [root.attrib["aria-label"] for root in roots]


def test_a_search_shows_its_finalists_what_mattered_and_the_curves() -> None:
    record = record_of(12, mixed=False, epochs=4)
    analysis = analyze(record, confirmed(record), influence=judge_influence(record))
    excerpt = excerpt_of_search(analysis, NOWHERE)
    names = figures_of(excerpt)
    assert "finalist" in names[0]
    assert "importance" in names[1]
    assert names[2].startswith("val_loss by epoch")
    assert len(names) == 3
    assert excerpt.answer in render(excerpt).replace("&#34;", '"').replace("&#39;", "'")
    assert excerpt.page is None


def test_a_search_that_has_not_begun_has_words_alone() -> None:
    excerpt = excerpt_of_search(analyze(record_of(0)), NOWHERE)
    assert figures_of(excerpt) == []
    assert "No trial" in excerpt.answer


def test_a_handle_shows_its_study_and_computes_no_importance(tmp_path: Path) -> None:
    files = StudyFiles(tmp_path, "digits")
    record = record_of(12, mixed=False, epochs=4)
    study = Study(files, record, Options())
    assert study._repr_html_().count("<img ") == 1
    assert not list(tmp_path.iterdir())
    study.importance()
    assert study._repr_html_().count("<img ") == 2
    files.report.parent.mkdir()
    files.report.write_text("")
    assert str(files.report) in study._repr_html_()
    assert study.trials[3]._repr_html_() == render(excerpt_of_trial(record.trials[3], record))


def test_a_trial_shows_its_values_and_how_it_ended() -> None:
    record = record_of(5, epochs=4)
    excerpt = excerpt_of_trial(record.trials[3], record)
    assert [name for name, _ in excerpt.values] == list(record.trials[3].parameters)
    assert len(figures_of(excerpt)) == 1
    assert "Worse than the median at epoch 6." in excerpt.answer
    lost = failed(record.trials[1], "<script>alert(1)</script>")
    text = render(excerpt_of_trial(lost, replace(record, trials=(lost,))))
    assert "Failed: &lt;script&gt;alert(1)&lt;/script&gt;." in text


def test_a_comparison_shows_its_arms_and_their_curves() -> None:
    comparison = compare(made_comparisons.small())
    assert len(figures_of(excerpt_of_comparison(comparison, NOWHERE))) == 2
    told = Compared.of(made_comparisons.small())
    assert told._repr_html_() == render(excerpt_of_comparison(comparison, NOWHERE))
    assert comparison_to_json(told) == comparison_to_json(comparison)


def test_probes_show_the_figures_of_their_page() -> None:
    made = probe(arm())
    summaries = tuple(map(summarize, made.arms))
    page = probe_page(made, summaries)
    text = Probed(made, summaries, NOWHERE)._repr_html_()
    assert text == render(excerpt_of_probe(made, summaries, NOWHERE))
    for part in (page.histograms, page.deviations, page.gradients):
        assert part.figure is not None
        assert base64.b64encode(alone(part.figure)).decode() in text
