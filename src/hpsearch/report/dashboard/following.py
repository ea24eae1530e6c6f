"""Notes and artifacts follow a study while its dashboard is open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

from hpsearch.exceptions import StudyLockedError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease, leased

PAUSE_SECONDS = 10.0
"""How long a study is left alone, at least, before notes and artifacts follow it."""

SHARE = 0.05
"""Of the time, that following may take at most: the study may be training on the same cores."""

State = tuple[tuple[int, int], ...]
"""What notes and artifacts follow from: size and time of change of each file, 0 where there is none."""


@contextmanager
def following(files: StudyFiles, write: Callable[[], bool]) -> Iterator[None]:
    """Write what is shown now, and again while the study goes on; of several dashboards one does it.

    Args:
        files: The study.
        write: Returns whether it could write; if not, it is called again.

    Raises:
        StoreError: The directory of artifacts cannot be written.
    """
    with ExitStack() as stack:
        lease = _lease(files, stack)
        if lease is not None:
            stack.enter_context(_followed(files, write, lease))
        yield


def _lease(files: StudyFiles, stack: ExitStack) -> Lease | None:
    """Take the folder of artifacts for this process; None where another dashboard has it.

    One whose heart does not beat any more, on a machine that is gone, is succeeded.
    """
    try:
        return stack.enter_context(leased(files.artifacts / "leases", takeover=True))
    except StudyLockedError:
        return None


@contextmanager
def _followed(files: StudyFiles, write: Callable[[], bool], lease: Lease) -> Iterator[None]:
    stop = Event()
    seen = _once(files, write)
    follower = Thread(target=_follow, args=(files, write, lease, stop, *seen), daemon=True)
    follower.start()
    try:
        yield
    finally:
        stop.set()
        follower.join(timeout=1)


def _once(files: StudyFiles, write: Callable[[], bool]) -> tuple[State | None, float]:
    """Write; gives the state that was written, None where that did not succeed, and the seconds it took."""
    begun, state = time.monotonic(), state_of(files)
    done = write()
    return state if done else None, time.monotonic() - begun


def _follow(
    files: StudyFiles,
    write: Callable[[], bool],
    lease: Lease,
    stop: Event,
    seen: State | None,
    seconds: float,
) -> None:
    """Write as the study goes on, until told to stop or succeeded by another dashboard."""
    while not stop.wait(max(PAUSE_SECONDS, seconds / SHARE)) and lease.holds():
        if state_of(files) != seen:
            seen, seconds = _once(files, write)


def state_of(files: StudyFiles) -> State:
    """Return the state of a study and its parts."""
    paths = [path for part in files.parts for path in (part.ticks, part.report, part.best_preprocessing)]
    return tuple(map(_stamp, paths))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
