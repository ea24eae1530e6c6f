"""What is removed of a study, and what is not: links are cut and not followed, studies of others stay."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.exceptions import HpsearchError, StoreError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from hpsearch.store.resolved import Resolved, read_resolved

if TYPE_CHECKING:
    from hpsearch.store.optuna.owners import Names
    from hpsearch.store.record import TrialRecord


def remove(part: StudyFiles, url: str | None) -> None:
    """Remove an experiment: its files, and its trials in the storage that is named."""
    remove_from_storage([part], url)
    remove_directory(part.directory)


def check_only_ours(parts: Iterable[StudyFiles]) -> None:
    """Check that starting over removes no file that hpsearch did not write.

    Raises:
        StoreError: It would.
    """
    own = (part for part in parts if not part.directory.is_symlink())
    found = sorted(path for part in own for path in part.foreign_files())
    if found:
        named = ", ".join(map(str, found[:3])) + (f" and {len(found) - 3:,} more" if len(found) > 3 else "")
        raise StoreError(
            f"--new would remove files that hpsearch did not write: {named}: move them elsewhere, or use "
            "another --out"
        )


def remove_from_storage(parts: Iterable[StudyFiles], url: str | None) -> None:
    """Remove the trials of experiments from an Optuna storage.

    Args:
        parts: The experiments.
        url: The storage that the user named; nothing is removed if there is none.

    Raises:
        StoreError: It is not an Optuna storage, or cannot be written.
    """
    if url is not None:
        from hpsearch.store.optuna.owners import delete_from

        delete_from(url, names_of(parts))


def names_of(parts: Iterable[StudyFiles]) -> Names:
    """Return the names of experiments in a storage, with what tells there that they are ours."""
    found: Names = {}
    for part in parts:
        stored = stored_if_readable(part) or stored_if_readable(StudyFiles(part.out, part.name))
        trials: tuple[TrialRecord, ...] = ()
        with suppress(HpsearchError):
            trials = read_record(part).trials
        found[part.full_name] = (None if stored is None else stored.owner, trials)
    return found


def stored_if_readable(part: StudyFiles) -> Resolved | None:
    """Read what an experiment obeys; None where it cannot be read, for it can be removed all the same."""
    with suppress(HpsearchError):
        return read_resolved(part)
    return None


def remove_directory(directory: Path) -> None:
    """Remove a directory; of a link to one only the link."""
    if directory.is_symlink():
        directory.unlink()
    else:
        shutil.rmtree(directory)
