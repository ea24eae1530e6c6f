"""Progress in a notebook: one place below the cell, drawn again as trials end; and the notebook that is shipped."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hpsearch
from hpsearch.study.notebook import LINES, SECONDS, NotebookDisplay
from hpsearch.study.progress import in_notebook
from support.commands import STUDY
from support.synthetic import record_of

ROOT = Path(__file__).parents[2]

ENDLESS = """
import hpsearch
study = {study!r}
hpsearch.optimize(study, trials=100_000)
"""


class Place:
    """What IPython gives for something that it shows: it can be shown anew."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(content)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """Stand in for a notebook."""
    made = Place()

    def display(content: dict[str, str], *, raw: bool, display_id: bool) -> Place:
        assert display_id
        made.update(content, raw=raw)
        return made

    shell = types.SimpleNamespace(kernel=object())
    modules: dict[str, Any] = {
        "IPython": types.SimpleNamespace(get_ipython=lambda: shell, version_info=(9, 0)),
        "IPython.display": types.SimpleNamespace(display=display),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass by hand."""
    now = [100.0]
    monkeypatch.setattr("hpsearch.study.notebook.time", types.SimpleNamespace(monotonic=lambda: now[0]))

    def passed(seconds: float) -> None:
        now[0] += seconds

    return passed


def test_one_place_is_drawn_again_but_not_for_every_trial(
    place: Place, wait: Callable[[float], None]
) -> None:
    trials = record_of(30, mixed=False, epochs=2).trials
    display = NotebookDisplay(30, "val_loss")
    with display.live():
        for number, trial in enumerate(trials[:20], 1):
            wait(SECONDS / 4.5)
            display.ended(trial, trials[0], number)
        drawn = len(place.shown)
    assert drawn == 1 + 4, "at the beginning, and for the trials 1, 6, 11 and 16"
    assert "<progress" not in place.shown[-1]["text/html"], "of a study that has ended the lines alone stay"
    assert place.shown[-1]["text/plain"].splitlines()[-1].startswith("  trial   19  val_loss ")
    page, plain = (display.content()[kind] for kind in ("text/html", "text/plain"))
    assert '<progress value="20" max="30">' in page
    assert plain.startswith(f"20 of 30 trials, best val_loss {trials[0].value:.5g}, ")
    assert plain.splitlines()[1:][-1] in page
    assert len(plain.splitlines()) == 1 + LINES
    display.begin(3, "confirming <b>")
    assert '<progress value="0" max="3">' in display.content()["text/html"]
    assert "confirming &lt;b&gt;" in display.content()["text/html"]


@pytest.mark.parametrize(("progress", "drawn"), [(None, 2), (True, 2), (False, 0)])
def test_a_notebook_shows_progress_unless_it_is_told_not_to(
    progress: bool | None, drawn: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = types.SimpleNamespace(outcome="finished", record=types.SimpleNamespace(trials=()), check=list)
    monkeypatch.setattr("hpsearch.study.handle.run", lambda *_: found)
    hpsearch.optimize(STUDY, progress=progress)
    assert len(place.shown) == drawn, "when it begins, and when it ends"


def test_no_notebook_is_seen_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", None)  # type: ignore[arg-type]
    assert not in_notebook()
    terminal = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(colors="neutral"))
    monkeypatch.setitem(sys.modules, "IPython", terminal)  # type: ignore[arg-type]
    assert not in_notebook()


@pytest.mark.long
def test_the_shipped_notebook_runs(tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    book = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    assert [cell.outputs for cell in book.cells if cell.cell_type == "code" and cell.outputs] == []
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    assert [len(told) for told in outputs] == [1, 1, 1, 1, 1, 2, 1, 1, 1], (
        "progress is one output, drawn again"
    )
    assert "trial    7  val_loss" in outputs[0][0].data["text/plain"]
    for place, figures in ((1, 2), (2, 1), (8, 3)):
        assert outputs[place][0].data["text/html"].count("data:image/svg+xml") == figures
    assert outputs[5][1].text.startswith("10 trials; ")


@pytest.mark.long
def test_the_stop_button_ends_a_study_that_the_same_cell_continues(tmp_path: Path) -> None:
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    kernel, client = manager.start_new_kernel(cwd=str(tmp_path))

    def ask(code: str, hear: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        reply = client.execute_interactive(
            code, timeout=300, output_hook=lambda message: hear(message["content"])
        )
        found: dict[str, Any] = reply["content"]
        return found

    stopped: list[str] = []

    def stop(content: dict[str, Any]) -> None:
        if not stopped and "val_loss" in str(content.get("data")):
            stopped.append("once: a second time would end the process")
            kernel.interrupt_kernel()

    try:
        reply = ask(ENDLESS.format(study=STUDY), stop)
        assert reply["ename"] == "KeyboardInterrupt"
        assert "was interrupted; make the same call again to continue" in reply["evalue"]
        trials = len(hpsearch.load("a", out=tmp_path).trials)
        assert 0 < trials < 100_000
        told: list[str] = []
        again = f"study = hpsearch.optimize(study, trials={trials + 1}); print(len(study.trials))"
        assert ask(again, lambda content: told.append(content.get("text", "")))["status"] == "ok"
        assert "".join(told) == f"{trials + 1}\n"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
