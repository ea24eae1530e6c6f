"""Parts of the rows: a share, a number, the last ones, folds, a file of their own; and windows over them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hpsearch.spec.study_file.parts import Component, Count, OneOf, Part

Text = Annotated[str, Field(min_length=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]


class ShareOfRows(Component):
    """A share of the rows, drawn at random (for classes: stratified)."""

    name = "share"
    scalar = "share"
    share: OpenShare

    def dump(self) -> Any:
        return self.share


class CountOfRows(Component):
    """A number of rows, drawn at random (for classes: stratified)."""

    name = "count"
    scalar = "count"
    count: Count

    def dump(self) -> Any:
        return self.count


class LastRows(Component):
    """The last rows, in the order of the file."""

    name = "last"
    scalar = "last"
    last: Count


class Folds(Component):
    """Cross-validation: each configuration is trained once for each fold."""

    name = "folds"
    scalar = "folds"
    folds: Annotated[int, Field(ge=2, le=100)]


class TestRows(Component):
    """The test part: there is no held-out test part then."""

    name = "test"


class TestFile(Component):
    """The rows of a file of their own, with the columns of the table."""

    name = "file"
    scalar = "file"
    file: Text


class _RowsOf(OneOf):
    """Accept a share or a count of rows as a bare number."""

    def validate(self, raw: Any) -> Component:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return super().validate(raw)
        return self.from_number(CountOfRows if isinstance(raw, int) else ShareOfRows, raw)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        table = super().__get_pydantic_json_schema__(schema, handler)
        return {**table, "anyOf": [{"type": "number", "exclusiveMinimum": 0}, *table["anyOf"]]}


_ROWS: dict[str, type[Component]] = {"share": ShareOfRows, "count": CountOfRows}
Rows = Annotated[Component, _RowsOf("a part of the rows: a share below 1 (0.2) or a number (500)", _ROWS)]
TestPart = Annotated[
    Component,
    _RowsOf(
        "a test set: a share below 1 (0.2) or a number (500), or {file: PATH}",
        {**_ROWS, "file": TestFile},
    ),
]
Validation = Annotated[
    Component,
    _RowsOf(
        "a validation set: a share below 1 (0.2), a number of rows (500), {last: n}, {folds: k} or test",
        {**_ROWS, "last": LastRows, "folds": Folds, "test": TestRows},
    ),
]


class Window(Part):
    """Windows over the rows of a series: the inputs are rows of the past, the target is one of the future."""

    length: Count
    horizon: Count = 1
    stride: Count = 1
    sampling_rate: Count = 1

    @property
    def span(self) -> int:
        """Return how many rows lie between the first and the last input of a window, both included."""
        return (self.length - 1) * self.sampling_rate + 1

    @property
    def reach(self) -> int:
        """Return how many rows lie between a window's first input and its target, both included."""
        return self.span + self.horizon
