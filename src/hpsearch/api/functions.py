"""The Python face of hpsearch: what the command line does, as functions that give a `Study`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from hpsearch.exceptions import DataError, UnsupportedError
from hpsearch.study.handle import ABLATION_REPLICATES, Command, Study, run, run_shown

if TYPE_CHECKING:
    from hpsearch.engines import EngineName
    from hpsearch.spec.sections.engine import WorkerCount
    from hpsearch.study.input import Settings, What
    from hpsearch.study.options import Options
    from hpsearch.study.predict import Predicted
    from hpsearch.study.probe import Probed

__all__ = [
    "ABLATION_REPLICATES",
    "Command",
    "Study",
    "ablate",
    "compare",
    "confirm",
    "load",
    "optimize",
    "predict",
    "probe",
    "run",
]

MAX_REPLICATES, MAX_ROWS = 1000, 10**9

OF_READING = ("settings", "target", "progress")
"""Options that say nothing of where a study is."""


class Place(TypedDict, total=False):
    """Where and how a study is run, in the words of the command line; `out` is the parent of `runs/`.

    `stream` is (train, validation) or (train, validation, test) in place of data: each a `tf.data.Dataset`,
    `PyDataset` or loader of torch. The first is read anew in each epoch, in this process, and never kept.
    """

    out: str | os.PathLike[str]
    storage: str | None
    data_dir: str | os.PathLike[str] | None
    takeover: bool
    workers: WorkerCount | None
    no_code: bool
    engine: EngineName
    address: str | None
    tensorboard: str | os.PathLike[str] | None
    mlflow: str | None
    stream: Any


class RunOptions(Place, total=False):
    """A place, and how a study that is read is changed and shown.

    `settings` are values that are put in place of those of the study, by their dotted paths; `target` is the
    column to predict, where the rows are a table; `progress` shows on the standard error what the command
    line shows, by default where that is a terminal.
    """

    settings: Settings
    target: str | None
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
            the names of an npz file, a table with `target=`, a `tf.data.Dataset`, `PyDataset` or loader of
            torch (or a pair of them), which is read once; or a data section as the study file has it.
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
    _check_whole("replicates", replicates, 1, MAX_REPLICATES)
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
    from hpsearch.engines.isolation import here_or_apart
    from hpsearch.study.input import read_study
    from hpsearch.study.probe import ProbeOptions, read_epochs
    from hpsearch.study.probe import probe as run

    _check_whole("rows", rows, 2, MAX_ROWS)
    _check_whole("replicates", replicates, 1, MAX_REPLICATES)
    study = read_study(what, settings, data, target=target, out=Path(out))
    epochs = read_epochs(",".join(map(str, at_epochs)))
    place = None if data_dir is None else Path(data_dir)
    return here_or_apart(run, study, ProbeOptions(rows, replicates, Path(out), place, epochs))


def predict(
    study: str | os.PathLike[str] | Study,
    x: Any,
    *,
    ensemble: bool = False,
    out: str | os.PathLike[str] = ".",
) -> Predicted:
    """Apply the best model of a study, or its ensemble, to new rows: an array, or the path of a file."""
    begun = study if isinstance(study, Study) else load(study, out=out)
    return begun.predict(x, ensemble=ensemble)


def load(study: str | os.PathLike[str], **options: Unpack[Place]) -> Study:
    """Return a study that was begun, by its name or its study file; its comparison where it has no search.

    Raises:
        StudyNotFoundError: It was not begun there.
    """
    from hpsearch.study.lookup import record_of

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
    from hpsearch.study.input import overridden, read_study

    settings = overridden(options.get("settings", ()), given)
    place: Any = {name: value for name, value in options.items() if name not in OF_READING}
    chosen = options_of(place, new=new)
    if chosen.stream is not None and data is not None:
        raise DataError("data: expected none beside a stream")
    given_data = data if chosen.stream is None else chosen.stream
    study = read_study(what, settings, given_data, target=options.get("target"), out=chosen.out)
    found = run_shown(command, study, chosen, progress=options.get("progress"), replicates=replicates)
    found.check()
    return found


def options_of(place: Place, *, new: bool = False) -> Options:
    """Return the options of a run. Raises UnsupportedError for one that cannot be."""
    from hpsearch.engines import ENGINES
    from hpsearch.spec.sections.engine import read_workers
    from hpsearch.study.options import Options

    named: dict[str, Any] = {"out": ".", **place}
    if named.get("workers") is not None:
        read_workers(named["workers"])
    if named.get("engine", "local") not in ENGINES:
        raise UnsupportedError(f"engine: expected one of {', '.join(ENGINES)}; found {named['engine']!r}")
    for name in ("out", "data_dir", "tensorboard"):
        if named.get(name) is not None:
            # A program may go to another directory, and its studies stay where they are.
            named[name] = Path(named[name]).absolute()
    if named.get("stream") is not None:
        named |= _streamed(named)
    return Options(**named, new=new)


def _streamed(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a study whose training rows are a stream, which stays in this process."""
    from hpsearch.data.stream import read_stream

    if named.get("engine", "local") in ("ray", "slurm"):
        raise UnsupportedError(
            f"stream: expected training in this process, where its batches are read; found {named['engine']}"
        )
    workers = named.get("workers") or 1
    return {"stream": read_stream(named["stream"]), "engine": "in_process", "workers": workers}


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or not least <= value <= most:
        raise UnsupportedError(f"{name}: expected a whole number from {least} to {most:,}; found {value!r}")
