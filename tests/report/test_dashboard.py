"""A study that was run, in the Optuna dashboard."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from xml.etree import ElementTree

import pytest

from support.progress import Silent

pytest.importorskip("optuna_dashboard", reason="the package optuna-dashboard is not installed")

from optuna.storages import RDBStorage

from hpsearch.report.dashboard import following, notes, serving
from hpsearch.report.dashboard.exhibition import exhibit, most_notes
from hpsearch.report.dashboard.mirror import mirror
from hpsearch.report.words.best import best_json
from hpsearch.scheduling.conclusion import conclude_search
from hpsearch.spec import load_study_file
from hpsearch.store import lease
from hpsearch.store.layout import StudyFiles
from hpsearch.store.optuna import drivers
from hpsearch.store.optuna.storage import open_storage
from hpsearch.store.optuna.urls import url_of
from hpsearch.store.reading import read_parts, read_record
from hpsearch.store.resolved import read_resolved, write_resolved
from hpsearch.study.lifecycle import compare, optimize
from hpsearch.study.options import Options
from support.commands import in_process, python, write_study

pytestmark = pytest.mark.slow

STUDY: dict[str, Any] = {
    "name": "a",
    "data": {"sklearn": "digits", "subset": 300, "rescale": "1/16"},
    "model": {
        "mlp": {
            "hidden": [8],
            "activation": {"choice": ["relu", "tanh"]},
            "l2": {"log_uniform": [1e-6, 1e-3]},
        }
    },
    "training": {
        "optimizer": "sgd",
        "learning_rate": {"choice": [0.01, 0.03, 0.1, 0.3, 1.0, 1e38]},
        "epochs": 3,
        "batch_size": 32,
    },
    "search": {
        "trials": 16,
        "sampler": "random",
        "pruner": {"median": {"startup_trials": 2, "warmup_epochs": 0}},
        "keep": 2,
        "enqueue": [{"activation": "relu", "learning_rate": 1e38, "l2": 1e-5}],
    },
    "confirm": {"finalists": 2, "replicates": 2, "share": None},
}

COMPARED: dict[str, Any] = {
    **STUDY,
    "training": {**STUDY["training"], "learning_rate": 0.01},
    "search": {"trials": 1},
    "compare": {"factors": ["activation"], "replicates": 2},
}

FOLLOWS_AND_DIES = """
import os, signal, sys
from pathlib import Path
from hpsearch.report.dashboard.following import following
from hpsearch.store.layout import StudyFiles

with following(StudyFiles(Path(sys.argv[1]), sys.argv[2]), lambda: True):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory of a search with a confirmation, and of a comparison."""
    directory = tmp_path_factory.mktemp("shown")
    path = write_study(directory / "a.yaml", STUDY)
    options = Options(out=directory, engine="in_process")
    optimize(load_study_file(path), options, Silent())
    path = write_study(directory / "compared.yaml", COMPARED)
    compare(load_study_file(path), options, Silent())
    return directory


@pytest.fixture
def own(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFiles:
    """Give a copy of the study to each test, with pictures of few trials."""
    monkeypatch.setattr("hpsearch.report.dashboard.attachments.PICTURED", 2)
    for name in ("runs", "reports"):
        shutil.copytree(out / name, tmp_path / name)
    return StudyFiles(tmp_path, "a")


@pytest.fixture(scope="module")
def url(out: Path) -> Iterator[str]:
    """Serve the study with what the command gives the dashboard, and give the address."""
    with serving.opened(StudyFiles(out, "a"), "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - an address of this machine
        content: bytes = answer.read()
        return content


def ask(address: str) -> Any:
    return json.loads(get(address))


@pytest.fixture(scope="module")
def studies(url: str) -> dict[str, Any]:
    """Give what the dashboard tells its page of each study, by name."""
    listed = ask(f"{url}/api/studies")["study_summaries"]
    found = [(one["study_name"], one["study_id"]) for one in listed]
    return {name: {**ask(f"{url}/api/studies/{number}"), "id": number} for name, number in found}


def best(out: Path) -> dict[str, Any]:
    """Give what the command `best` prints."""
    files = StudyFiles(out, "a")
    told: dict[str, Any] = json.loads(
        best_json(conclude_search(read_record(files), *read_parts(files)), None)
    )
    return told


def artifacts(study: dict[str, Any], number: int | None = None) -> dict[str, str]:
    """Give the names of artifacts with their paths in the dashboard."""
    if number is None:
        return {
            one["filename"]: f"/artifacts/{study['id']}/{one['artifact_id']}" for one in study["artifacts"]
        }
    trial = study["trials"][number]
    folder = f"/artifacts/{study['id']}/{trial['trial_id']}"
    return {one["filename"]: f"{folder}/{one['artifact_id']}" for one in trial["artifacts"]}


def attributes(storage: RDBStorage) -> dict[str, dict[str, Any]]:
    return {study.study_name: study.system_attrs for study in storage.get_all_studies()}


def opened(files: StudyFiles) -> RDBStorage:
    return open_storage(url_of(files.database))


class TestServed:
    def test_the_parts_of_the_study_are_there_with_the_name_of_the_metric(
        self, studies: dict[str, Any]
    ) -> None:
        assert set(studies) == {"a", "a-confirm", "a-compare"}
        assert {tuple(study["objective_names"]) for study in studies.values()} == {("val_loss",)}

    def test_the_note_of_the_search_names_the_winner(self, studies: dict[str, Any], out: Path) -> None:
        winner = best(out)["number"]
        body = studies["a"]["note"]["body"]
        assert body.startswith(
            f"The winner is the configuration of trial {winner}: cross-validated val\\_loss "
        )
        assert f"best configuration: trial {winner}" in body

    def test_every_trial_that_failed_or_was_pruned_says_why(self, studies: dict[str, Any], out: Path) -> None:
        record = read_record(StudyFiles(out, "a"))
        ended = {trial.number: trial for trial in record.trials if trial.state in ("failed", "pruned")}
        assert {trial.state for trial in ended.values()} == {"failed", "pruned"}
        for number, trial in ended.items():
            body = studies["a"]["trials"][number]["note"]["body"].replace("\\", "")
            assert trial.cause is not None
            assert trial.cause[1:] in body

    def test_a_trial_of_a_finding_has_its_sentence(self, studies: dict[str, Any]) -> None:
        failed = studies["a"]["trials"][0]["note"]["body"]
        assert "**diverged**" in failed
        assert "**diverged**" in studies["a"]["note"]["body"]

    def test_the_report_is_downloaded_and_not_shown(
        self, studies: dict[str, Any], url: str, out: Path
    ) -> None:
        address = url + artifacts(studies["a"])["a.html"]
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - an address of this machine
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert answer.read() == (out / "reports" / "a.html").read_bytes()

    @pytest.mark.parametrize("name", ["best.keras", "best.yaml", "trials.csv"])
    def test_files_of_the_study_are_there_byte_by_byte(
        self, name: str, studies: dict[str, Any], url: str, out: Path
    ) -> None:
        assert get(url + artifacts(studies["a"])[name]) == (out / "runs" / "a" / name).read_bytes()

    def test_the_best_model_opens_in_keras(self, studies: dict[str, Any], url: str, tmp_path: Path) -> None:
        import keras
        import numpy as np

        path = tmp_path / "model.keras"
        path.write_bytes(get(url + artifacts(studies["a"])["best.keras"]))
        model = keras.saving.load_model(path, safe_mode=True)
        assert np.asarray(model(np.zeros((2, 64), "float32"))).shape == (2, 10)

    def test_only_the_best_trials_have_artifacts(self, studies: dict[str, Any], out: Path) -> None:
        record = read_record(StudyFiles(out, "a"))
        best = {trial.number for trial in record.ranking[: notes.PICTURED]}
        shown = {trial["number"] for trial in studies["a"]["trials"] if trial["artifacts"]}
        assert shown == best
        assert len(best) == notes.PICTURED < len(record.trials)

    def test_the_configuration_of_a_trial_is_a_study_file(
        self, studies: dict[str, Any], url: str, out: Path, tmp_path: Path
    ) -> None:
        for trial in read_record(StudyFiles(out, "a")).ranking[:3]:
            path = tmp_path / "one.yaml"
            path.write_bytes(get(url + artifacts(studies["a"], trial.number)[f"trial-{trial.number}.yaml"]))
            spec = load_study_file(path).spec
            assert spec.name == f"a-trial-{trial.number}"
            assert spec.dump()["training"] == trial.configuration.dump()["training"]
            assert spec.dump()["model"] == trial.configuration.dump()["model"]

    def test_the_picture_of_a_trial_is_its_learning_curve(
        self, studies: dict[str, Any], url: str, out: Path
    ) -> None:
        number = read_record(StudyFiles(out, "a")).ranking[0].number
        picture = ElementTree.fromstring(get(url + artifacts(studies["a"], number)[f"trial-{number}.svg"]))
        words = {element.text for element in picture.iter() if element.text}
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
        assert {f"trial {number}", "epoch", "val_loss", "training", "validation"} <= words

    def test_a_model_that_was_kept_belongs_to_its_trial(
        self, studies: dict[str, Any], url: str, out: Path
    ) -> None:
        (kept,) = (out / "runs" / "a" / "models").glob("*.keras")
        number = int(kept.stem)
        assert get(url + artifacts(studies["a"], number)[f"trial-{number}.keras"]) == kept.read_bytes()

    def test_the_confirmation_tells_what_it_is_and_whose_model_is_kept(
        self, studies: dict[str, Any], url: str, out: Path
    ) -> None:
        confirmed = studies["a-confirm"]
        told = best(out)["confirmation"]["named"]
        assert confirmed["note"]["body"].startswith("Not a search: the best trials of a")
        model = artifacts(confirmed, told["number"])["best.keras"]
        assert get(url + model) == (out / "runs" / "a" / "best.keras").read_bytes()
        assert "finalists.svg" in artifacts(confirmed)

    def test_the_comparison_has_its_arms_and_its_report(
        self, studies: dict[str, Any], url: str, out: Path
    ) -> None:
        compared = studies["a-compare"]
        assert "has the best mean val\\_loss (lower is better): " in compared["note"]["body"]
        assert {trial["params"][0]["param_external_value"] for trial in compared["trials"]} == {
            "relu",
            "tanh",
        }
        report = get(url + artifacts(compared)["a-compare.html"])
        assert report == (out / "reports" / "a-compare.html").read_bytes()

    def test_an_artifact_of_another_study_is_not_found(
        self, studies: dict[str, Any], url: str, out: Path
    ) -> None:
        path = artifacts(studies["a"])["trials.csv"]
        hidden = out / "runs" / "a" / "artifacts" / path.rpartition("/")[2]
        hidden.rename(hidden.with_suffix(".away"))
        with pytest.raises(HTTPError, match="404"):
            get(url + path)
        hidden.with_suffix(".away").rename(hidden)


class TestAgain:
    def test_nothing_is_doubled(self, own: StudyFiles) -> None:
        storage = opened(own)
        exhibit(own, storage, None)
        before, files = attributes(storage), sorted(own.directory.rglob("artifacts/*"))
        assert exhibit(own, storage, None) == []
        assert attributes(storage) == before
        assert sorted(own.directory.rglob("artifacts/*")) == files

    def test_large_files_are_not_copied(self, own: StudyFiles) -> None:
        exhibit(own, opened(own), None)
        assert own.best_model.stat().st_nlink == 3  # of the search, and of the replicate whose model it is

    def test_where_a_file_cannot_have_two_names_it_is_copied(
        self, own: StudyFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise PermissionError

        monkeypatch.setattr("os.link", refuse)
        exhibit(own, opened(own), None)
        content = own.best_model.read_bytes()
        assert own.best_model.stat().st_nlink == 1
        assert any(path.read_bytes() == content for path in own.artifacts.iterdir())

    def test_what_people_wrote_and_uploaded_stays(self, own: StudyFiles) -> None:
        storage = opened(own)
        exhibit(own, storage, None)
        number = storage.get_study_id_from_name("a")
        version = storage.get_study_system_attrs(number)["dashboard:note_ver"]
        storage.set_study_system_attr(number, "dashboard:note_ver", version + 1)
        storage.set_study_system_attr(number, "dashboard:note_str:0", "mine")
        upload = "7d1d2ad8-64f8-4b54-9f66-1f0f62a2b1c3"
        storage.set_study_system_attr(number, f"artifacts:{upload}", json.dumps({"artifact_id": upload}))
        exhibit(own, storage, None)
        found = storage.get_study_system_attrs(number)
        assert found["dashboard:note_str:0"] == "mine"
        assert found[f"artifacts:{upload}"] != "null"

    def test_a_trial_that_is_no_longer_among_the_best_loses_what_only_they_have(
        self, own: StudyFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole, storage = read_record(own), opened(own)
        monkeypatch.setattr("hpsearch.report.dashboard.attachments.PICTURED", 1)
        early = replace(whole, trials=tuple(t for t in whole.trials if t is not whole.best))
        monkeypatch.setattr("hpsearch.report.dashboard.exhibition.read_record", lambda _: early)
        monkeypatch.setattr(StudyFiles, "parts", [own])
        exhibit(own, storage, None)
        assert early.best is not None
        assert pictured(storage) == {early.best.number}
        files = len(list(own.artifacts.iterdir()))
        monkeypatch.setattr("hpsearch.report.dashboard.exhibition.read_record", lambda _: whole)
        exhibit(own, storage, None)
        assert whole.best is not None
        assert pictured(storage) == {whole.best.number}
        assert len(list(own.artifacts.iterdir())) <= files + 1  # a model may have been kept of the new best

    def test_replicates_of_other_finalists_take_the_place_of_the_old(self, own: StudyFiles) -> None:
        storage, part = opened(own), StudyFiles(own.out, "a", "confirm")
        resolved, record = read_resolved(part), read_record(part)
        assert resolved is not None
        changed = [replace(t, value=1 + (t.value or 0)) for t in record.trials]
        mirror(storage, "a-confirm", resolved, replace(record, trials=tuple(changed)))
        mirror(storage, "a-confirm", resolved, record)
        number = storage.get_study_id_from_name("a-confirm")
        assert [t.value for t in storage.get_all_trials(number)] == [t.value for t in record.trials]


def pictured(storage: RDBStorage) -> set[int]:
    found = attributes(storage)["a"].values()
    names = [json.loads(told)["filename"] for told in found if isinstance(told, str) and '"filename"' in told]
    return {int(name[6:-4]) for name in names if name.startswith("trial-") and name.endswith(".svg")}


class TestStorages:
    def test_another_storage_has_its_artifacts_in_the_folder_of_the_study(
        self, own: StudyFiles, tmp_path: Path
    ) -> None:
        address = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        storage = open_storage(address)
        for part in (own, StudyFiles(own.out, "a", "confirm")):
            resolved = read_resolved(part)
            assert resolved is not None
            write_resolved(part, replace(resolved, storage=address))
            mirror(storage, part.full_name, resolved, read_record(part))
        assert exhibit(own, storage, address) == ["a-compare"]
        assert set(attributes(storage)) == {"a", "a-confirm"}
        assert "dashboard:note_ver" in attributes(storage)["a-confirm"]
        assert list(own.artifacts.iterdir())

    def test_a_storage_that_is_locked_is_tried_again(
        self, own: StudyFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(drivers, "LOCK_SECONDS", 0.1)
        storage, told = opened(own), set[str]()
        with closing(sqlite3.connect(own.database)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert not serving._write(own, storage, None, told)
            assert not serving._write(own, storage, None, told)
        assert serving._write(own, storage, None, told)
        (line,) = capsys.readouterr().err.splitlines()
        assert "out of date" in line
        assert "locked" in line
        assert attributes(storage)["a"]["dashboard:note_ver"] > 0

    def test_a_second_dashboard_leaves_the_writing_to_the_first(self, own: StudyFiles) -> None:
        written: list[int] = []
        with (
            following.following(own, lambda: not written.append(1)),
            following.following(own, lambda: not written.append(2)),
        ):
            pass
        assert written == [1]

    def test_a_dashboard_that_was_killed_is_succeeded_at_once(self, own: StudyFiles) -> None:
        done = python(FOLLOWS_AND_DIES, str(own.out), own.name, cwd=own.out)
        assert done.returncode == -signal.SIGKILL, done.stderr
        written: list[int] = []
        begun = time.monotonic()
        with following.following(own, lambda: not written.append(1)):
            assert written == [1]
        assert time.monotonic() - begun < lease.SILENT_SECONDS

    @pytest.mark.long
    def test_a_dashboard_that_woke_up_after_it_was_succeeded_writes_no_more(
        self, own: StudyFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(following, "PAUSE_SECONDS", 0.01)
        monkeypatch.setattr(following, "SHARE", 1e9)
        written = Event()
        with following.following(own, lambda: written.set() is None):
            written.clear()
            held = max(int(path.stem) for path in (own.artifacts / "leases").iterdir())
            successor = lease.Lease(own.artifacts / "leases", held + 1)
            with own.ticks.open("a") as stream:
                stream.write("\n")
            assert not written.wait(0.2)
            successor.release()

    def test_the_study_is_followed(self, own: StudyFiles, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(following, "PAUSE_SECONDS", 0.01)
        monkeypatch.setattr(following, "SHARE", 1e9)
        written = Event()
        with following.following(own, lambda: written.set() is None):
            written.clear()
            assert not written.wait(0.2)
            with own.ticks.open("a") as stream:
                stream.write("\n")
            assert written.wait(5)

    def test_deleting_the_study_deletes_its_artifacts(self, own: StudyFiles) -> None:
        exhibit(own, opened(own), None)
        assert in_process("delete", "a", "--yes", "--out", own.out) == 0
        assert not own.directory.exists()
        assert not list(own.out.rglob("artifacts"))

    def test_without_the_package_it_says_what_is_missing(
        self, own: StudyFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
        assert in_process("dashboard", "a", "--out", own.out) == 1
        assert "pip install optuna-dashboard" in capsys.readouterr().err


def test_a_search_does_not_import_the_dashboard(tmp_path: Path) -> None:
    code = (
        "import sys, hpsearch.study.lifecycle, hpsearch.study.coordinator, hpsearch.store.optuna.background\n"
        "print(sorted(name for name in sys.modules if 'dashboard' in name or name == 'bottle'))"
    )
    done = python(code, cwd=tmp_path)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("trials", "most"), [(10, 20_000), (447, 447), (1_000, 200), (1_000_000, notes.PICTURED)]
)
def test_a_large_study_has_fewer_notes(trials: int, most: int) -> None:
    assert most_notes(trials) == most
