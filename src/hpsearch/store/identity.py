"""Which study a file belongs to: every file of a study carries it, and every reader compares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from hpsearch.data.archives import PIECE
from hpsearch.exceptions import StoreError

Stamp = Mapping[str, Any]
"""What a file says of itself: `study`, `name`, `seed`, and where they apply `trial`, `epoch`, and `of`, the
SHA-256 of what it belongs to."""

MARK = 16
"""Digits of the study's SHA-256 in each line of the event log."""


class DamagedError(StoreError):
    """A file is not what was written, or not of this study."""


@dataclass(frozen=True)
class StudyIdentity:
    """What the files of a study say of themselves, and what its readers compare.

    Attributes:
        study: The SHA-256 of what the study was started with.
        name: Its name; without one any file is accepted.
        seed: Its seed.
        strict: Whether a file that says nothing is refused. It is not in studies of versions whose files said
            nothing.
    """

    study: str = ""
    name: str = ""
    seed: int = 0
    strict: bool = False

    @property
    def mark(self) -> str:
        """The beginning of the SHA-256, for each line of the tick log."""
        return self.study[:MARK]

    def stamp(self, **of: Any) -> dict[str, Any] | None:
        """Return what a file of the study says of itself; None where the study is not known."""
        if not self.study:
            return None
        return {"study": self.study, "name": self.name, "seed": self.seed, **of}

    def complaint(self, stamp: object, **expected: Any) -> str | None:
        """Return why a file is not the one that is expected here; None where it is."""
        if not self.name:
            return None
        if stamp is None:
            return "it does not name its study" if self.strict else None
        if not isinstance(stamp, Mapping) or not isinstance(stamp.get("study"), str):
            return "it does not name its study"
        if stamp["study"] != self.study:
            return f"it belongs to another study ({_named(stamp)}; this one is {_named(vars(self))})"
        other = next((name for name, value in expected.items() if stamp.get(name) != value), None)
        if other == "of":
            return "it was written for an earlier version of its study"
        return None if other is None else f"it belongs to {other} {stamp.get(other)}, not {expected[other]}"

    def verify(self, stamp: object, **expected: Any) -> None:
        """Check that a file is the one that is expected.

        Args:
            stamp: What the file says of itself.
            **expected: The entries that it must have, such as `trial`.

        Raises:
            DamagedError: It is another one.
        """
        if complaint := self.complaint(stamp, **expected):
            raise DamagedError(complaint)


UNKNOWN = StudyIdentity()
"""Of a file that is read without its study."""


def _named(stamp: Mapping[str, Any]) -> str:
    study = str(stamp["study"])[:MARK] or "of an older version"
    return f"{str(stamp.get('name'))[:100]!r}, seed {str(stamp.get('seed'))[:20]}, {study}"


def digest(plain: object) -> str:
    """Return the SHA-256 of plain data, whatever the order of its keys."""
    return sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece; empty where it cannot be read."""
    told = sha256()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(PIECE):
                told.update(piece)
    except OSError:
        return ""
    return told.hexdigest()


PAGE_SEAL = b"<!-- hpsearch: "
"""Start of the last line of a report: a comment with the study and a SHA-256 of the page before it."""


def sealed_page(page: bytes, identity: StudyIdentity) -> bytes:
    """Return a page with its study and its SHA-256 at the end."""
    page = page.rstrip(b"\n") + b"\n"
    seal = f"study {identity.study or 'unknown'}, sha256 {sha256(page).hexdigest()} -->\n"
    return page + PAGE_SEAL + seal.encode()


def check_page(content: bytes, identity: StudyIdentity) -> None:
    """Check a report; one of an older version has no seal.

    Raises:
        DamagedError: It is not what was written, or is of another study.
    """
    page, seal, told = content.rpartition(PAGE_SEAL)
    if not seal:
        if identity.strict or not content.rstrip().endswith(b"</html>"):
            raise DamagedError("damaged")
        return
    study = told.removeprefix(b"study ").partition(b",")[0].decode("ascii", "replace")
    if sealed_page(page, StudyIdentity(study)) != content:
        raise DamagedError("damaged")
    if identity.study and study != identity.study:
        raise DamagedError(f"it belongs to another study ({study[:MARK]}; this one is {identity.mark})")
