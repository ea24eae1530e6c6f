"""What reaches a terminal: no escape sequence of others, whatever the encoding, and an end without a traceback."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from ruamel.yaml import YAML

from hpsearch.cli.output import Output, console, outputs
from hpsearch.cli.progress import TerminalDisplay
from hpsearch.exceptions import warnings_as_notes
from hpsearch.spec import print_yaml
from hpsearch.spec.study_file.text import clean
from support.commands import STUDY, command, environment, here, python, write_study

HOSTILE = {
    "clipboard": "\x1b]52;c;cHduZWQ=\x07",
    "title": "\x1b]0;owned\x1b\\",
    "tmux": "\x1bPtmux;\x1b\x1b]52;c;cHduZWQ=\x07\x1b\\",
    "C1 control": "\x9b31m\x9d52;c;cHduZWQ=\x9c",
    "direction": "a\u202eb\u2066c\u200f",
    "line ends": "x\r\ny\x0b\x0c\u2028z\u0085",
    "hidden": "a\u200bb\ufeffc\U000e0041",
    "half a pair": "\udc9b",
    "delete": "\x7f\x08\x08",
}
FORBIDDEN = {letter for text in HOSTILE.values() for letter in text if clean(letter, line=True) != letter}

MARKUP = "[red]r[/red] [link=http://evil.example]x[/link] [/] \\["


class TestClean:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_nothing_is_left_for_the_terminal(self, kind: str) -> None:
        assert not set(clean(HOSTILE[kind], line=True)) & FORBIDDEN

    @pytest.mark.parametrize(
        "text", ["", "plain", "é ü 漢字 🚀", "می\u200cخواهم", "👨\u200d👩\u200d👧", "a\\u001b"]
    )
    def test_words_of_people_stay(self, text: str) -> None:
        assert clean(text, line=True) == text

    def test_lines_and_columns_stay_where_there_may_be_several(self) -> None:
        assert clean("a\tb\nc") == "a\tb\nc"
        assert clean("a\tb\nc", line=True) == "a\\u0009b\\u000ac"

    @pytest.mark.slow
    @given(st.text())
    def test_it_is_the_same_again(self, text: str) -> None:
        assert clean(clean(text)) == clean(text)

    @given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
    def test_json_and_yaml_are_read_back_exactly(self, data: dict[str, str]) -> None:
        assert json.loads(clean(json.dumps(data))) == data
        if not any("\ud800" <= letter <= "\udfff" for text in (*data, *data.values()) for letter in text):
            assert YAML(typ="safe", pure=True).load(print_yaml(data)) == data


def printed(show: Any, *, terminal: bool = False) -> str:
    stream = io.StringIO()
    made = Console(file=stream, force_terminal=terminal, width=200)
    made.push_render_hook(console()._render_hooks[0])
    show(made)
    return stream.getvalue()


class TestConsole:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_notes_are_one_line_of_plain_text(self, kind: str) -> None:
        told = printed(
            lambda made: TerminalDisplay(1, "val_loss", console=made).note(f"{HOSTILE[kind]} {MARKUP}")
        )
        assert not set(told.rstrip("\n")) & FORBIDDEN
        assert MARKUP in told

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_tables_keep_their_colours_and_nothing_else(self, kind: str) -> None:
        from hpsearch.cli.tables import _add, _table

        def show(made: Console) -> None:
            table = _table(f"{HOSTILE[kind]}{MARKUP}")
            _add(table, f"{HOSTILE[kind]}{MARKUP}")
            made.print(table)

        told = printed(show, terminal=True)
        assert "\x1b[1m" in told
        for own in ("\x1b[1m", "\x1b[0m", "\n"):
            told = told.replace(own, "")
        assert not set(told) & FORBIDDEN
        assert told.count("[red]r[/red]") == 2

    def test_the_live_line_takes_no_markup(self) -> None:
        stream = io.StringIO()
        display = TerminalDisplay(3, "val_loss", console=Console(file=stream, force_terminal=True, width=150))
        with display.live():
            display.begin(3, f"one {MARKUP}")
            display._progress.refresh()  # type: ignore[union-attr]
        assert "[red]r[/red]" in stream.getvalue()

    def test_the_live_line_tells_where_trials_wait_while_none_has_ended(self) -> None:
        stream = io.StringIO()
        display = TerminalDisplay(9, "val_loss", console=Console(file=stream, force_terminal=True, width=150))
        trials = [SimpleNamespace(epochs=[{}] * epochs) for epochs in (1, 3, 1)]
        with display.live():
            display.advanced(SimpleNamespace(epochs=1234, paused=trials))  # type: ignore[arg-type]
            display._progress.refresh()  # type: ignore[union-attr]
        assert "1,234 epochs, paused: 2 after epoch 1, 1 after epoch 3" in stream.getvalue()
        assert "/min" not in stream.getvalue(), "nothing has ended that could be counted"


class TestStreams:
    def test_a_stream_that_breaks_is_left(self) -> None:
        class Broken(io.StringIO):
            def write(self, _text: str) -> int:
                raise OSError(28, "No space left on device")

        output = Output(Broken())
        for _ in range(2):
            output.write("told")
        assert output.failure is not None
        assert output.failure.errno == 28

    def test_what_an_encoding_lacks_is_written_in_ascii(self) -> None:
        inner = io.BytesIO()
        output = Output(io.TextIOWrapper(inner, encoding="ascii"))
        output.write("0.5 ± 0.1 ☃\n")
        output.flush()
        assert inner.getvalue() == b"0.5 +/- 0.1 \\u2603\n"

    def test_warnings_are_notes_once(self) -> None:
        told: list[str] = []
        with warnings.catch_warnings(action="default"), warnings_as_notes(told.append):
            for _ in range(2):
                warnings.warn("ours", RuntimeWarning, stacklevel=1)
            warnings.warn("for developers", DeprecationWarning, stacklevel=1)
            for place in ("/home/me/model.py", str(Path(pytest.__file__))):
                warnings.warn_explicit("advice", UserWarning, place, 3)
        assert told == ["warning: ours", "warning: advice (in model.py:3)"]

    def test_the_streams_come_back(self) -> None:
        before = sys.stdout, sys.stderr
        with outputs() as (out, _):
            assert sys.stdout is out
        assert (sys.stdout, sys.stderr) == before


def at_shell(line: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which $hpsearch is the command."""
    known = environment(**extra, hpsearch=" ".join(command()))
    return subprocess.run(line, shell=True, cwd=cwd, env=known, capture_output=True, text=True, check=False)  # noqa: S602 - lines of these tests


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with a study whose choices are hostile."""
    directory = tmp_path_factory.mktemp("hostile")
    options = [*HOSTILE.values(), MARKUP, "=cmd|' /C calc'!A0"]
    model = {
        "python": {
            "file": "net.py",
            "arguments": {"kind": {"choice": [o for o in options if "\udc9b" not in o]}},
        }
    }
    search = {"trials": 4, "sampler": "random"}
    write_study(directory / "study.yaml", {**STUDY, "model": model, "search": search, "confirm": "none"})
    (directory / "net.py").write_text(
        "import keras\n\ndef build(features, outputs, kind):\n    return keras.Sequential([keras.layers.Dense(3)])\n"
    )
    result = here("optimize", "study.yaml", cwd=directory)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not (set(result.stdout + result.stderr) - {"\n"}) & FORBIDDEN
    return directory


class TestCommands:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "line",
        ["validate study.yaml", "trials a", "trials a --format csv", "trials a --format json", "best a", "best a --format json",
         "status a", "list", "check a", "report a", "report a --format json"],
    )  # fmt: skip
    def test_labels_reach_no_terminal(self, line: str, hostile: Path) -> None:
        result = here(*line.split(), cwd=hostile)
        assert result.returncode == 0, result.stderr
        assert not (set(result.stdout + result.stderr) - {"\n"}) & FORBIDDEN

    @pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "half a pair"])
    def test_errors_are_one_line(self, kind: str, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", {**STUDY, "compare": {"arms": {HOSTILE[kind]: {}}, "claims": [{"says": "x", "arm": "none", "by": "val_loss", "between": [0, 1]}]}})  # fmt: skip
        for words in (["validate", "study.yaml"], ["status", HOSTILE[kind]], ["list", f"--{HOSTILE[kind]}"]):
            result = here(*words, cwd=tmp_path)
            assert result.returncode == 2
            assert not (set(result.stderr) - {"\n"}) & FORBIDDEN

    @pytest.mark.long
    def test_no_room_on_the_standard_output(self, hostile: Path) -> None:
        for line in (
            "trials a",
            "trials a --format csv",
            "best a",
            "status a",
            "list",
            "validate study.yaml",
            "--help",
        ):
            result = at_shell(f"$hpsearch {line} > /dev/full", hostile)
            assert result.returncode == 1
            assert result.stderr == "hpsearch: cannot write to standard output: No space left on device\n"

    @pytest.mark.slow
    def test_a_reader_that_has_seen_enough(self, hostile: Path) -> None:
        result = at_shell("$hpsearch report a --format json | head -c 1", hostile)
        assert (result.stdout, result.stderr) == ("{", "")

    @pytest.mark.slow
    def test_streams_that_are_closed(self, hostile: Path) -> None:
        for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
            result = at_shell(f"$hpsearch status a {closed}", hostile)
            assert (result.returncode, result.stderr) == (0, "")

    @pytest.mark.slow
    @pytest.mark.parametrize("encoding", ["ascii", pytest.param("latin-1", marks=pytest.mark.long)])
    def test_a_terminal_that_is_not_utf8(self, encoding: str, hostile: Path) -> None:
        for line in ("trials a", "best a", "list", "status a"):
            result = at_shell(f"$hpsearch {line}", hostile, PYTHONIOENCODING=encoding)
            assert (result.returncode, result.stderr) == (0, "")

    def test_file_names_that_the_system_cannot_hold(self, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", {**STUDY, "name": "b☃"})
        plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        result = at_shell("$hpsearch optimize study.yaml", tmp_path, **plain)
        assert result.returncode == 1
        assert "LC_ALL=C.UTF-8" in result.stderr
        assert result.stderr.count("\n") == 1


def test_printing_imports_nothing_heavy(tmp_path: Path) -> None:
    done = python("import sys, hpsearch.cli.output; print('rich' in sys.modules)", cwd=tmp_path)
    assert done.stdout == "False\n", done.stderr
