"""The other studies that a search learns from: found, read once when it begins, and kept in its own file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.exceptions import Problem, StoreError, StudyFileError
from hpsearch.report.words.numbers import amount
from hpsearch.spec import StudyFile, StudySpec, load_study_file
from hpsearch.spec.sections.model_component import in_full
from hpsearch.spec.sections.search import EarlierStudy
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.problems import dotted, nearest_name, placed
from hpsearch.spec.study_file.source import Place
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.store.reading import not_of_study
from hpsearch.store.resolved import Resolved, read_resolved

if TYPE_CHECKING:
    from hpsearch.scheduling.earlier_trials import Observations, Overlap


def with_earlier_trials(study: StudyFile, out: Path) -> tuple[StudySpec, str | None]:
    """Put the trials of other studies into a study that is to learn from them.

    Args:
        study: The study, which begins.
        out: The output directory, whose studies are known by their names.

    Returns:
        The study, and in words how many trials of which studies it learns from, and why of no more; None
        where it learns from none.

    Raises:
        StudyFileError: A study is not found, is the study itself, or has no trial in the search space.
    """
    from hpsearch.scheduling.earlier_trials import MOST

    given = study.spec.search.warm_start
    if not given:
        return study.spec, None
    reading = _Reading(study, out, max(MOST // len(given), 1))
    read = [reading.kept(one, ("search", "warm_start", at)) for at, one in enumerate(given)]
    search = study.spec.search.model_copy(update={"warm_start": tuple(kept for kept, _ in read)})
    return study.spec.model_copy(update={"search": search}), "; ".join(told for _, told in read)


@dataclass(frozen=True)
class _Reading:
    study: StudyFile
    out: Path
    most: int

    def kept(self, given: str | EarlierStudy, place: Place) -> tuple[EarlierStudy, str]:
        """Read the trials of another study, unless they stand in the study file, and tell of them."""
        from hpsearch.scheduling.earlier_trials import overlap, spread

        if isinstance(given, EarlierStudy):
            return given, f"{amount(len(given.trials), 'trial')} of {given.study}, from the study file"
        observed = self._in_storage(given, place) if "://" in given else self._in_log(given, place)
        found = overlap(observed, SearchSpace(self.study.spec))
        if not found.values:
            raise self._problem(place, "a study with trials in this search space", _counted(found.left_out))
        trials = tuple(spread(found.values, self.most))
        return EarlierStudy(study=given, trials=trials), _told(given, len(trials), found)

    def _in_log(self, given: str, place: Place) -> Observations:
        from hpsearch.scheduling.earlier_trials import observed_in_log

        files, resolved = self._found(given, place)
        events = TickLog(files.ticks, files.ticks_copy, resolved.identity).read()
        try:
            return observed_in_log(resolved.spec, events)
        except (KeyError, ValueError, TypeError) as failure:
            raise not_of_study(given, failure) from None

    def _in_storage(self, given: str, place: Place) -> Observations:
        from hpsearch.scheduling.earlier_trials import observed_in_storage
        from hpsearch.store.optuna.foreign import read_foreign
        from hpsearch.store.optuna.urls import VARIABLES, has_password, shown

        if has_password(given):
            expected = f"a URL without a password, which {' or '.join(VARIABLES)} may hold"
            raise self._problem(place, expected, shown(given))
        with placed(self.study.source, place, (StoreError,)):
            study = read_foreign(given, self.study.directory)
        return observed_in_storage(study.trials, minimize=study.minimize)

    def _found(self, given: str, place: Place) -> tuple[StudyFiles, Resolved]:
        files = self._files(given)
        own = StudyFiles(self.out, self.study.spec.name).directory
        try:
            itself, resolved = files.directory.resolve() == own.resolve(), read_resolved(files)
        except (OSError, ValueError):  # nothing can have this name
            itself, resolved = False, None
        if itself:
            raise self._problem(place, "another study: no study can learn from itself", repr(given))
        if resolved is None or resolved.kind != "search":
            begun = [path.name for path in (self.out / "runs").glob("*/") if path != own]
            expected = f"a study that was searched, and there is none in {files.directory}"
            raise self._problem(place, expected, repr(given), nearest_name(given, sorted(begun)))
        return files, resolved

    def _files(self, given: str) -> StudyFiles:
        """Find the files of a study by its name, its study file, or its directory `runs/NAME`."""
        path = in_full(given, self.study.directory)
        if path.suffix in (".yaml", ".yml"):
            return StudyFiles(self.out, load_study_file(path).spec.name)
        if Path(given).name == given:
            return StudyFiles(self.out, given)
        return StudyFiles(path.parent.parent, path.name)

    def _problem(self, place: Place, expected: str, found: str, nearest: str | None = None) -> StudyFileError:
        source = self.study.source
        file, line = source.file_of(place), source.line_of(place)
        return StudyFileError((Problem(file, line, dotted(place), expected, found, nearest),))


def _told(study: str, kept: int, found: Overlap) -> str:
    """Tell how many trials of a study are kept, and why no more."""
    told = f"{amount(kept, 'trial')} of {study}"
    if more := len(found.values) - kept:
        told += f", evenly from its best to its worst ({amount(more, 'other')} not needed)"
    if found.left_out:
        told += f", without {_counted(found.left_out)}"
    if found.unknown:
        told += f"; nothing is known from them of {', '.join(found.unknown)}"
    return told


def _counted(left_out: Counter[str]) -> str:
    """Tell how many trials were left out for which reason, the most frequent first."""
    if not left_out:
        return "no trials"
    return ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
