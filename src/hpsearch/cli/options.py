"""The arguments and options that commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The study file.", show_default=False)]
NameArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="The study file, or the name of the study.", show_default=False)
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
    int, typer.Option("--workers", min=1, max=1024, help="The number of training processes.")
]
NoCodeOption = Annotated[
    bool, typer.Option("--no-code", help="Refuse a study that runs its own Python code.")
]
StorageOption = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="The URL of an Optuna storage.", show_default=False),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]


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
