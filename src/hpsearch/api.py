"""The Python face of hpsearch: what the command line does, as functions that give a `Study`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from hpsearch.exceptions import UnsupportedError
from hpsearch.study.handle import ABLATION_REPLICATES, Command, Study, run, run_shown

if TYPE_CHECKING:
    from hpsearch.engines import EngineName
    from hpsearch.study.given import Settings, What
    from hpsearch.study.lifecycle import Options
    from hpsearch.study.predict import Predicted
    from hpsearch.study.probe import Probed

__all__ = [
    "ABLATION_REPLICATES",
    "Command",
    "Study",
    "ablate",
    "compare",
    "confirm",
    "load_study",
    "optimize",
    "predict",
    "probe",
    "run",
]

MAX_WORKERS = 1024


class RunOptions(TypedDict, total=False):
    """Where and how a study is run, in the words of the command line.

    `out` is the parent of `runs/` and `reports/`; `settings` are values that are put in place of those of the
    study, by their dotted paths; `target` is the column to predict, where the rows are a table; `progress`
    shows on the standard error what the command line shows, by default where that is a terminal.
    """

    out: str | os.PathLike[str]
    settings: Settings
    target: str | None
    storage: str | None
    data_dir: str | os.PathLike[str] | None
    takeover: bool
    workers: int
    no_code: bool
    engine: EngineName
    progress: bool | None


def optimize(
    what: What,
    data: Any = None,
    *,
    trials: int | None = None,
    timeout: float | None = None,
    seed: int | None = None,
    new: bool = False,
    **options: Unpack[RunOptions],
) -> Study:
    """Search for the best configuration; the same call goes on where it stopped.

    Args:
        what: The path of a study file, the same as a dictionary, or a `StudySpec`.
        data: Rows in place of the study's own: `(x, y)`, `((x, y), (x_val, y_val))`, a mapping of arrays with
            the names of an npz file, a table with `target=`; or a data section as the study file has it.
        trials: The number of trials.
        timeout: Seconds after which no trial is begun.
        seed: The seed of the study.
        new: Start over: what the study has found is lost.
        **options: See `RunOptions`.

    Raises:
        HpsearchError: As the command line says it; a kind of it tells what was wrong.
        KeyboardInterrupt: It was interrupted; the same call goes on.
    """
    given = {"search.trials": trials, "search.timeout": timeout, "search.seed": seed}
    return _carry_out("optimize", what, data, given, options, new=new)


def compare(
    what: What,
    data: Any = None,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    new: bool = False,
    **options: Unpack[RunOptions],
) -> Study:
    """Train every arm of a comparison from the same seeds; the same call goes on where it stopped.

    `replicates` is the number of seeds of each arm; the rest is as with `optimize`.
    """
    given = {"compare.replicates": replicates, "search.seed": seed}
    return _carry_out("compare", what, data, given, options, new=new)


def confirm(
    what: What,
    data: Any = None,
    *,
    finalists: int | None = None,
    replicates: int | None = None,
    **options: Unpack[RunOptions],
) -> Study:
    """Train the best trials of a search again, or from more seeds, before one is called the winner.

    `finalists` is how many of the best trials, `replicates` the number of seeds of each at most.
    """
    given = {"confirm.finalists": finalists, "confirm.replicates": replicates}
    return _carry_out("confirm", what, data, given, options)


def ablate(
    what: What,
    data: Any = None,
    *,
    replicates: int = ABLATION_REPLICATES,
    **options: Unpack[RunOptions],
) -> Study:
    """Train the way from the defaults to the winner of a search, one change at a time, in greedy order.

    `replicates` is the number of seeds of each configuration; the way is the `ablation` of the study.
    """
    return _carry_out("ablate", what, data, {}, options, replicates=replicates)


def probe(
    what: What,
    data: Any = None,
    *,
    rows: int = 512,
    replicates: int = 3,
    at_epochs: Sequence[int] = (0,),
    out: str | os.PathLike[str] = ".",
    data_dir: str | os.PathLike[str] | None = None,
    settings: Settings = (),
    target: str | None = None,
) -> Probed:
    """Measure how activations and gradients travel through the layers, at first weights or in training."""
    from hpsearch.engines.apart import here_or_apart
    from hpsearch.study.given import read_study
    from hpsearch.study.probe import ProbeOptions, read_epochs
    from hpsearch.study.probe import probe as run

    study = read_study(what, settings, data, target=target, out=Path(out))
    epochs = read_epochs(",".join(map(str, at_epochs)))
    place = None if data_dir is None else Path(data_dir)
    return here_or_apart(run, study, ProbeOptions(rows, replicates, Path(out), place, epochs))


def predict(study: str | os.PathLike[str] | Study, x: Any, *, out: str | os.PathLike[str] = ".") -> Predicted:
    """Apply the best model of a study to new rows: an array, or the path of a csv or npz file."""
    return (study if isinstance(study, Study) else load_study(study, out=out)).predict(x)


def load_study(study: str | os.PathLike[str], **options: Unpack[RunOptions]) -> Study:
    """Give a study that was begun, by its name or its study file; its comparison where it has no search.

    Raises:
        StudyNotFoundError: It was not begun there.
    """
    from hpsearch.study.find import record_of

    chosen = options_of(options)
    return Study(*record_of(os.fspath(study), chosen.out), chosen)


def _carry_out(
    command: Command,
    what: What,
    data: Any,
    given: Mapping[str, Any],
    options: RunOptions,
    *,
    new: bool = False,
    replicates: int = ABLATION_REPLICATES,
) -> Study:
    """Read a study, run a command on it, and raise what it ended with."""
    from hpsearch.study.given import overridden, read_study

    settings = overridden(options.get("settings", ()), given)
    chosen = options_of(options, new=new)
    study = read_study(what, settings, data, target=options.get("target"), out=chosen.out)
    return run_shown(command, study, chosen, progress=options.get("progress"), replicates=replicates)


def options_of(options: RunOptions, *, new: bool = False) -> Options:
    """Give the options of a run. Raises UnsupportedError for a number of workers that cannot be."""
    from hpsearch.study.lifecycle import Options

    named: dict[str, Any] = {"out": ".", **options}
    for name in ("settings", "target", "progress"):
        named.pop(name, None)
    workers = named.get("workers", 1)
    if not isinstance(workers, int) or not 1 <= workers <= MAX_WORKERS:
        raise UnsupportedError(f"workers: expected a whole number from 1 to {MAX_WORKERS}; found {workers!r}")
    for name in ("out", "data_dir"):
        if named.get(name) is not None:
            # A program may go to another directory, and its studies stay where they are.
            named[name] = Path(named[name]).absolute()
    return Options(**named, new=new)
