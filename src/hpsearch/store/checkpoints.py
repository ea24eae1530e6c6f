"""Checkpoints of the trials under way: two generations of each, so that a damaged one costs little."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hpsearch.store.arrays import load_arrays, write_arrays
from hpsearch.store.disk import rename
from hpsearch.store.identity import UNKNOWN, DamagedError, StudyIdentity
from hpsearch.store.layout import StudyFiles
from hpsearch.training.messages import MemberState


class Checkpoints:
    """The states from which trials resume.

    Without a checkpoint a trial is trained again from its beginning, to the same numbers.
    """

    def __init__(self, files: StudyFiles, identity: StudyIdentity = UNKNOWN) -> None:
        self.files, self.identity = files, identity

    def save(self, number: int, state: MemberState, epochs: int, lease: int, **of: Any) -> None:
        """Save the state of a trial; the checkpoint before it is kept too.

        Args:
            number: The number of the trial.
            state: What its trainer needs to resume.
            epochs: How many epochs it has been trained.
            lease: The number of the lease under which it is written.
            **of: What the trial is: its `seed`, and as `of` the SHA-256 of its values.

        Raises:
            StoreError: The file cannot be written.
        """
        path, older = self.files.checkpoint(number), self.files.older_checkpoint(number)
        if path.exists() and _is_whole(path):
            rename(path, older)
        progress = {"trainer": state.progress, "epochs": epochs, "lease": lease}
        stamp = self.identity.stamp(trial=number, epoch=epochs, **of)
        write_arrays(path, state.arrays, progress, stamp)

    def load(self, number: int, at_most: int, **of: Any) -> tuple[MemberState, int] | None:
        """Load the newest intact checkpoint of a trial that is not ahead of the log.

        A process that was killed before it wrote the log may have left one that is ahead.

        Args:
            number: The number of the trial.
            at_most: The number of epochs that the log knows.
            **of: What the trial is, as for `save`.

        Returns:
            The state, and how many epochs it has been trained; None if there is none.
        """
        for path in (self.files.checkpoint(number), self.files.older_checkpoint(number)):
            stored = _read(path, self.identity, trial=number, **of)
            if stored is not None and stored[1]["epochs"] <= at_most:
                arrays, progress = stored
                return MemberState(arrays, progress["trainer"]), progress["epochs"]
        return None

    def remove(self, number: int) -> None:
        """Remove the checkpoints of a trial that has ended."""
        for path in (self.files.checkpoint(number), self.files.older_checkpoint(number)):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def keep_only(self, numbers: set[int]) -> None:
        """Remove the checkpoints of all trials but these, and what dead processes left half written."""
        directory = self.files.checkpoint(0).parent
        for path in directory.glob("*") if directory.is_dir() else ():
            name = path.name.split(".")[0]
            if not (name.isdecimal() and int(name) in numbers):
                with suppress(OSError):
                    path.unlink()


def _is_whole(path: Path) -> bool:
    with suppress(DamagedError, FileNotFoundError):
        load_arrays(path)
        return True
    return False


def _read(
    path: Path, identity: StudyIdentity, **expected: Any
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    try:
        stored = load_arrays(path, identity, **expected)
    except FileNotFoundError:
        return None
    except DamagedError as failure:
        told = "is damaged" if str(failure) == "damaged" else f"is not used, {failure}"
        warnings.warn(f"{path} {told}: using the previous one", RuntimeWarning, stacklevel=2)
        return None
    return stored if {"trainer", "epochs"} <= stored[1].keys() else None
