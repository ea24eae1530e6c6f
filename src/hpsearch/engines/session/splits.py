"""The data of a study in a worker: its own split, and others for those who train on them."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.data import Dataset, RawData, prepared_as
from hpsearch.spec import Confirm
from hpsearch.spec.sections.preparation import Preparation
from hpsearch.training.messages import SplitName


class Splits:
    """Data sets by the names of their splits; at most one beside the study's own is kept.

    Finalists meet the same splits in the same order, so one is enough. The raw data that splits are made from
    is kept where the confirmation asks for others, and else loaded again for one that a confirmation of
    before was trained on. Where configurations differ in how they prepare data, rows are kept in each way.
    """

    def __init__(self, load: Callable[[], RawData], confirm: Confirm) -> None:
        self._load = load
        raw_data = load()
        self.own = raw_data.own()
        self._raw_data = raw_data if confirm.splits == "fresh" or confirm.refit else None
        self._data = raw_data.data
        self._other: tuple[SplitName, Dataset] | None = None
        self._prepared: dict[tuple[SplitName, Preparation], Dataset] = {}

    def of(self, split: SplitName, preparation: Preparation | None = None) -> Dataset:
        """Return the data set of a split, prepared as a configuration says and drawn again if need be.

        Raises:
            DataError: It cannot be drawn or prepared, or its data cannot be loaded.
        """
        dataset, first = self._of(split), self._data.preparation
        wanted = first.model_copy(update={} if preparation is None else preparation.said)
        if wanted == first:
            return dataset
        key = (split, wanted)
        if key not in self._prepared:
            self._prepared[key] = prepared_as(dataset, self._data, wanted)
        return self._prepared[key]

    def _of(self, split: SplitName) -> Dataset:
        if split is None:
            return self.own
        if self._other is None or self._other[0] != split:
            # The one before goes first, so that there are never two.
            self._other = None
            self._prepared = {key: one for key, one in self._prepared.items() if key[0] is None}
            raw_data = self._raw_data or self._load()
            self._other = (split, raw_data.combined() if split == "whole" else raw_data.fresh(split))
        return self._other[1]
