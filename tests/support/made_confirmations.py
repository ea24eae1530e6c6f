"""Confirmations made up for tests: every replicate of a finalist is its own score with a seed's noise."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hpsearch.scheduling.conclusion.confirmation_plan import finalists_of
from hpsearch.scheduling.conclusion.verdict import name_of
from hpsearch.scheduling.racing.race import race_of
from hpsearch.spec.experiments import ARM, REPLICATE
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.study.confirmation import confirmation_of


def confirmed(record: StudyRecord, noise: float = 0.01, **confirm: Any) -> StudyRecord:
    """Race the finalists of a search to the end; each run is off by its seed and by itself."""
    rules = record.spec.confirm.model_copy(update={"share": None, **confirm})
    record = replace(record, spec=record.spec.model_copy(update={"confirm": rules}))
    spec = confirmation_of(record)
    assert spec is not None
    runs: list[TrialRecord] = []
    finalists = {name_of(trial): trial for trial in finalists_of(record)}
    while True:
        found = replace(record, spec=spec, kind="confirmation", trials=tuple(runs))
        missing = _missing(found)
        if not missing:
            return found
        runs.extend(_run(finalists[name], len(runs) + place, name, replicate, noise)
                    for place, (name, replicate) in enumerate(missing))  # fmt: skip


def _missing(found: StudyRecord) -> list[tuple[str, int]]:
    values: dict[str, dict[int, float | None]] = {}
    for run in found.trials:
        values.setdefault(str(run.parameters[ARM]), {})[int(run.parameters[REPLICATE])] = run.value
    return list(race_of(found.spec).missing(values))


def _run(trial: TrialRecord, number: int, name: str, replicate: int, noise: float) -> TrialRecord:
    draw = random.Random(f"{name}-{replicate}")  # noqa: S311 - no secret
    more = noise * (1 + abs(random.Random(replicate).gauss(0, 1)) + abs(draw.gauss(0, 0.5)))  # noqa: S311
    history = {key: tuple(value + more for value in curve) for key, curve in _numbers(trial.history).items()}
    parameters = {ARM: name, REPLICATE: replicate}
    assert trial.value is not None
    return replace(
        trial, number=number, state="complete", value=trial.value + more, parameters=parameters,
        seed=1000 + replicate, history=history,
    )  # fmt: skip


def _numbers(history: Mapping[str, Any]) -> Mapping[str, tuple[float, ...]]:
    return {name: tuple(value or 0.0 for value in curve) for name, curve in history.items()}
