"""Where the tasks of a step find the first one: a socket, announced with a secret in a file."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from hpsearch.engines.process.compilation import own_directory
from hpsearch.engines.slurm.step import Step
from hpsearch.exceptions import UnsupportedError

SECRET_BYTES = 32

PAUSE = 0.2
"""Seconds between two looks at the announcement."""

KEPT_ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A node that is gone without a word is noticed within a minute."""

Meets = Callable[[Connection], None]


class Meeting:
    """Listens for tasks, and gives each to the worker that is to train there.

    Whoever connects must know the secret before anything is read; what follows is pickled.
    """

    def __init__(self, announcement: Path) -> None:
        self._secret = secrets.token_bytes(SECRET_BYTES)
        self._socket = socket.create_server(("", 0))
        self._lock = Lock()
        self._waiting: dict[int, Connection] = {}
        self._expected: dict[int, Meets] = {}
        where = {
            "host": socket.gethostname(),
            "port": self._socket.getsockname()[1],
            "secret": self._secret.hex(),
        }
        _announce(announcement, where)
        atexit.register(announcement.unlink, missing_ok=True)
        Thread(target=self._accept, name="hpsearch slurm", daemon=True).start()

    def expect(self, rank: int, meets: Meets) -> None:
        """Call a function with the connection to a task, as soon as that is there."""
        with self._lock:
            here = self._waiting.pop(rank, None)
            if here is None:
                self._expected[rank] = meets
        if here is not None:
            meets(here)

    def _accept(self) -> None:
        while True:
            with suppress(OSError):
                accepted, _ = self._socket.accept()
                # One that is silent keeps no other waiting.
                Thread(target=self._greet, args=(accepted,), daemon=True).start()

    def _greet(self, accepted: socket.socket) -> None:
        connection = _connection(accepted)
        try:
            deliver_challenge(connection, self._secret)
            answer_challenge(connection, self._secret)
            rank = int(connection.recv())
        except (AuthenticationError, EOFError, OSError, ValueError):
            connection.close()
            return
        with self._lock:
            meets = self._expected.pop(rank, None)
            if meets is None:
                self._waiting[rank] = connection
        if meets is not None:
            meets(connection)


@cache
def meeting() -> Meeting:
    """Return where this process meets the other tasks of its step, to its end."""
    return Meeting(Step.own().announcement)


def connected(step: Step, seconds: float) -> Connection | None:
    """Connect to the first task of a step; None where it does not announce itself, or answer, for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError, ValueError, KeyError, EOFError, AuthenticationError):
            where: dict[str, Any] = json.loads(step.announcement.read_bytes())
            reached = socket.create_connection((where["host"], where["port"]), timeout=10)
            reached.settimeout(None)
            connection, secret = _connection(reached), bytes.fromhex(where["secret"])
            answer_challenge(connection, secret)
            deliver_challenge(connection, secret)
            connection.send(step.rank)
            return connection
        time.sleep(PAUSE)
    return None


def _connection(reached: socket.socket) -> Connection:
    reached.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEPT_ALIVE:
        if hasattr(socket, name):
            reached.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return Connection(reached.detach())


def _announce(path: Path, where: dict[str, Any]) -> None:
    """Write a file that this user alone can read; it is there whole, or not at all.

    Raises:
        UnsupportedError: Others could read it, or it cannot be written.
    """
    problem = own_directory(path.parent)
    if problem is not None:
        raise UnsupportedError(f"--engine slurm: {problem or f'{path.parent} cannot be made'}")
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(where, file)
    new.replace(path)
