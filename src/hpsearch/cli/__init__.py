"""The command line: parse, call one function, print. Heavy libraries are imported only by what needs them."""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from typing import NoReturn

__all__ = ["main"]

TRAINING = ("optimize", "confirm", "ablate", "compare")
"""Commands that start a process for training, and can start it before they are imported themselves."""

YOUNG = 20_000
"""Objects that may be made before the new ones are looked through: what is imported stays anyhow."""


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    from hpsearch.cli.streams import fill_closed
    from hpsearch.engines.process.spawn import process_ahead

    gc.set_threshold(YOUNG)
    fill_closed()
    with process_ahead() if _trains(sys.argv[1:]) else nullcontext():
        from hpsearch.cli.app import main as run

        run()


def _trains(arguments: list[str]) -> bool:
    elsewhere = any(one == "--help" or one.endswith("in_process") for one in arguments)
    return bool(arguments) and arguments[0] in TRAINING and not elsewhere
