"""When a network is probed in its training."""

from __future__ import annotations

from hpsearch.training.schedules import RunLength

PROBES = 3
"""The most epochs that are chosen."""


def probed_epochs(length: RunLength) -> tuple[int, ...]:
    """Choose the epochs after which a network is probed: the first, the middle, the last."""
    return (1, (length.epochs + 1) // 2, length.epochs)
