"""The engines by their names."""

from __future__ import annotations

from typing import Literal

from hpsearch.engines.in_process import InProcessEngine
from hpsearch.engines.interface import Engine
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.ray.engine import RayEngine
from hpsearch.engines.slurm.engine import SlurmEngine

EngineName = Literal["local", "in_process", "ray", "slurm"]

ENGINES: dict[EngineName, type[Engine]] = {
    "local": LocalEngine,
    "in_process": InProcessEngine,
    "ray": RayEngine,
    "slurm": SlurmEngine,
}
