"""The Slurm job step that this process is a task of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from platformdirs import user_cache_path

from hpsearch.exceptions import UnsupportedError

RANK, TASKS, STEP, JOB = "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID", "SLURM_JOB_ID"


@dataclass(frozen=True)
class Step:
    """The place of this process in a job step.

    Attributes:
        name: The job and the step, which no other step of the cluster has.
        rank: The number of this task, from 0.
        tasks: How many tasks the step has.
    """

    name: str
    rank: int
    tasks: int

    @classmethod
    def own(cls) -> Self:
        """Read what `srun` tells its tasks.

        Raises:
            UnsupportedError: This process is none of them.
        """
        try:
            rank, tasks, step, job = (int(os.environ[name]) for name in (RANK, TASKS, STEP, JOB))
        except (KeyError, ValueError):
            raise UnsupportedError(
                "--engine slurm: expected a task of a Slurm job step; found none: start the command by srun"
            ) from None
        return cls(f"{job}.{step}", rank, tasks)

    @property
    def announcement(self) -> Path:
        """Return the file, on a disk that all tasks see, in which the first task says where it listens."""
        return user_cache_path("hpsearch") / "slurm" / f"{self.name}.json"
