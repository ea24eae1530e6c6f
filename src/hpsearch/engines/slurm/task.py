"""What the tasks of a step do beyond the first: each keeps a worker for the process that owns the study."""

from __future__ import annotations

import signal
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from hpsearch.engines.process.spawn import SpawnedProcess
from hpsearch.engines.slurm.meeting import connected
from hpsearch.engines.slurm.step import Step
from hpsearch.exceptions import WorkerDiedError

FIRST_SECONDS = 600
"""How long the first task may take until it needs others: it may read a study file that is far away."""

AGAIN_SECONDS = 2


def works_for_another(step: Step) -> bool:
    """Serve the first task of a step until that is gone; tell whether this is another one.

    Raises:
        WorkerDiedError: The first task never announced itself.
    """
    if not step.rank:
        return False
    # Ctrl-C reaches all tasks; the first decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = connected(step, FIRST_SECONDS)
    if connection is None:
        raise WorkerDiedError(f"task 0 of the Slurm step did not ask for workers within {FIRST_SECONDS} s")
    while connection is not None:
        _relay(connection)
        connection = connected(step, AGAIN_SECONDS)
    return True


def _relay(connection: Connection) -> None:
    """Pass on what the first task and a worker's process say, until one of them is gone, and end the other.

    The worker has a process of its own, so that one that crashes or hangs does not end the task.
    """
    with connection, suppress(EOFError, OSError):
        job = connection.recv_bytes()
        spawned = SpawnedProcess()
        try:
            spawned.pipe.send_bytes(job)
            other: dict[Any, Any] = {connection: spawned.pipe, spawned.pipe: connection}
            while True:
                for one in wait(list(other)):
                    source: Any = one
                    other[source].send_bytes(source.recv_bytes())
        finally:
            spawned.kill()
