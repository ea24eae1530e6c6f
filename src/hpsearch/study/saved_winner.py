"""The winner of a study in memory, which needs no place on a disk and can be pickled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hpsearch.store.identity import UNKNOWN
from hpsearch.store.layout import StudyFiles
from hpsearch.store.winner import InferenceInfo, load_applied
from hpsearch.study.predict import applied_model
from hpsearch.study.results import loaded

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SavedWinner:
    """The winner of a search as the bytes of its two files, which need no place on a disk."""

    model: bytes
    inference: bytes

    @classmethod
    def of(cls, files: StudyFiles) -> SavedWinner:
        """Read the winner of a study.

        Raises:
            StudyNotFoundError: There is none yet, or its files do not belong together.
        """
        applied = applied_model(files, ensemble=False)
        return cls(applied.model.read_bytes(), applied.told.read_bytes())

    def load(self) -> tuple[keras.Model, InferenceInfo]:
        """Load the model in Keras' safe mode, and what applies it to new rows; both are kept."""
        return _load(self)


@lru_cache(maxsize=8)
def _load(winner: SavedWinner) -> tuple[keras.Model, InferenceInfo]:
    with TemporaryDirectory() as place:
        files = StudyFiles(Path(place), "winner")
        files.directory.mkdir(parents=True)
        files.best_model.write_bytes(winner.model)
        files.best_preprocessing.write_bytes(winner.inference)
        return loaded(files.best_model), load_applied(files, UNKNOWN)
