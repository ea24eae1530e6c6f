"""Train trials of a study once more, in another process, and compare every number with the tick log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hpsearch.engines import ENGINES, EngineName, Worker
from hpsearch.engines.messages import Job, OpenedStudy
from hpsearch.engines.single_member import SingleMember
from hpsearch.exceptions import StudyMismatchError, UnsupportedError
from hpsearch.spec import pretrained_models
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from hpsearch.store.record import Curve, TrialRecord, finite
from hpsearch.store.resolved import Resolved, read_resolved
from hpsearch.training.messages import EpochReport, Member

COMPUTING = ("keras", "numpy")
"""Packages whose versions may change the last bits, besides the backend."""


@dataclass(frozen=True)
class Retrained:
    """A trial that was trained once more: how many epochs agree, and the first number that does not."""

    number: int
    epochs: int
    difference: str | None = None


def retrain(
    files: StudyFiles, count: int, data_dir: Path | None = None, engine: EngineName = "local"
) -> Iterator[Retrained]:
    """Train some trials of a study again from their seeds, and compare bit for bit.

    Args:
        files: The study.
        count: How many, spread evenly over those that have ended with an epoch.
        data_dir: Where data sets are kept.
        engine: Where training runs.

    Raises:
        UnsupportedError: The study reuses a donor, or was trained with other versions, whose bits may differ.
        StudyMismatchError: The data have changed.
        HpsearchError: There is no study, or its data cannot be loaded.
    """
    record, resolved = read_record(files), read_resolved(files)
    if resolved is None:
        return
    _check_comparable(files, resolved)
    ended = [trial for trial in record.trials if trial.state != "running" and trial.epochs]
    worker = ENGINES[engine]().start(job_of(resolved, data_dir))
    with closing(worker):
        opened: OpenedStudy = worker.result()
        if opened.data.fingerprint != resolved.data.fingerprint:
            raise StudyMismatchError(f"the data of {files.name!r} have changed since it was trained")
        for trial in _spread(ended, count):
            yield _retrained(worker, resolved, trial)


def _check_comparable(files: StudyFiles, resolved: Resolved) -> None:
    if any(pretrained_models(resolved.spec.model)):
        raise UnsupportedError(f"{files.name}: a study that reuses a donor cannot be retrained for a check")
    computing = (*COMPUTING, resolved.decisions.backend or "jax")
    others = [
        f"{package} {was} (now {now})"
        for package, was in resolved.versions.items()
        if package in computing and (now := _installed(package)) != was
    ]
    if others:
        raise UnsupportedError(
            f"{files.name} was trained with {', '.join(others)}: other versions may change the last "
            "bits, so a check would show nothing; install these versions to check it"
        )


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def job_of(resolved: Resolved, data_dir: Path | None) -> Job:
    """Return what a worker needs to open a study as it was trained."""
    decided = resolved.decisions
    return Job(
        resolved.experiment.trained.dump(),
        resolved.directory,
        None if data_dir is None else str(data_dir.resolve()),
        decided.width,
        decided.model_code,
        probes=bool(decided.probes),
        vmapped=decided.vmapped,
        trainer=decided.trainer or "",
        target_transform=decided.known_transform,
    )


def _spread(trials: Sequence[TrialRecord], count: int) -> list[TrialRecord]:
    """Take so many trials, from the first to the last, at equal distances."""
    taken = min(count, len(trials))
    return [trials[place * len(trials) // taken] for place in range(taken)]


def _retrained(worker: Worker, resolved: Resolved, trial: TrialRecord) -> Retrained:
    search, split = resolved.spec.search, resolved.experiment.split(trial.parameters)
    seed = resolved.experiment.seed(trial.number, trial.parameters)
    member = Member(trial.number, trial.configuration, seed, search.first_metric, search.direction, split)
    again = SingleMember(worker, member)
    found = _compared(trial, again.reports(trial.epochs))
    again.stop()
    return found


def _compared(trial: TrialRecord, reports: Iterable[EpochReport]) -> Retrained:
    """Compare epoch by epoch, up to the first that differs."""
    agreed = 0
    for epoch, report in enumerate(reports, 1):
        difference = _difference(trial.history, report.metrics, epoch)
        if report.failure is not None and trial.state != "failed":
            difference = f"epoch {epoch}: {report.failure.told}"
        if difference is not None:
            return Retrained(trial.number, agreed, difference)
        agreed = epoch
    if agreed < trial.epochs:
        ended = f"the training ended after epoch {agreed}, and has {trial.epochs} epochs in the log"
        return Retrained(trial.number, agreed, ended)
    return Retrained(trial.number, agreed)


def _difference(history: Mapping[str, Curve], metrics: Mapping[str, Any], epoch: int) -> str | None:
    """Say which number of an epoch is another than the log has, if one is."""
    for name, found in metrics.items():
        curve = history.get(name, ())
        known = curve[epoch - 1] if len(curve) >= epoch else None
        if finite(float(found)) != known:
            shown = "no finite number" if known is None else repr(known)
            again = repr(float(found)) if math.isfinite(found) else "no finite number"
            return f"epoch {epoch}: {name} is {shown} in the log, and {again} when trained again"
    return None
