"""Reports whose path two studies would share, and files that starting over would remove."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.exceptions import StoreError, UnsupportedError
from hpsearch.store.identity import StudyIdentity, sealed_page
from hpsearch.store.layout import StudyFiles
from hpsearch.store.removal import check_only_ours
from hpsearch.store.report_path import check_probe_path, check_report_path
from hpsearch.study.deletion import delete
from support.commands import STUDY, here, write_study

BEGUN = Path(__file__).parents[1] / "begun"


def begun(files: StudyFiles) -> StudyFiles:
    """Leave what tells that an experiment was begun."""
    files.directory.mkdir(parents=True)
    files.study.write_text("")
    return files


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    return tmp_path / "reports"


@pytest.mark.parametrize("suffix", ["", ".copy"])
def test_a_study_and_a_comparison_do_not_share_a_report(suffix: str, tmp_path: Path) -> None:
    search, comparison = StudyFiles(tmp_path, "x-compare"), StudyFiles(tmp_path, "x", "compare")
    assert search.report == comparison.report
    check_report_path(search)
    check_report_path(comparison)
    begun(comparison).study.rename(comparison.directory / f"study{suffix}.yaml")
    with pytest.raises(
        UnsupportedError, match=r"x-compare\.html is the report of the comparison of the study 'x'"
    ):
        check_report_path(search)
    begun(search)
    # Two that were begun so before this was refused go on.
    check_report_path(search)
    check_report_path(comparison)


def test_a_comparison_is_refused_where_a_study_has_its_report(tmp_path: Path) -> None:
    begun(StudyFiles(tmp_path, "x-compare"))
    with pytest.raises(
        UnsupportedError, match="the report of the study 'x-compare', and would be that of 'x' too"
    ):
        check_report_path(StudyFiles(tmp_path, "x", "compare"))
    check_report_path(StudyFiles(tmp_path, "x"))
    check_report_path(StudyFiles(tmp_path, "x-compare", "compare"))


def test_a_page_on_probes_is_not_written_over_a_report(tmp_path: Path) -> None:
    check_probe_path(StudyFiles(tmp_path, "x"))
    begun(StudyFiles(tmp_path, "x-probe"))
    with pytest.raises(UnsupportedError, match="the report of the study 'x-probe'"):
        check_probe_path(StudyFiles(tmp_path, "x"))


def test_a_report_is_not_written_over_a_page_on_probes(tmp_path: Path, reports: Path) -> None:
    files = StudyFiles(tmp_path, "x-probe")
    files.report.write_bytes(b"<html></html>")
    with pytest.raises(UnsupportedError, match="is the report of the page on probes of the study 'x'"):
        check_report_path(files)
    files.report.write_bytes(sealed_page(b"<html></html>", StudyIdentity("0" * 64, "x-probe")))
    check_report_path(files)  # left by an earlier study of this name


def test_deleting_a_study_leaves_the_report_of_another(tmp_path: Path, reports: Path) -> None:
    other = begun(StudyFiles(tmp_path, "x-probe"))
    other.report.write_text("")
    delete(begun(StudyFiles(tmp_path, "x")))
    assert other.report.exists()
    delete(other)
    assert not other.report.exists()


def test_the_command_refuses_a_shared_report(tmp_path: Path) -> None:
    begun(StudyFiles(tmp_path, "x", "compare"))
    write_study(tmp_path / "a.yaml", {**STUDY, "name": "x-compare"})
    told = here("optimize", "a.yaml", cwd=tmp_path)
    assert told.returncode == 2
    assert "give the study another name" in told.stderr
    assert not (tmp_path / "runs" / "x-compare").exists()


@pytest.mark.parametrize("where", ["notes.txt", "models/mine.keras", "own/thesis.tex", "confirm/plot.png"])
def test_starting_over_keeps_files_of_others(where: str, tmp_path: Path) -> None:
    write_study(tmp_path / "a.yaml", STUDY)
    precious = tmp_path / "runs" / STUDY["name"] / where
    precious.parent.mkdir(parents=True)
    precious.write_text("kept")
    told = here("optimize", "a.yaml", "--new", cwd=tmp_path)
    assert told.returncode == 1
    assert (
        f"--new would remove files that hpsearch did not write: runs/{STUDY['name']}/{where}" in told.stderr
    )
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == [precious]


def test_starting_over_names_a_few_of_them(tmp_path: Path) -> None:
    files = begun(StudyFiles(tmp_path, "a"))
    for number in range(1_005):
        (files.directory / f"{number:04}.txt").touch()
    with pytest.raises(StoreError, match=r"0000\.txt, \S+0001\.txt, \S+0002\.txt and 1,002 more: move them"):
        check_only_ours([files])


@pytest.mark.parametrize("runs", sorted(BEGUN.glob("*/runs/*")), ids=lambda path: path.name)
def test_every_file_of_a_study_is_its_own(runs: Path) -> None:
    files = StudyFiles(runs.parents[1], runs.name)
    parts = [StudyFiles(files.out, files.name, part) for part in ("", "compare", "confirm", "ablate")]
    assert [path for part in parts if part.directory.exists() for path in part.foreign_files()] == []


def test_what_is_left_of_a_killed_process_is_its_own(tmp_path: Path) -> None:
    files = begun(StudyFiles(tmp_path, "a"))
    for name in (
        ".study.yaml.41.tmp", ".best.41.tmp.keras", "ticks.jsonl.damaged", "study.db-wal", "study.db.damaged-shm",
        "models/000001.npz", "models/.000001.npz.41.tmp", "checkpoints/000001.older.npz", "test.json.damaged",
        "leases/000001.json", "artifacts/1a2b",
    ):  # fmt: skip
        path = files.directory / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert list(files.foreign_files()) == []
