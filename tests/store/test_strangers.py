"""A study's directory from somebody else: reading it, going on with it and deleting it do no harm."""

from __future__ import annotations

import base64
import io
import itertools
import json
import marshal
import os
import pickle
import shutil
import socket
import warnings
import zipfile
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from hpsearch.store.arrays import DIGEST_BYTES, MAGIC
from hpsearch.store.layout import StudyFiles
from hpsearch.store.resolved import _seal
from support.commands import STUDY, in_process, run, started, succeed, wait_until, write_study

pytestmark = pytest.mark.slow

Cli = Callable[..., tuple[int, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in this process; give its exit code and all that it prints."""

    def call(*arguments: str | Path) -> tuple[int, str]:
        with warnings.catch_warnings(action="ignore"):
            code = in_process(*arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


class Bait:
    """Makes a directory when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


def baited_arrays(canary: Path) -> bytes:
    """Write arrays as hpsearch does, checksum and all, but of Python objects."""
    stream = io.BytesIO()
    bait = np.array([Bait(canary)], dtype=object)
    np.savez(stream, progress=bait, names=bait, a0=bait)
    return MAGIC + sha256(stream.getvalue()).digest() + stream.getvalue()


def npy(shape: tuple[int, ...], content: bytes, kind: str = "|u1") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def npz(**members: bytes) -> bytes:
    """Write arrays as hpsearch does, checksum and all, but with any content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return MAGIC + sha256(stream.getvalue()).digest() + stream.getvalue()


NAMES, PROGRESS = npy((5,), b'["a"]'), npy((2,), b"{}")

ODD_ARRAYS: dict[str, bytes] = {
    "10^12 numbers": npz(names=NAMES, progress=PROGRESS, a0=npy((10**14,), b"")),
    "no array": npz(names=NAMES, progress=PROGRESS, a0=b"word"),
    "no names": npz(progress=PROGRESS, a0=npy((1,), b"1")),
    "names without arrays": npz(names=NAMES, progress=PROGRESS),
    "a number of names": npz(names=npy((1,), b"3"), progress=PROGRESS),
    "words as names": npz(names=b"words", progress=PROGRESS),
    "a list of progress": npz(names=NAMES, progress=npy((2,), b"[]"), a0=npy((1,), b"1")),
    "deep names": npz(names=npy((10**5,), b"[" * 10**5), progress=PROGRESS),
    "a torn header": npz(names=NAMES[:30], progress=PROGRESS),
    "code as a header": npz(names=NAMES.replace(b"(5,)", b"f(),"), progress=PROGRESS),
    "another version": npz(names=b"\x93NUMPY\x09\x09", progress=PROGRESS),
    "no archive": MAGIC + sha256(b"").digest(),
}


def baited_model(canary: Path) -> bytes:
    """Write a model with a Lambda layer whose code makes a directory."""
    code = compile(f"lambda x: __import__('os').mkdir({str(canary)!r})", "", "eval").co_consts[0]
    text = base64.b64encode(marshal.dumps(code)).decode()
    function = {"class_name": "__lambda__", "config": {"code": text, "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": function}}
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"")
    return stream.getvalue()


def sealed(body: bytes) -> bytes:
    """Write a line of the tick log, checksum and all."""
    return body + f', "crc": "{zlib.crc32(body):08x}"}}\n'.encode()


ASK = {"kind": "ask", "number": 0, "values": {"learning_rate": 0.01}}
REPORT = {
    "kind": "report",
    "number": 0,
    "epoch": 1,
    "value": 0.5,
    "metrics": {"val_loss": 0.5},
    "seconds": 0.1,
}
END = {
    "kind": "end",
    "number": 0,
    "state": "complete",
    "value": 0.5,
    "epochs": 1,
    "best_epoch": 1,
    "seconds": 0.1,
    "cause": None,
}
ENDLESS, NO_NUMBER = float("inf"), float("nan")

ODD_EVENTS: dict[str, list[Any]] = {
    "no objects": [3, None, [], "ask"],
    "an unknown kind": [{**ASK, "kind": "explode"}],
    "a list as a kind": [{**ASK, "kind": []}],
    "a negative number": [{**ASK, "number": -5}],
    "a far number": [{**ASK, "number": 10**18}],
    "a number beyond all": [{**ASK, "number": 10**400}],
    "true as a number": [{**ASK, "number": True}],
    "no values": [{**ASK, "values": {}}],
    "unknown values": [{**ASK, "values": {"learning_rate": 0.01, "x": 1}}],
    "a word as a value": [{**ASK, "values": {"learning_rate": "fast"}}],
    "no number as a value": [{**ASK, "values": {"learning_rate": NO_NUMBER}}],
    "a value outside": [{**ASK, "values": {"learning_rate": -1e300}}],
    "a list as a value": [{**ASK, "values": {"learning_rate": [1]}}],
    "a path as a name": [{**ASK, "values": {"../../x": 1, "learning_rate": 0.01}}],
    "two asks": [ASK, ASK, REPORT, END],
    "two ends": [ASK, REPORT, END, END],
    "an end at once": [END],
    "a report at once": [REPORT],
    "a report behind the end": [ASK, END, REPORT],
    "lost before it began": [{"kind": "lost", "number": 0, "cause": "x"}],
    "an odd state": [ASK, {**END, "state": "exploded"}],
    "an endless value": [ASK, {**END, "value": ENDLESS}],
    "no number in the end": [ASK, {**END, "value": NO_NUMBER}],
    "a negative epoch": [ASK, {**REPORT, "epoch": -3}, {**END, "best_epoch": -3}],
    "a far epoch": [ASK, {**REPORT, "epoch": 10**18}, {**END, "best_epoch": 10**18}],
    "words in the curves": [ASK, {**REPORT, "metrics": {"val_loss": "low", "x": []}}, END],
    "no number in the curves": [ASK, {**REPORT, "metrics": {"val_loss": NO_NUMBER, "x": ENDLESS}}, END],
    "words for seconds": [ASK, REPORT, {**END, "seconds": "long"}],
    "words for epochs": [ASK, REPORT, {**END, "epochs": "many"}],
    "no epochs": [ASK, {name: END[name] for name in END if name != "epochs"}],
    "an escape of a terminal": [ASK, {**END, "state": "failed", "cause": "\x1b[2J\x1b]0;x\x07"}],
    "no terminal's escape": [{**ASK, "values": {"learning_rate": "\x1b[2J"}}],
}

TICK = {"lease": 1, "tick": 1, "elapsed": 1.0, "events": [ASK, REPORT, END]}

ODD_TICKS: dict[str, bytes] = {
    **{kind: json.dumps({**TICK, "events": events})[:-1].encode() for kind, events in ODD_EVENTS.items()},
    **{
        f"{name} = {value}": json.dumps({**TICK, name: value})[:-1].encode()
        for name, value in {
            "tick": 10**18,
            "lease": 10**30,
            "elapsed": ENDLESS,
            "events": 3,
        }.items()
    },
    "a tick before the first": json.dumps({**TICK, "tick": -1})[:-1].encode(),
    "no time": json.dumps({**TICK, "elapsed": NO_NUMBER})[:-1].encode(),
    "a number beyond a float": json.dumps(TICK)[:-1].replace("0.5", "1e999").encode(),
    "deep brackets": b'{"lease": 1, "tick": 1, "elapsed": 1, "events": ' + b"[" * 100_000,
    "deep brackets that are closed": b'{"lease": 1, "tick": 1, "elapsed": 1, "events": '
    + b"[" * 100_000
    + b"]" * 100_000,
    "many digits": b'{"lease": 1, "tick": ' + b"9" * 10_000,
    "a long line": b"x" * 10**7,
    "zeros": bytes(10**6),
}


def write_ticks(directory: Path, body: bytes) -> None:
    for name in ("ticks.jsonl", "ticks.copy.jsonl"):
        (directory / name).write_bytes(sealed(body))


Change = Callable[[dict[str, Any]], object]

CHANGES: dict[str, Change] = {
    "no data": lambda study: study["resolved"].pop("data"),
    "words as data": lambda study: study["resolved"].update(data="x"),
    "half the data": lambda study: study["resolved"]["data"].pop("features"),
    "numbers as words": lambda study: study["resolved"]["data"].update(train_rows="many", labels=3),
    "more than is known": lambda study: study["resolved"].update(run="x"),
    "another format": lambda study: study["resolved"].update(format=[]),
    "a list of settings": lambda study: study["resolved"].update(settings=[1], versions=3, machine="x"),
    "a word as the width": lambda study: study["resolved"]["settings"].update(width="wide"),
    "no directory": lambda study: study["resolved"].update(directory=7),
    "a directory elsewhere": lambda study: study["resolved"].update(directory="../../.."),
    "a number as the storage": lambda study: study["resolved"].update(storage=3),
    "another name": lambda study: study.update(name="../../victim"),
    "code of its own": lambda study: study.update(model={"python": {"file": "evil.py"}}),
}

READERS = (
    ["trials"],
    ["trials", "--format", "json"],
    ["trials", "--format", "csv"],
    ["best"],
    ["status"],
    ["check"],
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a study, to be tampered with in copies."""
    directory = tmp_path_factory.mktemp("own")
    write_study(directory / "study.yaml", STUDY)
    succeed("optimize", "study.yaml", cwd=directory)
    return directory


@pytest.fixture
def stranger(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the study, give the directory of its files, and work where `runs` is."""
    shutil.copytree(own, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return Path("runs", "a").absolute()


def trials_of(directory: Path) -> list[Any]:
    trials = json.loads(succeed("trials", "a", "--format", "json", cwd=directory).stdout)
    return [(trial["parameters"], trial["value"], trial["best_epoch"]) for trial in trials]


class TestStores:
    @pytest.mark.long
    def test_pickles_are_not_loaded(self, stranger: Path, tmp_path: Path) -> None:
        canary = tmp_path / "canary"
        with np.load(
            io.BytesIO(baited_arrays(canary)[len(MAGIC) + DIGEST_BYTES :]), allow_pickle=True
        ) as bait:
            bait["a0"]
        assert canary.exists(), "the bait works"
        canary.rmdir()
        before = trials_of(Path())
        for name in ("ticks.jsonl", "ticks.copy.jsonl"):
            ticks = (stranger / name).read_bytes().splitlines(keepends=True)
            under_way = list(itertools.takewhile(lambda tick: b'"end"' not in tick, ticks))
            assert 0 < len(under_way) < len(ticks)
            (stranger / name).write_bytes(b"".join(under_way))
        for directory, number in itertools.product(("checkpoints", "models"), range(2)):
            (stranger / directory).mkdir(exist_ok=True)
            (stranger / directory / f"{number:06}.npz").write_bytes(baited_arrays(canary))
            (stranger / directory / f"{number:06}.older.npz").write_bytes(pickle.dumps(Bait(canary)))
        (stranger / "best.keras").write_bytes(baited_model(canary))
        damaged = run("check", "a", cwd=Path())
        assert (damaged.returncode, "Traceback" in damaged.stderr) == (1, False), damaged.stderr
        succeed("optimize", "study.yaml", cwd=Path())
        assert trials_of(Path()) == before
        assert not canary.exists()

    @pytest.mark.parametrize("kind", ODD_TICKS)
    def test_ticks(self, kind: str, stranger: Path, cli: Cli) -> None:
        write_ticks(stranger, ODD_TICKS[kind])
        for reader in READERS:
            code, told = cli(*reader, "a")
            assert code in (0, 1, 2)
            # A file of cells holds what it holds; people read the others.
            assert "csv" in reader or "\x1b" not in told

    @pytest.mark.parametrize(
        "kind", ["words in the curves", "an endless value", "an odd state", "a far epoch"]
    )
    def test_reports_of_odd_ticks(self, kind: str, stranger: Path, cli: Cli) -> None:
        write_ticks(stranger, ODD_TICKS[kind])
        assert cli("report", "a")[0] in (0, 1, 2)

    @pytest.mark.parametrize("kind", ODD_ARRAYS)
    def test_arrays(self, kind: str, stranger: Path, cli: Cli) -> None:
        for directory in ("models", "checkpoints"):
            (stranger / directory).mkdir(exist_ok=True)
            (stranger / directory / "000000.npz").write_bytes(ODD_ARRAYS[kind])
        code, told = cli("check", "a")
        assert code == 1
        assert told.count("000000.npz") == told.count("DAMAGED") == 2

    @pytest.mark.parametrize("kind", CHANGES)
    def test_resolved_studies(self, kind: str, stranger: Path, cli: Cli) -> None:
        study = YAML(typ="safe", pure=True).load(stranger / "study.yaml")
        CHANGES[kind](study)
        content = write_study(stranger / "study.yaml", study).read_bytes()
        files = StudyFiles(Path(), "a")
        for path in (files.study, files.study_copy):
            path.write_bytes(content + _seal(content))
        for place in (stranger, Path()):
            (place / "evil.py").write_text("open('canary', 'w')\nbuild = None\n")
        for reader in (*READERS, ["report"], ["delete", "--yes"]):
            assert cli(*reader, "a")[0] in (0, 1, 2)
        assert cli("list")[0] in (0, 1, 2)
        assert not list(Path().rglob("canary"))

    @pytest.mark.parametrize(
        "text", ["", "[]", '{"holder": 3}', '{"holder": {"pid": "x"}}', "[" * 100_000, "\x00" * 512]
    )
    def test_leases(self, text: str, stranger: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hpsearch.store.lease.SILENT_SECONDS", 0.1)
        (stranger / "leases").mkdir(exist_ok=True)
        (stranger / "leases" / "000900.json").write_text(text)
        assert cli("delete", "a", "--yes")[0] == 0
        assert not stranger.exists()

    def test_links_are_not_followed_when_a_study_is_deleted(
        self, stranger: Path, tmp_path: Path, cli: Cli
    ) -> None:
        precious = tmp_path / "precious"
        precious.mkdir()
        (precious / "file").write_text("kept")
        shutil.rmtree(stranger / "models")
        (stranger / "models").symlink_to(precious)
        (stranger / "trials.csv").unlink()
        (stranger / "trials.csv").symlink_to(precious / "file")
        assert cli("delete", "a", "--yes")[0] == 0
        assert [path.read_text() for path in precious.iterdir()] == ["kept"]
        assert not stranger.exists()


def listening(port: int) -> set[str]:
    """List the addresses on which this machine listens at a port."""
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path("/proc/net", name).read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, _, number = address.partition(":")
            if state == "0A" and int(number, 16) == port:
                raw = bytes.fromhex(host)
                found.add(socket.inet_ntop(family, raw[::-1] if name == "tcp" else raw))
    return found


class TestDashboard:
    @pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs the tables of Linux")
    def test_listens_to_this_machine_alone(self, own: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with started("dashboard", "a", "--port", str(port), cwd=own) as process:
            wait_until(lambda: bool(listening(port)), process)
            assert listening(port) == {"127.0.0.1"}

    @pytest.mark.parametrize(
        ("host", "warned"),
        [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True), ("::", True)],  # noqa: S104 - it warns
    )
    def test_warns_where_others_can_reach_it(
        self, host: str, warned: bool, own: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        served: list[str] = []
        monkeypatch.setattr(
            "wsgiref.simple_server.WSGIServer.serve_forever",
            lambda self: served.append(self.server_address[0]),
        )
        code, told = cli("dashboard", "a", "--host", host, "--port", "0", "--out", own)
        assert (code, served) == (0, ["127.0.0.1" if host == "localhost" else host])
        assert ("everyone" in told and "read and delete" in told) is warned
