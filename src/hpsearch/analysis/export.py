"""Results as plain data for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from hpsearch.analysis.analysis import Analysis
from hpsearch.analysis.probing import ArmSummary
from hpsearch.probes.record import EDGES, StudyProbe
from hpsearch.store.record import finite

COMPARED = ("deviation_ratio", "gradient_ratio", "findings")


def to_json(analysis: Analysis) -> dict[str, Any]:
    """Give an analysis as data that JSON can hold; what is not finite is None."""
    plain: dict[str, Any] = _plain(analysis)
    return plain


def probe_to_json(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> dict[str, Any]:
    """Give probes as data that JSON can hold: every number of every layer; what is not finite is None."""
    arms = [
        {**_plain(summary.arm), **_plain({name: getattr(summary, name) for name in COMPARED})}
        for summary in summaries
    ]
    return {
        "name": probe.spec.name,
        "seed": probe.spec.search.seed,
        "rows": probe.rows,
        "replicates": probe.replicates,
        "fixed": _plain(probe.fixed),
        "data": _plain(probe.data),
        "versions": _plain(probe.versions),
        "edges": list(EDGES),
        "arms": arms,
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value
