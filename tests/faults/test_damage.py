"""Bits flip and files end too soon: it is found, and the study goes on to the same numbers."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from faults.damage import (
    Damage,
    check_found,
    check_resumes,
    check_storage_resumes,
    drawing,
    targets,
)
from faults.small_study import files_in, numbers, run_study

pytestmark = pytest.mark.long

COUNT, RESUMES = 100, 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory of a study that was never disturbed."""
    out = tmp_path_factory.mktemp("whole")
    assert run_study(out, storage=None).outcome == "finished"
    return out


class TestFiles:
    """Checkpoints, weights and the two copies of the tick log."""

    def test_every_damage_is_found(self, begun: Path) -> None:
        draw, files = drawing(1), files_in(begun)
        paths = targets(files)
        for turn in range(COUNT):
            check_found(Damage.drawn(draw, paths[turn % len(paths)]), files)

    def test_a_study_goes_on_from_damaged_files(self, begun: Path, whole: Path, tmp_path: Path) -> None:
        draw, files = drawing(2), files_in(begun)
        paths = targets(files)
        for turn in range(RESUMES):
            path = paths[turn % len(paths)]
            flip = Damage(path, "flip", draw.randrange(8 * (path.stat().st_size // 2)))
            run = check_resumes([flip], begun, numbers(whole), tmp_path / str(turn))
            if path in (files.ticks, files.ticks_copy, files.checkpoint(2)):
                assert any(path.name in told and "damaged" in told for told in run.remarks), run.remarks

    def test_both_checkpoints_or_both_copies_may_be_damaged(
        self, begun: Path, whole: Path, tmp_path: Path
    ) -> None:
        files = files_in(begun)
        lines = files.ticks.read_bytes().splitlines(keepends=True)
        middle = 8 * (sum(map(len, lines[:2])) + len(lines[2]) // 2)
        for name, paths in {
            "log": (files.ticks, files.ticks_copy),
            "checkpoints": (files.checkpoint(2), files.older_checkpoint(2)),
        }.items():
            damages = [Damage(path, "flip", middle) for path in paths]
            run = check_resumes(damages, begun, numbers(whole), tmp_path / name)
            assert any("damaged" in told for told in run.remarks)

    def test_the_damaged_log_is_kept_beside(self, begun: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        shutil.copytree(begun, out)
        files = files_in(out)
        Damage(files.ticks, "flip", 8 * 30).apply()
        damaged = files.ticks.read_bytes()
        run_study(out)
        assert files.ticks.with_name("ticks.jsonl.damaged").read_bytes() == damaged


def cut(at: Callable[[int], int]) -> Callable[[Path], None]:
    return lambda path: Damage(path, "cut", at(path.stat().st_size)).apply()


def overwrite(path: Path) -> None:
    path.write_bytes(b"nonsense " * (path.stat().st_size // 9))


def scratch(path: Path) -> None:
    """Overwrite every page but the first with zeros."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + bytes(len(content) - 4096))


def other_content(path: Path) -> None:
    """Put text where numbers and JSON were: the file holds together."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE trial_params SET distribution_json = '{\"name\": 1'")
        connection.execute("UPDATE trials SET state = 'NONSENSE'")
        connection.commit()


def other_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99'")
        connection.commit()


def journal(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(drawing(3).randbytes(50_000))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "empty": cut(lambda size: 0),
    "1 byte": cut(lambda size: 1),
    "100 bytes": cut(lambda size: 100),
    "half": cut(lambda size: size // 2),
    "nonsense": overwrite,
    "zeros": scratch,
    "different content": other_content,
    "other version": other_version,
    "nonsense in the journal": journal,
}


class TestStorage:
    """The SQLite file of a study, which is a picture of it for people."""

    @pytest.mark.parametrize("name", DAMAGES)
    def test_is_written_anew_where_it_is_damaged(
        self, name: str, begun: Path, whole: Path, tmp_path: Path
    ) -> None:
        run = check_storage_resumes(begun, tmp_path / "out", DAMAGES[name])
        assert numbers(tmp_path / "out") == numbers(whole)
        damaged = files_in(tmp_path / "out").database.with_name("study.db.damaged")
        assert damaged.exists() == any("study.db is damaged" in told for told in run.remarks)
        # Of an empty file and a journal of nonsense SQLite itself makes a storage that is whole.
        assert damaged.exists() or name in ("empty", "1 byte", "nonsense in the journal")

    def test_may_be_cut_anywhere_when_the_study_has_ended(self, whole: Path, tmp_path: Path) -> None:
        draw = drawing(4)
        for turn in range(10):
            check_storage_resumes(whole, tmp_path / str(turn), cut(draw.randrange))

    def test_of_its_user_is_never_set_aside(self, tmp_path: Path) -> None:
        place = tmp_path / "mine.db"
        place.write_bytes(b"nonsense " * 1000)
        run = run_study(tmp_path / "out", storage=f"sqlite:///{place}")
        assert run.error is not None
        assert str(place) in str(run.error)
        assert place.read_bytes() == b"nonsense " * 1000
        assert sorted(path.name for path in tmp_path.glob("mine*")) == ["mine.db"]
