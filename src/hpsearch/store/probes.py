"""The probes of trials at their first weights, as a file of the study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.store.identity import UNKNOWN, Stamp, StudyIdentity
from hpsearch.training.probes.record import LayerProbe

Probes = Mapping[int, tuple[LayerProbe, ...]]
"""The hidden layers of a network by the number of its trial."""

UNBOUNDED = ("mean", "deviation", "deviation_between_rows", "gradient_norm")
"""Numbers that may be infinite, which JSON cannot hold: they are stored as null."""


def write_probes(path: Path, probes: Probes, stamp: Stamp | None = None) -> None:
    """Write the probes of trials with a checksum.

    Raises:
        StoreError: The file cannot be written.
    """
    trials = {str(number): [_plain(layer) for layer in layers] for number, layers in probes.items()}
    write_arrays(path, {}, {"trials": trials}, stamp)


def read_probes(path: Path, identity: StudyIdentity = UNKNOWN) -> dict[int, tuple[LayerProbe, ...]]:
    """Read the probes of trials; none where there is no such file, or it is damaged or of another study."""
    stored = read_arrays(path, identity)
    if stored is None:
        return {}
    return {int(number): tuple(map(_layer, layers)) for number, layers in stored[1]["trials"].items()}


def _plain(layer: LayerProbe) -> dict[str, Any]:
    return {name: None if value == math.inf else value for name, value in asdict(layer).items()}


def _layer(raw: dict[str, Any]) -> LayerProbe:
    endless = {name: math.inf for name in UNBOUNDED if raw[name] is None}
    return LayerProbe(**{**raw, **endless, "histogram": tuple(raw["histogram"])})
