"""From the files of a study to the record that readers see."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hpsearch.exceptions import StudyNotFoundError
from hpsearch.randomness import derive
from hpsearch.search_space import SearchSpace
from hpsearch.store.files import StudyFiles, write_atomically
from hpsearch.store.record import Curve, StudyRecord, TrialRecord, finite
from hpsearch.store.resolved import Resolved, read_resolved
from hpsearch.store.ticks import Event, TickLog


def trial_seed(study_seed: int, number: int) -> int:
    """Derive the seed of a trial."""
    return derive(study_seed, "trial", number)


def read_record(files: StudyFiles) -> StudyRecord:
    """Read a study.

    Raises StudyNotFoundError where it has not been begun.
    """
    resolved = read_resolved(files)
    if resolved is None:
        raise StudyNotFoundError(
            f"there is no study {files.name!r} in {files.directory.parent}: "
            "begin it with hpsearch optimize, or name its place with --out"
        )
    trials = trials_of(resolved, TickLog(files.ticks).read(), files)
    return StudyRecord(
        spec=resolved.spec,
        data=resolved.data,
        trials=tuple(trials),
        versions=resolved.versions,
        machine=resolved.machine,
        settings=resolved.settings,
        directory=resolved.directory,
    )


def trials_of(resolved: Resolved, events: Iterable[Event], files: StudyFiles) -> list[TrialRecord]:
    """Turn the events of a tick log into trials, in the order of their numbers."""
    asked: dict[int, Event] = {}
    ended: dict[int, Event] = {}
    reported: dict[int, list[float]] = {}
    for event in events:
        number = event.get("number", -1)
        if event["kind"] == "ask":
            asked[number] = event
            reported[number] = []
        elif event["kind"] == "report" and event["value"] is not None:
            reported[number].append(event["value"])
        elif event["kind"] == "end":
            ended[number] = event
    space = SearchSpace(resolved.spec)
    return [
        _trial(resolved, space, event, ended.get(number), reported[number], files)
        for number, event in sorted(asked.items())
    ]


def _trial(
    resolved: Resolved,
    space: SearchSpace,
    asked: Event,
    ended: Event | None,
    reported: list[float],
    files: StudyFiles,
) -> TrialRecord:
    number, search = asked["number"], resolved.spec.search
    best = min if search.direction == "minimize" else max
    end = ended or {"state": "running", "epochs": len(reported), "seconds": 0.0}
    if ended is None and reported:
        end |= {"value": best(reported), "best_epoch": reported.index(best(reported)) + 1}
    return TrialRecord(
        number=number,
        state=end["state"],
        value=end.get("value"),
        parameters=asked["values"],
        configuration=space.configuration(asked["values"]),
        epochs=end["epochs"],
        best_epoch=end.get("best_epoch"),
        seconds=end["seconds"],
        seed=trial_seed(search.seed, number),
        cause=end.get("cause"),
        history=read_history(files, number) if ended else {},
    )


def read_history(files: StudyFiles, number: int) -> dict[str, Curve]:
    """Read the curves of a trial; empty where there are none."""
    try:
        data = json.loads(files.history(number).read_bytes())
    except (OSError, ValueError):
        return {}
    return {name: tuple(curve) for name, curve in data["curves"].items()}


def write_history(files: StudyFiles, number: int, epochs: list[dict[str, float]]) -> None:
    """Write the metrics of each epoch of a trial as curves; what is not finite becomes null."""
    names = list(epochs[0]) if epochs else []
    curves: dict[str, Any] = {name: [finite(epoch[name]) for epoch in epochs] for name in names}
    content = json.dumps({"number": number, "curves": curves}, allow_nan=False)
    write_atomically(files.history(number), content.encode())
