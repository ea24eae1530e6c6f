"""Commands for whoever has no study yet."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hpsearch.cli.app import app
from hpsearch.cli.options import DataDirOption
from hpsearch.exceptions import HpsearchError

GivenArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="A table (csv, Parquet, Arrow, Excel), arrays (npz), a folder with a folder of images for each "
        "class, sklearn:NAME or keras:NAME; by default the only file of data here.",
        show_default=False,
    ),
]
TargetOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column to predict.", show_default=False)
]
FileOption = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Where to write it; by default NAME.yaml.", show_default=False),
]


@app.command()
def init(
    data: GivenArgument = None,
    target: TargetOption = None,
    file: FileOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write a study file for your data, with comments, that runs as it stands."""
    from hpsearch.study.draft.draft import draft_study

    place, draft = draft_study(data, target, file, data_dir)
    try:
        with place.open("x", encoding="utf-8") as written:
            written.write(draft.text)
    except FileExistsError:
        raise HpsearchError(
            f"{place}: this file exists and is left as it is: say another one with --file."
        ) from None
    print("\n".join(draft.inspection.lines()))
    command = shlex.quote(str(place))
    print(f"{place} is written: look through it, then run hpsearch optimize {command}")


@app.command()
def doctor() -> None:
    """Say what is installed and what this machine has, and what to do about what is wrong."""
    from hpsearch.study.environment import examine

    advised = stopped = 0
    for one in examine():
        mark = "xx" if one.stops else "! " if one.advice else "ok"
        print(f"{mark} {one.name}: {one.found}" + (f"\n   -> {one.advice}" if one.advice else ""))
        advised += bool(one.advice)
        stopped += one.stops
    if stopped:
        raise HpsearchError("no study can run here before what is marked with xx is done.")
    print(f"{advised} to look at, marked with !" if advised else "nothing to do")
