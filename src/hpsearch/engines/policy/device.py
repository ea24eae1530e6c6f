"""Whether the data fit on the device that trains, by a rule on sizes that two runs on one machine share."""

from __future__ import annotations

import os

from hpsearch.data import Dataset

SHARE = 0.25
"""The share of the device's memory for the data; the rest is for networks and batches."""


def data_bytes(dataset: Dataset, ways: int = 1) -> int:
    """Count the bytes of the rows of all splits, as a device holds them, scaled in so many ways."""
    parts = [part for split in dataset.splits for part in (split.train, split.validation)]
    return ways * sum(part.x.nbytes + part.y.nbytes for part in parts)


def device_bytes() -> int | None:
    """Count the bytes of memory of the device that trains; None where it is not known."""
    if os.environ.get("KERAS_BACKEND") == "jax":
        import jax

        device = jax.devices()[0]
        if device.platform != "cpu":
            limit: int | None = (device.memory_stats() or {}).get("bytes_limit")
            return limit
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def fits_device(dataset: Dataset, ways: int = 1) -> bool:
    """Return whether the data may be laid on the device whole, scaled in so many ways."""
    limit = device_bytes()
    return limit is None or data_bytes(dataset, ways) <= SHARE * limit


def too_large(dataset: Dataset, ways: int = 1) -> str:
    """Return why the data are streamed."""
    size, limit = data_bytes(dataset, ways) / 1e9, (device_bytes() or 0) * SHARE / 1e9
    return (
        f"the data ({size:.2f} GB) exceed the limit for the device ({limit:.2f} GB): "
        "they are streamed through model.fit, which is slower than the compiled trainer"
    )
