"""Which storage a study may be written to: its own file, or one that the command names."""

from __future__ import annotations

import shlex
from pathlib import Path

from hpsearch.exceptions import StorageNotNamedError, StoreError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.removal import stored_if_readable


def own_database(files: StudyFiles) -> Path:
    """Return the path of a study's own storage.

    Raises:
        StoreError: It is a symbolic link.
    """
    if files.database.is_symlink():
        told = (
            "is a symbolic link, and links are not followed when writing: remove it, and it is written again"
        )
        raise StoreError(f"{files.database} {told}")
    return files.database


def check_named(files: StudyFiles, named: str | None) -> None:
    """Refuse to write into a storage that only the files of a study name: they may come from others.

    Args:
        files: The study.
        named: The URL that the user gave.

    Raises:
        StorageNotNamedError: None was given, and the files name one. The message has the option to add.
    """
    stored = stored_if_readable(files)
    if named is None and stored is not None and stored.storage is not None:
        from hpsearch.store.optuna.urls import shown

        raise StorageNotNamedError(
            f"the files of the study {files.full_name!r} name the storage {shown(stored.storage)}, and a "
            "storage is only opened if the command names it: add --storage "
            f"{shlex.quote(shown(stored.storage))}, with its password if it has one, or name another"
        )
