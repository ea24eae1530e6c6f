"""The events of a study: what was decided, each as it stands in the log."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Any, ClassVar, Literal

from hpsearch.spec.space.parameter import Value

State = Literal["running", "complete", "pruned", "infeasible", "failed"]

Origin = Literal["enqueue", "portfolio", "replicate"]
"""Where a study file says what is tried first; or that it is a configuration that was tried before."""

Metrics = Mapping[str, float | None]
"""Metrics of an epoch by Keras' names; None where one was not finite."""


@dataclass(frozen=True)
class Pruning:
    """Why a pruner ended a trial: its `value` was worse than the `cutoff`.

    Attributes:
        epoch: The epoch of the decision, from 1.
        value: The value of the epoch; for median the best so far.
        cutoff: The value that it had to reach.
        trials: The number of trials that set the cutoff.
        rung: The rung, from 1; None if the pruner has no rungs.
    """

    epoch: int
    value: float
    cutoff: float
    trials: int
    rung: int | None = None


@dataclass(frozen=True)
class Asked:
    """A trial was given its values; `origin` tells where from, unless the sampler suggested them."""

    kind: ClassVar = "ask"
    number: int
    values: dict[str, Value]
    origin: Origin | None = None


@dataclass(frozen=True)
class Reported:
    """A trial reported an epoch.

    Attributes:
        number: The number of the trial.
        epoch: The epoch, from 1.
        value: The metric of the study; None if the trial failed in this epoch.
        metrics: All metrics, by Keras' names.
        seconds: How long the epoch took.
        probe: What was measured inside the network, as plain data.
    """

    kind: ClassVar = "report"
    number: int
    epoch: int
    value: float | None
    metrics: Metrics
    seconds: float
    probe: dict[str, Any] | None = None


@dataclass(frozen=True)
class Ended:
    """A trial ended: `value` is its metric at `best_epoch` (from 1), after so many `epochs` and `seconds`.

    `violations` says by how much an infeasible one violates each constraint that it does not keep to.
    """

    kind: ClassVar = "end"
    number: int
    state: State
    value: float | None
    epochs: int
    best_epoch: int | None
    seconds: float
    cause: str | None
    pruning: Pruning | None = None
    violations: dict[str, float] | None = None


@dataclass(frozen=True)
class Promoted:
    """A paused trial goes on beyond a rung, counted from 1."""

    kind: ClassVar = "promote"
    number: int
    rung: int


@dataclass(frozen=True)
class Lost:
    """A worker died with a trial, which goes on from its checkpoint."""

    kind: ClassVar = "lost"
    number: int
    cause: str


Event = Asked | Reported | Promoted | Ended | Lost

KINDS: dict[str, type[Event]] = {event.kind: event for event in (Asked, Reported, Promoted, Ended, Lost)}

_Number = int | float | None

_FIELDS: dict[type[Event], dict[str, type | UnionType]] = {
    Asked: {"values": dict},
    Reported: {"epoch": int, "value": _Number, "metrics": dict, "seconds": _Number},
    Ended: {
        "state": str,
        "value": _Number,
        "epochs": int,
        "best_epoch": int | None,
        "seconds": _Number,
        "cause": str | None,
    },
    Promoted: {"rung": int},
    Lost: {"cause": str},
}
_OPTIONAL: dict[type[Event], tuple[str, ...]] = {
    Asked: ("origin",),
    Reported: ("probe",),
    Ended: ("pruning", "violations"),
}


def dump_event(event: Event) -> dict[str, Any]:
    """Return an event as plain data, as it stands in the log."""
    raw = {"kind": event.kind, **vars(event)}
    if isinstance(event, Ended) and event.pruning is not None:
        raw["pruning"] = asdict(event.pruning)
    absent = [name for name in _OPTIONAL.get(type(event), ()) if raw[name] is None]
    return {name: told for name, told in raw.items() if name not in absent}


def read_event(raw: Any) -> Event:
    """Read what `dump_event` returned.

    Raises:
        ValueError: It does not have the shape of an event; the file may be anything.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("number"), int) or raw["number"] < 0:
        raise ValueError("no event")
    kind = KINDS.get(str(raw.get("kind")))
    if kind is None or not all(isinstance(raw.get(name), known) for name, known in _FIELDS[kind].items()):
        raise ValueError("no known event")
    told = raw.get("violations")
    violations = told if isinstance(told, dict) else {}
    if not all(map(_is_finite, (raw.get("value"), *raw.get("metrics", {}).values(), *violations.values()))):
        raise ValueError("a number that is not finite")
    fields = {name: raw[name] for name in ("number", *_FIELDS[kind])}
    for optional in _OPTIONAL.get(kind, ()):
        if raw.get(optional) is not None:
            fields[optional] = _read(optional, raw[optional])
    return kind(**fields)


def _read(name: str, raw: Any) -> Any:
    """Read a field that an event may have."""
    try:
        return Pruning(**raw) if name == "pruning" else dict(raw) if name == "violations" else raw
    except (TypeError, ValueError):
        raise ValueError(f"no {name}") from None


def _is_finite(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and abs(value) <= sys.float_info.max)
