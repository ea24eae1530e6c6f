"""Commands about studies that were begun."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.app import app
from hpsearch.cli.options import (
    BestFormat,
    DataDirOption,
    ImportanceMethod,
    ModelFormat,
    NameArgument,
    OutOption,
    PredictFormat,
    ReportFormat,
    StorageOption,
    TrialsFormat,
)
from hpsearch.cli.output import console
from hpsearch.cli.studies import files_of, record_of, records_of
from hpsearch.exceptions import HpsearchError, StoreError, UnsupportedError
from hpsearch.spec.study_file.text import clean

if TYPE_CHECKING:
    from hpsearch.report.html.reports import Results
    from hpsearch.store.layout import StudyFiles
    from hpsearch.store.record import StudyRecord


@app.command()
def trials(
    study: NameArgument,
    format: Annotated[TrialsFormat, typer.Option(help="The output format.")] = TrialsFormat.table,
    replicates: Annotated[
        bool, typer.Option("--replicates", help="List the replicates of the finalists instead.")
    ] = False,
    ablation: Annotated[bool, typer.Option("--ablation", help="List the runs of the ablation instead.")] = (
        False
    ),
    out: OutOption = Path(),
) -> None:
    """List the trials of a study."""
    from hpsearch.store.trials_table import trials_csv, trials_json

    record = _listed(study, out, replicates=replicates, ablation=ablation)
    if format is TrialsFormat.json:
        print(trials_json(record))
    elif format is TrialsFormat.csv:
        print(trials_csv(record), end="")
    else:
        from hpsearch.cli.tables import trials_table

        console().print(trials_table(record))


def _listed(study: str, out: Path, *, replicates: bool, ablation: bool) -> StudyRecord:
    """Return the record of the experiment whose trials are listed."""
    from hpsearch.store.reading import read_ablation, read_confirmation

    files, record = record_of(study, out)
    if replicates and ablation:
        raise UnsupportedError(
            "--replicates and --ablation exclude each other: they list runs of different experiments"
        )
    if replicates:
        return _begun(read_confirmation(files), f"no replicates of {record.name!r}", "confirm")
    if ablation:
        return _begun(read_ablation(files), f"no runs of an ablation of {record.name!r}", "ablate")
    return record


def _begun(record: StudyRecord | None, missing: str, command: str) -> StudyRecord:
    """Return the record of what belongs to a search; say by which command it is made where there is none."""
    if record is None:
        raise HpsearchError(f"{missing}: hpsearch {command} trains them")
    return record


@app.command()
def best(
    study: NameArgument,
    format: Annotated[BestFormat, typer.Option(help="The output format.")] = BestFormat.yaml,
    out: OutOption = Path(),
) -> None:
    """Print the best configuration as a study file, and the path of its model."""
    from hpsearch.report.words.best import best_json, best_lines
    from hpsearch.scheduling.conclusion import conclude_search
    from hpsearch.spec import print_spec
    from hpsearch.store.best_study import best_spec
    from hpsearch.store.reading import read_parts
    from hpsearch.store.winner import model_problem

    files, record = record_of(study, out)
    if record.kind != "search":
        raise HpsearchError(f"{record.name!r} is a comparison: hpsearch compare shows its best arms")
    conclusion = conclude_search(record, *read_parts(files))
    trial = conclusion.best.trial
    if trial is None:
        raise HpsearchError(f"{record.name!r} has no best configuration: {_without_value(record)}")
    model = str(files.best_model) if files.best_model.exists() else None
    if problem := model_problem(files, record.identity):
        print(f"hpsearch: warning: {files.best_model}: {problem}", file=sys.stderr)
    if format is BestFormat.json:
        print(best_json(conclusion, model))
    else:
        for line in best_lines(conclusion, model):
            print(clean(f"# {line}", line=True))
        print(print_spec(best_spec(record, trial)), end="")


def _without_value(record: StudyRecord) -> str:
    from hpsearch.analysis import total_failure

    return total_failure(record) or "no trial has a value yet"


@app.command()
def predict(
    study: NameArgument,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="The rows: csv as in the study, npz with x, or images.", show_default=False
        ),
    ],
    format: Annotated[PredictFormat, typer.Option(help="The output format.")] = PredictFormat.csv,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write to a file.", show_default=False),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Apply the ensemble of its trials instead.")
    ] = False,
    out: OutOption = Path(),
) -> None:
    """Apply the best model of a study to new rows."""
    from hpsearch.study.predict import predict as run

    files, record = record_of(study, out)
    if record.kind != "search":
        raise HpsearchError(f"{record.name!r} is a comparison, and only a search saves its best model")
    predicted = run(files, data, ensemble=ensemble)
    for note in predicted.notes:
        print(clean(f"hpsearch: {note}", line=True), file=sys.stderr)
    _put(predicted.json() if format is PredictFormat.json else predicted.csv(), output)


def _put(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file."""
    from hpsearch.store.disk import write_atomically

    if output is None:
        print(text, end="")
    else:
        write_atomically(output, text.encode())


@app.command()
def report(
    study: NameArgument,
    format: Annotated[
        ReportFormat, typer.Option(help="html writes the report, json prints all its numbers.")
    ] = ReportFormat.html,
    importance: Annotated[
        ImportanceMethod, typer.Option(help="How to estimate importance; fanova is slow.")
    ] = ImportanceMethod.ped_anova,
    out: OutOption = Path(),
) -> None:
    """Write the report of a study, finished or not."""
    from hpsearch.analysis import plain
    from hpsearch.study.report import write_page_of

    reports = {}
    for files, record in records_of(study, out):
        results = _results(files, record, importance)
        if format is ReportFormat.json:
            reports[record.kind] = plain(results)
        else:
            write_page_of(files, record, results)
            print(files.report)
    if reports:
        print(json.dumps(reports, indent=2, allow_nan=False))


def _results(files: StudyFiles, record: StudyRecord, importance: ImportanceMethod) -> Results:
    """Find out what a search, or a comparison, says."""
    from hpsearch.analysis import analyze_conclusion, compare, find_influence
    from hpsearch.scheduling.conclusion import conclude_search
    from hpsearch.store.reading import read_parts

    if record.kind == "comparison":
        return compare(record)
    influence = find_influence(record, files, importance.value, partial(print, file=sys.stderr))
    return analyze_conclusion(conclude_search(record, *read_parts(files)), influence)


@app.command()
def export(
    study: NameArgument,
    to: Annotated[ModelFormat, typer.Option("--to", help="The format.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where to write it; by default here.")
    ] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="Write the ensemble of the trials.")] = False,
    out: OutOption = Path(),
) -> None:
    """Write the best model in a format that other programs load, and compare its predictions."""
    from hpsearch.study.formats import export_model

    print(export_model(files_of(study, out), to.value, output, ensemble=ensemble))


@app.command()
def code(study: NameArgument, out: OutOption = Path(), data_dir: DataDirOption = None) -> None:
    """Print a plain Keras script that builds and trains the winner without hpsearch."""
    from hpsearch.study.script.script import study_script

    print(study_script(files_of(study, out), data_dir), end="")


@app.command()
def status(study: NameArgument, out: OutOption = Path()) -> None:
    """Show the progress of a study."""
    from hpsearch.cli.tables import status_lines

    for _, record in records_of(study, out):
        print("\n".join(clean(line, line=True) for line in status_lines(record)))


@app.command()
def check(
    study: NameArgument,
    out: OutOption = Path(),
    retrain: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Train N trials again in another process, and compare bit for bit."
        ),
    ] = 0,
    data_dir: DataDirOption = None,
) -> None:
    """Check every file of a study; exit code 1 if one is damaged or a retrained number differs."""
    from hpsearch.study.check import check_study

    damaged = 0
    files = files_of(study, out)
    for part in files.parts or [files]:
        for checked in check_study(part):
            damaged += not checked.whole
            word = "intact " if checked.whole else "DAMAGED"
            print(clean(f"{word}  {checked.path}  {checked.told}", line=True))
        damaged += _retrain(part, retrain, data_dir) if retrain else 0
    if damaged:
        raise HpsearchError(f"damaged: {damaged}; hpsearch optimize repairs the files that it can")


def _retrain(files: StudyFiles, count: int, data_dir: Path | None) -> int:
    """Train trials once more, say what came of each, and count those that came out otherwise."""
    from hpsearch.study.retrain import retrain

    differing = 0
    for trial in retrain(files, count, data_dir):
        differing += trial.difference is not None
        word = "same   " if trial.difference is None else "DIFFERS"
        text = trial.difference or f"{trial.epochs} epochs trained again, equal bit for bit"
        print(clean(f"{word}  {files.directory}  trial {trial.number}: {text}", line=True))
    return differing


@app.command("list")
def list_studies(out: OutOption = Path()) -> None:
    """List the studies of a directory."""
    from hpsearch.cli.tables import studies_table
    from hpsearch.store.layout import StudyFiles
    from hpsearch.store.record import StudyRecord

    names = sorted(path.name for path in _places(out / "runs"))
    readings = [reading for name in names for reading in _readings(StudyFiles(out, name))]
    if not readings:
        print(clean(f"no studies in {out / 'runs'}", line=True))
        return
    complete = [read for read in readings if isinstance(read, StudyRecord)]
    if complete:
        console().print(studies_table(complete))
    broken = [read for read in readings if isinstance(read, HpsearchError)]
    for failure in broken[1:]:
        print(f"hpsearch: {failure}", file=sys.stderr)
    if broken:
        raise broken[0]


def _places(runs: Path) -> list[Path]:
    try:
        return list(runs.iterdir())
    except FileNotFoundError:
        return []


def _readings(files: StudyFiles) -> list[StudyRecord | HpsearchError]:
    """Read the search and the comparison of a study, as far as there are any and the system lets us."""
    from hpsearch.store.layout import OF_SEARCH

    try:
        return [_reading(part) for part in files.parts if part.part not in OF_SEARCH]
    except OSError as failure:
        return [StoreError(f"cannot read {failure.filename or files.directory}: {failure.strerror}")]


def _reading(files: StudyFiles) -> StudyRecord | HpsearchError:
    """Read a study, or give the reason why it cannot be read."""
    from hpsearch.store.reading import read_record

    try:
        return read_record(files)
    except HpsearchError as failure:
        return failure


@app.command()
def delete(
    study: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    storage: StorageOption = None,
    out: OutOption = Path(),
) -> None:
    """Delete a study: its files, its report, and with --storage its trials there."""
    from hpsearch.store.optuna.urls import shown
    from hpsearch.study.deletion import delete as delete_study

    files, records = files_of(study, out), records_of(study, out)
    links = [part.directory for part in files.parts if part.directory.is_symlink()]
    left = [f"the directory {link.resolve()} behind the link {link}" for link in links]
    if storage is None:
        left += [
            f"its trials in the storage {url} (name it with --storage to delete them)"
            for url in _elsewhere(files)
        ]
    if not yes:
        trials = sum(len(record.trials) for _, record in records)
        also = "" if storage is None else f", also in the storage {shown(storage)}"
        stays = f" ({'; '.join(left)} will be kept)" if left else ""
        asked = f"delete {files.name!r} with {trials} trials{also}{stays}?"
        typer.confirm(clean(asked, line=True), abort=True, err=True)
    delete_study(files, storage)
    print(clean(f"deleted {files.directory}", line=True), file=sys.stderr)
    for what in left:
        print(clean(f"kept: {what}", line=True), file=sys.stderr)


def _elsewhere(files: StudyFiles) -> list[str]:
    """List the storages that the files of a study name."""
    from hpsearch.store.optuna.urls import shown
    from hpsearch.store.removal import stored_if_readable

    stored = [stored_if_readable(part) for part in files.parts]
    return list(dict.fromkeys(shown(one.storage) for one in stored if one is not None and one.storage))


@app.command()
def dashboard(
    study: NameArgument,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on, 0 for any.")] = 8080,
    storage: StorageOption = None,
    out: OutOption = Path(),
) -> None:
    """Show a study in the Optuna dashboard."""
    from hpsearch.report.dashboard import serve

    serve(record_of(study, out)[0], host, port, storage)
