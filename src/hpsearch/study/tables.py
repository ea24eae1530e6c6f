"""What a study found as tables of columns, which other libraries take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.exceptions import HpsearchError
from hpsearch.store.record import StudyRecord

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Tabular(ABC):
    """Something that is a table, too."""

    @abstractmethod
    def columns(self) -> dict[str, list[Any]]:
        """Return the columns, all of the same length."""

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table, which polars, DuckDB and others take without copying.

        A column that mixes numbers and words, as a choice may, is one of words.
        """
        import pyarrow as pa

        return pa.table({name: _arrow(column) for name, column in self.columns().items()})

    def to_pandas(self) -> pd.DataFrame:
        """Return a table of pandas.

        Raises:
            HpsearchError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise HpsearchError(
                "to_pandas needs pandas, which hpsearch does without: pip install pandas, or give "
                "to_arrow() or columns() to another library"
            ) from None
        return pd.DataFrame(self.columns())


def _arrow(column: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in column])


class Curves(Tabular):
    """The learning curves of the trials that ended: a row for each epoch, a column for each metric."""

    def __init__(self, record: StudyRecord) -> None:
        self._trials = [trial for trial in record.trials if trial.history]
        self._metrics = list(dict.fromkeys(name for trial in self._trials for name in trial.history))

    def __repr__(self) -> str:
        return f"<the curves of {len(self._trials):,} trials: {', '.join(self._metrics) or 'none'}>"

    def columns(self) -> dict[str, list[Any]]:
        """Return the number of the trial, the epoch from 1, and each metric, None where it was not finite."""
        lengths = [max(map(len, trial.history.values())) for trial in self._trials]
        numbers = zip(self._trials, lengths, strict=True)
        return {
            "number": [trial.number for trial, length in numbers for _ in range(length)],
            "epoch": [epoch for length in lengths for epoch in range(1, length + 1)],
            **{name: self._metric(name, lengths) for name in self._metrics},
        }

    def _metric(self, name: str, lengths: Sequence[int]) -> list[float | None]:
        curves = [trial.history.get(name, ()) for trial in self._trials]
        padded = [
            (*curve, *[None] * (length - len(curve))) for curve, length in zip(curves, lengths, strict=True)
        ]
        return [value for curve in padded for value in curve]
