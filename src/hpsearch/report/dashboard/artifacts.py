"""The artifacts of a study and of its parts, each in a folder of its own, as one store."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bottle import HTTPResponse
from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound


class Artifacts:
    """Reads an artifact from the first folder that has it; uploads go into the first folder."""

    def __init__(self, folders: list[Path]) -> None:
        self._stores = [FileSystemArtifactStore(folder) for folder in folders]
        self._first = folders[0]

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open an artifact; where none has it, the dashboard's answer is that it was not found."""
        for store in self._stores:
            with suppress(ArtifactNotFound):
                return store.open_reader(artifact_id)
        # An artifact of another study in the same storage; the dashboard would answer with a traceback.
        raise HTTPResponse(b"this artifact belongs to another study", status=404)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Store what a user uploads."""
        self._first.mkdir(parents=True, exist_ok=True)
        self._stores[0].write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """Remove an artifact wherever it is, if it is anywhere."""
        for store in self._stores:
            with suppress(ArtifactNotFound):
                store.remove(artifact_id)
