"""Notes and artifacts of one study in an Optuna storage, as the dashboard reads them.

They stand among the system attributes of the study, those of its trials too: a trial that has ended takes no
more attributes. Each write is a short transaction of its own, and only what differs is written, so that a
search that runs meanwhile is not kept waiting.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna.storages import RDBStorage
from optuna_dashboard._note import (
    get_note_from_system_attrs,
    note_str_key_prefix,
    note_ver_key,
    split_body,
)
from optuna_dashboard.artifact._backend import ARTIFACTS_ATTR_PREFIX, DASHBOARD_ARTIFACTS_ATTR_PREFIX

from hpsearch.report.dashboard.attachments import Attachment
from hpsearch.store.disk import duplicate, write_atomically

STEP = 1_000
"""Our notes have versions that are multiples of it. An edit by a user adds 1, which identifies it."""

_OURS = uuid.UUID("5b7f6f0e-6f0c-4f5e-9d0b-0d3c7a5b9e11")
_NOTED = re.compile(r"dashboard:(\d+):note_ver")
_ATTACHED = re.compile(
    f"{ARTIFACTS_ATTR_PREFIX}([0-9a-f-]+)|{DASHBOARD_ARTIFACTS_ATTR_PREFIX}\\d+:([0-9a-f-]+)"
)


class Board:
    """The notes and artifacts of one study in a storage.

    Args:
        storage: The Optuna storage.
        name: The name of the study.
        folder: The directory of the artifacts.

    Raises:
        KeyError: The storage has no such study.
    """

    def __init__(self, storage: RDBStorage, name: str, folder: Path) -> None:
        self.storage, self.name, self.folder = storage, name, folder
        self.study_id = study_id = storage.get_study_id_from_name(name)
        trials = storage.get_all_trials(study_id, deepcopy=False)
        self._ids: dict[int | None, int] = {trial.number: trial._trial_id for trial in trials}  # noqa: SLF001
        self._known: dict[str, Any] = storage.get_study_system_attrs(study_id)

    def write_notes(self, study: str, trials: Mapping[int, str]) -> None:
        """Write the note of the study and those of its trials, and empty those of other trials.

        A note that a user has edited is left alone.
        """
        self._write_note(None, study)
        for number, body in trials.items():
            if number in self._ids:
                self._write_note(self._ids[number], body)
        wanted = {self._ids.get(number) for number in trials}
        noted = [int(found[1]) for key in self._known if (found := _NOTED.fullmatch(key))]
        for trial_id in noted:
            if trial_id not in wanted:
                self._write_note(trial_id, "")

    def _write_note(self, trial_id: int | None, body: str) -> None:
        known = get_note_from_system_attrs(self._known, trial_id)
        if known["version"] % STEP or known["body"] == body:
            return
        # As the dashboard's save_note does, which reads all attributes of the study again for each note.
        self._set(note_ver_key(trial_id), known["version"] + STEP)
        prefix, pieces = note_str_key_prefix(trial_id), split_body(body, trial_id)
        left = [key for key in self._known if key.startswith(prefix) and key not in pieces]
        for key, piece in {**pieces, **dict.fromkeys(left, "")}.items():
            self._set(key, piece)

    def attach(self, attachments: Iterable[Attachment]) -> None:
        """Show these artifacts, and of ours no others; what people have uploaded stays."""
        wanted = set()
        for attachment in attachments:
            if attachment.number is None or attachment.number in self._ids:
                wanted.add(self._attach(attachment))
        for key, stored in self._known.items():
            found = _ATTACHED.fullmatch(key)
            if found and stored != "null" and key not in wanted and _is_ours(found[1] or found[2]):
                self._set(key, "null")
                with suppress(FileNotFoundError):
                    (self.folder / (found[1] or found[2])).unlink()

    def _attach(self, attachment: Attachment) -> str | None:
        """Put the file in its place, then tell of it; gives the name of the attribute."""
        identity = self._identity(attachment)
        if not self._put(attachment, self.folder / identity):
            return None
        fields = {"artifact_id": identity, "filename": attachment.name, "mimetype": attachment.mimetype,
                "encoding": None}  # fmt: skip
        key = self._key(attachment.number, identity)
        self._set(key, json.dumps(fields))
        return key

    def _identity(self, attachment: Attachment) -> str:
        """Name the file of an attachment, always the same for the same; uploads have random names."""
        return str(uuid.uuid5(_OURS, f"{self.name}/{attachment.number}/{attachment.name}"))

    def _key(self, number: int | None, identity: str) -> str:
        if number is None:
            return f"{ARTIFACTS_ATTR_PREFIX}{identity}"
        return f"{DASHBOARD_ARTIFACTS_ATTR_PREFIX}{self._ids[number]}:{identity}"

    def _put(self, attachment: Attachment, path: Path) -> bool:
        """Bring the file up to date; tells whether there is one."""
        if isinstance(attachment.content, Path):
            duplicate(attachment.content, path)
            return True
        if attachment.final and path.exists():
            return True
        content = attachment.content()
        if content is None:
            return False
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
        return True

    def _set(self, key: str, value: str | int) -> None:
        if self._known.get(key) != value:
            self.storage.set_study_system_attr(self.study_id, key, value)


def _is_ours(identity: str) -> bool:
    return len(identity) == 36 and uuid.UUID(identity).version == 5
