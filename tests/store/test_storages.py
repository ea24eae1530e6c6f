"""Storages elsewhere: whose studies they hold, what is opened for writing, and what is kept of their URLs."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from sqlalchemy.engine import make_url

from hpsearch.store.layout import StudyFiles
from hpsearch.store.optuna.owners import OWNER
from hpsearch.store.optuna.storage import open_storage
from hpsearch.store.optuna.urls import scrubbed, shown, url_of, without_password
from hpsearch.store.resolved import SEAL, _seal
from support.commands import STUDY, Result, command, environment, here, succeed, succeed_here, write_study

pytestmark = pytest.mark.long

ODD = [
    "a%41",
    "a?mode=ro",
    "a#b",
    'it\'s "x"',
    " a b ",
    "{SCHEMA_VERSION}",
    "{}",
    "ü ☃",
    "a&b=c;d",
    "file:x",
    "a@b:c",
    "100%",
    "%",
    "a%2Fb",
]
SECRET = "s3cret"  # noqa: S105 - a password for tests
URL = f"postgresql+psycopg2://bob:{SECRET}@127.0.0.1:1/x"


def quick(name: str, **more: Any) -> dict[str, Any]:
    return {**STUDY, "name": name, "confirm": "none", "search": {"trials": 1}, "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 1, "batch_size": 50}, **more}  # fmt: skip


def run(cwd: Path, name: str, *options: str, code: int = 0, command: str = "optimize") -> str:
    path = write_study(cwd / f"{name}.yaml", quick(name))
    result: Result = here(command, path, *options, cwd=cwd)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stderr


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(name for (name,) in connection.execute("SELECT study_name FROM studies"))


def trials(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM trials").fetchone()[0])


def rewrite(files: StudyFiles, old: str, new: str) -> None:
    """Change the resolved study file, checksum and all, as a stranger can."""
    for path in (files.study, files.study_copy):
        body = path.read_bytes().rpartition(SEAL)[0]
        assert old.encode() in body
        body = body.replace(old.encode(), new.encode())
        path.write_bytes(body + _seal(body))


class TestPaths:
    @pytest.mark.parametrize("name", ODD)
    def test_any_path_is_its_own_database(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / name / name
        path.parent.mkdir()
        optuna.create_study(storage=open_storage(url_of(path)), study_name="there")
        assert names(path) == ["there"]
        assert [found.name for found in tmp_path.iterdir()] == [name]

    @given(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20)
    )
    def test_a_url_leads_back_to_its_path(self, name: str) -> None:
        path = Path("/there", name)
        assert make_url(url_of(path)).database == str(path)

    def test_two_names_that_mean_the_same_in_a_url_are_two_studies(self, tmp_path: Path) -> None:
        for name in ("a%41", "aA"):
            run(tmp_path, name)
        assert names(tmp_path / "runs" / "a%41" / "study.db") == ["a%41"]
        assert names(tmp_path / "runs" / "aA" / "study.db") == ["aA"]

    def test_every_command_finds_odd_names_and_directories(self, tmp_path: Path) -> None:
        name, out = "b%41 #1 {x} ☃ it's", "o%41 ?mode=ro&x#y {SCHEMA_VERSION}"
        rows = "".join(f"{a},{b},{'p' if a > b else 'q'}\n" for a in range(6) for b in range(6))
        (tmp_path / "da%41ta #?.csv").write_text(f"a,b,y\n{rows}")
        (tmp_path / "new?%41.csv").write_text("a,b\n1,2\n")
        study = quick(name, data={"csv": "da%41ta #?.csv", "target": "y"}, confirm={"finalists": 2, "replicates": 2, "share": None},
                      search={"trials": 2}, compare={"factors": ["learning_rate"], "replicates": 2})  # fmt: skip
        study["training"]["learning_rate"] = {"choice": [0.01, 0.1]}
        file = str(write_study(tmp_path / "st%41 #?.yaml", study))
        there = ("--out", out)
        for words in (["validate", file], ["optimize", file, *there], ["confirm", file, *there], ["ablate", file, "--replicates", "1", *there],
                      ["compare", file, *there], ["probe", file, *there], ["status", name, *there], ["trials", name, *there],
                      ["best", name, *there], ["report", name, *there], ["check", name, *there], ["list", *there],
                      ):  # fmt: skip
            succeed_here(*words, cwd=tmp_path)
        # Keras computes here with what the search has begun, so the last one has a process of its own.
        succeed("predict", name, "new?%41.csv", *there, cwd=tmp_path)
        assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.db")} == {out}
        succeed_here("delete", name, "--yes", *there, cwd=tmp_path)
        assert not list((tmp_path / out).rglob("*.*"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the studies a and a-confirm in one storage."""
    directory = tmp_path_factory.mktemp("shared")
    for name in ("a-confirm", "a"):
        run(directory, name, "--storage", url_of(directory / "n.db"))
    return directory


@pytest.fixture
def own(shared: Path, tmp_path: Path) -> Path:
    for name in ("runs", "reports"):
        shutil.copytree(shared / name, tmp_path / name)
    shutil.copy(shared / "n.db", tmp_path / "n.db")
    return tmp_path


class TestOwners:
    def test_deleting_a_study_leaves_one_whose_name_is_that_of_a_part(self, own: Path) -> None:
        succeed_here("delete", "a", "--yes", "--storage", url_of(own / "n.db"), cwd=own)
        assert names(own / "n.db") == ["a-confirm"]

    def test_starting_over_leaves_it_too(self, own: Path) -> None:
        run(own, "a", "--new", "--storage", url_of(own / "n.db"))
        assert names(own / "n.db") == ["a", "a-confirm"]
        assert trials(own / "n.db") == 2

    def test_a_confirmation_does_not_write_into_another_study(self, own: Path) -> None:
        path = write_study(
            own / "a.yaml", quick("a", confirm={"finalists": 2, "replicates": 2}, search={"trials": 4})
        )
        before = trials(own / "n.db")
        result = here("optimize", path, "--storage", url_of(own / "n.db"), cwd=own)
        assert result.returncode == 1
        assert "'a-confirm' that does not belong to these files" in result.stderr
        assert trials(own / "n.db") == before

    def test_a_study_of_another_directory_is_not_mixed_in(self, own: Path) -> None:
        for option in ([], ["--new"]):
            told = run(own, "a", "--out", "other", "--storage", url_of(own / "n.db"), *option, code=1)
            assert "'a' that does not belong to these files" in told
        assert names(own / "n.db") == ["a", "a-confirm"]

    def test_a_study_of_a_person_is_not_mixed_in(self, tmp_path: Path) -> None:
        study = optuna.create_study(storage=url_of(tmp_path / "n.db"), study_name="a")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
        told = run(tmp_path, "a", "--storage", url_of(tmp_path / "n.db"), code=1)
        assert "does not belong" in told
        assert trials(tmp_path / "n.db") == 2

    def test_a_study_of_an_earlier_version_is_known_by_its_trials(self, own: Path) -> None:
        files, storage = StudyFiles(own, "a"), open_storage(url_of(own / "n.db"))
        owner = YAML(typ="safe", pure=True).load(files.study)["resolved"]["owner"]
        rewrite(files, f"owner: {owner}", "owner: null")
        with closing(sqlite3.connect(own / "n.db")) as connection:
            connection.execute("DELETE FROM study_system_attributes WHERE key = ?", (OWNER,))
            connection.commit()
        run(own, "a", "--trials", "2", "--storage", url_of(own / "n.db"))
        study_id = storage.get_study_id_from_name("a")
        assert len(storage.get_all_trials(study_id)) == 2
        assert storage.get_study_system_attrs(study_id)[OWNER]


class TestStrangers:
    @pytest.fixture
    def victim(self, own: Path) -> Path:
        """Let the files of the study `theirs` name the database of another study."""
        run(own, "theirs", "--out", "T")
        rewrite(StudyFiles(own / "T", "theirs"), "storage: null", f"storage: {url_of(own / 'n.db')}")
        with closing(sqlite3.connect(own / "n.db")) as connection:
            connection.execute("UPDATE studies SET study_name = 'theirs' WHERE study_name = 'a'")
            connection.commit()
        return own / "n.db"

    @pytest.mark.parametrize(
        "line", ["optimize theirs.yaml", "optimize theirs.yaml --new", "confirm theirs.yaml", "ablate theirs.yaml", "dashboard theirs --port 0"]
    )  # fmt: skip
    def test_a_storage_is_not_opened_where_only_the_files_name_it(self, line: str, victim: Path) -> None:
        before = victim.read_bytes()
        result = here(*line.split(), "--out", "T", cwd=victim.parent)
        assert result.returncode == 2
        assert f"add --storage {url_of(victim)}" in result.stderr
        assert victim.read_bytes() == before

    def test_deleting_leaves_it_and_says_so(self, victim: Path) -> None:
        before = victim.read_bytes()
        asked = here("delete", "theirs", "--out", "T", cwd=victim.parent)
        assert (asked.returncode, url_of(victim) in asked.stderr) == (1, True)
        result = succeed_here("delete", "theirs", "--yes", "--out", "T", cwd=victim.parent)
        assert f"kept: its trials in the storage {url_of(victim)}" in result.stderr
        assert victim.read_bytes() == before
        assert not (victim.parent / "T" / "runs" / "theirs").exists()

    def test_also_where_it_is_named_only_its_own_is_deleted(self, victim: Path) -> None:
        result = succeed_here(
            "delete", "theirs", "--yes", "--out", "T", "--storage", url_of(victim), cwd=victim.parent
        )
        assert "does not belong to these files and is not deleted" in result.stderr
        assert names(victim) == ["a-confirm", "theirs"]

    def test_a_database_that_is_not_optunas_is_refused(self, own: Path) -> None:
        with closing(sqlite3.connect(own / "precious.db")) as connection:
            connection.execute("CREATE TABLE studies (study_name TEXT)")
            connection.execute("INSERT INTO studies VALUES ('a')")
            connection.commit()
        (own / "text.db").write_text(
            "no database at all, but text that is long enough to be looked at\n" * 50
        )
        for name in ("precious.db", "text.db"):
            before = (own / name).read_bytes()
            for words in (
                ["optimize", "a.yaml"],
                ["optimize", "a.yaml", "--new"],
                ["delete", "a", "--yes"],
                ["dashboard", "a", "--port", "0"],
            ):
                write_study(own / "a.yaml", quick("a"))
                result = here(*words, "--storage", url_of(own / name), cwd=own)
                assert result.returncode == 1, words
                assert name in result.stderr
            assert (own / name).read_bytes() == before
        assert trials(own / "n.db") == 2

    def test_no_database_is_made_to_delete_from_it(self, own: Path) -> None:
        result = here("delete", "a", "--yes", "--storage", url_of(own / "none.db"), cwd=own)
        assert (result.returncode, "there is no Optuna storage" in result.stderr) == (1, True)
        assert not (own / "none.db").exists()
        assert (own / "runs" / "a").exists()


class TestLinks:
    @pytest.fixture
    def target(self, own: Path) -> Path:
        """Put a study that is a link beside the others, and give what it leads to."""
        target = own / "target"
        (own / "runs" / "a-confirm").rename(target)
        (target / "precious").write_text("kept")
        (own / "runs" / "a-confirm").symlink_to(target)
        return target

    def test_deleting_cuts_the_link(self, target: Path, own: Path) -> None:
        before = sorted(target.iterdir())
        result = succeed_here("delete", "a-confirm", "--yes", cwd=own)
        assert str(target) in result.stderr
        assert sorted(target.iterdir()) == before
        assert not os.path.lexists(own / "runs" / "a-confirm")

    def test_starting_over_is_refused(self, target: Path, own: Path) -> None:
        before = sorted(target.iterdir())
        told = run(own, "a-confirm", "--new", "--storage", url_of(own / "n.db"), code=1)
        assert "is a symbolic link" in told
        assert set(before) <= set(target.iterdir())

    def test_a_part_that_is_a_link(self, target: Path, own: Path) -> None:
        for part in ("confirm", "compare"):
            (own / "runs" / "a" / part).symlink_to(target)
        before = sorted(target.iterdir())
        succeed_here("delete", "a", "--yes", cwd=own)
        assert sorted(target.iterdir()) == before
        assert not (own / "runs" / "a").exists()

    @pytest.mark.parametrize("name", ["ticks.jsonl", "ticks.copy.jsonl"])
    def test_a_log_that_is_a_link_is_not_written(self, name: str, tmp_path: Path) -> None:
        run(tmp_path, "b")
        log = tmp_path / "runs" / "b" / name
        log.rename(tmp_path / "precious")
        log.symlink_to(tmp_path / "precious")
        before = (tmp_path / "precious").read_bytes()
        run(tmp_path, "b", "--trials", "2", code=1)
        assert (tmp_path / "precious").read_bytes() == before

    def test_a_database_that_is_a_link_is_not_written(self, tmp_path: Path) -> None:
        run(tmp_path, "b")
        database = tmp_path / "runs" / "b" / "study.db"
        database.rename(tmp_path / "precious.db")
        database.symlink_to(tmp_path / "precious.db")
        before = (tmp_path / "precious.db").read_bytes()
        told = run(tmp_path, "b", "--trials", "2", code=1)
        assert "is a symbolic link" in told
        assert (tmp_path / "precious.db").read_bytes() == before


URLS = {
    URL: "postgresql+psycopg2://bob@127.0.0.1:1/x",
    f"mysql://u:{SECRET}%40@h/d?charset=utf8&ssl_password={SECRET}": "mysql://u@h/d?charset=utf8",
    f"postgresql://h/d?user=b&password={SECRET}": "postgresql://h/d?user=b",
    f"postgresql://bob:p@{SECRET}@h/d": "postgresql://***@h/d",
    f"postgresql://bob:{SECRET}@h:port/d": "postgresql://***@h:port/d",
    f"mssql+pyodbc:///?odbc_connect=UID%3Db%3BPWD%3D{SECRET}": "mssql+pyodbc:///",
    "sqlite:///a%20b.db": "sqlite:///a b.db",
    "nonsense": "nonsense",
}


class TestPasswords:
    @pytest.mark.parametrize("url", URLS)
    def test_they_are_not_shown(self, url: str) -> None:
        assert shown(url) == URLS[url]
        told = f"cannot parse {url}" + (f": {SECRET}" if SECRET in url else "")
        for text in (shown(url), without_password(url), scrubbed(told, url)):
            assert SECRET not in text

    @pytest.mark.parametrize("url", [url for url in URLS if SECRET in url])
    def test_no_command_tells_or_keeps_one(self, url: str, own: Path) -> None:
        write_study(own / "a.yaml", quick("a"))
        write_study(own / "new.yaml", quick("new"))
        for words in (
            ["optimize", "a.yaml"],
            ["optimize", "new.yaml"],
            ["delete", "a", "--yes"],
            ["dashboard", "a", "--port", "0"],
        ):
            result = here(*words, "--storage", url, cwd=own)
            assert result.returncode in (1, 2)
            assert SECRET not in result.stdout + result.stderr
            assert "Traceback" not in result.stderr
        assert not [
            path for path in own.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
        ]

    def test_what_is_kept_has_none(self, own: Path) -> None:
        """SQLite has no passwords, but a setting that is called one reaches the same place."""
        url = f"{url_of(own / 'n.db')}?timeout=5&password={SECRET}"
        run(own, "a", "--trials", "2", "--storage", url)
        assert not [
            path
            for path in (own / "runs").rglob("*")
            if path.is_file() and SECRET.encode() in path.read_bytes()
        ]
        told = run(own, "a", "--trials", "3", code=2)
        assert (SECRET in told, "--storage" in told) == (False, True)


@pytest.fixture
def closed(own: Path) -> Iterator[Path]:
    """Give a directory with a study that may not be looked into."""
    place = own / "runs" / "a"
    place.chmod(0)
    yield own
    place.chmod(0o755)


def unprivileged(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run hpsearch without the rights of the superuser over files."""
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    return subprocess.run([*drop, *command(*arguments)], cwd=cwd, env=environment(), capture_output=True, text=True, check=False)  # fmt: skip


class TestRights:
    def test_list_shows_the_others(self, closed: Path) -> None:
        result = unprivileged("list", cwd=closed)
        assert result.returncode == 1
        assert "a-confirm" in result.stdout
        assert result.stderr == "hpsearch: cannot read runs/a/study.yaml: Permission denied\n"

    @pytest.mark.parametrize("line", ["status a", "check a", "delete a --yes"])
    def test_other_commands_say_why(self, line: str, closed: Path) -> None:
        result = unprivileged(*line.split(), cwd=closed)
        assert (result.returncode, result.stderr) == (1, "hpsearch: runs/a/study.yaml: Permission denied\n")

    def test_a_store_that_is_read_only_is_whole(self, tmp_path: Path) -> None:
        run(tmp_path, "b")
        places = [tmp_path, *tmp_path.rglob("*")]
        for path in places:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            result = unprivileged("check", "b", cwd=tmp_path)
        finally:
            for path in places:
                path.chmod(0o755 if path.is_dir() else 0o644)
        assert (result.returncode, result.stderr) == (0, "")
        assert "study.db  1 trials" in result.stdout


class TestNamedFiles:
    @pytest.mark.parametrize(
        ("change", "line"),
        [({"data": {"csv": "none.csv", "target": "y"}}, 2), ({"data": "npz:none.npz"}, 2), ({"model": {"python": {"file": "none.py"}}}, 3),
         ({"model": {"pretrained": {"donor": "none.keras"}}}, 3)],
    )  # fmt: skip
    def test_a_file_that_is_missing_is_told_with_the_line_that_names_it(
        self, change: dict[str, Any], line: int, tmp_path: Path
    ) -> None:
        study = {**quick("a"), **change}
        lines = [f"{key}: {in_a_line(study[key])}\n" for key in ("name", "data", "model", "training")]
        (tmp_path / "study.yaml").write_text("".join(lines))
        result = here("optimize", "study.yaml", cwd=tmp_path)
        assert result.returncode == 2
        (told,) = result.stderr.splitlines()
        assert told.startswith(f"hpsearch: study.yaml:{line}: ")
        assert "none." in told


def in_a_line(value: Any) -> str:
    """Write a value in a line, as JSON, which YAML reads too."""
    return json.dumps(value)
