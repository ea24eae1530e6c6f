"""The words of a study stay text in the notes of the dashboard."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

optuna_dashboard = pytest.importorskip(
    "optuna_dashboard", reason="the package optuna-dashboard is not installed"
)

import optuna

from hpsearch.report.dashboard.board import Board
from hpsearch.report.dashboard.markdown import LONGEST, bullets, heading, note, table, text
from hpsearch.report.dashboard.notes import search_note, trial_notes
from hpsearch.store.optuna.storage import open_storage
from support import synthetic
from support.browsers import CHROMIUM, HEADLESS
from support.made_hostile import HOSTILE, made_hostile

MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")
"""Another reader of the same Markdown, without links where no link is written."""

TAG = re.compile(r"<[^>]*>")

MARKED = (
    "*a* _b_ [c](http://evil.example/d) ![e](http://evil.example/f) http://evil.example www.evil.example | g"
)

AWKWARD = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a_b_c *d* __e__", "# 1", "1. x", "2) y", "- z",
    "+ z", "> z", "===", "~~~", "```", "a `b` c", "[a](http://b.c)", "![a](b)", "[^1]", "&amp; &lt;", "a | b",
    "\\*", "a\\", "http://a.b/_c_", "www.a.b", "a@b.c", "`http://a.b|c`", "שלום 한국어 🚀", "| a | b |", "<!-- a -->",
    "line\n\n# heading", "    code", "\ttab", "***", "a  \nb", ":tada:", "$x$", "<http://a.b>", "a\u2028# b",
]  # fmt: skip


def shown(markdown: str) -> str:
    """Give the letters that a reader sees."""
    return html.unescape(TAG.sub("", MARKDOWN.render(markdown))).strip()


def plain(told: str) -> str:
    return " ".join(told.split())


@pytest.mark.parametrize("told", AWKWARD)
@pytest.mark.parametrize(
    ("write", "element"),
    [(text, "p"), (lambda told: bullets([text(told)]), "li"), (heading, "h4")],
    ids=["paragraph", "list", "heading"],
)
def test_nothing_is_taken_for_markup(told: str, write, element: str) -> None:
    rendered = MARKDOWN.render(write(told))
    assert set(re.findall(r"<(\w+)", rendered)) <= {element, "code", "ul"}
    assert shown(write(told)) == plain(told)


@pytest.mark.parametrize("told", [told for told in AWKWARD if "\\|" not in told])
def test_a_cell_of_a_table_holds_it_whole(told: str) -> None:
    rendered = MARKDOWN.render(table([(told, "second")], ("first", "other")))
    assert rendered.count("<td") == 2
    cells = re.findall(r"<td[^>]*>(.*?)</td>", rendered, re.DOTALL)
    assert [html.unescape(TAG.sub("", cell)).strip() for cell in cells] == [plain(told), "second"]


@settings(deadline=None, max_examples=150)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Cf")), max_size=60))
def test_any_text_reads_as_it_is(told: str) -> None:
    assert shown(text(told)) == plain(told)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(list("\\`*_[]<>#|~&!-+=1.)(@:/ \nw")), max_size=30).map("".join))
def test_any_signs_read_as_they_are(told: str) -> None:
    assert shown(text(told)) == plain(told)
    assert set(re.findall(r"<(\w+)", MARKDOWN.render(text(told)))) <= {"p", "code"}


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u202e", "\u2066", "\ud800"])
def test_what_cannot_be_seen_or_turns_the_text_around_is_replaced(hidden: str) -> None:
    told = text(f"a{hidden}b")
    assert told == "a\N{REPLACEMENT CHARACTER}b"
    assert told.encode()


def test_a_listing_is_cut() -> None:
    assert len(text("word " * 10_000)) == LONGEST + 1
    assert text("word " * 10_000).endswith("\N{HORIZONTAL ELLIPSIS}")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a study whose names try to be more than text, and give the address of its pages."""
    record, analysis = made_hostile(synthetic, 12)
    directory = tmp_path_factory.mktemp("hostile")
    storage = open_storage(f"sqlite:///{directory / 'study.db'}")
    study = optuna.create_study(storage=storage, study_name=record.name)
    study.add_trials([optuna.trial.create_trial(value=1.0) for _ in record.trials])
    found = trial_notes(record, analysis, 100)
    first = note(
        text(HOSTILE),
        text(MARKED),
        search_note(record, analysis, len(found)),
        table([(HOSTILE, MARKED)], ("a", "b")),
    )
    Board(storage, record.name, directory / "artifacts").write_notes(first, found)
    with make_server("127.0.0.1", 0, optuna_dashboard.wsgi(storage), handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/dashboard/studies/{study._study_id}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_browser_shows_hostile_words_as_text(hostile: str, tmp_path: Path) -> None:
    own = ["--virtual-time-budget=8000", f"--user-data-dir={tmp_path}"]
    command = [str(CHROMIUM), *HEADLESS, *own, f"{hostile}/note"]
    page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    seen, tags = plain(html.unescape(TAG.sub("", page))), "".join(TAG.findall(page))
    assert seen.count(plain(HOSTILE)) >= 2
    assert seen.count(MARKED) >= 2
    assert "evil.example" not in tags
    assert "onerror" not in tags
    assert "<em>" not in page.partition("<table>")[0]
