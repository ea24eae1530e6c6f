"""Put into an Optuna storage what its dashboard shows of a study and its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from optuna.storages import RDBStorage

from hpsearch.analysis import NOT_JUDGED, EvaluatedAnalysis, analyze_conclusion, compare
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
from hpsearch.report.dashboard.mirror import complete, mirror
from hpsearch.scheduling.conclusion import conclude_search
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.optuna.urls import without_password
from hpsearch.store.reading import read_parts, read_record
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
    """Write notes and artifacts of a study and its parts; what is there already stays.

    Args:
        files: The study.
        storage: The storage that the dashboard shows.
        url: Its URL; None if it is the file of the study itself, into which parts with files of their own are
            copied.

    Returns:
        The names of parts that are not shown, because the storage does not have them.

    Raises:
        StoreError: A file cannot be written.
        Exception: Whatever Optuna raises if the storage cannot be written.
    """
    missing = []
    named = None if url is None else without_password(url)
    for shown in _shown(files):
        part, own, resolved = shown.files, shown.files.full_name, _resolved(shown.files)
        if part != files and url is None:
            mirror(storage, own, resolved, shown.record)
        elif resolved.storage == named:  # else it was never meant to be there
            complete(storage, part, resolved, shown.record)
        try:
            board = Board(storage, own, part.artifacts)
        except KeyError:
            missing.append(own)
            continue
        made = _exhibit_of(files, shown)
        board.write_notes(made.note, made.trial_notes)
        board.attach(made.attachments)
    return missing


@dataclass(frozen=True)
class _Shown:
    """A study or a part of it with its record, and the analysis of the search where it belongs to one."""

    files: StudyFiles
    record: StudyRecord
    search: EvaluatedAnalysis | None = None


def _shown(files: StudyFiles) -> Iterator[_Shown]:
    """Read a study and its parts, each once; what the search has come to is concluded once for all."""
    parts = {part.part: part for part in files.parts}
    comparison = parts.pop(PARTS["comparison"], None)
    if parts:
        searched = StudyFiles(files.out, files.name)
        conclusion = conclude_search(read_record(searched), *read_parts(searched))
        # What mattered is left to the dashboard's own figures: judging it takes seconds.
        search = analyze_conclusion(conclusion, NOT_JUDGED)
        for record in (conclusion.record, conclusion.confirmation, conclusion.ablation):
            if record is not None and PARTS[record.kind] in parts:
                yield _Shown(parts[PARTS[record.kind]], record, search)
    if comparison is not None:
        yield _Shown(comparison, read_record(comparison))


def _resolved(part: StudyFiles) -> Resolved:
    resolved = read_resolved(part)
    if resolved is None:
        raise StudyNotFoundError(f"there is no study {part.full_name!r} any more")
    return resolved


def _exhibit_of(files: StudyFiles, shown: _Shown) -> Exhibit:
    record, search = shown.record, shown.search
    if search is None:
        comparison = compare(record)
        note = part_notes.comparison_note(record, comparison)
        return Exhibit(note, part_notes.failure_notes(record), of_comparison(shown.files, comparison))
    if record.kind == "confirmation":
        note = part_notes.confirmation_note(record, search)
        found = part_notes.confirmation_trial_notes(record, search)
        return Exhibit(note, found, of_confirmation(files, search))
    if record.kind == "ablation":
        assert search.ablation is not None  # noqa: S101 - its record was read
        note = part_notes.ablation_note(record, search.ablation)
        return Exhibit(note, part_notes.failure_notes(record), of_ablation(search.ablation))
    found = notes.trial_notes(record, search, most_notes(len(record.trials)))
    note = notes.search_note(record, search, len(found))
    return Exhibit(note, found, of_search(shown.files, record, search))


def most_notes(trials: int) -> int:
    """Count the notes that a study of so many trials can have before the dashboard is slow."""
    return max(notes.PICTURED, MOST_LOOKED_AT // (ATTRIBUTES * max(trials, 1)))
