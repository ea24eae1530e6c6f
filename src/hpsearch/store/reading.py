"""From the files of a study to the record that readers see."""

from __future__ import annotations

from collections.abc import Iterable

from hpsearch.exceptions import StoreError, StudyNotFoundError
from hpsearch.spec.experiments import Experiment, Kind
from hpsearch.store.baselines import read_baselines
from hpsearch.store.ensemble import read_ensemble
from hpsearch.store.events import Asked, Ended, Event, Reported
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.store.probes import read_probes
from hpsearch.store.record import Curve, StudyRecord, TrialRecord
from hpsearch.store.resolved import FORMAT, Resolved, read_resolved
from hpsearch.store.winner import read_error_analysis, read_held_out, read_refit
from hpsearch.training.probes.record import TrainingProbe


def read_record(files: StudyFiles) -> StudyRecord:
    """Read a study.

    Raises:
        StudyNotFoundError: It has not been started.
        StudyMismatchError: It was started by an incompatible version.
        StudyFileError: Both copies of the resolved study file are damaged.
        StoreError: The files are not of one study.
    """
    resolved = read_resolved(files)
    if resolved is None:
        raise StudyNotFoundError(
            f"there is no study {files.full_name!r} in {files.out / 'runs'}: "
            f"start it with hpsearch {files.part or 'optimize'}, or give its directory with --out"
        )
    return _record(files, resolved)


def _record(files: StudyFiles, resolved: Resolved) -> StudyRecord:
    identity = resolved.identity
    trials = trials_of(resolved, TickLog(files.ticks, files.ticks_copy, identity).read())
    return StudyRecord(
        spec=resolved.spec,
        data=resolved.data,
        trials=tuple(trials),
        versions=resolved.versions,
        machine=resolved.machine,
        decisions=resolved.decisions,
        directory=resolved.directory,
        kind=resolved.kind,
        first_probes=read_probes(files.probes, identity),
        looks=read_held_out(files.looks, identity),
        insides=read_error_analysis(files.insides, identity),
        refit=read_refit(files.refit, identity),
        ensemble=read_ensemble(files, identity) if resolved.spec.ensemble is not None else None,
        baselines=read_baselines(files, identity) if resolved.kind == "search" else None,
        identity=identity,
    )


def read_confirmation(files: StudyFiles) -> StudyRecord | None:
    """Read the replicates of a search's finalists; None where none were trained."""
    return _read_part(files, "confirmation")


def read_ablation(files: StudyFiles) -> StudyRecord | None:
    """Read the runs of a search's ablation; None where there is none."""
    return _read_part(files, "ablation")


def read_parts(files: StudyFiles) -> tuple[StudyRecord | None, StudyRecord | None]:
    """Read the confirmation of a search and its ablation."""
    return read_confirmation(files), read_ablation(files)


def _read_part(files: StudyFiles, kind: Kind) -> StudyRecord | None:
    part = StudyFiles(files.out, files.name, PARTS[kind])
    if part not in files.parts:
        return None
    searched, resolved = read_resolved(StudyFiles(files.out, files.name)), read_resolved(part)
    if searched is None or resolved is None:
        return None
    check_parent(part, resolved, searched)
    return _record(part, resolved)


def check_parent(part: StudyFiles, resolved: Resolved, searched: Resolved) -> None:
    """Check that a confirmation or an ablation belongs to a search.

    Experiments of versions whose files did not say where they belong are accepted.

    Raises:
        StoreError: It belongs to another search.
    """
    if resolved.parent != searched.identified().study and (resolved.parent or resolved.format >= FORMAT):
        raise StoreError(
            f"{part.directory} belongs to another search than {part.name!r}: restore the right directory, or "
            f"remove it, and hpsearch {'ablate' if resolved.kind == 'ablation' else 'optimize'} "
            "trains its runs again"
        )


def trials_of(resolved: Resolved, events: Iterable[Event]) -> list[TrialRecord]:
    """Turn the events of a log into trials, in the order of their numbers.

    Raises:
        StoreError: The log is not that of this study.
    """
    try:
        return _trials(resolved, resolved.experiment, events)
    except (KeyError, ValueError, TypeError) as failure:
        raise not_of_study(resolved.spec.name, failure) from None


def not_of_study(name: str, failure: Exception) -> StoreError:
    """Say that a log is not that of a study."""
    return StoreError(f"the tick log does not belong to the study {name!r}: {failure!r}")


def _trials(resolved: Resolved, experiment: Experiment, events: Iterable[Event]) -> list[TrialRecord]:
    by_number: dict[int, list[Event]] = {}
    for event in events:
        by_number.setdefault(event.number, []).append(event)
    return [_trial(resolved, experiment, own) for _, own in sorted(by_number.items())]


def _trial(resolved: Resolved, experiment: Experiment, events: list[Event]) -> TrialRecord:
    asked, last = events[0], events[-1]
    if not isinstance(asked, Asked):
        raise KeyError(f"trial {asked.number} was never asked for")
    names = {parameter.name for parameter in experiment.parameters}
    if foreign := [name for name in asked.values if name not in names]:
        raise KeyError(foreign[0])
    reports = [event for event in events if isinstance(event, Reported)]
    known = last if isinstance(last, Ended) else _so_far(asked, reports, resolved.spec.search.direction)
    return TrialRecord(
        number=asked.number,
        state=known.state,
        value=known.value,
        parameters=asked.values,
        configuration=experiment.configuration(asked.values),
        epochs=known.epochs,
        best_epoch=known.best_epoch,
        seconds=known.seconds,
        seed=experiment.seed(asked.number, asked.values),
        cause=known.cause,
        history={} if known.state == "running" else _curves(reports),
        pruning=known.pruning,
        violations=known.violations or {},
        probes={r.epoch: TrainingProbe.read(r.probe) for r in reports if r.probe is not None},
        origin=asked.origin,
    )


def _so_far(asked: Asked, reports: list[Reported], direction: str) -> Ended:
    """Tell what the end of a trial under way would be."""
    values = [report.value for report in reports if report.value is not None]
    best = (min if direction == "minimize" else max)(values, default=None)
    best_epoch = None if best is None else values.index(best) + 1
    seconds = round(sum(report.seconds for report in reports), 3)
    return Ended(asked.number, "running", best, len(reports), best_epoch, seconds, None)


def _curves(reports: list[Reported]) -> dict[str, Curve]:
    """Turn the metrics of each epoch into curves."""
    names = reports[0].metrics if reports else ()
    curves: dict[str, Curve] = {n: tuple(r.metrics.get(n) for r in reports) for n in names}
    return {**curves, "seconds": tuple(report.seconds for report in reports)} if reports else {}
