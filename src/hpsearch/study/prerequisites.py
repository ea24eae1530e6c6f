"""The studies that give others their donors, and have to be run before them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.exceptions import DonorError, HpsearchError
from hpsearch.spec import StudyFile, load_study_file, pretrained_models
from hpsearch.spec.experiments import prepare
from hpsearch.spec.sections.pretrained import DonorStudy
from hpsearch.spec.sources.donor_file import DonorFile, donor_name, find_donor
from hpsearch.store.identity import DamagedError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.resolved import check_same_experiment, read_resolved
from hpsearch.store.winner import load_applied
from hpsearch.study.progress import Display, Outcome

if TYPE_CHECKING:
    from hpsearch.study.state import StudyState


def check_donors(study: StudyFile) -> None:
    """Check that the donors of a study exist, or the studies that train them; nothing is run.

    Raises:
        DonorError: A donor is missing.
        StudyFileError: The study file of a donor is invalid.
    """
    _check_lineage(study, (study.spec.name,))
    for _, model in pretrained_models(study.spec.model):
        if not isinstance(model.donor, DonorStudy):
            find_donor(donor_name(model), model.donor_path(study.directory))


def untrained_donors(study: StudyFile, out: Path) -> Iterator[StudyFile]:
    """Return the studies that have to be run before a study, because it starts from their best models.

    Each is looked for when those before it have been run.
    """
    for donor in _donor_studies(study):
        if not _is_finished(donor, StudyFiles(out, donor.spec.name)):
            yield donor


def find_donors(study: StudyFile, out: Path) -> tuple[DonorFile, ...]:
    """Find the donors of a study, each once.

    Raises:
        DonorError: One is missing or cannot be read.
    """
    found: dict[str, DonorFile] = {}
    for _, model in pretrained_models(study.spec.model):
        name, path = donor_name(model), model.donor_path(study.directory)
        if name not in found:
            if isinstance(model.donor, DonorStudy):
                path = StudyFiles(out, load_study_file(path).spec.name).best_model
            found[name] = find_donor(name, path)
    return tuple(found.values())


def check_trained(donor: StudyFile, outcome: Outcome, record: StudyRecord) -> None:
    """Check that the study of a donor has saved a model.

    Raises:
        KeyboardInterrupt: It was interrupted.
        HpsearchError: It found none.
    """
    if outcome == "interrupted":
        raise KeyboardInterrupt
    if outcome == "hopeless" or record.best is None:
        raise HpsearchError(f"the donor's study {donor.spec.name!r} found no model: see its report")


def _check_lineage(study: StudyFile, heirs: tuple[str, ...]) -> None:
    """Refuse a study among its own donors, before anything is run."""
    for donor in _donor_studies(study):
        if donor.spec.name in heirs:
            line = " -> ".join((*heirs, donor.spec.name))
            raise DonorError(
                f"{donor.source.file}: a study cannot be its own donor ({line}): give the donor's study "
                "another name, or another donor"
            )
        _check_lineage(donor, (*heirs, donor.spec.name))


def _donor_studies(study: StudyFile) -> Iterator[StudyFile]:
    for _, model in pretrained_models(study.spec.model):
        if isinstance(model.donor, DonorStudy):
            yield load_study_file(model.donor_path(study.directory))


def _is_finished(study: StudyFile, files: StudyFiles) -> bool:
    stored = read_resolved(files)
    if stored is None:
        return False
    try:
        load_applied(files, stored.identity)
    except FileNotFoundError:
        return False
    except DamagedError as failure:
        warnings.warn(f"{files.best_model} is saved again: {failure}", RuntimeWarning, stacklevel=2)
        return False
    check_same_experiment(stored.spec, prepare(study.spec, "search"))
    trials = read_record(files).trials
    ended = sum(trial.state != "running" for trial in trials)
    return ended == len(trials) and ended >= study.spec.search.trials


def announced_donor(donor: StudyFile, display: Display) -> DonorDisplay:
    """Tell that the study of a donor is run first, and give what tells how it goes."""
    display.note(f"running the donor's study {donor.spec.name!r} first: {donor.source.file}")
    return DonorDisplay(donor.spec.name, donor.spec.search.first_metric, display)


@dataclass(frozen=True)
class DonorDisplay:
    """Tells how a donor's study goes as remarks of the study that waits for it."""

    name: str
    metric: str
    display: Display

    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:  # noqa: ARG002
        """Tell of a trial that ended."""
        told = record.cause if record.value is None else f"{self.metric} {record.value:.5g}"
        self.note(f"trial {record.number}  {told}")

    def begin(self, runs: int, told: str) -> None:  # noqa: ARG002 - the live line is not ours
        """Tell what begins."""
        self.note(told)

    def advanced(self, state: StudyState) -> None:
        """Show nothing: the live line is that of the study that waits."""

    def note(self, text: str) -> None:
        """Pass a remark on."""
        self.display.note(f"{self.name}: {text}")
