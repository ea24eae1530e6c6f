"""Several inputs of a model, as named arrays: kept as one array of flat rows, and cut into inputs again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import prod

import numpy as np

from hpsearch.data.array_names import named_array
from hpsearch.data.checks import features, meant
from hpsearch.data.types import Array
from hpsearch.exceptions import DataError
from hpsearch.spec import Data

LARGEST_WHOLE = 2**24
"""float32, in which rows are kept, has every whole number up to this."""

RESERVED = ("rows", "rescale", "standardize", "curve", "predictions", "joined")
"""Names of the layers of an exported model."""


@dataclass(frozen=True)
class NamedInput:
    """One input of a model.

    Attributes:
        name: The name of the model's input, and of the array behind `x_`.
        shape: The shape of a row.
        whole: Whether it holds whole numbers of more than 8 bits, or true and false: they name something, as
            tokens do, and are not scaled.
    """

    name: str
    shape: tuple[int, ...]
    whole: bool = False

    @property
    def size(self) -> int:
        """Return how many numbers a row has."""
        return prod(self.shape)


@dataclass(frozen=True)
class InputLayout:
    """The inputs of a model in the order in which their numbers stand in a flat row.

    Raises:
        ValueError: There is none, or two have the same name.
    """

    inputs: tuple[NamedInput, ...]

    def __post_init__(self) -> None:
        if not self.inputs or len({one.name for one in self.inputs}) < len(self.inputs):
            raise ValueError("inputs have names of their own")

    @classmethod
    def of(cls, where: str, arrays: Mapping[str, Array]) -> InputLayout:
        """Return the layout of arrays, by the names of the inputs.

        Raises:
            DataError: A name or an array cannot be that of an input.
        """
        return cls(tuple(_input(where, name, arrays[name]) for name in arrays))

    @property
    def width(self) -> int:
        """Return how many numbers a flat row has."""
        return sum(one.size for one in self.inputs)

    @property
    def unscaled(self) -> Array:
        """Return which numbers of a flat row are never scaled: (width,) bool."""
        return np.concatenate([np.full(one.size, one.whole) for one in self.inputs])

    def places(self) -> Iterator[tuple[NamedInput, slice]]:
        """Iterate over the inputs, each with its place in a flat row."""
        ends = accumulate(one.size for one in self.inputs)
        for one, end in zip(self.inputs, ends, strict=True):
            yield one, slice(end - one.size, end)

    def check_options(self, where: str, data: Data) -> None:
        """Check that a study asks for nothing that is for a single array of rows alone.

        Raises:
            DataError: It does.
        """
        for option in ("shape", "window"):
            if getattr(data, option) is not None:
                raise DataError(
                    f"{where}: {option!r} is for a single array of rows, and these are named inputs: bring "
                    "them into their shapes before they are saved."
                )

    def notes_on_scaling(self) -> Iterator[str]:
        """Name the inputs that are not scaled."""
        for name in (one.name for one in self.inputs if one.whole):
            yield f"x_{name} holds whole numbers, which stay unscaled; give floats to have them scaled"

    def cut(self, x: Array) -> dict[str, Array]:
        """Return the inputs of flat rows: (n, *shape) each."""
        return {one.name: x[:, place].reshape(len(x), *one.shape) for one, place in self.places()}

    def joined(self, where: str, arrays: Mapping[str, Array]) -> Array:
        """Return arrays as flat rows.

        Args:
            where: The source, with which each message begins.
            arrays: (n, *shape) by the names of the inputs.

        Returns:
            (n, width): uint8 where all arrays are, else float32 or float64.

        Raises:
            DataError: An array is missing or unknown, has another shape, or holds no fitting numbers.
        """
        self._names_agree(where, arrays)
        parts = [self._flat(where, one, arrays[one.name]) for one in self.inputs]
        first = self.inputs[0].name
        for one, part in zip(self.inputs, parts, strict=True):
            if len(part) != len(parts[0]):
                raise DataError(
                    f"{where}: x_{first} has {len(parts[0])} rows, but x_{one.name} has {len(part)}."
                )
        if all(part.dtype == np.uint8 for part in parts):
            return np.concatenate(parts, axis=1)
        wide = any(part.dtype.itemsize > 2 and part.dtype != np.float32 for part in parts)
        return np.concatenate(parts, axis=1, dtype=np.float64 if wide else np.float32)

    def _names_agree(self, where: str, arrays: Mapping[str, Array]) -> None:
        known = {one.name: None for one in self.inputs}
        missing = [f"x_{name}" for name in known if name not in arrays]
        if missing:
            shown = ", ".join(f"x_{name}" for name in arrays) or "nothing"
            raise DataError(f"{where}: lacks {' and '.join(missing)}; it holds {shown}.")
        for name in arrays:
            if name not in known:
                listed = ", ".join(f"x_{one}" for one in known)
                raise DataError(
                    f"{where}: expected {listed}; found x_{name}{meant(name, known)}, which would be unused."
                )

    @staticmethod
    def _flat(where: str, one: NamedInput, array: Array) -> Array:
        x = _rows(where, one.name, array)
        if x.shape[1:] != one.shape:
            raise DataError(
                f"{where}: expected rows of the shape {one.shape} in x_{one.name}; found {x.shape[1:]}."
            )
        if one.whole and np.abs(x.astype(np.float64)).max() > LARGEST_WHOLE:
            raise DataError(
                f"{where}: x_{one.name} holds whole numbers above {LARGEST_WHOLE:,}, which float32 cannot "
                "tell apart: number what they stand for from 0, or give them as floats."
            )
        return x.reshape(len(x), -1)


def _input(where: str, name: str, array: Array) -> NamedInput:
    if not name.isidentifier() or name in RESERVED:
        raise DataError(
            f"{where}: expected the name of an input behind x_: letters, digits and _, but none of "
            f"{', '.join(RESERVED)}; found {name!r}."
        )
    x = _rows(where, name, array)
    whole = x.dtype.kind == "b" or (x.dtype.kind in "iu" and x.dtype != np.uint8)
    return NamedInput(name, tuple(map(int, x.shape[1:])), whole)


def _rows(where: str, name: str, array: Array) -> Array:
    """Return an array that was checked; a number for each row is a row of one."""
    return features(where, f"x_{name}", array[:, None] if array.ndim == 1 else array)


def with_joined_inputs(
    where: str, arrays: Mapping[str, Array]
) -> tuple[dict[str, Array], InputLayout | None]:
    """Join the named inputs of each part into `x_train` and so on; return their layout, None without any.

    Raises:
        DataError: They do not belong together.
    """
    parts: dict[str, dict[str, Array]] = {}
    others = {}
    for key, array in arrays.items():
        named = named_array(key)
        if named is None or named[0] != "x":
            others[key] = array
        else:
            parts.setdefault(named[1], {})[named[2]] = array
    if not parts:
        return others, None
    layout = InputLayout.of(where, parts.get("train", {}))
    return {**{f"x_{part}": layout.joined(where, given) for part, given in parts.items()}, **others}, layout


def with_validation_of_inputs(where: str, named: Mapping[str, Array]) -> tuple[dict[str, Array], int | None]:
    """Append the validation part of each input and of the targets, if there is one, to the training part.

    Args:
        where: The source, with which each message begins.
        named: The arrays, by `x_train_NAME`, `x_val_NAME`, `y_train`, `y_val` and so on.

    Returns:
        The arrays, and how many of the last training rows are the validation part.

    Raises:
        DataError: An array of one part is missing in the other, or is of another kind there.
    """

    def of(part: str) -> dict[str, str]:
        own = [name for name in named if name.startswith((f"x_{part}", f"y_{part}"))]
        return {name.replace(f"_{part}", "", 1): name for name in own}

    train, validated = of("train"), of("val")
    if not validated:
        return dict(named), None
    for name in sorted(train.keys() ^ validated.keys()):
        lacking = "validation" if name in train else "training"
        raise DataError(f"{where}: lacks {name} in the {lacking} part, and the other part has it.")
    pairs = {train[name]: (named[train[name]], named[validated[name]]) for name in train}
    rows = {name: len(after) for name, (_, after) in pairs.items()}
    for name, (before, after) in pairs.items():
        text = {array.dtype.kind == "U" for array in (before, after)}
        alike = before.shape[1:] == after.shape[1:] and len(text) == 1
        if not alike or rows[name] != next(iter(rows.values())):
            raise DataError(
                f"{where}: expected a validation part of {name} with as many rows as the others, and rows as "
                f"in training, {before.shape[1:]} of {before.dtype}; found {after.shape} of {after.dtype}."
            )
    others = {name: array for name, array in named.items() if name not in validated.values()}
    return {**others, **{name: np.concatenate(pair) for name, pair in pairs.items()}}, max(rows.values())
