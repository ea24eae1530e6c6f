"""What is decided and brought when a worker opens a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.data import Dataset
from hpsearch.engines.messages import Job
from hpsearch.engines.policy.cores import share_of_cores
from hpsearch.engines.policy.device import fits_device
from hpsearch.engines.policy.further_metrics import check_defined, check_further
from hpsearch.engines.policy.probes import wants_probes
from hpsearch.engines.policy.width import SideBySide, side_by_side
from hpsearch.spec import StudySpec
from hpsearch.spec.study_file.distributions import alternatives

if TYPE_CHECKING:
    from hpsearch.models.sources.kinds import Sources
    from hpsearch.training.further_metrics import FurtherMetrics
    from hpsearch.training.trainer import Trainer


TEST_CHOOSES = "the test set, which makes scores optimistic: it chose the best epoch and configuration"


def further_of(spec: StudySpec, dataset: Dataset, sources: Sources) -> FurtherMetrics | None:
    """Make the metrics of a study beside its own; None where it has no others.

    Raises:
        UnsupportedError: One is not for what is predicted, or undefined on a validation set.
        ModelCodeError: The file of the model has no such function.
    """
    if not spec.search.recorded:
        return None
    from hpsearch.spec.sections.own_function import OwnFunction
    from hpsearch.training.further_metrics import FurtherMetrics

    own = [metric.function for metric in spec.search.recorded if isinstance(metric, OwnFunction)]
    model = alternatives(spec.model)[0]
    functions = {name: sources.of(model).function(model, name, "search.metrics") for name in own}
    check_further(spec, dataset)
    found = FurtherMetrics(spec.search.recorded, dataset.outputs, dataset.labels, functions)
    check_defined(found, spec, dataset)
    return found


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

    stream = dataset.stream is not None or not fits_device(dataset, spec.data.preparations)
    sources = sources or LAYERED
    others = any(training.any_model_only for training in alternatives(spec.training))
    if backend != "auto" or stream or sources.not_compiled or others:
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
