"""The names of arrays: `x` and `y`, or those of inputs and targets, as in `x_image` and `y_test_age`."""

from __future__ import annotations

import re
from pathlib import Path

from hpsearch.exceptions import DataError

PARTS = ("train", "test", "val")

_NAMED = re.compile(rf"([xy])_(?:({'|'.join(PARTS)})_)?(.+)", re.DOTALL)


def named_array(array: str) -> tuple[str, str, str] | None:
    """Return what the name of an array stands for: `("x", "train", "image")` for `x_image`.

    Gives None where it is the name of no input and of no target.
    """
    found = _NAMED.fullmatch(array)
    if found is None or array[2:] in PARTS:
        return None
    return found[1], found[2] or "train", found[3]


def named_keys(where: Path | str, found: set[str]) -> dict[str, str] | None:
    """Choose the named inputs and targets among arrays.

    Args:
        where: The source, for the message.
        found: The names of all arrays in it.

    Returns:
        The name in the source of each, by `x_train_NAME` and so on; None where nothing is named.

    Raises:
        DataError: They are named in different ways, or stand beside such without a name.
    """
    named = {array: parts for array in sorted(found) if (parts := named_array(array)) is not None}
    for kind in "xy":
        own = [array for array, parts in named.items() if parts[0] == kind]
        short = [array for array in own if array == f"{kind}_{named[array][2]}"]
        long = [array for array in own if array not in short]
        single = sorted(found & {kind, *(f"{kind}_{part}" for part in PARTS)})
        for others in (single if own else [], long if short else []):
            if others:
                raise DataError(
                    f"{where}: holds {others[0]!r} beside {(short or long)[0]!r}: name every array "
                    f"{kind}_NAME, or {kind}_train_NAME and {kind}_test_NAME where there is a test set."
                )
    return {"_".join(parts): array for array, parts in named.items()} or None
