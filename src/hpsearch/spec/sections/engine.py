"""The engine section: how many workers train a study, and what each needs of the machines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import Part

MAX_WORKERS = 1024

WorkerCount = int | Literal["auto"]


def _share_or_whole(number: float) -> float:
    if number > 1 and number % 1:
        raise problem("a whole number, or a share of 1", found=f"{number:g}")
    return number


def read_workers(given: object) -> WorkerCount:
    """Read a number of workers as a command or a function has it.

    Raises:
        UnsupportedError: It is none.
    """
    if given == "auto":
        return "auto"
    count = int(given) if isinstance(given, str) and given.isdecimal() else given
    if not isinstance(count, int) or not 1 <= count <= MAX_WORKERS:
        expected = f"a whole number from 1 to {MAX_WORKERS:,}, or auto"
        raise UnsupportedError(f"workers: expected {expected}; found {given!r}")
    return count


class WorkerNeeds(Part):
    """How many workers train, and what each must have on a cluster: cores, accelerators, gigabytes of memory.

    It says how a study is run, and nothing of its results.
    """

    workers: Annotated[int, Field(ge=1, le=MAX_WORKERS)] | Literal["auto"] | None = None
    cpus: Annotated[int, Field(ge=1, le=10_000)] = 1
    gpus: Annotated[float, Field(ge=0, le=1_000), AfterValidator(_share_or_whole)] = 0
    memory: Annotated[float, Field(gt=0, le=100_000)] | None = None
