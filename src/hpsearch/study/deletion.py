"""Remove studies, and what processes that were killed left of them."""

from __future__ import annotations

import glob
import shutil
from contextlib import suppress
from pathlib import Path

from hpsearch.exceptions import StoreError
from hpsearch.spec import StudySpec
from hpsearch.store.layout import OF_SEARCH, PARTS, StudyFiles
from hpsearch.store.lease import leased
from hpsearch.store.removal import remove_from_storage
from hpsearch.store.report_path import other_of, other_of_probe
from hpsearch.store.resolved import read_resolved


def with_parts(files: StudyFiles) -> list[StudyFiles]:
    """List the places of an experiment; the confirmation and the ablation of a search belong to it."""
    if files.part != PARTS["search"]:
        return [files]
    return [files, *(StudyFiles(files.out, files.name, part) for part in OF_SEARCH)]


def sweep(files: StudyFiles) -> None:
    """Remove what killed processes left half-written; the caller holds the lease, so no process writes."""
    left = [path for part in with_parts(files) for path in part.own(".*.tmp")]
    left += files.directory.glob(".best.*.tmp.keras")
    for path in [*left, *files.report.parent.glob(f".{glob.escape(files.report.name)}.*.tmp")]:
        with suppress(OSError):
            path.unlink()


def clear(files: StudyFiles, storage: str | None) -> None:
    """Remove what an earlier study of this name left, except the lease, which this process holds.

    Args:
        files: The study.
        storage: The storage that the user named, from which its trials are removed too.

    Raises:
        StoreError: Its directory is a symbolic link, which may lead anywhere.
    """
    if files.directory.is_symlink():
        raise StoreError(
            f"{files.directory} is a symbolic link to {files.directory.resolve()}, which is not removed: "
            "remove the link, or use another --out"
        )
    remove_from_storage(with_parts(files), storage)
    for path in files.directory.iterdir():
        if path in (files.leases, files.arrays, files.code) or path.name == PARTS["comparison"]:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def forget_arrays(files: StudyFiles, given: StudySpec) -> None:
    """Remove rows that were given in memory, and that neither `given` nor another experiment is of."""
    if files.arrays.is_symlink():  # what is there may be anything
        return
    specs = [given, *(resolved.spec for part in files.parts if (resolved := read_resolved(part)) is not None)]
    used = {Path(spec.data.arrays).name for spec in specs if spec.data.arrays is not None}
    for folder in files.arrays.glob("*"):
        if folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)


def delete(files: StudyFiles, storage: str | None = None) -> None:
    """Remove a study: its files and parts, its reports, and its trials in the storage that is named.

    Of a study or a part whose directory is a link only the link is removed.
    """
    if files.directory.is_symlink():
        remove_from_storage(files.parts, storage)
        files.directory.unlink()
    for part in reversed(PARTS.values()):
        own = StudyFiles(files.out, files.name, part)
        reported = own.begun or other_of(own) is None
        if own.directory.is_symlink():
            own.directory.unlink()
        elif own.directory.exists():
            with leased(own.leases):
                clear(own, storage)
        elif part:
            continue
        if reported:
            own.report.unlink(missing_ok=True)
    if files.directory.exists():
        shutil.rmtree(files.directory)
    if other_of_probe(files) is None:
        files.probe_report.unlink(missing_ok=True)
