"""The command line: parse, call one function, print. Heavy libraries are imported only by what needs them."""

from __future__ import annotations

import gc
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from hpsearch.exceptions import HpsearchError, Problem, StudyFileError

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.spec import StudyFile
    from hpsearch.store.files import StudyFiles
    from hpsearch.store.record import StudyRecord

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

StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The study file.", show_default=False)]
NameArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="The study file, or the name of the study.", show_default=False)
]
OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="The parent of runs/ and reports/.", show_default=False)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Put a value in place of the study file's; repeatable."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="HPSEARCH_DATA",
        metavar="DIR",
        help="Where the NAME.npz of keras:NAME lie.",
        show_default=False,
    ),
]


class TrialsFormat(StrEnum):
    """How trials are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class BestFormat(StrEnum):
    """How the best configuration is printed."""

    yaml = "yaml"
    json = "json"


class ProbeFormat(StrEnum):
    """How probes are printed."""

    table = "table"
    json = "json"


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


def _load(path: Path, settings: list[str] | None) -> StudyFile:
    from hpsearch.search_space import check_enqueued
    from hpsearch.spec import load_study_file

    study = load_study_file(path, settings or ())
    check_enqueued(study.spec, study.source)
    return study


def _files(study: str, out: Path) -> StudyFiles:
    """Find the files of a study by its study file or its name."""
    from hpsearch.spec import load_study_file
    from hpsearch.spec.study import names_one_directory
    from hpsearch.store.files import StudyFiles

    path = Path(study)
    if path.suffix in (".yaml", ".yml") or os.path.isfile(path):  # noqa: PTH113 - Path raises for a long name
        return StudyFiles(out, load_study_file(path).spec.name)
    if not names_one_directory(study):
        shown = study if study and study.isprintable() else repr(study)
        raise StudyFileError((Problem(shown, None, "", "a study file or the name of a study", "neither"),))
    return StudyFiles(out, study)


def _record(study: str, out: Path) -> tuple[StudyFiles, StudyRecord]:
    from hpsearch.store.reading import read_record

    files = _files(study, out)
    return files, read_record(files)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


@app.command()
def validate(study: StudyArgument, settings: SetOption = None) -> None:
    """Check a study file and show what it searches."""
    from hpsearch.search_space import SearchSpace
    from hpsearch.tables import search_space_table

    loaded = _load(study, settings)
    space = SearchSpace(loaded.spec)
    console = _console()
    if space.parameters:
        console.print(search_space_table(space))
    else:
        print("nothing is searched: the study has one configuration")
    count = space.structures()
    print(f"{len(space.parameters)} parameters, {count:,} distinct structure{'' if count == 1 else 's'}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from hpsearch.spec import json_schema

    print(json.dumps(json_schema(), indent=1))


@app.command()
def optimize(
    study: StudyArgument,
    settings: SetOption = None,
    trials: Annotated[int | None, typer.Option(help="The number of trials.", show_default=False)] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which no trial is begun.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of the study.", show_default=False)] = None,
    new: Annotated[bool, typer.Option("--new", help="Start over: what the study has found is lost.")] = False,
    takeover: Annotated[
        bool, typer.Option("--takeover", help="Take the study from a process that is silent for 5 s.")
    ] = False,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="An Optuna storage.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=1024, help="Training processes.")] = 1,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Refuse a study that runs Python code of its own.")
    ] = False,
    out: OutOption = Path(),
    data_dir: DataDirOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Search for the best configuration; the same command goes on where it stopped."""
    given = {"trials": trials, "timeout": timeout, "seed": seed}
    overrides = [f"search.{name}={value}" for name, value in given.items() if value is not None]
    loaded = _load(study, [*(settings or []), *overrides])
    from hpsearch.search import Options
    from hpsearch.store.files import StudyFiles

    options = Options(
        out=out,
        storage=storage,
        data_dir=data_dir,
        new=new,
        takeover=takeover,
        workers=workers,
        no_code=no_code,
    )
    outcome, record = _optimize(loaded, options, StudyFiles(out, loaded.spec.name), quiet=quiet)
    if outcome == "interrupted":
        raise typer.Exit(INTERRUPTED)
    if outcome == "hopeless":
        cause = record.trials[0].kind_of_failure
        raise HpsearchError(f"every trial failed for one cause: {cause}; mend it and start over with --new")


def _optimize(loaded: StudyFile, options: Any, files: StudyFiles, *, quiet: bool) -> tuple[str, StudyRecord]:
    from hpsearch.search import optimize as run
    from hpsearch.terminal import TerminalDisplay, warnings_as_notes

    def bytes_on_disk() -> int:
        return sum(path.stat().st_size for path in files.directory.rglob("*") if path.is_file())

    search = loaded.spec.search
    display = TerminalDisplay(_console(), search.trials, search.metric, quiet, bytes_on_disk)
    with warnings_as_notes(display), display.live():
        outcome, record = run(loaded, options, display)
    display.conclude(outcome, record, files)
    return outcome, record


@app.command()
def probe(
    study: StudyArgument,
    settings: SetOption = None,
    rows: Annotated[int, typer.Option(min=2, help="Rows of the training part, from its beginning.")] = 512,
    replicates: Annotated[int, typer.Option(min=1, max=1000, help="Seeds of each network.")] = 3,
    format: Annotated[ProbeFormat, typer.Option(help="How to print the numbers.")] = ProbeFormat.table,
    out: OutOption = Path(),
    data_dir: DataDirOption = None,
) -> None:
    """Show how activations and gradients travel through the layers, without training."""
    loaded = _load(study, settings)
    from hpsearch.probing import ProbeOptions
    from hpsearch.probing import probe as run
    from hpsearch.tables import probe_lines, probe_table

    probed = run(loaded, ProbeOptions(rows, replicates, out, data_dir))
    if format is ProbeFormat.json:
        print(probed.json())
    else:
        _console().print(probe_table(probed))
        print("\n".join(probe_lines(probed)))


@app.command()
def trials(
    study: NameArgument,
    format: Annotated[TrialsFormat, typer.Option(help="How to print them.")] = TrialsFormat.table,
    out: OutOption = Path(),
) -> None:
    """List the trials of a study."""
    from hpsearch.results import trials_csv, trials_json

    _, record = _record(study, out)
    if format is TrialsFormat.json:
        print(trials_json(record))
    elif format is TrialsFormat.csv:
        print(trials_csv(record), end="")
    else:
        from hpsearch.tables import trials_table

        _console().print(trials_table(record))


@app.command()
def best(
    study: NameArgument,
    format: Annotated[BestFormat, typer.Option(help="How to print it.")] = BestFormat.yaml,
    out: OutOption = Path(),
) -> None:
    """Print the best configuration as a study file, and the path of its model."""
    from hpsearch.results import best_spec, trial_row
    from hpsearch.spec import print_spec

    files, record = _record(study, out)
    if record.best is None:
        raise HpsearchError(f"no trial of {record.name!r} has a value yet")
    model = str(files.best_model) if files.best_model.exists() else None
    spec = best_spec(record)
    if format is BestFormat.json:
        print(json.dumps({**trial_row(record.best), "study": spec.dump(), "model": model}, indent=2))
    else:
        told = f"{record.metric} {record.best.value!r} at epoch {record.best.best_epoch}"
        print(f"# trial {record.best.number}: {told}\n# model: {model or 'saved when the study ends'}")
        print(print_spec(spec), end="")


@app.command()
def report(study: NameArgument, out: OutOption = Path()) -> None:
    """Write the report of a study, finished or not."""
    from hpsearch.analysis import analyze
    from hpsearch.report import write_report

    files, record = _record(study, out)
    write_report(analyze(record), record, files.report)
    print(files.report)


@app.command()
def status(study: NameArgument, out: OutOption = Path()) -> None:
    """Tell how far a study is."""
    from hpsearch.tables import status_lines

    _, record = _record(study, out)
    print("\n".join(status_lines(record)))


@app.command()
def check(study: NameArgument, out: OutOption = Path()) -> None:
    """Check every file of a study; exit code 1 where one is damaged."""
    from hpsearch.checking import check_study

    damaged = 0
    for checked in check_study(_files(study, out)):
        damaged += not checked.whole
        print(f"{'whole  ' if checked.whole else 'DAMAGED'}  {checked.path}  {checked.told}")
    if damaged:
        raise HpsearchError(f"damaged files: {damaged}; hpsearch optimize mends what it can")


@app.command("list")
def list_studies(out: OutOption = Path()) -> None:
    """List the studies of a directory."""
    from hpsearch.store.files import StudyFiles
    from hpsearch.store.reading import read_record
    from hpsearch.tables import studies_table

    names = sorted(path.parent.name for path in (out / "runs").glob("*/study.yaml"))
    if not names:
        print(f"no studies in {out / 'runs'}")
        return
    _console().print(studies_table([read_record(StudyFiles(out, name)) for name in names]))


@app.command()
def delete(
    study: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    out: OutOption = Path(),
) -> None:
    """Delete a study: its files, its report, and its trials in a storage elsewhere."""
    from hpsearch.search import delete as delete_study

    files, record = _record(study, out)
    if not yes:
        typer.confirm(f"delete {record.name!r} with {len(record.trials)} trials?", abort=True, err=True)
    delete_study(files)
    print(f"deleted {files.directory}", file=sys.stderr)


@app.command()
def dashboard(
    study: NameArgument,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8080,
    out: OutOption = Path(),
) -> None:
    """Show a study in the Optuna dashboard."""
    from hpsearch.dashboard import serve

    serve(_files(study, out), host, port)
