"""Disks that fail, fill up or cannot be written: a study says so, and goes on later to the same numbers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.damage import damage_several
from faults.disk import ERRORS, SHORT, Fault
from faults.small_study import (
    STUDY,
    TRIALS,
    check_fault,
    check_undamaged,
    decisions,
    numbers,
    run_study,
)
from hpsearch.store.arrays import read_arrays
from hpsearch.store.layout import StudyFiles
from support.commands import ended, run, succeed, write_study

pytestmark = pytest.mark.long

STRIDE = 10
"""Every so manieth call fails here; disk_faults.py lets every one fail."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the numbers of the study on a whole disk, and the calls that it took."""
    out = tmp_path_factory.mktemp("undisturbed")
    whole = run_study(out)
    assert (whole.outcome, whole.remarks) == ("finished", [])
    return {"numbers": numbers(out), "calls": whole.disk.calls}


class TestFailingCalls:
    """A call of the store to the system fails: each in its turn, each for every reason."""

    @pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
    @pytest.mark.parametrize("kind", ERRORS)
    def test_is_told_and_survived(
        self, kind: str, lasting: bool, undisturbed: dict[str, Any], tmp_path: Path
    ) -> None:
        first = 1 + (2 * ERRORS.index(kind) + lasting) * STRIDE // (2 * len(ERRORS))
        for at in range(first, len(undisturbed["calls"]) + 1, STRIDE):
            told = check_fault(tmp_path / str(at), Fault(kind, at, lasting), undisturbed["numbers"])
            assert told.disk.fired

    @pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
    def test_a_write_that_is_cut_short(
        self, lasting: bool, undisturbed: dict[str, Any], tmp_path: Path
    ) -> None:
        for at in range(1 + lasting, undisturbed["calls"].count("write") + 1, STRIDE):
            told = check_fault(tmp_path / str(at), Fault("short", at, lasting), undisturbed["numbers"])
            assert told.disk.fired[0] == "short write"

    def test_writes_of_a_part_are_continued(self, undisturbed: dict[str, Any], tmp_path: Path) -> None:
        told = check_fault(tmp_path / "out", Fault(SHORT[1], 1, lasting=True), undisturbed["numbers"])
        assert (told.outcome, told.remarks) == ("finished", [])
        assert len(told.disk.fired) > 100

    @pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
    def test_a_study_under_way_is_kept(
        self, damaged: bool, undisturbed: dict[str, Any], begun: Path, tmp_path: Path
    ) -> None:
        if damaged:
            damage_several(begun, tmp_path / "damaged")
        for at in range(1, 40, 3):
            fault = Fault(ERRORS[at % len(ERRORS)], at, lasting=at % 2 == 0)
            origin = tmp_path / "damaged" if damaged else begun
            check_fault(tmp_path / str(at), fault, undisturbed["numbers"], origin)


class SmallDisk:
    """A file system in memory, of a size that can change."""

    def __init__(self, path: Path, size: str) -> None:
        self.path = path
        path.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))

    def change(self, options: str) -> None:
        self._mount("-o", f"remount,{options}", str(self.path))

    def fill(self) -> Path:
        """Leave no room."""
        ballast = self.path / "ballast"
        with ballast.open("wb", buffering=0) as stream:
            while True:
                try:
                    stream.write(b"x" * 4096)
                except OSError:
                    return ballast

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    @staticmethod
    def _mount(*arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        mounted = SmallDisk(tmp_path / "disk", "448k")
    except (OSError, subprocess.CalledProcessError) as failure:
        pytest.skip(f"no file system can be mounted here: {failure}")
    yield mounted
    mounted.remove()


LONG = {**STUDY, "training": {**STUDY["training"], "epochs": 150}}
"""Its tick log takes more room than the small disk has."""


class TestFullDisk:
    """The command line on file systems that are full or cannot be written."""

    @staticmethod
    def check_failed(result: subprocess.CompletedProcess[str], place: Path, reason: str) -> None:
        """Check that there is one clear line: what, where, why."""
        assert result.returncode == 1, result.stdout + result.stderr
        (line,) = result.stderr.splitlines()
        assert line.startswith("hpsearch: cannot ")
        assert str(place) in line
        assert reason in line
        assert "Traceback" not in result.stdout

    def test_goes_on_where_it_stopped_when_there_is_room_again(
        self, small_disk: SmallDisk, tmp_path: Path
    ) -> None:
        study = write_study(tmp_path / "study.yaml", LONG)
        files = StudyFiles(small_disk.path, "study")
        full = run("optimize", study, "--out", small_disk.path, cwd=tmp_path)
        self.check_failed(full, files.directory, "No space left on device")
        (warned,) = (line for line in full.stdout.splitlines() if "out of date" in line)
        assert "study.db: No space left on device" in warned
        assert decisions(files), "nothing was kept"
        assert len(ended(files.directory)) < TRIALS

        small_disk.change("size=64m")
        succeed("optimize", study, "--out", small_disk.path, cwd=tmp_path)
        succeed("optimize", study, "--out", tmp_path / "whole", cwd=tmp_path)
        whole = StudyFiles(tmp_path / "whole", "study")
        check_undamaged(files)
        assert decisions(files) == decisions(whole)
        assert _weights(files) == _weights(whole)

    def test_no_room_from_the_beginning(self, small_disk: SmallDisk, tmp_path: Path) -> None:
        study = write_study(tmp_path / "study.yaml", STUDY)
        ballast = small_disk.fill()
        full = run("optimize", study, "--out", small_disk.path, cwd=tmp_path)
        self.check_failed(full, small_disk.path, "No space left on device")
        ballast.unlink()
        small_disk.change("size=64m")
        succeed("optimize", study, "--out", small_disk.path, "--trials", "1", cwd=tmp_path)

    def test_a_directory_that_cannot_be_written(self, small_disk: SmallDisk, tmp_path: Path) -> None:
        study = write_study(tmp_path / "study.yaml", STUDY)
        small_disk.change("size=64m,ro")
        refused = run("optimize", study, "--out", small_disk.path, cwd=tmp_path)
        self.check_failed(refused, small_disk.path, "Read-only file system")

        small_disk.change("rw")
        succeed("optimize", study, "--out", small_disk.path, "--trials", "1", cwd=tmp_path)
        small_disk.change("ro")
        refused = run("optimize", study, "--out", small_disk.path, cwd=tmp_path)
        self.check_failed(refused, small_disk.path, "Read-only file system")
        assert "1 of" in succeed("status", study, "--out", small_disk.path, cwd=tmp_path).stdout
        refused = run("report", study, "--out", small_disk.path, cwd=tmp_path)
        self.check_failed(refused, small_disk.path, "Read-only file system")


def _weights(files: StudyFiles) -> dict[str, dict[str, bytes]]:
    kept = {path.name: read_arrays(path) for path in files.weights(0).parent.glob("*.npz")}
    assert kept
    return {name: {n: a.tobytes() for n, a in stored[0].items()} for name, stored in kept.items() if stored}
