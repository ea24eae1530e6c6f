"""The resolved study file: the spec with every default, and what was decided automatically."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hpsearch.data.archives import ArchiveError, bounded
from hpsearch.data.summary import ColumnSummary, DataSummary
from hpsearch.exceptions import Problem, StoreError, StudyFileError, StudyMismatchError
from hpsearch.spec import Choice, Confirm, StudySpec, own_models, print_yaml, read_spec
from hpsearch.spec.experiments import KINDS, Experiment, Kind, experiment_of
from hpsearch.spec.sections.keras_tuner_model import explored
from hpsearch.spec.study_file.source import MAX_BYTES, Source, parse, read_text
from hpsearch.store.disk import write_atomically
from hpsearch.store.identity import DamagedError, StudyIdentity, digest
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import REMEDY, marks
from hpsearch.store.optuna.urls import without_password
from hpsearch.training.decisions import Decisions

FORMAT = 3
"""Version of the files of a study: from the third on every file says of which study it is."""

FORMATS = (2, FORMAT)

DECISIVE = ("backend", "trainer", "width", "vmapped", "model code", "donor", "target transform")
"""Automatic decisions on which the numbers of a study depend."""

WRITTEN = {"decisions": "settings"}
"""Fields that the file has another name for."""

SEAL = b"# crc32: "
"""Begins the last line of the resolved study file, a comment with a checksum of what is before it."""

BUDGETS = (
    *(("search", name) for name in ("trials", "timeout", "trial_timeout", "until", "keep")),
    *(("compare", name) for name in ("replicates", "baseline", "claims", "target")),
    *(("confirm", name) for name in Confirm.model_fields),
    ("data", "arrays"),
)
"""What may change between two runs of one study, beside its ensemble: budgets, what the results are held
against, and where arrays lie, whose content has a fingerprint of its own, as Python files of models have."""


@dataclass(frozen=True)
class Resolved:
    """What a study keeps from its first run on.

    Attributes:
        spec: The study file with all defaults.
        directory: Where relative paths of data start from.
        data: The data set in numbers.
        kind: The kind of experiment.
        decisions: What was decided automatically.
        versions: Of the libraries.
        machine: The kind of machine.
        storage: The URL of an Optuna storage elsewhere, without its password.
        owner: The mark by which its studies are known there.
        format: The version of this file.
        study: The SHA-256 of what the study was started with; empty in studies of older versions.
        parent: That of the search to which an experiment belongs; empty as well.
    """

    spec: StudySpec
    directory: str
    data: DataSummary
    kind: Kind = "search"
    decisions: Decisions = field(default_factory=Decisions)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    storage: str | None = None
    owner: str | None = None
    format: int = FORMAT
    study: str = ""
    parent: str = ""

    @property
    def identity(self) -> StudyIdentity:
        """What the files of the study say of themselves."""
        return StudyIdentity(self.study, self.spec.name, self.spec.search.seed, strict=self.format >= FORMAT)

    def identified(self) -> Resolved:
        """Return the study with the SHA-256 of what it was started with, which it keeps from then on.

        Two directories with one SHA-256 hold one study: the same study file but for its budgets, the same
        data, decisions and versions, on the same kind of machine, give the same numbers.
        """
        if self.study:
            return self
        words = self.decisions.words()
        decisive = {name: words[name] for name in DECISIVE if name in words}
        begun = [self.kind, _without_budgets(self.spec), self.data.fingerprint, decisive, self.parent]
        return replace(self, study=digest([*begun, self.versions, self.machine]))

    @cached_property
    def experiment(self) -> Experiment:
        """What the trials of the study are."""
        return experiment_of(self.spec, self.kind)


def write_resolved(files: StudyFiles, resolved: Resolved) -> None:
    """Store the resolved study file."""
    names = [one.name for one in fields(resolved) if one.name not in ("spec", "data")]
    known = {name: getattr(resolved, name) for name in names}
    known["decisions"] = resolved.decisions.words()
    if resolved.storage is not None:
        known["storage"] = without_password(resolved.storage)
    known = {WRITTEN.get(name, name): value for name, value in known.items()}
    data = {**asdict(resolved.data), "features": list(resolved.data.features)}
    data["labels"] = list(resolved.data.labels)
    data["columns"] = [asdict(column) for column in resolved.data.columns]
    text = print_yaml({**resolved.spec.dump(), "resolved": {**known, "data": data}})
    content = text.encode()
    for path in (files.study, files.study_copy):
        write_atomically(path, content + _seal(content))


def read_resolved(files: StudyFiles) -> Resolved | None:
    """Read the resolved study file, or its copy if it is damaged.

    Returns:
        None if the study has not been started.

    Raises:
        StudyMismatchError: It has the format of another version.
        StudyFileError: Both are damaged.
        StoreError: They contradict each other.
    """
    paths = [path for path in (files.study, files.study_copy) if path.exists()]
    if not paths:
        return None
    whole = [path for path in paths if is_sealed(path)]
    if len(whole) == len((files.study, files.study_copy)) and _content(paths[0]) != _content(paths[1]):
        return _agreed(files)
    if whole and whole[0] != files.study:
        warnings.warn(f"{files.study} is damaged: using its copy", RuntimeWarning, stacklevel=2)
    return _read((whole or paths)[0], sealed=bool(whole))


def _agreed(files: StudyFiles) -> Resolved:
    """Read two copies that differ, as a kill between them leaves budgets; of two studies the log tells which.

    Raises StoreError where it does not.
    """
    both = {path: _read(path, sealed=True) for path in (files.study, files.study_copy)}
    first, second = both.values()
    if _begun_as(first) == _begun_as(second) and _same_study(first, second):
        return first
    named = marks(files.ticks) | marks(files.ticks_copy)
    ours = {path: one for path, one in both.items() if one.identity.mark in named}
    if len(ours) == 1 and first.study != second.study:
        ((path, one),) = ours.items()
        other = next(known for known in both if known != path)
        text = f"{other} does not belong to the study of the log: using {path.name}"
        warnings.warn(text, RuntimeWarning, stacklevel=3)
        return one
    raise StoreError(f"{files.study} and {files.study_copy} differ; {REMEDY}")


def check_copy(path: Path, identity: StudyIdentity) -> Resolved:
    """Read one copy of the resolved study file by itself.

    Raises:
        DamagedError: It is not what was written, or is of another study.
        StudyMismatchError: It has the format of another version.
    """
    if not is_sealed(path):
        raise DamagedError("it is damaged; the other copy is used")
    resolved = _read(path, sealed=True)
    if resolved.study not in ("", identity.study):
        raise DamagedError(identity.complaint(vars(resolved.identity)) or "it belongs to another study")
    return resolved


def _same_study(first: Resolved, second: Resolved) -> bool:
    """Return whether two copies name one study; one of an older version gains its name when it goes on."""
    return first.study == second.study or (first.format < FORMAT and "" in (first.study, second.study))


def _begun_as(resolved: Resolved) -> list[Any]:
    """Return what a study keeps from its beginning on."""
    decisions = replace(resolved.decisions, workers=None)
    kept = (resolved.kind, resolved.directory, resolved.versions, resolved.machine)
    return [dict(_leaves(_without_budgets(resolved.spec))), resolved.data, decisions, *kept]


def _seal(content: bytes) -> bytes:
    return SEAL + f"{zlib.crc32(content):08x}\n".encode()


def is_sealed(path: Path) -> bool:
    """Return whether a resolved study file ends with the checksum of what is before."""
    content = _content(path)
    body, seal, _ = content.rpartition(SEAL)
    return bool(seal) and content == body + _seal(body)


def _content(path: Path) -> bytes:
    try:
        return bounded(path, MAX_BYTES)
    except (OSError, ArchiveError):
        return b""


def _read(path: Path, *, sealed: bool) -> Resolved:
    source = parse(read_text(path), str(path))
    known = source.data.pop("resolved", None) if isinstance(source.data, dict) else None
    version = known.get("format") if isinstance(known, dict) else None
    if version is not None and version not in FORMATS:
        raise StudyMismatchError(
            f"{path} was written in format {version}, and this version of hpsearch reads "
            f"formats {FORMATS[0]} to {FORMAT}: run it with the version that wrote it, or start over "
            "with --new"
        )
    if sealed:
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            return _resolved(source, known)
    expected = "the resolved study file as hpsearch wrote it: restore it, or start over with --new"
    raise StudyFileError((Problem(str(path), None, "", expected, "different content"),))


def _resolved(source: Source, known: Any) -> Resolved:
    data = known.pop("data")
    columns = tuple(ColumnSummary(**column) for column in data.get("columns", ()))
    lists = {"features": tuple(data["features"]), "labels": tuple(data["labels"]), "columns": columns}
    summary = DataSummary(**{**data, **lists})
    for name in ("settings", "versions", "machine"):
        if not all(isinstance(word, str) for pair in known[name].items() for word in pair):
            raise TypeError(name)
    words = [known["directory"], known["storage"] or ""]
    words += [known.get(name) or "" for name in ("owner", "study", "parent")]
    if not all(isinstance(word, str) for word in words):
        raise TypeError("directory, storage, owner, study or parent")
    if known.get("kind", "search") not in KINDS:
        raise ValueError(known["kind"])
    decisions = Decisions.read(known.pop("settings"))
    # Studies of versions that had no portfolio go on without one.
    source.data["search"].setdefault("portfolio", "off")
    return Resolved(spec=read_spec(source), data=summary, decisions=decisions, **known)


def told_of_beginning(resolved: Resolved) -> str:
    """Tell the versions and the machine of the beginning in a line."""
    known = {**resolved.versions, **resolved.machine}
    return ", ".join(f"{name} {told}" for name, told in known.items())


def as_begun(given: StudySpec, stored: StudySpec) -> StudySpec:
    """Put what a study found out and decided when it began where its file leaves that open."""
    model, search = explored(given.model, stored.model), given.search.as_begun(stored.search)
    return given.model_copy(update={"model": model, "search": search})


def check_same_experiment(stored: StudySpec, given: StudySpec) -> None:
    """Check that a study file describes the experiment that a study was started with; budgets may differ.

    Raises:
        StudyMismatchError: It does not. The message lists the differences.
    """
    given = as_begun(given, stored)
    old, new = dict(_leaves(_without_budgets(stored))), dict(_leaves(_without_budgets(given)))
    lines = [
        f"  {path}: {old.get(path, 'nothing')} -> {new.get(path, 'nothing')}"
        for path in {**old, **new}
        if old.get(path, ...) != new.get(path, ...)
    ]
    if lines:
        raise StudyMismatchError(
            f"the study {stored.name!r} was started with a different study file:\n"
            + "\n".join(lines)
            + "\nuse the old values, give the study another name, or start over with --new"
        )


def _without_budgets(spec: StudySpec) -> dict[str, Any]:
    data: dict[str, Any] = spec.model_copy(update={"training": _with_rate(spec.training)}).dump()
    for section, name in BUDGETS:
        data.get(section, {}).pop(name, None)
    for name in ("ensemble", "baseline", "engine"):
        data.pop(name, None)
    for place, _ in own_models(spec.model):
        node: Any = data
        for key in place:
            node = node[key]
        del node["file"]
    if spec.compare is not None:
        # The number of a trial tells its arm.
        data["compare"]["order of arms"] = list(spec.compare.arms)
    return data


def _with_rate(training: Any) -> Any:
    """Write out a learning rate that is not given: it is the same experiment as with the optimizer's own."""
    if isinstance(training, Choice):
        return Choice(tuple(map(_with_rate, training.options)))
    return training.with_rate()


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list) and node and any(isinstance(item, dict | list) for item in node):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{path}.{index}")
    else:
        yield path, node
