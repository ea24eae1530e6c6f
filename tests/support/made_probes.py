"""Probes made up for tests: layers with given numbers, and studies of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpsearch.data.summary import DataSummary
from hpsearch.spec import StudySpec
from hpsearch.training.probes.record import BINS, ArmProbe, LayerProbe, StudyProbe

LAYER = LayerProbe(
    units=8,
    mean=0.1,
    deviation=1.0,
    deviation_between_rows=0.9,
    dead=0.0,
    saturated=None,
    histogram=(0.0,) * 59 + (0.5, 0.25) + (0.0,) * (BINS - 61),
    below=0.05,
    above=0.2,
    gradient_norm=1.0,
    symmetric=False,
)

SPEC = {
    "name": "made",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [8, 8]}},
    "training": {"epochs": 1},
}


def layer(**changes: Any) -> LayerProbe:
    return replace(LAYER, **changes)


def arm(
    *layers: LayerProbe, initializer: str = "he_normal", activation: str = "relu", **more: Any
) -> ArmProbe:
    return ArmProbe(initializer, activation, more.get("batch_norm", "none"), layers or (LAYER, LAYER))


def probe(*arms: ArmProbe, name: str = "made", **changes: Any) -> StudyProbe:
    data = DataSummary("sklearn:iris", "classification", (4,), 3, 120, 30, 0, 1, ("a", "b", "c"), "f" * 64)
    spec = StudySpec.model_validate({**SPEC, "name": name})
    made = StudyProbe(spec, data, 120, 3, {"dropout": 0.25}, arms or (arm(),), {"keras": "3.15.1"})
    return replace(made, **changes)
