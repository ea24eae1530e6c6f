"""The data section: where the rows come from and how they are split and scaled."""

from __future__ import annotations

import codecs
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from hpsearch.spec.sections.columns import ColumnKinds
from hpsearch.spec.sections.named_targets import TargetTasks
from hpsearch.spec.sections.parts_of_rows import (
    Folds,
    LastRows,
    Rows,
    ShareOfRows,
    TestFile,
    TestPart,
    Validation,
    Window,
)
from hpsearch.spec.sections.preparation import Preparation
from hpsearch.spec.sections.scaling import FeatureScaling
from hpsearch.spec.sections.streamed import StreamedBatches, check_streamed
from hpsearch.spec.sections.target_transform import TargetTransform
from hpsearch.spec.study_file.distributions import Searchable, alternatives, problem
from hpsearch.spec.study_file.parts import Count, Listed, Part, PerLayer, Positive

Text = Annotated[str, Field(min_length=1)]

SKLEARN = ("digits", "wine", "breast_cancer", "iris", "diabetes")
KERAS = ("mnist", "fashion_mnist", "cifar10", "reuters", "imdb", "california_housing")
ITSELF = "x"
"""The target that stands for the rows themselves."""

FRAME = "table.arrow"
"""The file in a folder of `arrays` that holds a table which was given in memory, with its target column."""

TEXTS = ("imdb", "reuters")
"""Data sets of texts, which are bags of words or sequences of tokens."""

SHORT = ("sklearn", "keras", "npz", "csv", "table")
"""Sources that can be written as `SOURCE:NAME`."""

TABLES = ("csv", "table")
"""Sources whose rows are those of files with named columns."""

BY_COLUMN = ("group", "time", "stratify")
"""Options that name a column by which rows are split."""

TABLE_OPTIONS = (
    "separator",
    "decimal",
    "thousands",
    "encoding",
    "header",
    "columns",
    "drop",
    "missing_indicators",
    *BY_COLUMN,
)
"""Options that only tables have."""

SOURCES = (*SHORT, "arrays", "images", "random_normal")


def _factor(raw: Any) -> Any:
    """Read a factor that is written as a fraction, such as 1/255."""
    if not isinstance(raw, str):
        return raw
    top, slash, bottom = raw.partition("/")
    try:
        return float(top) / float(bottom) if slash else raw
    except (ValueError, ZeroDivisionError):
        return raw


def _class_name(raw: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(raw)
    except ValidationError:
        raise problem("the name of a class: text or a whole number") from None


ClassName = Annotated[int | str, WrapValidator(_class_name)]


_FACTOR = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": "/"}, {"type": "null"}]
}


def _one_character(raw: Any) -> Any:
    named = {"tab": "\t", "blank": " "}.get(raw, raw) if isinstance(raw, str) else raw
    if not isinstance(named, str) or len(named) != 1 or named.isalnum() or named in '"\n\r':
        raise problem('one character, such as ";", or tab or blank', found=repr(raw))
    return named


def _known_encoding(raw: Any) -> Any:
    try:
        return codecs.lookup(raw).name
    except (LookupError, TypeError, ValueError):
        raise problem("an encoding of text, such as utf-8, latin-1 or cp1252", found=repr(raw)) from None


Separator = Annotated[str, BeforeValidator(_one_character)]
Encoding = Annotated[str, BeforeValidator(_known_encoding)]


class RandomRows(Part):
    """Rows of independent standard normal features, and classes that have nothing to do with them."""

    rows: Count
    features: Count
    classes: Annotated[int, Field(ge=2, le=10**6)]


class Data(Part):
    """One data set, and how it is prepared.

    Exactly one of `sklearn`, `keras`, `npz`, `csv`, `table`, `arrays`, `images` and `random_normal` names
    it; `sklearn:digits` is short for `{sklearn: digits}`. The other fields are options.
    """

    unwritten = frozenset({"clamp", "header", "missing_indicators"})

    sklearn: Literal["digits", "wine", "breast_cancer", "iris", "diabetes"] | None = None
    keras: Literal["mnist", "fashion_mnist", "cifar10", "reuters", "imdb", "california_housing"] | None = None
    npz: Text | None = None
    csv: PerLayer[Text] | None = None
    table: PerLayer[Text] | None = None
    arrays: Text | None = None
    stream: StreamedBatches | None = None
    images: Text | None = None
    random_normal: RandomRows | None = None
    separator: Separator | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Separator | None = None
    encoding: Encoding | None = None
    header: bool = True
    target: PerLayer[Text] | None = None
    weight: Text | None = None
    columns: ColumnKinds | None = None
    drop: Listed[Text] | None = None
    missing_indicators: bool = False
    window: Window | None = None
    task: Literal["auto", "classification", "regression", "multilabel"] = "auto"
    tasks: TargetTasks | None = None
    validation: Validation = ShareOfRows(share=0.2)
    test: TestPart | None = None
    standardize: bool = False
    scaling: Searchable[FeatureScaling] | None = None
    rescale: Annotated[Positive | None, BeforeValidator(_factor), WithJsonSchema(_FACTOR)] = None
    target_transform: Searchable[TargetTransform] | None = None
    clamp: bool = False
    classes: Listed[ClassName] | None = None
    subset: Rows | None = None
    shape: Listed[Count] | None = None
    size: Listed[Count] | None = None
    channels: Literal[1, 3] | None = None
    num_words: Annotated[int, Field(ge=1, le=10**6)] = 10_000
    sequence: Annotated[int, Field(ge=1, le=10**6)] | None = None
    group: Text | None = None
    time: Text | None = None
    stratify: Text | None = None
    split_seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        source, colon, name = raw.partition(":")
        if not colon or source not in SHORT or not name:
            expected = (
                "a data set: sklearn:NAME, keras:NAME, npz:PATH, csv:PATH, table:PATH, "
                "{images: DIR, size: [64, 64]} or {random_normal: {...}}"
            )
            raise problem(expected, found=repr(raw))
        return {source: name}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [source for source in SOURCES if getattr(self, source) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none of them"
            expected = (
                "exactly one of 'sklearn', 'keras', 'npz', 'csv', 'table', 'arrays', 'images' and "
                "'random_normal'"
            )
            raise problem(expected, found=found)
        if self.tables and self.target is None:
            raise problem(f"'target', the name of the column to predict, with {named[0]}", found="no target")
        if not self.tables and self.target not in (None, ITSELF):
            expected = "'target: x', the rows themselves; other targets are columns, only with csv"
            raise problem(expected, found=f"target with {named[0]}")
        return self

    @model_validator(mode="after")
    def _tables_have_options(self) -> Self:
        for name in () if self.tables else TABLE_OPTIONS:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise problem(f"{name!r} only with csv or table", found=self.source, at=(name,))
        if isinstance(self.test, TestFile) and not self.tables:
            raise problem("a test set in a file only with csv or table", found=self.source, at=("test",))
        for name, _ in () if self.columns is None else self.columns.items():
            if name in (self.drop or ()):
                raise problem(f"{name!r} either in 'columns' or in 'drop'", at=("columns", name))
        if self.decimal is not None and self.decimal == self.thousands:
            raise problem("two different characters as 'decimal' and 'thousands'", at=("thousands",))
        return self

    @model_validator(mode="after")
    def _scaling_is_said_once(self) -> Self:
        if self.standardize and self.scaling is not None:
            expected = "'scaling' without 'standardize', which is short for 'scaling: standard'"
            raise problem(expected, found="both", at=("scaling",))
        return self

    @model_validator(mode="after")
    def _weights_are_a_column(self) -> Self:
        if self.weight is None:
            return self
        if not self.tables:
            expected = "'weight', a column, only with csv (arrays have their weights in sample_weight)"
            raise problem(expected, found=f"weight with {self.source}", at=("weight",))
        if self.weight in self.targets:
            raise problem(
                "another column than the target as 'weight'", found=repr(self.weight), at=("weight",)
            )
        return self

    @model_validator(mode="after")
    def _a_row_can_be_its_own_target(self) -> Self:
        if self.tables or self.target != ITSELF:
            return self
        for name in ("sequence", "window", "classes", "random_normal", "target_transform"):
            if getattr(self, name) is not None:
                raise problem(f"no {name!r} with 'target: x'", at=(name,))
        if len(self.scalings) > 1:
            expected = "one 'scaling' with 'target: x', whose losses could not be compared otherwise"
            raise problem(expected, found="a choice", at=("scaling",))
        if self.task not in ("auto", "regression"):
            raise problem("regression with 'target: x'", found=self.task, at=("task",))
        return self

    @model_validator(mode="after")
    def _a_stream_is_taken_as_it_is(self) -> Self:
        check_streamed(self)
        return self

    @model_validator(mode="after")
    def _images_have_one_size(self) -> Self:
        if self.images is None:
            for name in ("size", "channels"):
                if getattr(self, name) is not None:
                    raise problem(f"{name!r} only with images", found=self.source, at=(name,))
        elif self.size is None or len(self.size) != 2:
            found = "no size" if self.size is None else f"{len(self.size)} numbers"
            expected = "the height and width that all images get, as in 'size: [64, 64]'"
            raise problem(expected, found=found, at=("size",) if self.size else ())
        return self

    @property
    def decoded(self) -> tuple[int, int, int] | None:
        """Return the height, the width and the channels of the images; None for other data."""
        if self.size is None:
            return None
        height, width = self.size
        return height, width, self.channels or 3

    @model_validator(mode="after")
    def _tokens_stay_whole(self) -> Self:
        if self.sequence is None:
            return self
        if self.keras not in TEXTS:
            expected = f"keras: {' or '.join(TEXTS)} with 'sequence'"
            raise problem(expected, found=self.source, at=("sequence",))
        for name in ("standardize", "scaling", "rescale"):
            if getattr(self, name) and (name != "scaling" or self.is_scaled):
                raise problem(f"no {name!r} with 'sequence', whose numbers name words", at=(name,))
        return self

    @model_validator(mode="after")
    def _rows_are_split_by_one_column(self) -> Self:
        first, *others = [name for name in BY_COLUMN if getattr(self, name) is not None] or (None,)
        if first is None:
            return self
        if others:
            raise problem(
                "one of 'group', 'time' and 'stratify'", found=f"{first} and {others[0]}", at=(first,)
            )
        if self.window is not None:
            raise problem(f"no {first!r} with 'window', which splits by the order of rows", at=(first,))
        unsuited = Folds if first == "time" else LastRows
        if isinstance(self.validation, unsuited):
            expected = "a share or a number of rows" + (" or {folds: k}" if first != "time" else "")
            raise problem(f"{expected} with {first!r}", found=unsuited.name, at=("validation",))
        return self

    @model_validator(mode="after")
    def _windows_keep_the_order(self) -> Self:
        if self.window is None:
            return self
        if not self.tables and self.npz is None and self.arrays is None:
            expected = "csv, npz or arrays with 'window': rows in the order of time"
            raise problem(expected, found=self.source, at=("window",))
        if isinstance(self.validation, Folds):
            expected = "the last rows (0.2, 500 or {last: n}) with 'window', which keeps the order of time"
            raise problem(expected, found=f"{{folds: {self.validation.folds}}}", at=("validation",))
        for name in ("classes", "subset", "shape"):
            if getattr(self, name) is not None:
                raise problem(f"no {name!r} with 'window', which needs all rows as they are", at=(name,))
        return self

    @property
    def scalings(self) -> tuple[str, ...]:
        """Return the names of the scalings of features that trials may have, the first one as the default."""
        if self.scaling is None:
            return ("standard" if self.standardize else "none",)
        return tuple(one.name for one in alternatives(self.scaling))

    @property
    def prepared(self) -> dict[str, Any]:
        """Return what is said of preparing and may be searched, by the names of the fields."""
        given = ((name, getattr(self, name)) for name in Preparation.model_fields)
        return {name: value for name, value in given if value is not None}

    @property
    def preparation(self) -> Preparation:
        """Return the first way to prepare rows and targets that is said."""
        return Preparation(**{name: alternatives(value)[0] for name, value in self.prepared.items()})

    @property
    def preparations(self) -> int:
        """Return in how many ways trials may prepare rows and targets."""
        return len(self.scalings) * len(alternatives(self.target_transform))

    @property
    def is_scaled(self) -> bool:
        """Return whether features are scaled by more than a factor, at least in some trials."""
        return self.scalings != ("none",)

    @property
    def is_its_own_target(self) -> bool:
        """Return whether the targets are the rows themselves."""
        return not self.tables and self.target == ITSELF

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the files of a table, or patterns of their names; empty for other data."""
        if self.arrays is not None and self.target not in (None, ITSELF):
            return (str(PurePath(self.arrays) / FRAME),)
        given = self.csv or self.table
        return (given,) if isinstance(given, str) else given or ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the names of the columns to predict; empty where there are none."""
        if self.target is None:
            return ()
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def source(self) -> str:
        """Name the data set as the short form does, such as `sklearn:digits`."""
        made = self.random_normal
        if made is not None:
            return f"random_normal: {made.rows} rows, {made.features} features, {made.classes} classes"
        if self.arrays is not None:
            # The folder is named after its content, whatever machine it is on.
            return f"arrays:{PurePath(self.arrays).name}"
        if self.tables:
            return f"{'csv' if self.csv else 'table'}:{', '.join(self.tables)}"
        return next(f"{name}:{getattr(self, name)}" for name in (*SHORT, "images") if getattr(self, name))
