"""The arguments and options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from hpsearch.cli.completion import studies, study_files

if TYPE_CHECKING:
    from hpsearch.study.options import Options

StudyArgument = Annotated[
    Path,
    typer.Argument(metavar="STUDY", help="The study file.", show_default=False, autocompletion=study_files),
]
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="The study file, or the name of the study.",
        show_default=False,
        autocompletion=studies,
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DIR", help="The directory that contains runs/ and reports/.", show_default=False
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value of the study file; repeatable."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="HPSEARCH_DATA",
        metavar="DIR",
        help="The directory with NAME.npz for keras:NAME.",
        show_default=False,
    ),
]
TakeoverOption = Annotated[
    bool,
    typer.Option("--takeover", help="Take over the study from a process that has not responded for 5 s."),
]
WorkersOption = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="N|auto",
        help="The number of training processes; auto: as many as there is room for.",
        show_default=False,
    ),
]
NoCodeOption = Annotated[
    bool, typer.Option("--no-code", help="Refuse a study that runs its own Python code.")
]
StorageOption = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="The URL of an Optuna storage.", show_default=False),
]
TensorBoardOption = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard", metavar="DIR", help="Copy trials there for TensorBoard.", show_default=False
    ),
]
MlflowOption = Annotated[
    str | None,
    typer.Option("--mlflow", metavar="URI", help="Copy trials there for MLflow.", show_default=False),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]


class ModelFormat(StrEnum):
    """A format of models."""

    keras = "keras"
    savedmodel = "savedmodel"
    litert = "litert"
    onnx = "onnx"


class EngineChoice(StrEnum):
    """Where training runs."""

    local = "local"
    in_process = "in_process"
    ray = "ray"
    slurm = "slurm"


EngineOption = Annotated[
    EngineChoice,
    typer.Option(
        "--engine",
        help="Where training runs: in processes of its own (local), in this one to debug (in_process), in "
        "actors of Ray (ray), or in the tasks of a Slurm job step (slurm).",
    ),
]

AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="The address of a cluster of Ray; without it Ray runs on this machine.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class CommandOptions:
    """The options of every command that trains a study."""

    takeover: TakeoverOption = False
    storage: StorageOption = None
    workers: WorkersOption = None
    engine: EngineOption = EngineChoice.local
    address: AddressOption = None
    no_code: NoCodeOption = False
    out: OutOption = Path()
    data_dir: DataDirOption = None
    tensorboard: TensorBoardOption = None
    mlflow: MlflowOption = None
    quiet: QuietOption = False

    def of_run(self, *, new: bool = False) -> Options:
        """Return where and how the study is run."""
        from hpsearch.spec.sections.engine import read_workers
        from hpsearch.study.options import Options

        return Options(
            out=self.out,
            storage=self.storage,
            data_dir=self.data_dir,
            new=new,
            takeover=self.takeover,
            workers=None if self.workers is None else read_workers(self.workers),
            no_code=self.no_code,
            engine=self.engine.value,
            address=self.address,
            tensorboard=self.tensorboard,
            mlflow=self.mlflow,
        )


def takes_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace a command's parameter `options` by the fields of `CommandOptions`, as Typer reads them."""
    hints = get_type_hints(CommandOptions, include_extras=True)
    shared = [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(CommandOptions)
    ]
    own = [one for one in signature(command, eval_str=True).parameters.values() if one.name != "options"]

    @wraps(command)
    def with_options(**given: Any) -> None:
        options = CommandOptions(**{one.name: given.pop(one.name) for one in shared})
        if options.engine is EngineChoice.slurm and _works_for_another():
            return
        command(**given, options=options)

    read = signature(command).replace(parameters=[*own, *shared], return_annotation=None)
    with_options.__signature__ = read  # type: ignore[attr-defined]
    with_options.__annotations__ = {one.name: one.annotation for one in read.parameters.values()}
    return with_options


def _works_for_another() -> bool:
    """Serve another task of a Slurm job step, if this is not the first."""
    from hpsearch.engines.slurm.step import Step
    from hpsearch.engines.slurm.task import works_for_another

    return works_for_another(Step.own())


class TrialsFormat(StrEnum):
    """How trials are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class ImportanceMethod(StrEnum):
    """How the importance of parameters is judged."""

    ped_anova = "ped_anova"
    fanova = "fanova"


class BestFormat(StrEnum):
    """How the best configuration is printed."""

    yaml = "yaml"
    json = "json"


class CompareFormat(StrEnum):
    """How a comparison is printed."""

    table = "table"
    json = "json"


class ReportFormat(StrEnum):
    """How a report is given."""

    html = "html"
    json = "json"


class ProbeFormat(StrEnum):
    """How probes are printed."""

    table = "table"
    json = "json"


class PredictFormat(StrEnum):
    """How predictions are printed."""

    csv = "csv"
    json = "json"
