"""The command line: parse, call one function, print. Heavy libraries are imported only by what needs them."""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

TRAINING = ("optimize", "confirm", "ablate", "compare")
"""Commands that start a process for training, and can start it before they are imported themselves."""

ELSEWHERE = ("in_process", "ray", "slurm")
"""Engines without processes of this one, or with none in some tasks."""

YOUNG = 20_000
"""Objects that may be made before the new ones are looked through: what is imported stays anyhow."""

AGAIN = 1.0
"""Seconds until an interrupt is raised once more: a library that is being imported may drop the exception."""

INTERRUPTED = 130
"""The exit code that shells know."""


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    presses: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        presses.append(number)
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        signal.default_int_handler(number, frame)

    def dropped(unraisable: sys.UnraisableHookArgs) -> None:
        # An interrupt that Python cannot raise, as in a callback of C, is no news: it comes again.
        if not (presses and isinstance(unraisable.exc_value, KeyboardInterrupt)):
            sys.__unraisablehook__(unraisable)

    sys.unraisablehook = dropped
    try:
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        signal.signal(signal.SIGINT, interrupt)
        _run()
    except SystemExit:
        raise
    except BaseException:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # A library that is interrupted while it is imported may raise something else.
        if not presses:
            raise
        print("hpsearch: stopped at once; run the same command again to continue", file=sys.stderr)
    sys.exit(INTERRUPTED)


def _run() -> None:
    from hpsearch.cli.streams import fill_closed
    from hpsearch.engines.process.spawn import process_ahead

    gc.set_threshold(YOUNG)
    fill_closed()
    with process_ahead() if _trains(sys.argv[1:]) else nullcontext():
        from hpsearch.cli.app import main as run

        run()


def _trains(arguments: list[str]) -> bool:
    elsewhere = any(one == "--help" or one.removeprefix("--engine=") in ELSEWHERE for one in arguments)
    return bool(arguments) and arguments[0] in TRAINING and not elsewhere
