"""From the files of a study to the record that readers see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hpsearch.exceptions import StoreError, StudyNotFoundError
from hpsearch.experiment import Experiment, Kind
from hpsearch.probes.record import TrainingProbe
from hpsearch.store.files import PARTS, StudyFiles
from hpsearch.store.probes import read_probes
from hpsearch.store.record import Curve, Pruning, StudyRecord, TrialRecord
from hpsearch.store.resolved import Resolved, read_resolved
from hpsearch.store.ticks import Event, TickLog
from hpsearch.store.winner import read_insides, read_looks, read_refit


def read_record(files: StudyFiles) -> StudyRecord:
    """Read a study.

    Raises StudyNotFoundError where it has not been begun.
    """
    resolved = read_resolved(files)
    if resolved is None:
        raise StudyNotFoundError(
            f"there is no study {files.full_name!r} in {files.out / 'runs'}: "
            f"begin it with hpsearch {files.part or 'optimize'}, or name its place with --out"
        )
    trials = trials_of(resolved, TickLog(files.ticks, files.ticks_copy).read())
    return StudyRecord(
        spec=resolved.spec,
        data=resolved.data,
        trials=tuple(trials),
        versions=resolved.versions,
        machine=resolved.machine,
        settings=resolved.settings,
        directory=resolved.directory,
        kind=resolved.kind,
        first_probes=read_probes(files.probes),
        looks=read_looks(files.looks),
        insides=read_insides(files.insides),
        refit=read_refit(files.refit),
    )


def read_confirmation(files: StudyFiles) -> StudyRecord | None:
    """Read the replicates of a search's finalists; None where none were trained."""
    return _read_part(files, "confirmation")


def read_ablation(files: StudyFiles) -> StudyRecord | None:
    """Read the runs of a search's ablation; None where there is none."""
    return _read_part(files, "ablation")


def _read_part(files: StudyFiles, kind: Kind) -> StudyRecord | None:
    part = StudyFiles(files.out, files.name, PARTS[kind])
    return read_record(part) if part in files.parts else None


def trials_of(resolved: Resolved, events: Iterable[Event]) -> list[TrialRecord]:
    """Turn the events of a tick log into trials, in the order of their numbers.

    Raises StoreError where the log is not that of this study.
    """
    try:
        return _trials(resolved, resolved.experiment, events)
    except (KeyError, ValueError, TypeError) as failure:
        name = resolved.spec.name
        raise StoreError(f"the tick log does not belong to the study {name!r}: {failure!r}") from None


def _trials(resolved: Resolved, experiment: Experiment, events: Iterable[Event]) -> list[TrialRecord]:
    by_number: dict[int, list[Event]] = {}
    for event in events:
        by_number.setdefault(event["number"], []).append(event)
    names = {parameter.name for parameter in experiment.parameters}
    if foreign := [name for own in by_number.values() for name in own[0]["values"] if name not in names]:
        raise KeyError(foreign[0])
    return [_trial(resolved, experiment, own) for _, own in sorted(by_number.items())]


def _trial(resolved: Resolved, experiment: Experiment, events: list[Event]) -> TrialRecord:
    number, values, search = events[0]["number"], events[0]["values"], resolved.spec.search
    reports = [event for event in events if event["kind"] == "report"]
    end = events[-1] if events[-1]["kind"] == "end" else None
    known = end or _so_far(reports, search.direction)
    return TrialRecord(
        number=number,
        state=known["state"],
        value=known["value"],
        parameters=values,
        configuration=experiment.configuration(values),
        epochs=known["epochs"],
        best_epoch=known["best_epoch"],
        seconds=known["seconds"],
        seed=experiment.seed(number, values),
        cause=known["cause"],
        history=_curves(reports) if end else {},
        pruning=Pruning(**known["pruning"]) if known.get("pruning") else None,
        probes={r["epoch"]: TrainingProbe.read(r["probe"]) for r in reports if "probe" in r},
    )


def _so_far(reports: list[Event], direction: str) -> dict[str, Any]:
    """Tell what the end of a trial under way would be."""
    values = [report["value"] for report in reports]
    best = (min if direction == "minimize" else max)(values, default=None)
    return {
        "state": "running",
        "value": best,
        "epochs": len(reports),
        "best_epoch": None if best is None else values.index(best) + 1,
        "seconds": round(sum(report["seconds"] for report in reports), 3),
        "cause": None,
    }


def _curves(reports: list[Event]) -> dict[str, Curve]:
    """Turn the metrics of each epoch into curves."""
    names = reports[0]["metrics"] if reports else ()
    curves: dict[str, Curve] = {n: tuple(r["metrics"].get(n) for r in reports) for n in names}
    return {**curves, "seconds": tuple(report["seconds"] for report in reports)} if reports else {}
