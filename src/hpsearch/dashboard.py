"""The Optuna dashboard on the storage of a study."""

from __future__ import annotations

import sys

from hpsearch.exceptions import HpsearchError, StudyNotFoundError
from hpsearch.store.files import StudyFiles
from hpsearch.store.projection import open_storage
from hpsearch.store.resolved import read_resolved

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(files: StudyFiles, host: str, port: int) -> None:
    """Serve the dashboard until it is interrupted.

    Raises StudyNotFoundError where the study has not been begun, HpsearchError where the port is taken.
    """
    from optuna_dashboard import run_server

    resolved = read_resolved(files)
    if resolved is None:
        raise StudyNotFoundError(f"there is no study {files.name!r} in {files.directory.parent}")
    if host not in LOOPBACK:
        print(
            f"warning: everyone who reaches {host}:{port} can read and delete studies; the dashboard has no "
            "passwords",
            file=sys.stderr,
        )
    storage = open_storage(resolved.storage or f"sqlite:///{files.database}")
    print(f"http://{host}:{port}/  (Ctrl-C ends it)", file=sys.stderr)
    try:
        run_server(storage, host=host, port=port)
    except OSError as failure:
        raise HpsearchError(f"cannot listen on {host}:{port}: {failure.strerror}") from None
