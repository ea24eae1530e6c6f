"""Who a process is, so that another one can tell whether it still lives; no clock takes part in it."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

STARTED_FIELD = 19
"""Place of the start time among the fields of /proc/PID/stat that follow the name of the command."""


@dataclass(frozen=True)
class Holder:
    """A process on a machine. Fields are empty where the system does not tell them.

    Attributes:
        pid: Its process id.
        host: The name of the machine.
        machine: What tells machines of one name apart.
        boot: Of which boot the process id is.
        namespace: In which namespace it is valid.
        started: When it started, in ticks since the boot: process ids are used again.
    """

    pid: int
    host: str
    machine: str = ""
    boot: str = ""
    namespace: str = ""
    started: str = ""

    @classmethod
    def own(cls) -> Self:
        """Tell who this process is."""
        pid = os.getpid()
        machine = _read("/etc/machine-id") or f"{uuid.getnode():x}"
        boot = _read("/proc/sys/kernel/random/boot_id")
        return cls(pid, socket.gethostname(), machine, boot, _namespace(), _status(pid)[1])

    @classmethod
    def read(cls, data: Any) -> Self | None:
        """Read what `dump` gave; None where it is something else."""
        try:
            holder = cls(**data)
        except TypeError:
            return None
        return holder if isinstance(holder.pid, int) and 0 < holder.pid < 2**31 else None

    def dump(self) -> dict[str, Any]:
        """Return the holder as plain data."""
        return asdict(self)

    def is_dead(self) -> bool:
        """Return whether the process is surely dead: only one of this machine can be."""
        here = Holder.own()
        if (self.host, self.machine) != (here.host, here.machine):
            return False
        if self.boot != here.boot:
            return True
        return self.namespace == here.namespace and not self._lives()

    def _lives(self) -> bool:
        state, started = _status(self.pid)
        if state:
            return state not in "ZX" and started == self.started
        with suppress(ProcessLookupError):
            if os.name == "posix" and not Path("/proc/self/stat").exists():
                return _answers(self.pid)
        return os.name != "posix"

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _answers(pid: int) -> bool:
    """Ask for a process where there is no /proc. Raises ProcessLookupError where there is none."""
    with suppress(PermissionError):
        os.kill(pid, 0)
    return True


def _status(pid: int) -> tuple[str, str]:
    """Return the state of a process, a letter, and when it started; empty where there is no such process."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[STARTED_FIELD]) if len(fields) > STARTED_FIELD else ("", "")


def _namespace() -> str:
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(errors="replace").strip()
    return ""
