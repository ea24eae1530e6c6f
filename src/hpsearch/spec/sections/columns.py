"""What a study says of the columns of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, model_validator

from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.named_values import NamedValues
from hpsearch.spec.study_file.parts import Component, OneOf, bare


class DateColumn(Component):
    """A date or a time of day, in a form of `strptime`; by default in the one that is found."""

    name = "date"
    scalar = "form"
    form: Annotated[str, Field(min_length=2)] | None = None

    def dump(self) -> Any:
        return self.name if self.form is None else super().dump()


_KINDS: dict[str, type[Component]] = {
    **{name: bare(name) for name in ("number", "category", "boolean", "text", "drop")},
    "date": DateColumn,
}
KindOfColumn = Annotated[Component, OneOf("the kind of a column: a word", _KINDS)]


class ColumnKinds(NamedValues):
    """The kinds of some columns, by their names; those of the others are found."""

    __pydantic_extra__: dict[str, KindOfColumn] = Field(init=False)

    @model_validator(mode="wrap")
    @classmethod
    def _unknown_keys_are_named(cls, raw: Any, handler: Callable[[Any], Any]) -> Any:
        """Take every key: what columns there are is known when the table is read."""
        if raw == {}:
            raise problem("at least one column, by its name", found="none")
        return handler(raw)

    def of(self, name: str) -> Component | None:
        """Return what is said of a column; None if nothing is."""
        return dict(self.items()).get(name)
