"""A disk that fails where it is told to: stands for the module `os` in the store, and under paths."""

from __future__ import annotations

import errno
import importlib
import os
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import hpsearch.store

CALLS = {"open", "write", "fsync", "replace", "rename", "link", "ftruncate", "truncate", "unlink"}
METHODS = ("unlink", "replace", "rename", "mkdir")
"""What changes a disk and may fail: functions of `os`, and methods of paths."""

ERRORS = ("ENOSPC", "EIO", "EACCES", "EDQUOT")
SHORT = ("short", "harmless")
"""Half of a write is written; then the next call finds no space, or nothing is wrong at all."""


@dataclass(frozen=True)
class Fault:
    """The call that fails, counted from 1; where it is lasting, so do all behind it."""

    kind: str
    at: int
    lasting: bool = False

    @property
    def code(self) -> int:
        """Give the number of the system's error."""
        return int(getattr(errno, self.kind, errno.ENOSPC))

    @property
    def reason(self) -> str:
        """Give the system's words for the error."""
        return os.strerror(self.code)

    def __str__(self) -> str:
        return f"{self.kind} at call {self.at}{', lasting' if self.lasting else ''}"


class FaultyDisk:
    """Stands for the module `os` in the store: counts what changes the disk, and lets a call fail.

    Faults of the kinds in SHORT count writes alone.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.calls: list[str] = []
        self.fired: list[str] = []
        self._broken = False

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return partial(self._call, name, real) if name in CALLS else real

    def method(self, name: str, root: Path) -> Callable[..., Any]:
        """Give a method of paths that can fail below a directory."""
        real = getattr(Path, name)

        def called(path: Path, *arguments: Any, **named: Any) -> Any:
            if root not in path.parents:
                return real(path, *arguments, **named)
            return self._call(name, real, path, *arguments, **named)

        return called

    def _call(self, name: str, real: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self.calls.append(name)
        if self._fails(name):
            self.fired.append(f"{name} {_named(arguments[0])}")
            raise OSError(self.fault.code, self.fault.reason)
        if name == "write" and self._is_short():
            self.fired.append("short write")
            descriptor, content = arguments
            return real(descriptor, content[: max(1, len(content) // 2)])
        # Nothing here cuts the power, and a flush takes longer than all the rest.
        return None if name == "fsync" else real(*arguments, **named)

    def _fails(self, name: str) -> bool:
        fault = self.fault
        if fault is None or fault.kind == "harmless":
            return False
        if fault.kind in SHORT:
            due, self._broken = self._broken, self._broken and fault.lasting
            return due
        return len(self.calls) >= fault.at if fault.lasting else len(self.calls) == fault.at

    def _is_short(self) -> bool:
        fault = self.fault
        if fault is None or fault.kind not in SHORT:
            return False
        writes = self.calls.count("write")
        every = fault.kind == "harmless" and fault.lasting
        short = writes >= fault.at if every else writes == fault.at
        self._broken = self._broken or (short and fault.kind == "short")
        return short


def _named(target: Any) -> str:
    """Give the path of an open file, where the system tells it."""
    if not isinstance(target, int):
        return str(target)
    try:
        return str(Path(f"/proc/self/fd/{target}").readlink())
    except OSError:
        return f"file {target}"


@contextmanager
def disk(root: Path, fault: Fault | None = None) -> Iterator[FaultyDisk]:
    """Put a disk under every module of the store, and under paths below a directory."""
    names = [module.name for module in pkgutil.walk_packages(hpsearch.store.__path__, "hpsearch.store.")]
    faulty = FaultyDisk(fault)
    with pytest.MonkeyPatch.context() as patch:
        for name in METHODS:
            patch.setattr(Path, name, faulty.method(name, root))
        for name in names:
            module = importlib.import_module(name)
            if getattr(module, "os", None) is os:
                patch.setattr(module, "os", faulty)
        yield faulty
