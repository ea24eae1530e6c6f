"""What is decided and brought when a worker opens a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.data import Dataset
from hpsearch.engines.messages import Job
from hpsearch.engines.policy.cores import share_of_cores
from hpsearch.engines.policy.device import fits_device
from hpsearch.engines.policy.probes import wants_probes
from hpsearch.engines.policy.width import SideBySide, side_by_side
from hpsearch.spec import StudySpec

if TYPE_CHECKING:
    from hpsearch.models.sources.kinds import Sources
    from hpsearch.training.trainer import Trainer


TEST_CHOOSES = "the test set, which makes scores optimistic: it chose the best epoch and configuration"


def trainer_of(
    backend: str, dataset: Dataset, spec: StudySpec, job: Job, sources: Sources | None = None
) -> tuple[Trainer, SideBySide]:
    """Make the trainer of a study.

    Args:
        backend: The backend of `fit`; "auto" for compiled programs.
        dataset: The data.
        spec: The study.
        job: What was decided when the study was started, which remains.
        sources: Where models come from; by default those that need no files.

    Returns:
        The trainer, and which members it trains side by side.
    """
    from hpsearch.models.sources.kinds import LAYERED
    from hpsearch.training.fit.trainer import FitTrainer

    stream = not fits_device(dataset)
    sources = sources or LAYERED
    if backend != "auto" or stream or sources.not_compiled:
        trainer: Trainer = FitTrainer(dataset, stream=stream, sources=sources)
        if backend == "auto" and not stream and job.trainer in (None, "KerasModelTrainer"):
            from hpsearch.training.compiled.keras_model.trainer import KerasModelTrainer

            trainer = KerasModelTrainer(dataset, sources=sources)
        return trainer, SideBySide(job.width or spec.search.width or 1)
    import jax

    from hpsearch.training.compiled import CompiledTrainer
    from hpsearch.training.compiled.forward.options import program_options

    cores = share_of_cores(job.workers)
    beside = side_by_side(spec, dataset, jax.default_backend(), cores, timed=job.timed)
    if job.width is not None:
        # A study that was begun before there were threads has not told.
        beside = SideBySide(job.width, vmapped=job.vmapped is not False)
    vmapped, threads = (beside.width, 1) if beside.vmapped else (1, min(beside.width, cores))
    probes = wants_probes(spec, dataset, decided=job.probes)
    return CompiledTrainer(dataset, program_options(spec), vmapped, threads=threads, probes=probes), beside
