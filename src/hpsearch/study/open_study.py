"""An experiment under way."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.engines.pool import WorkerPool
from hpsearch.store.layout import StudyFiles
from hpsearch.store.lease import Lease
from hpsearch.store.loggers.interface import Logger
from hpsearch.store.resolved import Resolved
from hpsearch.study.progress import Display
from hpsearch.training.baselines import Baselines

if TYPE_CHECKING:
    from optuna.storages import RDBStorage


@dataclass(frozen=True)
class OpenStudy:
    """An experiment under way: its files, what it obeys, its storage, and the workers that have it open.

    Its files are written by the holder of the lease alone. `storage` is None where its own is locked.
    `baselines` are those that are being fitted; None where there are none to fit. `loggers` copy its trials.
    """

    files: StudyFiles
    resolved: Resolved
    storage: RDBStorage | None
    pool: WorkerPool
    lease: Lease
    display: Display
    baselines: Future[Baselines | None] | None = None
    loggers: tuple[Logger, ...] = ()
