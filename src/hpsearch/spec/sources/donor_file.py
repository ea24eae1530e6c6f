"""The saved models that a study reuses: where they lie and what they hold. Nothing here loads them."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hpsearch.exceptions import DonorError, StudyMismatchError
from hpsearch.spec import Pretrained
from hpsearch.spec.study_file.parts import label_of


@dataclass(frozen=True)
class DonorFile:
    """A `.keras` file under the name that the study file gives it, with its SHA-256 when it was found."""

    name: str
    path: str
    sha256: str


def donor_name(model: Pretrained) -> str:
    """Name the donor of a model: two models with one donor share the name."""
    return label_of(model.donor)


def find_donor(name: str, path: Path) -> DonorFile:
    """Find a donor and compute its SHA-256.

    Raises:
        DonorError: There is no such file, or it cannot be read.
    """
    return DonorFile(name, str(path), sha256(_content(path)).hexdigest())


def check_unchanged(donor: DonorFile) -> None:
    """Check that a donor is the file that it was when this process started or resumed the study.

    Raises:
        StudyMismatchError: The file has other content.
        DonorError: It cannot be read any more.
    """
    if sha256(_content(Path(donor.path))).hexdigest() != donor.sha256:
        raise StudyMismatchError(f"the donor {donor.path} has changed while the study was running")


def check_same_donors(study: str, stored: str, found: str) -> None:
    """Check that a study resumes with the donors that it was started with.

    Args:
        study: The name of the study, for the message.
        stored: The SHA-256 that the study was started with.
        found: The SHA-256 of today's file.

    Raises:
        StudyMismatchError: They differ.
    """
    if stored != found:
        raise StudyMismatchError(
            f"the donor of the study {study!r} has changed since it was started "
            f"(SHA-256 {stored[:12]} -> {found[:12]}): "
            "restore the old one, give the study another name, or start over with --new"
        )


def _content(path: Path) -> bytes:
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return path.read_bytes()
        cause = "not a file"
    except (OSError, ValueError) as failure:
        cause = str(getattr(failure, "strerror", None) or failure).lower()
    raise DonorError(f"model.pretrained.donor: {path}: {cause}")
