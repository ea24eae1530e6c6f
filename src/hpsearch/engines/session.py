"""The work of a worker, wherever it runs: open a study, advance members, export models."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from hpsearch.datasets import Dataset, load_dataset
from hpsearch.engines.compilation import use_compilation_cache
from hpsearch.engines.cores import use_cores
from hpsearch.engines.device import fits_device, too_large
from hpsearch.engines.job import ExportOrder, Job, Opened, Order, TickOrder, TickResult, WeightsOrder
from hpsearch.exceptions import ModelError, UnsupportedError
from hpsearch.spec import Choice, StudySpec, read_configuration
from hpsearch.spec.search import SCORERS

if TYPE_CHECKING:
    from hpsearch.training.trainer import Trainer

PACKAGES = ("hpsearch", "keras", "jax", "tensorflow", "torch", "optuna", "numpy", "scikit-learn")


class Session:
    """One study, open in a worker."""

    def __init__(self, job: Job, *, spawned: bool) -> None:
        self.spec = StudySpec.model_validate(job.spec)
        data_dir = None if job.data_dir is None else Path(job.data_dir)
        backend = backend_of(self.spec)
        self.settings = {"backend": "jax" if backend == "auto" else backend}
        if self.settings["backend"] == "jax":
            Thread(target=_import_ahead, daemon=True).start()
        self.dataset = load_dataset(self.spec.data, Path(job.directory), data_dir)
        check_metric(self.spec, self.dataset)
        if spawned:
            self.settings["cores"] = use_cores(self.spec, self.dataset)
            _do_without_tensorflow(self.settings["backend"])
        _choose_backend(self.settings["backend"])
        if spawned and self.settings["backend"] == "jax":
            self.settings["compilation cache"] = use_compilation_cache()
        self.trainer, width = _trainer(backend, self.dataset, self.spec, job.width)
        self.settings |= {"trainer": type(self.trainer).__name__, "width": str(width)}
        self.notes = () if fits_device(self.dataset) else (too_large(self.dataset),)

    def opened(self) -> Opened:
        """Tell what was found."""
        return Opened(self.dataset.summary(), self.settings, _versions(), self.notes)

    def do(self, order: Order) -> Any:
        """Carry out one order."""
        if isinstance(order, TickOrder):
            return self._tick(order)
        if isinstance(order, WeightsOrder):
            return self.trainer.best_weights(order.number)
        return self._export(order)

    def _tick(self, order: TickOrder) -> TickResult:
        from hpsearch.training.member import Member

        for number in order.stop:
            self.trainer.stop(number)
        for start in order.start:
            self.trainer.start(Member.read(start.member), start.state)
        reports = self.trainer.advance_all(order.advance)
        states = {number: self.trainer.state(number) for number in order.snapshot}
        return TickResult(reports, states)

    def _export(self, order: ExportOrder) -> None:
        from hpsearch.models import export_model, save_model

        model = export_model(
            read_configuration(order.configuration),
            self.dataset.features,
            self.trainer.objective,
            self.dataset.splits[0].scaling,
            order.weights,
        )
        save_model(model, Path(order.path))

    def close(self) -> None:
        """Release the trainer."""
        self.trainer.close()


def check_metric(spec: StudySpec, dataset: Dataset) -> None:
    """Check that the metric judges the task of the data.

    Raises UnsupportedError, with the metrics that do.
    """
    metric, task = spec.search.metric, dataset.task
    if (
        metric == "val_loss"
        or metric in SCORERS[task]
        or (metric, task) == ("val_accuracy", "classification")
    ):
        return
    known = ", ".join(("val_loss", *SCORERS[task]))
    raise UnsupportedError(f"search.metric: {metric} does not judge a {task}; choose one of {known}")


def backend_of(spec: StudySpec) -> str:
    """Give the backend that a study names.

    Raises UnsupportedError where its training sections name several.
    """
    options = spec.training.options if isinstance(spec.training, Choice) else (spec.training,)
    backends = {training.backend for training in options}
    if len(backends) > 1:
        raise UnsupportedError(f"training.backend: one study runs on one backend, not on {sorted(backends)}")
    return str(backends.pop())


def _do_without_tensorflow(backend: str) -> None:
    """Keep Keras from importing TensorFlow, which it does on other backends only to look for its types.

    That import takes seconds and hundreds of megabytes. Keras treats a TensorFlow that cannot be imported as
    one that is not installed. Only for a process of our own.
    """
    if backend != "tensorflow":
        sys.modules.setdefault("tensorflow", None)  # type: ignore[arg-type]


def _import_ahead() -> None:
    """Import JAX while the data are read; it looks at cores and flags only when it first computes."""
    with suppress(ImportError):
        import jax  # noqa: F401


def _choose_backend(backend: str) -> None:
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import keras
    except ImportError as failure:
        raise ModelError(
            f"the backend {backend} cannot be loaded ({failure}): install it, or name another"
        ) from None
    if keras.backend.backend() != backend:
        raise ModelError(
            f"Keras runs on {keras.backend.backend()} in this process already, and the study wants {backend}"
        )


def _trainer(backend: str, dataset: Dataset, spec: StudySpec, decided: int | None) -> tuple[Trainer, int]:
    """Make the trainer of a study, and give the number of members that it trains side by side."""
    from hpsearch.training.fit import FitTrainer

    stream = not fits_device(dataset)
    if backend != "auto" or stream:
        return FitTrainer(dataset, stream=stream), decided or spec.search.width or 1
    import jax

    from hpsearch.training.compiled import CompiledTrainer
    from hpsearch.training.compiled.menu import menu_of
    from hpsearch.training.compiled.width import cohort_width

    width = decided or cohort_width(spec, jax.default_backend())
    return CompiledTrainer(dataset, menu_of(spec), width), width


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
