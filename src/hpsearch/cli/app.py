"""The command line as a whole: what it is called, how it ends."""

from __future__ import annotations

import gc
import sys
from typing import Annotated, NoReturn

import typer

from hpsearch.exceptions import HpsearchError, StudyFileError

app = typer.Typer(
    name="hpsearch",
    help="Hyperparameter search for Keras: fast, honest, unkillable.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad input, 3 locked by another process, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    try:
        app()
    except SystemExit as ending:
        # Else the interpreter looks through everything once more before it ends, for most of a second.
        gc.freeze()
        sys.exit(ending.code)
    except StudyFileError as failure:
        for problem in failure.problems:
            print(problem, file=sys.stderr)
        sys.exit(failure.exit_code)
    except HpsearchError as failure:
        print(f"hpsearch: {failure}", file=sys.stderr)
        sys.exit(failure.exit_code)
    except KeyboardInterrupt:
        print("hpsearch: stopped at once; the same command goes on from the last checkpoint", file=sys.stderr)
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _version(wanted: bool) -> None:
    if wanted:
        from hpsearch import __version__

        print(f"hpsearch {__version__}")
        raise typer.Exit


@app.callback()
def hpsearch(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hyperparameter search for Keras: fast, honest, unkillable."""
