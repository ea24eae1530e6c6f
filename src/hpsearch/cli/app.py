"""The command line as a whole: what it is called, how it ends."""

from __future__ import annotations

import gc
import sys
from typing import Annotated, NoReturn

import typer

from hpsearch.cli.output import Output, outputs
from hpsearch.exceptions import HpsearchError, StudyFileError, warnings_as_notes
from hpsearch.spec.study_file.text import clean

app = typer.Typer(
    name="hpsearch",
    help="Hyperparameter search for Keras: fast, reproducible, crash-safe.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad input, 3 locked by another process, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    with outputs() as (out, err):
        with warnings_as_notes(lambda text: _tell(clean(text, line=True))):
            code = _code()
        out.flush()
        code = code or _unread(out)
        err.flush()
    # Else the interpreter looks through everything once more before it ends, for most of a second.
    gc.freeze()
    sys.exit(code)


def _code() -> int:
    """Run a command, tell what went wrong, and give the exit code."""
    from hpsearch.cli import reading, running, starting  # noqa: F401 - which add the commands

    try:
        app()
    except SystemExit as ending:
        if _is_interrupt(ending):
            raise KeyboardInterrupt from ending
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except StudyFileError as failure:
        for line in failure.lines():
            print(clean(line, line=True), file=sys.stderr)
        return failure.exit_code
    except HpsearchError as failure:
        _tell(str(failure))
        return failure.exit_code
    except (OSError, UnicodeEncodeError) as failure:
        _tell(clean(_refused(failure), line=True))
        return HpsearchError.exit_code
    return 0


def _is_interrupt(ending: SystemExit) -> bool:
    """Tell whether Typer made this silent exit of Ctrl-C; a study that was interrupted has told of it."""
    exit_ = ending.__context__
    return isinstance(exit_, typer.Exit) and isinstance(exit_.__cause__, KeyboardInterrupt)


def _refused(failure: OSError | UnicodeEncodeError) -> str:
    """Say what the system does not let us do."""
    if isinstance(failure, OSError):
        return f"{failure.filename or 'the system'}: {failure.strerror or failure}"
    return (
        f"the file system encoding ({failure.encoding}) cannot represent "
        f"{failure.object[failure.start : failure.end]!r}: set another one, such as LC_ALL=C.UTF-8, or use "
        "another name"
    )


def _unread(out: Output) -> int:
    """Return the exit code of a standard output that was not written to its end, and say why."""
    if out.failure is None:
        return 0
    if not isinstance(out.failure, BrokenPipeError):  # its reader has seen enough
        _tell(f"cannot write to standard output: {out.failure.strerror}")
    return HpsearchError.exit_code


def _tell(text: str) -> None:
    print(f"hpsearch: {text}", file=sys.stderr)


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
    """Hyperparameter search for Keras: fast, reproducible, crash-safe."""
