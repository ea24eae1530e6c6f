"""Where training runs: engines, their workers, and the orders that these carry out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.engines.interface import Engine, Worker
    from hpsearch.engines.kinds import ENGINES, EngineName

__all__ = ["ENGINES", "Engine", "EngineName", "Worker"]


def __getattr__(name: str) -> Any:
    """Import an engine when it is first asked for (PEP 562): a process can be started before that."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = "interface" if name in ("Engine", "Worker") else "kinds"
    return getattr(import_module(f"hpsearch.engines.{place}"), name)
