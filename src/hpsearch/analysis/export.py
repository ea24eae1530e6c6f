"""Results as plain data for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from hpsearch.analysis.analysis import Analysis
from hpsearch.analysis.arms.comparison import ComparisonResult
from hpsearch.analysis.probe import ArmSummary
from hpsearch.spec import Part
from hpsearch.store.record import finite
from hpsearch.training.probes.record import EDGES, StudyProbe

COMPARED = ("deviation_ratio", "gradient_ratio", "findings")


def to_json(analysis: Analysis) -> dict[str, Any]:
    """Return an analysis as data that JSON can hold; what is not finite is None."""
    told: dict[str, Any] = plain(analysis)
    return told


def probe_to_json(probe: StudyProbe, summaries: Sequence[ArmSummary]) -> dict[str, Any]:
    """Return probes as data that JSON can hold: every number of every layer; what is not finite is None."""
    arms = [
        {**plain(summary.arm), **plain({name: getattr(summary, name) for name in COMPARED})}
        for summary in summaries
    ]
    return {
        "name": probe.spec.name,
        "seed": probe.spec.search.seed,
        "rows": probe.rows,
        "replicates": probe.replicates,
        "epochs": list(probe.epochs),
        "fixed": plain(probe.fixed),
        "data": plain(probe.data),
        "versions": plain(probe.versions),
        "edges": list(EDGES),
        "arms": arms,
        "endings": plain(probe.endings),
    }


def comparison_to_json(comparison: ComparisonResult) -> dict[str, Any]:
    """Return a comparison as data that JSON can hold: its page's numbers, and the runs with their curves.

    What is not finite is None.
    """
    found: dict[str, Any] = plain(comparison)
    return found


def plain(value: Any) -> Any:
    """Return results as data that JSON can hold; what is not finite is None."""
    if isinstance(value, Part):
        return value.dump()
    if is_dataclass(value):
        told = [(field, getattr(value, field.name)) for field in fields(value)]
        return {
            field.name: plain(item) for field, item in told if item or not field.metadata.get("where_given")
        }
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value
