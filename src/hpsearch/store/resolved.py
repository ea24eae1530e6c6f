"""The resolved study file: the spec with every default, and what was decided automatically."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from hpsearch.data_summary import DataSummary
from hpsearch.exceptions import Problem, StudyFileError, StudyMismatchError
from hpsearch.experiment import KINDS, Experiment, Kind, experiment_of
from hpsearch.spec import Choice, Confirm, StudySpec, print_yaml, read_spec
from hpsearch.spec.source import Source, parse, read_text
from hpsearch.store.disk import write_atomically
from hpsearch.store.files import StudyFiles
from hpsearch.store.urls import without_password

FORMAT = 2
"""Version of the files of a study."""

SEAL = b"# crc32: "
"""Begins the last line of the resolved study file, a comment with a checksum of what is before it."""

BUDGETS = (
    *(("search", name) for name in ("trials", "timeout", "trial_timeout", "keep")),
    *(("compare", name) for name in ("replicates", "baseline", "claims", "target")),
    *(("confirm", name) for name in Confirm.model_fields),
)
"""What may change between two runs of one study: budgets, and what the results are held against."""


@dataclass(frozen=True)
class Resolved:
    """What a study obeys from its first run on.

    `settings` are automatic decisions (trainer, slots, cores); `directory` is what relative paths of data
    start from; `storage` is the URL of an Optuna storage elsewhere, kept without its password, and `owner`
    tells there which studies are this one's.
    """

    spec: StudySpec
    directory: str
    data: DataSummary
    kind: Kind = "search"
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    storage: str | None = None
    owner: str | None = None
    format: int = FORMAT

    @cached_property
    def experiment(self) -> Experiment:
        """What the trials of the study are."""
        return experiment_of(self.spec, self.kind)


def write_resolved(files: StudyFiles, resolved: Resolved) -> None:
    """Store the resolved study file."""
    names = [one.name for one in fields(resolved) if one.name not in ("spec", "data")]
    known = {name: getattr(resolved, name) for name in names}
    if resolved.storage is not None:
        known["storage"] = without_password(resolved.storage)
    data = {**asdict(resolved.data), "features": list(resolved.data.features)}
    data["labels"] = list(resolved.data.labels)
    text = print_yaml({**resolved.spec.dump(), "resolved": {**known, "data": data}})
    content = text.encode()
    for path in (files.study, files.study_copy):
        write_atomically(path, content + _seal(content))


def read_resolved(files: StudyFiles) -> Resolved | None:
    """Read the resolved study file, or its copy where it is damaged; None where the study has none yet.

    Raises StudyMismatchError for the format of another version, and StudyFileError where both are damaged.
    """
    paths = [path for path in (files.study, files.study_copy) if path.exists()]
    if not paths:
        return None
    whole = next((path for path in paths if is_sealed(path)), None)
    if whole is not None and whole != files.study:
        warnings.warn(f"{files.study} is damaged: its copy is used", RuntimeWarning, stacklevel=2)
    return _read(whole or paths[0], sealed=whole is not None)


def _seal(content: bytes) -> bytes:
    return SEAL + f"{zlib.crc32(content):08x}\n".encode()


def is_sealed(path: Path) -> bool:
    """Tell whether a resolved study file ends with the checksum of what is before."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    body, seal, _ = content.rpartition(SEAL)
    return bool(seal) and content == body + _seal(body)


def _read(path: Path, *, sealed: bool) -> Resolved:
    source = parse(read_text(path), str(path))
    known = source.data.pop("resolved", None) if isinstance(source.data, dict) else None
    version = known.get("format") if isinstance(known, dict) else None
    if version not in (FORMAT, None):
        raise StudyMismatchError(
            f"{path} was written in format {version}, and this version of hpsearch reads "
            f"format {FORMAT}: run it with the version that wrote it, or start over with --new"
        )
    if sealed:
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            return _resolved(source, known)
    expected = "the resolved study file as hpsearch wrote it: bring it back, or start over with --new"
    raise StudyFileError((Problem(str(path), None, "", expected, "other content"),))


def _resolved(source: Source, known: Any) -> Resolved:
    data = known.pop("data")
    summary = DataSummary(**{**data, "features": tuple(data["features"]), "labels": tuple(data["labels"])})
    for name in ("settings", "versions", "machine"):
        if not all(isinstance(word, str) for pair in known[name].items() for word in pair):
            raise TypeError(name)
    words = (known["directory"], known["storage"] or "", known.get("owner") or "")
    if not all(isinstance(word, str) for word in words):
        raise TypeError("directory, storage or owner")
    if known.get("kind", "search") not in KINDS:
        raise ValueError(known["kind"])
    return Resolved(spec=read_spec(source), data=summary, **known)


def check_same_experiment(stored: StudySpec, given: StudySpec) -> None:
    """Refuse a study file that would mix two experiments in one study, and show the difference."""
    old, new = dict(_leaves(_without_budgets(stored))), dict(_leaves(_without_budgets(given)))
    lines = [
        f"  {path}: {old.get(path, 'nothing')} -> {new.get(path, 'nothing')}"
        for path in {**old, **new}
        if old.get(path, ...) != new.get(path, ...)
    ]
    if lines:
        raise StudyMismatchError(
            f"the study {stored.name!r} was begun with another study file:\n"
            + "\n".join(lines)
            + "\ngo on with the old values, give the study another name, or start over with --new"
        )


def _without_budgets(spec: StudySpec) -> dict[str, Any]:
    data: dict[str, Any] = spec.model_copy(update={"training": _with_rate(spec.training)}).dump()
    for section, name in BUDGETS:
        data.get(section, {}).pop(name, None)
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
