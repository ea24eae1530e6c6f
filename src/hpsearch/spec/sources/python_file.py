"""The Python files that a study runs: where they lie and what they hold. Nothing here runs them."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hpsearch.exceptions import ModelCodeError, StudyMismatchError, UnsupportedError
from hpsearch.spec import OwnModel, StudyFile, StudySpec, own_models
from hpsearch.spec.study_file.problems import dotted
from hpsearch.spec.study_file.source import Place


@dataclass(frozen=True)
class ModelCode:
    """A model that the user's own function builds, its place in the study file, and the function's file."""

    model: OwnModel
    place: Place
    path: Path

    def __str__(self) -> str:
        return f"{self.path} ({self.model.function})"


def model_code(spec: StudySpec, directory: Path) -> tuple[ModelCode, ...]:
    """Find the code that a study runs; relative paths start from the study file's directory."""
    return tuple(ModelCode(model, place, model.path(directory)) for place, model in own_models(spec.model))


def read_code(code: Iterable[ModelCode]) -> dict[Path, bytes]:
    """Read each file once.

    Raises:
        ModelCodeError: A file cannot be read.
    """
    return {one.path: _content(one) for one in code}


def _content(code: ModelCode) -> bytes:
    try:
        if stat.S_ISREG(code.path.stat().st_mode):
            return code.path.read_bytes()
        cause = "not a file"
    except (OSError, ValueError) as failure:
        cause = str(getattr(failure, "strerror", None) or failure).lower()
    raise ModelCodeError(f"model.{code.model.name}.file: {code.path}: {cause}")


def fingerprint(contents: Mapping[Path, bytes]) -> str:
    """Return the SHA-256 of each file, in the order of the study file."""
    return " ".join(sha256(content).hexdigest() for content in contents.values())


def announced_code(study: StudyFile, tell: Callable[[str], None], *, refused: bool) -> tuple[ModelCode, ...]:
    """List the code that a study runs, and announce each piece.

    Args:
        study: The study file.
        tell: Receives one sentence for each model that comes from code.
        refused: Whether code is an error.

    Raises:
        UnsupportedError: The study runs code and that is `refused`.
    """
    found = model_code(study.spec, study.directory)
    for code in found:
        if refused:
            line = study.source.line_of(code.place)
            place = study.source.file_of(code.place) + ("" if line is None else f":{line}")
            raise UnsupportedError(
                f"{place}: {dotted(code.place)}: the study runs code, {code}, and --no-code refuses it"
            )
        tell(f"this study runs code: {code}")
    return found


def check_same_code(name: str, stored: str, found: str) -> None:
    """Check that a study resumes with the Python code that it was started with.

    Args:
        name: The name of the study, for the message.
        stored: The `fingerprint` that the study was started with.
        found: The `fingerprint` of today's files.

    Raises:
        StudyMismatchError: They differ.
    """
    if stored != found:
        raise StudyMismatchError(
            f"the Python code of the study {name!r} has changed since it was started "
            f"(SHA-256 {stored[:12]} -> {found[:12]}): "
            "restore the old file, give the study another name, or start over with --new"
        )
