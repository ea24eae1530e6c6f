"""What is attached to a study and to its trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hpsearch.analysis import AblationPath, Analysis, ComparisonResult, look_into_trial
from hpsearch.report.dashboard import pictures
from hpsearch.report.dashboard.notes import PICTURED
from hpsearch.spec import print_spec
from hpsearch.spec.sections.study import name_with
from hpsearch.store.best_study import best_spec
from hpsearch.store.disk import encoded
from hpsearch.store.identity import UNKNOWN, DamagedError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.resolved import read_resolved
from hpsearch.store.winner import WinnerName, load_applied

SVG = "image/svg+xml"
YAML = "application/yaml"
DOWNLOAD = "application/octet-stream"
"""The report is a page with scripts: shown instead of downloaded it would be the dashboard's equal."""

Content = Path | Callable[[], bytes | None]
"""A file of the study, or what makes the content; the latter gives None where there is nothing to show."""


@dataclass(frozen=True)
class Attachment:
    """A file under the `name` that the dashboard shows, of the trial `number`, or where None of the study.

    What is `final` is made once: its content follows from a trial that has ended.
    """

    number: int | None
    name: str
    mimetype: str
    content: Content
    final: bool = False


def of_search(files: StudyFiles, record: StudyRecord, analysis: Analysis) -> Iterator[Attachment]:
    """List what belongs to a search and to its best trials."""
    yield from _files_of(files)
    yield Attachment(None, "learning-curves.svg", SVG, partial(pictures.picture_of_search, analysis))
    winner = _saved(files)
    if files.best_model.exists():
        own = winner.trial if winner is not None and winner.replicate is None else None
        yield Attachment(None, "best.keras", DOWNLOAD, files.best_model)
        if own is not None:
            yield Attachment(own, f"trial-{own}.keras", DOWNLOAD, files.best_model)
    for trial in record.ranking[:PICTURED]:
        yield from _of_trial(files, record, trial)


def _of_trial(files: StudyFiles, record: StudyRecord, trial: TrialRecord) -> Iterator[Attachment]:
    number, look = trial.number, look_into_trial(trial, record.metric)
    picture = partial(pictures.picture_of_winner, look, record.metric, minimize=record.minimize)
    yield Attachment(number, f"trial-{number}.svg", SVG, picture, final=True)
    yield Attachment(number, f"trial-{number}.yaml", YAML, partial(_configuration, record, trial))
    if files.model(number).exists():
        yield Attachment(number, f"trial-{number}.keras", DOWNLOAD, files.model(number))


def _configuration(record: StudyRecord, trial: TrialRecord) -> bytes:
    """Print the configuration of a trial as a study with nothing left to search."""
    name = name_with(record.name, f"-trial-{trial.number}")
    spec = best_spec(record, trial).model_copy(update={"name": name})
    return encoded(print_spec(spec))


def of_confirmation(searched: StudyFiles, search: Analysis) -> Iterator[Attachment]:
    """List what belongs to the replicates of the finalists of a search."""
    yield Attachment(None, "finalists.svg", SVG, partial(pictures.picture_of_finalists, search))
    if search.winner is not None and search.winner.confirmed:
        winner = partial(pictures.picture_of_winner, search.winner, search.metric, minimize=search.minimize)
        yield Attachment(None, "winner.svg", SVG, winner)
    yield from _kept_replicate(searched, search)


def _kept_replicate(searched: StudyFiles, search: Analysis) -> Iterator[Attachment]:
    """Give the best model to the replicate whose it is."""
    saved = _saved(searched)
    named = None if search.verdict is None else search.verdict.named
    if saved is None or named is None or not searched.best_model.exists():
        return
    if saved.replicate == named.replicate and saved.seed == named.seed:
        yield Attachment(named.number, "best.keras", DOWNLOAD, searched.best_model)


def of_ablation(path: AblationPath) -> Iterator[Attachment]:
    """List what belongs to an ablation."""
    yield Attachment(None, "steps.svg", SVG, partial(pictures.picture_of_path, path))


def of_comparison(files: StudyFiles, comparison: ComparisonResult) -> Iterator[Attachment]:
    """List what belongs to a comparison."""
    yield from _files_of(files)
    yield Attachment(None, "arms.svg", SVG, partial(pictures.picture_of_arms, comparison))
    yield Attachment(None, "learning-curves.svg", SVG, partial(pictures.picture_of_arms_learning, comparison))


def _files_of(files: StudyFiles) -> Iterator[Attachment]:
    found = {files.report: DOWNLOAD, files.best_configuration: YAML, files.table: "text/csv"}
    for path, mimetype in found.items():
        if path.exists():
            yield Attachment(None, path.name, mimetype, path)


def _saved(files: StudyFiles) -> WinnerName | None:
    """Tell whose model the best model is; None where it is of another study."""
    resolved = read_resolved(files)
    with suppress(FileNotFoundError, DamagedError):
        return load_applied(files, UNKNOWN if resolved is None else resolved.identity).winner
    return None
