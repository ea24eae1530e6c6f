"""Optuna storages: opened, mended where they are a study's own, and refused where they are something else."""

from __future__ import annotations

import errno
import os
import sqlite3
import warnings
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.exc import InterfaceError, OperationalError

from hpsearch.exceptions import StorageAwayError, StorageLockedError, StoreError
from hpsearch.store.disk import cannot_write
from hpsearch.store.optuna.drivers import connectable, engine_arguments, missing
from hpsearch.store.optuna.urls import read_url, scrubbed, shown

OPTUNAS = frozenset({"studies", "trials", "version_info"})
"""Tables that every Optuna storage has."""

LOCKED = "it is locked by another process"

REFUSALS = {
    sqlite3.SQLITE_FULL: os.strerror(errno.ENOSPC),
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: os.strerror(errno.EIO),
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_PERM: os.strerror(errno.EACCES),
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_NOMEM: os.strerror(errno.ENOMEM),
}
"""Why SQLite cannot work on a file, whatever is in it."""


def open_storage(url: str, *, own: Path | None = None) -> RDBStorage:
    """Open an Optuna storage; SQLite in WAL mode, so that the dashboard reads while a study writes.

    Args:
        url: The URL of the storage.
        own: Its file if it is the study's own. If that is damaged, it is renamed and a new one created: the
            log has everything that was in it.

    Raises:
        StoreError: It cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    damage = None if own is None else _damage(own)
    if own is not None and damage is not None:
        set_aside(own, damage)
    try:
        return _open(url)
    except Exception as failure:  # noqa: BLE001 - a file with other content than was written fails anyhow
        if own is None or isinstance(failure, ImportError) or refusal(failure) is not None:
            raise failed("open", url, failure) from None
        set_aside(own, told(failure))
    return open_storage(url)


def check_is_optunas(url: str, *, fresh: bool) -> None:
    """Check that a database is an Optuna storage; it is only read.

    Args:
        url: The URL of the database.
        fresh: Whether it may also be empty, or not exist.

    Raises:
        StoreError: It is something else, or cannot be opened.
    """
    try:
        names = _tables(url)
    except Exception as failure:  # noqa: BLE001 - whatever the database raises is told as one error
        raise failed("open", url, failure) from None
    if names is None or not names:
        if not fresh:
            raise StoreError(f"there is no Optuna storage at {shown(url)}")
    elif not names.issuperset(OPTUNAS):
        some = ", ".join(sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
        raise StoreError(
            f"expected an Optuna storage, or an empty database, at {shown(url)}; found the tables {some} of "
            "another application: name another one"
        )


def _tables(url: str) -> set[str] | None:
    """Name the tables of a database; None where a SQLite file is still to be made."""
    read = read_url(url)
    if read is not None and read.drivername.startswith("sqlite") and not read.query:
        path = read.database or ":memory:"
        if path == ":memory:" or not os.path.lexists(path):
            return None
    engine = create_engine(connectable(url), **engine_arguments(url))
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _open(url: str) -> RDBStorage:
    # Optuna fills in its version between braces, which a path may have too.
    braced = connectable(url).replace("{", "{{").replace("}", "}}")
    storage = RDBStorage(braced, engine_kwargs=engine_arguments(url))
    if url.startswith("sqlite"):
        event.listen(storage.engine, "connect", _quick_sqlite)
        storage.engine.dispose()
    return storage


def _damage(path: Path) -> str | None:
    """Say how a SQLite file does not hold together; None where it does, or cannot be looked at."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as connection:
            (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as failure:
        return None if refusal(failure) is not None else str(failure)
    return None if told == "ok" else told.splitlines()[-1]


def set_aside(path: Path, reason: str) -> None:
    """Rename a damaged SQLite file and its journal, with a warning, so that they can be examined.

    Raises:
        StoreError: The system does not allow it.
    """
    try:
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(f"{path.name}{suffix}").replace(path.with_name(f"{path.name}.damaged{suffix}"))
    except OSError as failure:
        raise cannot_write(path, failure) from None
    text = f"{path} is damaged ({reason}): it is kept as {path.name}.damaged and written again"
    warnings.warn(text, RuntimeWarning, stacklevel=2)


def refusal(failure: BaseException | None) -> str | None:
    """Return why SQLite could not work on a file; None where the failure is of another kind."""
    while failure is not None:
        # An extended code has the plain one in its lowest byte.
        code = getattr(failure, "sqlite_errorcode", 0) & 0xFF
        if code in REFUSALS:
            return REFUSALS[code]
        failure = getattr(failure, "orig", None) or failure.__cause__
    return None


def told(failure: BaseException) -> str:
    """Tell a failure in a line; Optuna's own words for one of the database are a guess."""
    cause = failure.__cause__ if isinstance(failure, StorageInternalError) and failure.__cause__ else failure
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def failed(what: str, url: str, failure: Exception) -> StoreError:
    """Return the one error for whatever a storage raised; a StoreError is returned unchanged.

    Args:
        what: What was tried, such as "open".
        url: The URL of the storage; its password is left out of the message.
        failure: What was raised.
    """
    if isinstance(failure, StoreError):
        return failure
    if isinstance(failure, ImportError):
        return StoreError(f"cannot {what} the storage {shown(url)}: {missing(url)}")
    reason = refusal(failure)
    kind = StorageAwayError if _is_away(failure, url) else StoreError
    kind = StorageLockedError if reason == LOCKED else kind
    return kind(f"cannot {what} the storage {shown(url)}: {reason or scrubbed(told(failure), url)}")


def _is_away(failure: BaseException | None, url: str) -> bool:
    """Return whether the server of a database did not answer, or broke off."""
    while failure is not None and not url.startswith("sqlite"):
        if isinstance(failure, OperationalError | InterfaceError):
            return True
        failure = failure.__cause__
    return False


def _quick_sqlite(connection: Any, _record: Any) -> None:
    # The tick log is what must survive a power cut; here a consistent database is enough.
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
