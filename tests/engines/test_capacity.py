"""How many workers there is room for: the cores and accelerators that are free, and the memory."""

from __future__ import annotations

import fcntl
import os
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from hpsearch.engines.policy import capacity
from hpsearch.engines.policy.capacity import Capacity, machine_capacity
from hpsearch.engines.process import accelerators as module
from hpsearch.engines.process.accelerators import FRACTION, VISIBLE, accelerators, use_accelerator
from hpsearch.engines.process.free_cores import held_cores
from hpsearch.engines.process.memory import memory

GIGABYTE = 2**30


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of 8 cores and 64 GB, of which nothing is used."""
    monkeypatch.setattr(capacity, "accelerators", tuple)
    monkeypatch.setattr(capacity, "usable_cores", lambda: [*range(8)])
    monkeypatch.setattr(capacity, "share_of_cores", lambda _: 8)
    monkeypatch.setattr(capacity, "held_cores", lambda _: ())
    monkeypatch.setattr(capacity, "memory", lambda: (64 * GIGABYTE, 64 * GIGABYTE))
    return monkeypatch


def test_a_worker_for_each_core(machine: pytest.MonkeyPatch) -> None:
    assert machine_capacity() == Capacity(8, "there is the time of 8 cores")


@pytest.mark.parametrize(
    ("quota", "held", "workers"), [(8, 3, 5), (8, 8, 1), (4, 3, 1), (4, 6, 1), (1, 0, 1)]
)
def test_cores_that_others_hold_are_theirs(
    machine: pytest.MonkeyPatch, quota: int, held: int, workers: int
) -> None:
    machine.setattr(capacity, "share_of_cores", lambda _: quota)
    machine.setattr(capacity, "held_cores", lambda _: (*range(held),))
    found = machine_capacity()
    assert found.workers == workers
    assert not held or f"other workers hold {min(held, quota)}" in found.reason


def test_each_worker_needs_memory(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(capacity, "memory", lambda: (64 * GIGABYTE, int(2.5 * GIGABYTE)))
    assert machine_capacity() == Capacity(2, "2.5 GB of memory are unused, and a worker takes about 1 GB")
    machine.setattr(capacity, "memory", lambda: (GIGABYTE, 0))
    assert machine_capacity().workers == 1
    machine.setattr(capacity, "memory", lambda: None)
    assert machine_capacity().workers == 8


def test_accelerators_come_first(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(capacity, "accelerators", lambda: ("0", "1"))
    assert machine_capacity().workers == 2


def test_cores_are_held_as_long_as_their_locks(tmp_path: Path) -> None:
    machine = os.uname().nodename
    with (tmp_path / f"{machine}-3-0.lock").open("w") as lock:
        assert held_cores([3, 2], tmp_path) == ()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert held_cores([3, 2], tmp_path) == (3,)
    assert held_cores([3, 2], tmp_path) == ()


def test_memory_is_that_of_the_container_and_what_is_kept_of_files_is_unused(tmp_path: Path) -> None:
    (tmp_path / "limit").write_text(str(GIGABYTE))
    (tmp_path / "available").write_text("MemTotal:  9 kB\nMemAvailable:   1000 kB\n")
    assert memory(tmp_path / "limit", tmp_path / "available") == (GIGABYTE, 1000 * 1024)
    (tmp_path / "limit").write_text("max\n")
    found = memory(tmp_path / "limit", tmp_path / "nowhere")
    assert found is not None
    assert 0 < found[1] <= found[0]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """JAX has its plugin for CUDA."""
    installed = EntryPoints([EntryPoint("xla_cuda12", "jax_plugins.xla_cuda12", "jax_plugins")])
    monkeypatch.setattr(module, "entry_points", lambda **_: installed)
    for name in (VISIBLE, FRACTION, "JAX_PLATFORMS"):
        # Set first, so that what the code sets is taken back.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def devices(directory: Path) -> Path:
    for name in ("nvidia10", "nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (directory / name).touch()
    return directory


def test_devices_are_found_where_jax_uses_them(plugin: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert accelerators(devices(tmp_path)) == ("0", "1", "10")
    plugin.setenv(VISIBLE, "2, GPU-8932f937")
    assert accelerators(tmp_path) == ("2", "GPU-8932f937")
    for hidden in ("", "-1"):
        plugin.setenv(VISIBLE, hidden)
        assert accelerators(tmp_path) == ()
    plugin.delenv(VISIBLE)
    plugin.setenv("JAX_PLATFORMS", "cpu")
    assert accelerators(tmp_path) == ()
    plugin.setenv("JAX_PLATFORMS", "gpu,cpu")
    assert accelerators(tmp_path) == ("0", "1", "10")
    plugin.setattr(module, "entry_points", lambda **_: EntryPoints())
    assert accelerators(tmp_path) == ()


@pytest.mark.parametrize(
    ("workers", "shares"),
    [(1, [("4", None)]), (2, [("4", None), ("7", None)]), (3, [("4", "0.375"), ("7", None), ("4", "0.375")])],
)
def test_each_worker_has_one_accelerator_or_a_share_of_its_memory(
    workers: int, shares: list[tuple[str, str | None]], plugin: pytest.MonkeyPatch
) -> None:
    found = []
    for place in range(workers):
        plugin.setenv(VISIBLE, "4,7")
        plugin.delenv(FRACTION, raising=False)
        use_accelerator(place, workers)
        found.append((os.environ[VISIBLE], os.environ.get(FRACTION)))
    assert found == shares
