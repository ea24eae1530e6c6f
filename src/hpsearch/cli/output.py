"""All text on its way to a terminal: without what a terminal would obey, and in an encoding that it has.

Names, labels, paths and causes come from files that others wrote. An escape sequence in one of them could
write the clipboard, set the title of the window, or turn a line around; here it becomes visible letters.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from hpsearch.cli.streams import fill_closed
from hpsearch.spec.study_file.text import clean, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleRenderable


IN_ASCII = {"±": "+/-", "×": "x", "–": "-", "—": "-", "−": "-", "…": "...", "→": "->", "≤": "<=", "≥": ">="}  # noqa: RUF001 - each is what stands in our own texts

ERRORS = "hpsearch.visible"


def _encodable(failure: UnicodeError) -> tuple[str, int]:
    """Write in ASCII what the encoding of a terminal does not have."""
    if not isinstance(failure, UnicodeEncodeError):
        raise failure
    found = failure.object[failure.start : failure.end]
    return "".join(IN_ASCII.get(letter) or visible(letter) for letter in found), failure.end


codecs.register_error(ERRORS, _encodable)


class Output:
    """A standard stream that shows only clean text, and goes on where it cannot be written.

    `failure` says then why; the rest is dropped, because a study does not end with its terminal. `styled`
    takes text that is clean already, with the terminal's own colours.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failure: OSError | None = None
        self.styled = _Styled(self)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)

    def write(self, text: str) -> int:
        """Write text, cleaned."""
        return self.put(clean(text))

    def put(self, text: str) -> int:
        """Write text as it is."""
        self._guarded(lambda: self.stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Bring to its reader what was written."""
        self._guarded(self.stream.flush)

    def _guarded(self, act: Callable[[], object]) -> None:
        if self.failure is not None:
            return
        try:
            act()
        except OSError as failure:
            self.failure = failure
            # Else the interpreter tries once more at its end, with a traceback.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def close(self) -> None:
        """Leave the stream to who opened it; loggers close what they have written to."""

    def __getattr__(self, name: str) -> Any:
        # Bytes would go past us.
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self.stream, name)


class _Styled:
    """The same stream for text that was cleaned before it was styled."""

    def __init__(self, output: Output) -> None:
        self._output, self.write = output, output.put

    def __getattr__(self, name: str) -> Any:
        return getattr(self._output, name)


@contextmanager
def outputs() -> Iterator[tuple[Output, Output]]:
    """Let everything that is printed meanwhile be clean; gives the standard output and the errors."""
    fill_closed()
    before = sys.stdout, sys.stderr
    out, err = (Output(stream or open(os.devnull, "w", encoding="utf-8")) for stream in before)  # noqa: SIM115, PTH123
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = before


def console(*, stderr: bool = False) -> Console:
    """Return what prints tables and progress to people: text in it is cleaned before it is styled."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    made = Console(file=stream.styled if isinstance(stream, Output) else stream)  # type: ignore[arg-type]
    made.push_render_hook(_cleaning())
    return made


def _cleaning() -> Any:
    from rich.console import ConsoleOptions, RenderHook
    from rich.control import Control
    from rich.segment import Segment

    class Cleaned:
        def __init__(self, inner: ConsoleRenderable) -> None:
            self.inner = inner

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
            for segment in console.render(self.inner, options):
                text, style, control = segment
                yield segment if control else Segment(clean(text), style)

    class Cleaning(RenderHook):
        def process_renderables(self, renderables: Sequence[ConsoleRenderable]) -> list[ConsoleRenderable]:
            return [one if isinstance(one, Control) else Cleaned(one) for one in renderables]

    return Cleaning()
