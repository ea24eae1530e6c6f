"""Whether the path of a report is that of another study too."""

from __future__ import annotations

from pathlib import Path

from hpsearch.exceptions import UnsupportedError
from hpsearch.store.identity import PAGE_SEAL
from hpsearch.store.layout import PARTS, StudyFiles

COMPARE, PROBE = f"-{PARTS['comparison']}", "-probe"
"""What the names of a comparison's report and of a page on probes end with, before `.html`."""


def check_report_path(files: StudyFiles) -> None:
    """Check that the report of a new experiment does not overwrite that of another study.

    Raises:
        UnsupportedError: It would. An experiment that was started already goes on.
    """
    if not files.begun:
        _refuse(files.report, files.name, other_of(files))


def check_probe_path(files: StudyFiles) -> None:
    """Check that the page on probes does not overwrite the report of a study.

    Raises:
        UnsupportedError: It would.
    """
    _refuse(files.probe_report, files.name, other_of_probe(files))


def other_of(files: StudyFiles) -> str | None:
    """Name what was begun, or probed, under the other name that leads to the same report."""
    if files.part:
        other = StudyFiles(files.out, files.full_name)
        return f"the study {other.name!r}" if other.begun else None
    compared = StudyFiles(files.out, files.name.removesuffix(COMPARE), PARTS["comparison"])
    if files.name.endswith(COMPARE) and compared.begun:
        return f"the comparison of the study {compared.name!r}"
    if files.name.endswith(PROBE) and _is_probe(files.report):
        return f"the page on probes of the study {files.name.removesuffix(PROBE)!r}"
    return None


def other_of_probe(files: StudyFiles) -> str | None:
    """Name the study whose report has the path of the page on probes."""
    other = StudyFiles(files.out, f"{files.name}{PROBE}")
    return f"the study {other.name!r}" if other.begun else None


def _is_probe(page: Path) -> bool:
    """Tell a page on probes from a report, which names its study at its end."""
    return page.is_file() and PAGE_SEAL not in page.read_bytes()


def _refuse(page: Path, name: str, other: str | None) -> None:
    if other is not None:
        raise UnsupportedError(
            f"{page} is the report of {other}, and would be that of {name!r} too: give the study another "
            "name, or use another --out"
        )
