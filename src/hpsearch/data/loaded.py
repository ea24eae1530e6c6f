"""The checked arrays of a source: finite numbers, one target for each row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.data.checks import features, targets, weights
from hpsearch.data.named_inputs import RESERVED, InputLayout, with_joined_inputs
from hpsearch.data.precision import narrowed
from hpsearch.data.table import Table
from hpsearch.data.types import Array, Task
from hpsearch.exceptions import DataError

if TYPE_CHECKING:
    from hpsearch.data.named_targets import TargetLayout


@dataclass(frozen=True, eq=False)
class Loaded:
    """The content of a source before rows are selected, split or scaled.

    Attributes:
        where: The source, with which each error message begins.
        x: (n, *features), or a table.
        y: (n,) numbers or text, or (n, targets) numbers; zeros where the rows are their own targets.
        fingerprint: The SHA-256 of the arrays.
        x_test: The features of the source's own test part.
        y_test: The targets of the source's own test part.
        task: What the source is known to be for.
        names: Names of the classes, by their value in `y`.
        whole: Whether rows are whole numbers that stay so: bags of words, or sequences of tokens.
        targets: The names of several targets; empty for one.
        itself: Whether each row is its own target.
        weights: (n,) float32, the weights of the rows; None where they have none.
        weights_test: The same of the source's own test part.
        named_targets: Several targets by their names, as `y` is for one; with them `y` has zeros.
        named_targets_test: The same of the source's own test part.
        target_layout: The targets that the columns of `y` hold, once they are joined.
        inputs: The named inputs that the flat rows of `x` hold; None where rows have no names.
        tested: How many of the last rows of a table are of a file of their own, its test part.
        notes: What was found of how the files of a table are written.
        table: All columns of a table, also those of targets and weights; None for arrays.
    """

    where: str
    x: Array | Table
    y: Array
    fingerprint: str
    x_test: Array | None = None
    y_test: Array | None = None
    task: Task | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    whole: bool = False
    targets: tuple[str, ...] = ()
    itself: bool = False
    weights: Array | None = None
    weights_test: Array | None = None
    inputs: InputLayout | None = None
    named_targets: Mapping[str, Array] = field(default_factory=dict)
    named_targets_test: Mapping[str, Array] = field(default_factory=dict)
    target_layout: TargetLayout | None = None
    tested: int = 0
    notes: tuple[str, ...] = ()
    table: Table | None = None


def from_arrays(where: str, arrays: Mapping[str, Array], task: Task | None = None) -> Loaded:
    """Check the arrays of a source and bring them into shape.

    Args:
        where: The source, with which each error message begins.
        arrays: `x_train` and `y_train` and, with a test part, `x_test` and `y_test`; for named inputs
            `x_train_NAME` and so on instead; for weights of their rows also `sample_weight` and
            `sample_weight_test`.
        task: What the source is known to be for.

    Returns:
        The arrays; `x` stays uint8 or becomes float32, or float64 where float32 would lose something.

    Raises:
        DataError: They do not belong together, or are no finite numbers.
    """
    joined, inputs = with_joined_inputs(where, arrays)
    checked = {key: _checked(where, key, array) for key, array in joined.items()}
    named, test_named = (_named_targets(where, checked, part, inputs) for part in ("train", "test"))
    _parts_agree(where, checked)
    x, x_test, y = checked["x_train"], checked.get("x_test"), checked["y_train"]
    if x.dtype != np.uint8:
        x = narrowed(x)
    if x_test is not None and x_test.dtype != np.uint8:
        x_test = x_test.astype(x.dtype if x.dtype.kind == "f" else np.float32)
    return Loaded(
        where,
        x,
        y,
        fingerprint(arrays),
        x_test,
        checked.get("y_test"),
        task,
        targets=tuple(map(str, range(y.shape[1]))) if y.ndim == 2 else (),
        weights=checked.get("sample_weight"),
        weights_test=checked.get("sample_weight_test"),
        inputs=inputs,
        named_targets=named,
        named_targets_test=test_named,
    )


def _parts_agree(where: str, checked: Mapping[str, Array]) -> None:
    _lengths_agree(where, checked, "x_train", "y_train")
    if "sample_weight" in checked:
        _lengths_agree(where, checked, "x_train", "sample_weight")
    if "x_test" in checked:
        _lengths_agree(where, checked, "x_test", "y_test")
        _shapes_agree(where, checked, "x")
        _shapes_agree(where, checked, "y")
    if "sample_weight_test" in checked:
        _lengths_agree(where, checked, "x_test", "sample_weight_test")


def _named_targets(
    where: str, checked: dict[str, Array], part: str, inputs: InputLayout | None
) -> dict[str, Array]:
    """Take the named targets of a part, of one length, and put zeros in the place of a single one."""
    prefix = f"y_{part}_"
    named = {key.removeprefix(prefix): checked[key] for key in list(checked) if key.startswith(prefix)}
    for name, y in named.items():
        if not name.isidentifier() or name in RESERVED:
            raise DataError(
                f"{where}: expected the name of a target behind y_: letters, digits and _, but none of "
                f"{', '.join(RESERVED)}; found {name!r}."
            )
        if inputs is not None and name in [one.name for one in inputs.inputs]:
            raise DataError(f"{where}: an input and a target are both called {name!r}: rename one of them.")
        if len(y) != len(checked[f"x_{part}"]):
            raise DataError(
                f"{where}: there are {len(checked[f'x_{part}'])} rows, but y_{name} has {len(y)}."
            )
        checked[f"y_{part}"] = np.zeros(len(y), np.float32)
    return named


def of_themselves(loaded: Loaded) -> Loaded:
    """Return a source whose rows are their own targets."""
    y = np.zeros(len(loaded.y), np.float32)
    y_test = None if loaded.y_test is None else np.zeros(len(loaded.y_test), np.float32)
    return replace(loaded, y=y, y_test=y_test, task="regression", names={}, targets=(), itself=True)


def fingerprint(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of arrays with their names, shapes and dtypes, as hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _checked(where: str, key: str, array: Array) -> Array:
    check = features if key.startswith("x") else weights if key.startswith("sample") else targets
    return check(where, key, array)


def _lengths_agree(where: str, arrays: Mapping[str, Array], x: str, y: str) -> None:
    if len(arrays[x]) != len(arrays[y]):
        raise DataError(f"{where}: {x} has {len(arrays[x])} rows, but {y} has {len(arrays[y])}.")


def _shapes_agree(where: str, arrays: Mapping[str, Array], name: str) -> None:
    train, test = (arrays[f"{name}_{part}"].shape[1:] for part in ("train", "test"))
    if train != test:
        raise DataError(f"{where}: a row of {name}_train has shape {train}, but one of {name}_test {test}.")
