"""A real PostgreSQL server as the storage of a study: its password, its restarts, and what it has lost."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpsearch.exceptions import StoreError
from hpsearch.report.dashboard.serving import opened
from hpsearch.spec import StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Ended, Reported
from hpsearch.store.layout import StudyFiles
from hpsearch.store.optuna import background, projection
from hpsearch.store.optuna.storage import open_storage
from hpsearch.store.record import TrialRecord
from support.commands import STUDY, here, succeed_here, write_study

pytestmark = pytest.mark.long

SECRET = "s3cretOfPostgres"  # noqa: S105 - a password for tests
TRIALS = 60
SPEC = {
    "name": "study",
    "data": "sklearn:wine",
    "model": {"mlp": {"hidden": [4]}},
    "training": {"learning_rate": {"uniform": [0.1, 1.0]}, "epochs": 1},
}


def programs() -> Path | None:
    """Find the programs of a server, which Debian does not put into the path."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).resolve().parent if found else places[-1].parent if places else None


class Server:
    """A server of its own: its directory, its port and its programs."""

    def __init__(self, directory: Path, binaries: Path) -> None:
        self.directory, self.binaries = directory, binaries
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # PostgreSQL refuses to run as root.
        self.user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}

    def run(self, program: str, *arguments: str) -> None:
        words = [str(self.binaries / program), "-D", str(self.directory / "data"), *arguments]
        log = self.directory / "out"
        with log.open("a") as out:
            subprocess.run(words, check=True, stdout=out, stderr=out, cwd=self.directory, **self.user)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self.run("pg_ctl", "-w", "-l", str(self.directory / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")

    def url(self, password: str = "") -> str:
        return f"postgresql://bob{password and ':' + password}@127.0.0.1:{self.port}/postgres"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="needs hpsearch[postgresql]")
    binaries = programs()
    if binaries is None:
        pytest.skip("needs the programs of a PostgreSQL server")
    directory = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())  # fmt: skip
    (directory / "password").write_text(SECRET)
    made = Server(directory, binaries)
    if made.user:
        shutil.chown(directory, "postgres", "postgres")
        shutil.chown(directory / "password", "postgres")
    made.run("initdb", "-A", "scram-sha-256", "-U", "bob", f"--pwfile={directory / 'password'}", "--no-sync")
    made.start()
    yield made
    with suppress(subprocess.CalledProcessError):
        made.stop()
    shutil.rmtree(directory)


@pytest.fixture
def by_variable(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Give the server, with its password in the environment."""
    monkeypatch.setenv("PGPASSWORD", SECRET)
    return server


def quick(name: str) -> dict[str, Any]:
    return {**STUDY, "name": name, "confirm": {"finalists": 2, "replicates": 2, "share": None}, "search": {"trials": 3},
            "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 1, "batch_size": 50}}  # fmt: skip


def in_the_log(number: int, experiment: SearchExperiment) -> TrialRecord:
    values = {experiment.parameters[0].name: 0.5}
    configuration = experiment.configuration(values)
    return TrialRecord(number, "complete", 1.0, values, configuration, 1, 1, 0.1, 0)


def shown(server: Server, name: str) -> list[tuple[int, str, Any, Any]]:
    storage = open_storage(server.url())
    study = optuna.load_study(storage=storage, study_name=name)
    found = [(t.number, t.state.name, t.params, t.values) for t in study.get_trials()]
    storage.engine.dispose()
    return found


def test_restarts_lose_and_double_nothing(by_variable: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(projection, "LONGEST_SECONDS", 0.5)
    experiment = SearchExperiment(StudySpec.model_validate(SPEC))
    (name,) = (parameter.name for parameter in experiment.parameters)
    written = projection.Projection(open_storage(by_variable.url()), "restarts", experiment, owner="me")
    writer = background.BackgroundWriter(written, lambda: None)
    ended = threading.Event()

    def restart() -> None:
        for _ in range(3):
            by_variable.stop()
            time.sleep(0.3)
            by_variable.start()
            time.sleep(0.5)
        ended.set()

    restarts = threading.Thread(target=restart)
    restarts.start()
    number = 0
    while number < TRIALS or not ended.is_set():
        writer.apply(Asked(number, {name: 0.5}), None)
        writer.apply(Reported(number, 1, 1.0, {}, 0.0), None)
        time.sleep(0.02)
        writer.apply(Ended(number, "complete", 1.0, 1, 1, 0.1, None), in_the_log(number, experiment))
        number += 1
    restarts.join()
    writer.close()
    assert [found[:3] for found in shown(by_variable, "restarts")] == [
        (one, "COMPLETE", {name: 0.5}) for one in range(number)
    ]


@pytest.fixture(scope="module")
def trained(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Give a directory with a study whose storage was named with its password, and what was said."""
    directory = tmp_path_factory.mktemp("trained")
    write_study(directory / "a.yaml", quick("a"))
    refused = here("optimize", "a.yaml", "--storage", server.url(f"{SECRET}x"), cwd=directory)
    assert refused.returncode == 1
    assert "password authentication failed" in refused.stderr
    done = succeed_here("optimize", "a.yaml", "--storage", server.url(SECRET), cwd=directory)
    return directory, [refused.stdout, refused.stderr, done.stdout, done.stderr]


def test_a_password_is_found_nowhere(server: Server, trained: tuple[Path, list[str]]) -> None:
    directory, said = trained
    with pytest.raises(StoreError) as raised:
        open_storage(server.url(f"{SECRET}x"))
    said = [*said, "".join(traceback.format_exception(raised.value))]
    kept = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    assert any(b"127.0.0.1" in content for content in kept)
    assert not any(SECRET.encode() in content for content in [*kept, *(one.encode() for one in said)])


def test_the_dashboard_writes_again_what_is_lost(
    by_variable: Server, trained: tuple[Path, list[str]]
) -> None:
    pytest.importorskip("optuna_dashboard")
    before = {name: shown(by_variable, name) for name in ("a", "a-confirm")}
    assert len(before["a"]) == 3
    assert {state for _, state, *_ in before["a-confirm"]} == {"COMPLETE"}
    storage = open_storage(by_variable.url())
    for name in before:
        storage.delete_study(storage.get_study_id_from_name(name))
    storage.engine.dispose()
    with opened(StudyFiles(trained[0], "a"), "127.0.0.1", 0, by_variable.url()):
        pass
    assert {name: shown(by_variable, name) for name in before} == before


def test_a_server_that_stays_away_is_told_at_the_end(
    by_variable: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "PATIENCE_SECONDS", 0.0)
    experiment = SearchExperiment(StudySpec.model_validate(SPEC))
    written = projection.Projection(open_storage(by_variable.url()), "away", experiment)
    writer = background.BackgroundWriter(written, lambda: None)
    by_variable.stop()
    try:
        writer.apply(Asked(0, {experiment.parameters[0].name: 0.5}), None)
        with pytest.warns(RuntimeWarning, match=re.escape("run again, completes it")):
            writer.close()
    finally:
        by_variable.start()
