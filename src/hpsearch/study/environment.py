"""What hpsearch finds on a machine, and what may be wrong with it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from hpsearch.data.source import DATA_DIR
from hpsearch.engines.policy.cores import usable_cores
from hpsearch.engines.process.canary import check_compiler
from hpsearch.engines.process.compilation import DIRECTORY_VARIABLE, cache_directory, own_directory
from hpsearch.engines.process.compiler import FLAGS, NO_FUSIONS, has_wrong_kernels
from hpsearch.engines.process.imports import import_keras
from hpsearch.engines.process.memory import memory
from hpsearch.engines.process.quota import processor_quota
from hpsearch.exceptions import HpsearchError
from hpsearch.report.words.numbers import amount

EXTRAS = ("tensorflow", "excel", "keras-tuner", "postgresql", "mysql", "cmaes", "gp")
"""What may be installed beside hpsearch by a person who needs it."""

ENOUGH = 2 * 2**30
"""Bytes of memory, or of the disk, below which studies are likely to end early."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        found: What was found.
        advice: What to do about it; empty where all is well.
        stops: Whether no study can run before that is done.
    """

    name: str
    found: str
    advice: str = ""
    stops: bool = False


_NO_CACHE = f"without it each run compiles anew; {DIRECTORY_VARIABLE} names another directory"


def examine() -> Iterator[Finding]:
    """Look at packages, settings, the compiler, accelerators, cores, memory, the disk and the cache."""
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    yield from _packages()
    yield from _settings()  # before JAX starts, for which they are changed
    yield from _backend()
    yield _cores()
    yield _memory()
    yield _disk()
    yield _cache()


def _packages() -> Iterator[Finding]:
    needed = [Requirement(text) for text in requires("hpsearch") or ()]
    yield Finding("hpsearch", version("hpsearch"))
    for one in needed:
        if one.marker is None:
            yield _package(one)
    for extra in EXTRAS:
        members = [one for one in needed if one.marker is not None and one.marker.evaluate({"extra": extra})]
        missing = [one.name for one in members if _version(one.name) is None]
        if missing:
            yield Finding(f"extra {extra}", f"not installed; pip install 'hpsearch[{extra}]' adds it")
        else:
            yield from map(_package, members)


def _package(one: Requirement) -> Finding:
    found = _version(one.name)
    install = f"pip install '{one.name}{one.specifier}'"
    if found is None:
        return Finding(one.name, "not installed", install, stops=True)
    if not one.specifier.contains(found, prereleases=True):
        return Finding(one.name, found, f"hpsearch was not tried with this version: {install}")
    return Finding(one.name, found)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _backend() -> Iterator[Finding]:
    """Let JAX compute something whose result is known, and name the devices that it finds."""
    if has_wrong_kernels():
        yield Finding(
            "jaxlib",
            f"{version('jaxlib')}: some of its sums are wrong on a CPU; hpsearch switches those kernels off",
        )
    try:
        import_keras("jax", spawned=False)
        check_compiler()
        import jax

        devices = ", ".join(f"{device.platform} {device.device_kind}" for device in jax.devices())
    except HpsearchError as failure:
        yield Finding("JAX", "does not compute", str(failure), stops=True)
        return
    except Exception as failure:  # noqa: BLE001 - whatever a broken installation raises
        yield Finding("JAX", f"{type(failure).__name__}: {failure}", "install it again", stops=True)
        return
    yield Finding("JAX", f"computes right numbers on {devices}")


def _cores() -> Finding:
    usable, whole = len(usable_cores()), os.cpu_count() or 1
    found = amount(usable, "core") + (f" of {whole}" if usable < whole else "")
    share = processor_quota()
    if share is not None and share < usable:
        most = max(1, int(share))
        return Finding(
            "cores", f"{found}; the container has the time of {share:.1f}", f"use at most --workers {most}"
        )
    return Finding("cores", found)


def _memory() -> Finding:
    known = memory()
    if known is None:
        return Finding("memory", "unknown on this system")
    whole, unused = known
    advice = "a worker takes about 1 GB, and the data" if whole < ENOUGH else ""
    return Finding("memory", f"{whole / 2**30:.1f} GB, {unused / 2**30:.1f} GB unused", advice)


def _disk() -> Finding:
    free = shutil.disk_usage(Path()).free
    if not os.access(Path(), os.W_OK):
        return Finding("this directory", "cannot be written to", "go to another one, or give --out DIR")
    advice = "checkpoints and reports of a study may need more" if free < ENOUGH else ""
    return Finding("this directory", f"{free / 2**30:.1f} GB free", advice)


def _cache() -> Finding:
    """Look at the compilation cache on disk."""
    place = cache_directory()
    if place is None:
        return Finding("compilation cache", f"off, by {DIRECTORY_VARIABLE}")
    problem = own_directory(place)
    if problem is not None:
        return Finding("compilation cache", f"off: {problem or f'{place} cannot be made'}", _NO_CACHE)
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return Finding("compilation cache", f"{size / 2**20:,.0f} MB in {place}")


def _settings() -> Iterator[Finding]:
    """Look at variables of the environment."""
    named = os.environ.get(DATA_DIR)
    if named is not None:
        there = Path(named).is_dir()
        advice = "" if there else "make the directory, or unset the variable"
        yield Finding(DATA_DIR, f"{named}{'' if there else ', which is no directory'}", advice)
    flags = [flag for flag in os.environ.get(FLAGS, "").split() if flag != NO_FUSIONS]
    if flags:
        yield Finding(FLAGS, " ".join(flags), "numbers may differ from those on other machines: unset it")
