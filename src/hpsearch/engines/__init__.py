"""Where training runs: engines, their workers, and the orders that these carry out."""

from typing import Literal

from hpsearch.engines.in_process import InProcessEngine
from hpsearch.engines.interface import Engine, Worker
from hpsearch.engines.local import LocalEngine

__all__ = ["ENGINES", "Engine", "EngineName", "Worker"]

EngineName = Literal["local", "in_process"]

ENGINES: dict[EngineName, type[Engine]] = {"local": LocalEngine, "in_process": InProcessEngine}
