"""Put into an Optuna storage what its dashboard shows of a study and its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optuna.storages import RDBStorage

from hpsearch.analysis import NOT_JUDGED, Analysis, analyze, compare
from hpsearch.exceptions import StudyNotFoundError
from hpsearch.report.dashboard import notes, part_notes
from hpsearch.report.dashboard.attachments import (
    Attachment,
    of_ablation,
    of_comparison,
    of_confirmation,
    of_search,
)
from hpsearch.report.dashboard.board import Board
from hpsearch.report.dashboard.mirror import mirror
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_confirmation, read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.resolved import Resolved, read_resolved

MOST_LOOKED_AT = 400_000
"""Trials times attributes of notes: the dashboard goes through them for each trial when a page is opened, and
takes about a microsecond for each."""

ATTRIBUTES = 2
"""Attributes of a note."""


@dataclass(frozen=True)
class Exhibit:
    """What is shown of a study: its note, those of its trials by number, and the artifacts."""

    note: str
    trial_notes: Mapping[int, str]
    attachments: Iterable[Attachment]


def exhibit(files: StudyFiles, storage: RDBStorage, url: str | None) -> list[str]:
    """Write notes and artifacts of a study and its parts, those that are there already left as they are.

    `url` names the storage, None the file of the study itself: parts with a file of their own are copied into
    that. Gives the names of parts that are not shown, because the storage does not have them. Raises
    StoreError where a file cannot be written, and what Optuna raises where the storage cannot be.
    """
    missing = []
    for part in files.parts:
        resolved, record = _resolved(part), read_record(part)
        if part != files and url is None:
            mirror(storage, part.full_name, resolved, record)
        try:
            board = Board(storage, part.full_name, part.artifacts)
        except KeyError:
            missing.append(part.full_name)
            continue
        shown = _exhibit_of(files, part, record)
        board.write_notes(shown.note, shown.trial_notes)
        board.attach(shown.attachments)
    return missing


def _resolved(part: StudyFiles) -> Resolved:
    resolved = read_resolved(part)
    if resolved is None:
        raise StudyNotFoundError(f"there is no study {part.full_name!r} any more")
    return resolved


def _exhibit_of(files: StudyFiles, part: StudyFiles, record: StudyRecord) -> Exhibit:
    if record.kind == "comparison":
        comparison = compare(record)
        note = part_notes.comparison_note(record, comparison)
        return Exhibit(note, part_notes.failure_notes(record), of_comparison(part, comparison))
    if record.kind == "confirmation":
        return _confirmation(files, record)
    if record.kind == "ablation":
        return _ablation(files, record)
    analysis = _analysis(part, record)
    found = notes.trial_notes(record, analysis, most_notes(len(record.trials)))
    note = notes.search_note(record, analysis, len(found))
    return Exhibit(note, found, of_search(part, record, analysis))


def _confirmation(files: StudyFiles, record: StudyRecord) -> Exhibit:
    search = analyze(read_record(files), record, NOT_JUDGED)
    note = part_notes.confirmation_note(record, search)
    found = part_notes.confirmation_trial_notes(record, search)
    return Exhibit(note, found, of_confirmation(files, search))


def _ablation(files: StudyFiles, record: StudyRecord) -> Exhibit:
    path = analyze(read_record(files), read_confirmation(files), NOT_JUDGED, record).ablation
    assert path is not None  # noqa: S101 - its record was given
    note = part_notes.ablation_note(record, path)
    return Exhibit(note, part_notes.failure_notes(record), of_ablation(path))


def _analysis(files: StudyFiles, record: StudyRecord) -> Analysis:
    # What mattered is left to the dashboard's own figures: judging it takes seconds.
    return analyze(record, read_confirmation(files), NOT_JUDGED)


def most_notes(trials: int) -> int:
    """Count the notes that a study of so many trials can have before the dashboard is slow."""
    return max(notes.PICTURED, MOST_LOOKED_AT // (ATTRIBUTES * max(trials, 1)))
