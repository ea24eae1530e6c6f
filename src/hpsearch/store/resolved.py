"""The resolved study file: the spec with every default, and what was decided automatically."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hpsearch.data_summary import DataSummary
from hpsearch.exceptions import Problem, StudyFileError, StudyMismatchError
from hpsearch.spec import StudySpec, print_yaml, read_spec
from hpsearch.spec.source import parse, read_text
from hpsearch.store.disk import write_atomically
from hpsearch.store.files import StudyFiles

FORMAT = 2
"""Version of the files of a study."""

BUDGETS = (("search", "trials"), ("search", "timeout"), ("search", "trial_timeout"), ("search", "keep"))
"""What may change between two runs of one study."""


@dataclass(frozen=True)
class Resolved:
    """What a study obeys from its first run on.

    `settings` are automatic decisions (trainer, slots, cores); `directory` is what relative paths of data
    start from.
    """

    spec: StudySpec
    directory: str
    data: DataSummary
    settings: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    storage: str | None = None
    format: int = FORMAT


def write_resolved(files: StudyFiles, resolved: Resolved) -> None:
    """Store the resolved study file."""
    known = {name: value for name, value in vars(resolved).items() if name not in ("spec", "data")}
    data = {**asdict(resolved.data), "features": list(resolved.data.features)}
    data["labels"] = list(resolved.data.labels)
    text = print_yaml({**resolved.spec.dump(), "resolved": {**known, "data": data}})
    write_atomically(files.study, text.encode())


def read_resolved(files: StudyFiles) -> Resolved | None:
    """Read the resolved study file; None where the study has none yet."""
    if not files.study.exists():
        return None
    source = parse(read_text(files.study), str(files.study))
    known = source.data.pop("resolved", None) if isinstance(source.data, dict) else None
    if not isinstance(known, dict):
        expected, found = "the resolved study file that hpsearch wrote", "no mapping 'resolved'"
        raise StudyFileError((Problem(str(files.study), None, "", expected, found),))
    if known.get("format") != FORMAT:
        raise StudyMismatchError(
            f"{files.study} was written in format {known.get('format')}, and this version of hpsearch reads "
            f"format {FORMAT}: run it with the version that wrote it, or start over with --new"
        )
    data = known.pop("data")
    summary = DataSummary(**{**data, "features": tuple(data["features"]), "labels": tuple(data["labels"])})
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
    data: dict[str, Any] = spec.dump()
    for section, name in BUDGETS:
        data.get(section, {}).pop(name, None)
    return data


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list) and node and any(isinstance(item, dict | list) for item in node):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{path}.{index}")
    else:
        yield path, node
