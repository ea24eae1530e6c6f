"""Splits whose rows and targets are prepared, each as fitted on its own training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpsearch.data.dataset import Dataset, UnscaledRows
from hpsearch.data.rows import Split
from hpsearch.data.scaling import fit_scaling
from hpsearch.data.target_scaling import check_transform, fit_target_scaling
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec import Component, Data
from hpsearch.spec.sections.preparation import Preparation


def scaled_split(
    where: str, unscaled: UnscaledRows, kind: str, factor: float, number: int, index: tuple[Array, Array]
) -> Split:
    """Take the training and the validation part of a split, and scale them.

    Args:
        where: The source, with which an error message begins.
        unscaled: All rows.
        kind: The study's `data.scaling`.
        factor: The study's `data.rescale`.
        number: The number of the split.
        index: The positions of the training and of the validation rows.

    Raises:
        DataError: The rows cannot be scaled, or have no weight.
    """
    train, validation = (unscaled.take(part, number) for part in index)
    window = unscaled.window
    fitted = train.x if window is None else unscaled.covered(index[0], number, window)
    scaling = fit_scaling(fitted, kind, factor, unscaled.indicators)
    if window is not None:
        scaling = scaling.repeated(unscaled.features)
    train, validation = (scaling.aimed(rows, itself=unscaled.itself) for rows in (train, validation))
    if not scaling.identity:
        train, validation = (replace(rows, x=scaling.apply(rows.x)) for rows in (train, validation))
        if not all(np.isfinite(rows.x).all() for rows in (train, validation)):
            raise DataError(f"{where}: scaling makes some numbers too large for a float32.")
    for part, rows in (("training", train), ("validation", validation)):
        if rows.weights is not None and len(rows) and not rows.weights.any():
            raise DataError(f"{where}: every row of the {part} set has the weight 0.")
    return Split(train, validation, scaling, *index)


def check_transforms(dataset: Dataset, transforms: Sequence[Component | None]) -> None:
    """Check that transforms are defined for all quantities among the targets.

    Raises:
        DataError: One is not.
    """
    columns = _quantities(dataset)
    for rows in (dataset.unscaled, dataset.held_out):
        if rows is None or not dataset.has_quantities:
            continue
        for transform in transforms:
            check_transform(dataset.source, transform, rows.y if columns is None else rows.y[:, columns])


def transformed(dataset: Dataset, transform: Component | None, *, clamp: bool) -> Dataset:
    """Return a data set whose splits have a transform of the quantities among their targets."""
    if not dataset.has_quantities:
        return dataset
    columns = _quantities(dataset)
    splits = (
        replace(one, target_scaling=fit_target_scaling(transform, one.train.y, columns, clamp=clamp))
        for one in dataset.splits
    )
    return replace(dataset, splits=tuple(splits))


def _quantities(dataset: Dataset) -> Array | None:
    return None if dataset.target_layout is None else dataset.target_layout.quantities


def prepared_as(dataset: Dataset, data: Data, preparation: Preparation) -> Dataset:
    """Return a data set with the same rows, prepared in another way than the data section's first one.

    Raises:
        DataError: The rows cannot be prepared so.
    """
    first = data.preparation
    if preparation.scaling is not None and preparation.scaling != first.scaling:
        dataset = _scaled_as(dataset, preparation.scaling.name, data.rescale or 1.0)
    if preparation.target_transform != first.target_transform:
        dataset = transformed(dataset, preparation.target_transform, clamp=data.clamp)
    return dataset


def _scaled_as(dataset: Dataset, kind: str, factor: float) -> Dataset:
    given = dataset.source, dataset.unscaled, kind, factor
    splits = (
        replace(
            scaled_split(*given, number, (one.train_index, one.validation_index)),
            target_scaling=one.target_scaling,
        )
        for number, one in enumerate(dataset.splits)
    )
    return replace(dataset, splits=tuple(splits))
