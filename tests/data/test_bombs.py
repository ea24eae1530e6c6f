"""Small files that unpack to gigabytes: they are refused before memory is taken."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from hpsearch.data.archives import ArchiveError, bounded, opened
from hpsearch.store.arrays import MAGIC, load_arrays, write_arrays
from hpsearch.store.identity import DamagedError
from support.commands import environment, seal, succeed, write_study

GIGABYTE = 2**30

MOST = 1.5e9
"""Bytes of memory that a command may take: Keras alone takes half of it."""

STUDY = {
    "name": "a",
    "data": {"sklearn": "iris"},
    "model": {"mlp": {"hidden": [4]}},
    "training": {"epochs": 2, "batch_size": 50, "learning_rate": {"log_uniform": [1e-3, 1e-2]}},
    "search": {"trials": 2},
    "confirm": "none",
}


def deflated(head: bytes, filler: bytes, count: int) -> tuple[bytes, int, int]:
    """Pack a head and so many pieces of filler; give the packed bytes, their length unpacked, and a CRC-32.

    A piece that is flushed wholly can be repeated as it is; the CRC-32 is only that of the head.
    """
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = engine.compress(head) + engine.flush(zlib.Z_FULL_FLUSH)
    piece = engine.compress(filler * 2**20) + engine.flush(zlib.Z_FULL_FLUSH)
    packed = first + piece * count + engine.flush()
    return packed, len(head) + count * len(filler) * 2**20, zlib.crc32(head)


def archive(path: Path, members: dict[str, tuple[bytes, int, int]], prefix: bytes = b"") -> None:
    """Write a zip file by hand, so that it may say what it likes of its members."""
    body, directory = b"", b""
    for name, (packed, size, crc) in members.items():
        common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, crc, len(packed), size, len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\x03\x04" + common + name.encode() + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    content = body + directory + b"PK\x05\x06" + end
    seal = prefix + sha256(content).digest() if prefix else b""
    path.write_bytes(seal + content)


def npy(count: int) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},)}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def plain(content: bytes) -> tuple[bytes, int, int]:
    return deflated(content, b"", 0)


BLANKS = deflated(b"", b" ", 2 * 2**10)
ZEROS = deflated(npy(2 * GIGABYTE), b"\0", 2 * 2**10)


def lying(packed: tuple[bytes, int, int], size: int, head: bytes) -> tuple[bytes, int, int]:
    """Declare only the first bytes of what is packed, with a checksum that fits."""
    return packed[0], size, zlib.crc32(head[:size])


MODELS = {
    "blanks as the layers": {"config.json": BLANKS},
    "layers that are longer than they say": {"config.json": lying(BLANKS, 9, b" " * 9)},
    "zeros as the weights": {
        "config.json": plain(b"{}"),
        "metadata.json": plain(b"{}"),
        "model.weights.h5": ZEROS,
    },
}

LAYERS = {
    "module": "keras",
    "class_name": "Sequential",
    "registered_name": None,
    "config": {
        "name": "s",
        "trainable": True,
        "dtype": "float32",
        "layers": [
            {
                "module": "keras.layers",
                "class_name": "InputLayer",
                "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "rows"},
                "registered_name": None,
            },
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {"name": "d", "units": 10**9},
                "registered_name": None,
                "build_config": {"input_shape": [None, 4]},
            },
        ],
    },
}
"""A model in a hundred words, whose weights take 20 GB."""

MEASURED = """
import re, sys
from pathlib import Path
from hpsearch.cli import main
sys.argv = ["hpsearch", *sys.argv[1:]]
try:
    main()
finally:
    # What `resource` tells begins with the memory of the process that started this one.
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    sys.stderr.write(f"\\npeak {int(peak[1]) * 1024}")
"""


def measured(*arguments: str, cwd: Path) -> tuple[int, str, int]:
    """Run a command in a process of its own; give its exit code, its words, and its memory in bytes."""
    told = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    words, _, peak = told.stderr.rpartition("\npeak ")
    return told.returncode, told.stdout + words, int(peak)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a study, and give the directory that it lies in."""
    directory = tmp_path_factory.mktemp("bombs")
    write_study(directory / "study.yaml", STUDY)
    succeed("optimize", "study.yaml", cwd=directory)
    np.savez(directory / "new.npz", x=np.zeros((1, 4)))
    return directory


class TestStores:
    def test_arrays_are_never_packed(self, tmp_path: Path) -> None:
        path = tmp_path / "probes.npz"
        archive(path, {"names.npy": plain(npy(2) + b"[]"), "progress.npy": ZEROS}, MAGIC)
        assert path.stat().st_size < 10**7
        with pytest.raises(DamagedError, match="damaged"):
            load_arrays(path)

    @pytest.mark.slow
    def test_a_command_takes_no_memory_for_them(self, place: Path) -> None:
        path = place / "runs" / "a" / "probes.npz"
        archive(path, {"names.npy": plain(npy(2) + b"[]"), "progress.npy": ZEROS}, MAGIC)
        code, told, peak = measured("check", "a", cwd=place)
        path.unlink()
        assert (code, peak < MOST) == (1, True), (told, peak)
        assert "DAMAGED" in told
        assert "probes.npz" in told

    def test_an_endless_file_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        write_arrays(path, {"a": np.ones(3)}, {})
        os.truncate(path, 2**40)
        with pytest.raises(DamagedError, match="damaged"):
            load_arrays(path)
        with pytest.raises(ArchiveError, match="the limit is 1,000"):
            bounded(path, 1_000)


class TestModels:
    @pytest.mark.parametrize("kind", MODELS)
    def test_an_archive_is_measured(self, kind: str, tmp_path: Path) -> None:
        path = tmp_path / "m.keras"
        archive(path, MODELS[kind])
        assert path.stat().st_size < 10**7
        with pytest.raises(ArchiveError), opened(path):
            pass

    def test_what_numpy_packs_is_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        np.savez_compressed(path, a=np.zeros((1_000, 1_000)), b=np.arange(10))
        with opened(path) as found:
            assert sorted(found.namelist()) == ["a.npy", "b.npy"]

    def test_other_methods_of_packing_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as packed:
            packed.writestr("config.json", bytes(10**6))
        with pytest.raises(ArchiveError, match="not compressed with deflate"), opened(path):
            pass

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "kind", ["blanks as the layers", pytest.param("large layers", marks=pytest.mark.long)]
    )
    def test_predict_takes_no_memory_for_them(self, kind: str, place: Path) -> None:
        path = place / "runs" / "a" / "best.keras"
        whole = path.read_bytes()
        layers = {"config.json": plain(json.dumps(LAYERS).encode()), "metadata.json": plain(b"{}")}
        archive(path, {**layers, "model.weights.h5": plain(b"")} if kind == "large layers" else MODELS[kind])
        note = path.with_name("best.json")
        sealed = note.read_bytes()
        seal(path.parent)
        code, told, peak = measured("predict", "a", "new.npz", cwd=place)
        path.write_bytes(whole)
        note.write_bytes(sealed)
        assert (code, peak < MOST) == (1, True), (told, peak)
        assert "best.keras" in told
        assert "Traceback" not in told

    @pytest.mark.long
    @pytest.mark.parametrize("kind", ["blanks as the layers", "large layers"])
    def test_no_donor_takes_memory(self, kind: str, tmp_path: Path) -> None:
        layers = {"config.json": plain(json.dumps(LAYERS).encode()), "metadata.json": plain(b"{}")}
        made = {**layers, "model.weights.h5": plain(b"")} if kind == "large layers" else MODELS[kind]
        archive(tmp_path / "donor.keras", made)
        model = {"pretrained": {"donor": "donor.keras", "layers": 1}}
        write_study(tmp_path / "heir.yaml", {**STUDY, "name": "heir", "model": model})
        code, told, peak = measured("optimize", "heir.yaml", cwd=tmp_path)
        assert (code, peak < MOST) == (2, True), (told, peak)
        assert "donor.keras" in told
        assert "Traceback" not in told
