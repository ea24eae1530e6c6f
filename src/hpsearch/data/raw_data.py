"""From the data section of a spec to a data set that is ready to train on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data.columns.description import columns_of, notes_on
from hpsearch.data.columns.splitting import SplitColumns, split_columns_of
from hpsearch.data.columns.understanding import UnderstoodTable, known_rows, understand
from hpsearch.data.columns.warnings import warnings_of
from hpsearch.data.dataset import Dataset, UnscaledRows
from hpsearch.data.encoding import Encoding, encode_table
from hpsearch.data.loaded import Loaded
from hpsearch.data.named_targets import with_joined_targets
from hpsearch.data.partition import Partition, Partitioner
from hpsearch.data.precision import lossy, origin_of
from hpsearch.data.prepared_splits import check_transforms, scaled_split, transformed
from hpsearch.data.rows import Split
from hpsearch.data.source import load_source, text_options
from hpsearch.data.stream import Stream, check_stream
from hpsearch.data.table import Table
from hpsearch.data.target import Target, find_target, plain_classes
from hpsearch.data.types import Array
from hpsearch.data.windows import rows_of, starts_of
from hpsearch.exceptions import DataError
from hpsearch.spec import Data
from hpsearch.spec.sections.parts_of_rows import TestRows
from hpsearch.spec.study_file.distributions import alternatives


def load_dataset(data: Data, directory: Path, data_dir: Path | None = None) -> Dataset:
    """Load, select, split, encode and scale the rows that a study trains on.

    Args:
        data: The data section.
        directory: The directory that relative paths start from, that of the study file.
        data_dir: The directory with npz files of Keras' data sets; by default the one that the environment
            variable HPSEARCH_DATA names.

    Raises:
        DataError: The data or the options are unusable.
    """
    return load_raw_data(data, directory, data_dir).own()


def load_raw_data(
    data: Data, directory: Path, data_dir: Path | None = None, stream: Stream | None = None
) -> RawData:
    """Load and select rows as `load_dataset` does, and keep them so that they can be split again.

    With a `stream`, which has the training rows, the rows at hand validate.

    Raises:
        DataError: The rows cannot be loaded or split.
    """
    with _enough_memory(data):
        loaded = with_joined_targets(load_source(data, directory, data_dir), data)
        if data.test is not None and loaded.y_test is not None:
            raise DataError(
                f"{loaded.where}: 'test' cannot be given, because this data set already has a test set."
            )
        target = find_target(loaded, data)
        check_stream(data, loaded, target, stream)
        if target.task == "regression" and lossy(loaded.y).any():
            raise DataError(_lost_targets(loaded))
        y, drawn = target.read(loaded.y), len(loaded.y) - loaded.tested
        if isinstance(data.validation, TestRows):
            loaded, y = _with_test_part(loaded, target, y)
        by_column = split_columns_of(loaded.table, data)
        if stream is None:
            partition = Partitioner(loaded.where, target, y, data.split_seed, drawn, by_column).divide(data)
        else:
            partition = Partition(None, ((np.arange(len(y)),) * 2,))
        return _understood(RawData(data, loaded, target, y, partition, by_column, stream=stream))


def _lost_targets(loaded: Loaded) -> str:
    y = loaded.y.astype(np.float64)
    return (
        f"{loaded.where}: the targets have a mean of {y.mean():.10g} and a deviation of {y.std():.3g}, which "
        "float32 cannot resolve: subtract a constant from them, such as their mean, and add it to the "
        "predictions."
    )


@contextmanager
def _enough_memory(data: Data) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise DataError(f"{data.source}: there is not enough memory for these data.") from None


@dataclass(frozen=True, eq=False)
class RawData:
    """The loaded rows of a study, and which part each of them belongs to.

    Each data set made from them is encoded and scaled as fitted on its own training part.

    Attributes:
        data: The data section.
        loaded: The rows.
        target: What is predicted.
        y: The targets as numbers.
        partition: The parts.
        by_column: What of each row a split depends on.
        table: What the columns of a table are; None for arrays.
        warnings: What may be wrong with columns, by their names; that of the table by the empty name.
        stream: What has the training rows, in whose place are those that validate; None where there is none.
    """

    data: Data
    loaded: Loaded
    target: Target
    y: Array
    partition: Partition
    by_column: SplitColumns
    table: UnderstoodTable | None = None
    warnings: Mapping[str, str] = field(default_factory=dict)
    stream: Stream | None = None

    def own(self) -> Dataset:
        """Return the data set of the study."""
        return self._with(self.partition.splits)

    def fresh(self, seed: int) -> Dataset:
        """Draw another validation part of the same size from training and validation rows together.

        Args:
            seed: The seed of the split, which is stratified by class as the study's own is.

        Raises:
            DataError: The rows cannot be split so.
        """
        partitioner = Partitioner(self.loaded.where, self.target, self.y, seed, len(self.y), self.by_column)
        return self._with((partitioner.redraw(self._rows, len(self.partition.splits[0][1])),))

    def combined(self) -> Dataset:
        """Return a data set with all rows but the test part for training, and none for validation."""
        return self._with(((self._rows, self._rows[:0]),))

    @property
    def _rows(self) -> Array:
        return np.sort(np.concatenate(self.partition.splits[0]))

    def _with(self, splits: tuple[tuple[Array, Array], ...]) -> Dataset:
        with _enough_memory(self.data):
            return _dataset(self, replace(self.partition, splits=splits))


def _understood(raw_data: RawData) -> RawData:
    """Find out what the columns of a table are, and take those that become features."""
    loaded, data = raw_data.loaded, raw_data.data
    if loaded.table is None or not isinstance(loaded.x, Table):
        return raw_data
    splits = _rows_of_splits(data, raw_data.partition)
    table = understand(loaded.table, loaded.x, data, known_rows(splits))
    warnings = warnings_of(table, raw_data.y, raw_data.target.task, splits[0], raw_data.partition.test, data)
    return replace(raw_data, loaded=replace(loaded, x=table.features), table=table, warnings=warnings)


def _rows_of_splits(data: Data, partition: Partition) -> tuple[tuple[Array, Array], ...]:
    """Return the rows of each split, those that windows cover once."""
    window = data.window
    if window is None:
        return partition.splits
    return tuple((rows_of(train, window), rows_of(other, window)) for train, other in partition.splits)


def _dataset(raw_data: RawData, partition: Partition) -> Dataset:
    data, loaded, target = raw_data.data, raw_data.loaded, raw_data.target
    unscaled, encoding = _unscaled(loaded, data, raw_data.y, partition)
    if loaded.inputs is not None:
        unscaled = replace(unscaled, indicators=loaded.inputs.unscaled)
    splits = _splits(raw_data, unscaled, partition)
    held_out = _held_out(loaded, target, unscaled, partition)
    dataset = Dataset(
        source=data.source,
        task=target.task,
        features=unscaled.features,
        labels=target.labels,
        splits=splits,
        encoding=encoding,
        fingerprint=loaded.fingerprint,
        unscaled=unscaled,
        held_out=held_out,
        notes=(*_notes(data, unscaled, splits, loaded), *notes_on(raw_data.table, raw_data.warnings)),
        doubtful=target.guessed and len(target.labels) > 2,
        targets=_names_of_targets(target, unscaled, encoding),
        images=data.decoded,
        inputs=loaded.inputs,
        target_layout=loaded.target_layout,
        columns=() if encoding is None else columns_of(raw_data.table, encoding, data, raw_data.warnings),
        stream=raw_data.stream,
    )
    check_transforms(dataset, alternatives(data.target_transform))
    return transformed(dataset, data.preparation.target_transform, clamp=data.clamp)


def _splits(raw_data: RawData, unscaled: UnscaledRows, partition: Partition) -> tuple[Split, ...]:
    data = raw_data.data
    prepared = raw_data.loaded.where, unscaled, data.scalings[0], data.rescale or 1.0
    splits = tuple(scaled_split(*prepared, number, pair) for number, pair in enumerate(partition.splits))
    if raw_data.stream is None:
        return splits
    # Both parts are the same rows, of which one copy is enough.
    return tuple(replace(split, train=split.validation) for split in splits)


def _names_of_targets(target: Target, unscaled: UnscaledRows, encoding: Encoding | None) -> tuple[str, ...]:
    """Return the names of several targets: those of the features where each row is its own target."""
    if not unscaled.itself:
        return target.targets
    return tuple(map(str, range(prod(unscaled.features)))) if encoding is None else encoding.feature_names


def _notes(data: Data, rows: UnscaledRows, splits: Sequence[Split], loaded: Loaded) -> Iterator[str]:
    """Write notes on weights, and on features that are constant or lose something as float32."""
    yield from loaded.notes
    if rows.weights is not None:
        yield (
            f"rows have weights ({data.weight or 'sample_weight'}): losses of training, validation and test "
            "rows are multiplied by them; other metrics count every row alike, as in Keras"
        )
    if splits[0].scaling.deviation is not None and data.scalings[0] != "none":
        train = splits[0].train.x
        constant = (train.reshape(-1, prod(rows.x.shape[1:])) == 0).all(axis=0)
        if rows.indicators is not None:
            constant &= ~rows.indicators.reshape(-1)
        if constant.any():
            scaled = "'standardize'" if data.standardize else f"'scaling: {data.scalings[0]}'"
            yield f"constant in the training set, so only centred by {scaled}: {_named(constant)}"
    if loaded.inputs is not None and (data.is_scaled or data.rescale):
        yield from loaded.inputs.notes_on_scaling()
    if rows.origin is not None:
        yield (
            f"values too close together for float32, so shifted towards 0 before rounding: "
            f"{_named(rows.origin.reshape(-1) != 0)}; best.keras expects shifted rows, and hpsearch predict "
            "shifts them itself"
        )
    elif rows.x.dtype == np.float64:
        yield (
            f"rounding to float32 removes the differences between rows: {_named(lossy(rows.x).reshape(-1))}; "
            "'standardize: true' keeps them"
        )


def _named(marked: Array) -> str:
    """Return features as text, by their positions."""
    places = np.flatnonzero(marked).tolist()
    shown = ", ".join(map(str, places[:10])) + (", ..." if len(places) > 10 else "")
    return f"feature {shown} (from 0)" if len(places) == 1 else f"{len(places)} features ({shown}; from 0)"


def _unscaled(
    loaded: Loaded, data: Data, y: Array, partition: Partition
) -> tuple[UnscaledRows, Encoding | None]:
    window = data.window
    common: dict[str, Any] = {"window": window, "itself": loaded.itself, "weights": loaded.weights}
    if not isinstance(loaded.x, Table):
        features = _features(loaded.where, data, loaded.x)
        origin = _origin(loaded.where, data, loaded.x)
        return UnscaledRows(loaded.x, y, features, loaded.whole, origin=origin, **common), None
    parts = _rows_of_splits(data, partition)
    encoding, x, imputations = encode_table(loaded.x, data.targets[0], parts)
    features = _features(loaded.where, data, x)
    indicators = encoding.indicators if window is not None else encoding.indicators.reshape(features)
    origin = _origin(loaded.where, data, x)
    rows = UnscaledRows(
        x,
        y,
        features,
        imputations=imputations,
        indicators=indicators,
        origin=origin,
        **common,
    )
    return rows, replace(encoding, text=text_options(data))


def _origin(where: str, data: Data, x: Array) -> Array | None:
    """Return what is subtracted from rows before they are rounded, where a study scales them.

    Raises:
        DataError: Even then float32 loses the differences within a feature.
    """
    if x.dtype != np.float64 or not data.is_scaled:
        return None
    origin = origin_of(x)
    lost = lossy(x - origin)
    if lost.any():
        raise DataError(
            f"{where}: feature {int(lost.reshape(-1).argmax())} (from 0) differs by less than a float32 can "
            "hold: multiply it by a constant, or leave it out."
        )
    return origin


def _features(where: str, data: Data, x: Array) -> tuple[int, ...]:
    """Return the shape of a row: as loaded, or as the data section has it.

    Raises:
        DataError: The number of values differs.
    """
    found = tuple(map(int, x.shape[1:]))
    if data.window is not None:
        return (data.window.length, *found)
    if data.shape is None:
        return found
    if prod(data.shape) != prod(found):
        wanted, had = (" x ".join(map(str, shape)) for shape in (data.shape, found))
        raise DataError(
            f"{where}: 'shape' makes rows of {wanted} = {prod(data.shape)} numbers, "
            f"but a row has {had if len(found) == 1 else f'{had} = {prod(found)}'}."
        )
    return data.shape


def _with_test_part(loaded: Loaded, target: Target, y: Array) -> tuple[Loaded, Array]:
    """Append the source's own test part to its other rows, if it has one."""
    if isinstance(loaded.x, Table) or loaded.x_test is None or loaded.y_test is None:
        return loaded, y
    test_x, test_y, weights = _own_test_part(loaded, target, loaded.x_test, loaded.y_test)
    both = loaded.weights, weights
    if any(one is not None for one in both):
        ones = (np.ones(len(part), np.float32) for part in (y, test_y))
        parts = (other if one is None else one for one, other in zip(both, ones, strict=True))
        loaded = replace(loaded, weights=np.concatenate(list(parts)))
    x = np.concatenate([loaded.x, test_x])
    return replace(loaded, x=x, x_test=None, y_test=None), np.concatenate([y, test_y])


def _held_out(
    loaded: Loaded, target: Target, unscaled: UnscaledRows, partition: Partition
) -> UnscaledRows | None:
    window = unscaled.window
    if partition.test is not None:
        index = partition.test if window is None else rows_of(partition.test, window)
        weights = None if unscaled.weights is None else unscaled.weights[index]
        return replace(unscaled, x=unscaled.x[index], y=unscaled.y[index], weights=weights)
    if loaded.x_test is None or loaded.y_test is None:
        return None
    x, y, weights = _own_test_part(loaded, target, loaded.x_test, loaded.y_test)
    if window is not None:
        starts_of(loaded.where, "the test set", range(len(y)), window)
    return replace(unscaled, x=x, y=y, weights=weights)


def _own_test_part(loaded: Loaded, target: Target, x: Array, raw: Array) -> tuple[Array, Array, Array | None]:
    weights = loaded.weights_test
    if (raw.dtype.kind == "U") != (loaded.y.dtype.kind == "U"):
        raise DataError(f"{loaded.where}: y_train and y_test must both hold numbers or both hold text.")
    y = target.read(raw)
    if target.task != "classification":
        return x, y, weights
    raw, known = plain_classes(raw), plain_classes(loaded.y)
    unknown = ~np.isin(raw, np.unique(known))
    if unknown.any():
        row = int(unknown.argmax())
        raise DataError(
            f"{loaded.where}: y_test[{row}] is the class {str(raw[row])!r}, which is not in y_train."
        )
    kept = np.flatnonzero(y >= 0)
    if not kept.size:
        raise DataError(f"{loaded.where}: the test set has no row of the selected classes.")
    weights = None if weights is None else weights[kept]
    return x if kept.size == len(y) else x[kept], y[kept], weights
