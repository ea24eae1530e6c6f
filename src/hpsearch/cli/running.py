"""Commands that check, train and probe a study file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpsearch.api.functions import ABLATION_REPLICATES, run
from hpsearch.cli import INTERRUPTED
from hpsearch.cli.app import app
from hpsearch.cli.options import (
    CommandOptions,
    CompareFormat,
    DataDirOption,
    OutOption,
    ProbeFormat,
    SetOption,
    StudyArgument,
    takes_run_options,
)
from hpsearch.cli.output import console
from hpsearch.cli.studies import load
from hpsearch.spec.study_file.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hpsearch.api.functions import Command, Study
    from hpsearch.cli.progress import TerminalDisplay
    from hpsearch.spec import StudyFile
    from hpsearch.spec.experiments import Kind
    from hpsearch.study.options import Options


@app.command()
def validate(
    study: StudyArgument,
    settings: SetOption = None,
    no_data: Annotated[bool, typer.Option("--no-data", help="Check the study file only.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Check a study file and its data, and show the search space; trains nothing and runs no code."""
    from hpsearch.cli.tables import search_space_table
    from hpsearch.spec.sections.keras_tuner_model import unexplored
    from hpsearch.spec.space.arms import arms_of
    from hpsearch.spec.space.space import SearchSpace

    loaded = load(study, settings)
    if not no_data:
        from hpsearch.study.inspection import inspect

        print("\n".join(inspect(loaded, data_dir).lines()))
    space = SearchSpace(loaded.spec)
    if space.parameters:
        console().print(search_space_table(space))
    for model in unexplored(loaded.spec.model):
        print(f"what {model.file}:{model.function} searches is found by running it when the study begins")
    if not space.parameters and not any(unexplored(loaded.spec.model)):
        print("nothing is searched: the study has a single configuration")
    count = space.structures()
    print(f"{len(space.parameters)} parameters, {count:,} distinct structure{'' if count == 1 else 's'}")
    if loaded.spec.compare is not None:
        arms = len(arms_of(loaded.spec).arms)
        print(f"comparison: {arms} arms, {loaded.spec.compare.replicates} replicates of each")


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from hpsearch.spec import json_schema

    print(json.dumps(json_schema(), indent=1))


@app.command()
@takes_run_options
def optimize(
    study: StudyArgument,
    settings: SetOption = None,
    trials: Annotated[int | None, typer.Option(help="The number of trials.", show_default=False)] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which no new trial starts.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of the study.", show_default=False)] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Start over; all results of the study are lost.")
    ] = False,
    *,
    options: CommandOptions,
) -> None:
    """Search for the best configuration; run the same command again to continue."""
    given = {"search.trials": trials, "search.timeout": timeout, "search.seed": seed}
    loaded = load(study, [*(settings or []), *_overrides(given)])
    _search("optimize", loaded, options.of_run(new=new), quiet=options.quiet)


@app.command()
@takes_run_options
def confirm(
    study: StudyArgument,
    settings: SetOption = None,
    finalists: Annotated[
        int | None, typer.Option(help="The number of best trials to confirm.", show_default=False)
    ] = None,
    replicates: Annotated[
        int | None, typer.Option(help="The maximum number of seeds per finalist.", show_default=False)
    ] = None,
    *,
    options: CommandOptions,
) -> None:
    """Train the best trials of a search again, or from more seeds, before one is called the winner."""
    given = {"confirm.finalists": finalists, "confirm.replicates": replicates}
    loaded = load(study, [*(settings or []), *_overrides(given)])
    _search("confirm", loaded, options.of_run(), quiet=options.quiet)


@app.command()
@takes_run_options
def ablate(
    study: StudyArgument,
    settings: SetOption = None,
    replicates: Annotated[
        int, typer.Option(min=1, max=1000, help="The number of seeds per configuration.")
    ] = ABLATION_REPLICATES,
    *,
    options: CommandOptions,
) -> None:
    """Ablation: train from the defaults to the winner of a search, one change at a time, in greedy order."""
    loaded = load(study, settings)
    where = options.of_run()
    display = _display(loaded, "search", where, quiet=options.quiet)
    found = display.show(lambda: run("ablate", loaded, where, display, replicates))
    display.conclude_ablation(found)
    _end(found)


@app.command()
@takes_run_options
def compare(
    study: StudyArgument,
    settings: SetOption = None,
    replicates: Annotated[
        int | None, typer.Option(help="The number of seeds per arm.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of the study.", show_default=False)] = None,
    new: Annotated[bool, typer.Option("--new", help="Start over; all results are lost.")] = False,
    format: Annotated[CompareFormat, typer.Option(help="The output format.")] = CompareFormat.table,
    *,
    options: CommandOptions,
) -> None:
    """Train every arm of a comparison from the same seeds; run the same command again to continue."""
    given = {"compare.replicates": replicates, "search.seed": seed}
    loaded = load(study, [*(settings or []), *_overrides(given)])
    where, as_json = options.of_run(new=new), format is CompareFormat.json
    display = _display(loaded, "comparison", where, quiet=options.quiet or as_json)
    found = display.show(lambda: run("compare", loaded, where, display))
    if as_json:
        from hpsearch.analysis import comparison_to_json

        print(json.dumps(comparison_to_json(found.comparison), indent=1))
    else:
        display.conclude_comparison(found)
    _end(found)


def _search(command: Command, loaded: StudyFile, options: Options, *, quiet: bool) -> None:
    """Run a search, or what belongs to it, and tell what was found."""
    display = _display(loaded, "search", options, quiet=quiet)
    found = display.show(lambda: run(command, loaded, options, display))
    display.conclude(found)
    _end(found)


def _overrides(given: Mapping[str, Any]) -> list[str]:
    return [f"{path}={value}" for path, value in given.items() if value is not None]


def _display(loaded: StudyFile, kind: Kind, options: Options, *, quiet: bool) -> TerminalDisplay:
    from hpsearch.cli.progress import TerminalDisplay
    from hpsearch.spec.experiments import prepare
    from hpsearch.store.layout import PARTS, StudyFiles

    search = prepare(loaded.spec, kind).search
    files = StudyFiles(options.out, loaded.spec.name, PARTS[kind])

    def bytes_on_disk() -> int:
        files_of_trials = (path for path in files.directory.rglob("*") if files.arrays not in path.parents)
        return sum(path.stat().st_size for path in files_of_trials if path.is_file())

    return TerminalDisplay(
        search.trials, search.first_metric, quiet, bytes_on_disk, search.further, console=console()
    )


def _end(found: Study) -> None:
    """End with the exit code of an outcome; that all that was trained failed is a failure."""
    if found.outcome == "interrupted":
        raise typer.Exit(INTERRUPTED)
    found.check()


@app.command()
def probe(
    study: StudyArgument,
    settings: SetOption = None,
    rows: Annotated[int, typer.Option(min=2, help="The number of training rows, from the first.")] = 512,
    replicates: Annotated[int, typer.Option(min=1, max=1000, help="The number of seeds per network.")] = 3,
    at_epochs: Annotated[
        str,
        typer.Option(
            metavar="EPOCHS", help="Epochs at which to measure, such as 0,1,5; 0 is before training."
        ),
    ] = "0",
    format: Annotated[ProbeFormat, typer.Option(help="The output format.")] = ProbeFormat.table,
    out: OutOption = Path(),
    data_dir: DataDirOption = None,
) -> None:
    """Show how activations and gradients propagate through the layers, at initialization or in training."""
    loaded = load(study, settings)
    from hpsearch.cli.tables import probe_lines, probe_table
    from hpsearch.study.probe import ProbeOptions, read_epochs
    from hpsearch.study.probe import probe as probe_study

    probed = probe_study(loaded, ProbeOptions(rows, replicates, out, data_dir, read_epochs(at_epochs)))
    if format is ProbeFormat.json:
        print(probed.json())
    else:
        console().print(probe_table(probed))
        print("\n".join(clean(line, line=True) for line in probe_lines(probed)))
