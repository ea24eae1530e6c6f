"""The Optuna dashboard on the storage of a study."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from hpsearch.exceptions import HpsearchError, StoreError, StudyNotFoundError, warnings_as_notes
from hpsearch.report.dashboard.following import following
from hpsearch.report.dashboard.guard import Address, Guard
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.optuna.named import check_named, own_database
from hpsearch.store.resolved import read_resolved

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from optuna.storages import RDBStorage


def serve(files: StudyFiles, host: str, port: int, named: str | None = None) -> None:
    """Serve the dashboard until it is interrupted; notes and artifacts follow the study meanwhile.

    Args:
        files: The study.
        host: The address to listen on.
        port: The port, 0 for any that is free.
        named: The URL of the study's storage if that is elsewhere.

    Raises:
        StudyNotFoundError: The study has not been started.
        HpsearchError: The port is taken.
    """
    with opened(files, host, port, named) as server, suppress(KeyboardInterrupt):
        server.serve_forever()


@contextmanager
def opened(files: StudyFiles, host: str, port: int, named: str | None = None) -> Iterator[WSGIServer]:
    """Open the dashboard at a port, 0 for any that is free, and let notes and artifacts follow the study."""
    made = _dashboard()
    from hpsearch.report.dashboard.artifacts import Artifacts

    storage = _storage(files, named)
    app = made(storage, artifact_store=Artifacts(_folders(files)))
    with ExitStack() as stack:
        stack.callback(storage.engine.dispose)
        stack.enter_context(warnings_as_notes(_tell))
        server = stack.enter_context(_listening(host, port))
        address = Address(host, server.server_port)
        server.set_app(Guard(app, address))
        _warn_of_other_hosts(address)
        _follow(files, storage, named, stack)
        _tell(f"{address.url}  (Ctrl-C stops it)")
        yield server


def _dashboard() -> Callable[..., WSGIApplication]:
    try:
        from optuna_dashboard import wsgi
    except ImportError:
        message = "the dashboard needs the package optuna-dashboard: pip install optuna-dashboard"
        raise HpsearchError(message) from None
    found: Callable[..., WSGIApplication] = wsgi
    return found


class _Version6(WSGIServer):
    address_family = socket.AF_INET6


def _listening(host: str, port: int) -> WSGIServer:
    kind = _Version6 if ":" in host else WSGIServer
    try:
        return kind((host, port), WSGIRequestHandler)
    except OSError as failure:
        raise HpsearchError(f"cannot listen on {host}:{port}: {failure.strerror or failure}") from None


def _storage(files: StudyFiles, named: str | None) -> RDBStorage:
    from hpsearch.store.optuna.storage import check_is_optunas, open_storage
    from hpsearch.store.optuna.urls import url_of

    if read_resolved(files) is None:
        raise StudyNotFoundError(f"there is no study {files.name!r} in {files.directory.parent}")
    check_named(files, named)
    if named is not None:
        check_is_optunas(named, fresh=True)
    return open_storage(named or url_of(own_database(files)))


def _warn_of_other_hosts(address: Address) -> None:
    if not address.is_local:
        _tell(
            f"warning: everyone who can connect to {address.host}:{address.port} can read and delete "
            "studies; the dashboard has no passwords"
        )


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _folders(files: StudyFiles) -> list[Path]:
    """List the folders of artifacts, also of parts that are still to be begun; uploads go into the first."""
    folders = [StudyFiles(files.out, files.name, part).artifacts for part in PARTS.values()]
    return [files.artifacts, *(folder for folder in folders if folder != files.artifacts)]


def _follow(files: StudyFiles, storage: RDBStorage, url: str | None, stack: ExitStack) -> None:
    """Keep notes and artifacts up to date, as far as the system lets us; the rest is shown anyway."""
    try:
        stack.enter_context(following(files, partial(_write, files, storage, url, set())))
    except StoreError as failure:
        _tell(f"hpsearch: notes and artifacts are not shown: {failure}")


def _write(files: StudyFiles, storage: RDBStorage, url: str | None, printed: set[str]) -> bool:
    """Write notes and artifacts; where that fails, say why once, for it is tried again."""
    from hpsearch.report.dashboard.exhibition import exhibit
    from hpsearch.store.optuna.storage import failed

    try:
        lines = [_not_shown(name, files) for name in exhibit(files, storage, url)]
    except Exception as failure:  # noqa: BLE001 - whatever the storage raises, the dashboard is served
        told = failed("write", storage.url, failure)
        lines = [f"notes and artifacts are out of date: {told}; retrying"]
        done = False
    else:
        done = True
    for line in lines:
        if line not in printed:
            printed.add(line)
            _tell(f"hpsearch: {line}")
    return done


def _not_shown(name: str, files: StudyFiles) -> str:
    return f"{name!r} is not in the storage of {files.full_name!r}, so the dashboard does not show it"
