"""What a wrong value was most likely meant to be: candidates, of which the first that is accepted is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hpsearch.spec.sections.data import KERAS, SKLEARN
from hpsearch.spec.study_file.distributions import HIGHS, LOWS, RESERVED
from hpsearch.spec.study_file.source import Place

Accepts = Callable[[Place, Any], bool]
"""Tell whether a study with another value in a place has nothing wrong there."""

Candidate = tuple[Place, Any]

ALIASES: Mapping[str, str] = {
    "lr": "learning_rate",
    "batch": "batch_size",
    "bs": "batch_size",
    "optim": "optimizer",
    "scheduler": "schedule",
    "n_trials": "trials",
    "max_trials": "trials",
    "direction": "metric",
    "objective": "metric",
    "validation_split": "validation",
    "normalize": "standardize",
    "scale": "standardize",
    "label": "target",
    "path": "csv",
    "file": "csv",
    "loss": "val_loss",
    "acc": "accuracy",
    "auc": "roc_auc",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "logloss": "neg_log_loss",
    "log_loss": "neg_log_loss",
    "mcc": "matthews_corrcoef",
    "kaiming": "he_normal",
    "xavier": "glorot_uniform",
    "bayesian": "tpe",
    "bayes": "tpe",
    "bayesian_optimization": "tpe",
    "hyperband": "successive_halving",
    "asha": "successive_halving",
    "float": "uniform",
    "suggest_float": "uniform",
    "quniform": "uniform",
    "range": "uniform",
    "loguniform": "log_uniform",
    "suggest_int": "int",
    "randint": "int",
    "integer": "int",
    "logint": "log_int",
    "categorical": "choice",
    "suggest_categorical": "choice",
    "values": "choice",
    "grid_search": "choice",
    "options": "choice",
    "oneof": "choice",
    "one_of": "choice",
}
"""What people bring from other tools, and its name here; told only where that name is valid."""

_FOLDS = "cross-validation is written as 'validation: {folds: 5}'"

REMARKS: Mapping[str, str] = {
    "folds": _FOLDS,
    "kfold": _FOLDS,
    "cv": _FOLDS,
    "output_activation": (
        "the activation of the output follows from the task: softmax for classification, none for regression"
    ),
}
"""Keys that other tools have, and why there is none here."""

LONGEST = 150
"""Letters of a value that a message spells out."""

_WORDS = {"yes": True, "on": True, "no": False, "off": False, "true": True, "false": False}
_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", re.IGNORECASE)
_DATA_SETS = {"sklearn": SKLEARN, "keras": KERAS}
_TIMES = ("timeout", "trial_timeout")


def remedy_of(place: Place, found: Any, data: Any, accepts: Accepts) -> str | None:
    """Propose what to write instead of what was found in a place; None if no candidate is accepted.

    Args:
        place: The place in the study file.
        found: The invalid value.
        data: The whole study file.
        accepts: Tells whether a value is valid in a place.
    """
    for where, value in candidates(place, found, data):
        written = in_one_line(value)
        if len(written) <= LONGEST and accepts(where, value):
            at = "" if where == place else f" for {'.'.join(map(str, where))}"
            return f"write {written}{at}"
    return None


def candidates(place: Place, found: Any, data: Any) -> Iterator[Candidate]:
    """List what may have been meant, the most likely first."""
    if isinstance(found, list):
        yield from _of_list(place, found, data)
    elif isinstance(found, dict):
        yield from ((place, value) for value in _of_mapping(found))
        yield place, [found]
    elif isinstance(found, str):
        yield from _of_data_set(place, found, data)
        yield from ((place, value) for value in _of_text(place, found))
        yield place, [found]
    elif found is not None:
        yield place, [found]
        if found is False:
            yield place, "none"


def _of_list(place: Place, found: list[Any], data: Any) -> Iterator[Candidate]:
    around = item_of(data, place[:-1])
    if isinstance(around, list) and all(isinstance(item, list) for item in around):
        yield place[:-1], {"choice": around}
    yield place, {"choice": found}


def _of_mapping(found: dict[Any, Any]) -> Iterator[Any]:
    if len(found) > 1:
        yield from _of_bounds("uniform", found)
        yield {"choice": [{key: value} for key, value in found.items()]}
        return
    for word, arguments in found.items():
        name = ALIASES.get(str(word).lower(), str(word).lower())
        for reserved in dict.fromkeys((name, *_near(name))):
            if reserved in RESERVED:
                yield from _of_distribution(reserved, arguments)


def _near(name: str) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, RESERVED, n=1, cutoff=0.6)


def _of_distribution(word: str, arguments: Any) -> Iterator[Any]:
    if isinstance(arguments, dict):
        yield from _of_bounds(word, arguments)
    if not isinstance(arguments, list):
        return
    yield {word: arguments}
    numbers = [_number(item) for item in arguments]
    if all(number is not None for number in numbers):
        yield {word: numbers}
        if len(numbers) == 2:
            yield {word: numbers[::-1]}
        yield from _of_decimal_commas(word, arguments)
    if len(arguments) == 1 and isinstance(arguments[0], str):
        parts = [_number(part) for part in re.split(r"[\s;]+|\.\.+", arguments[0].strip())]
        if None not in parts:
            yield {word: parts}


def _of_decimal_commas(word: str, arguments: list[Any]) -> Iterator[Any]:
    """Read `[0,0, 0,5]` as `[0.0, 0.5]`."""
    if len(arguments) == 4 and all(isinstance(item, int) and item >= 0 for item in arguments):
        whole, part = arguments[::2], arguments[1::2]
        yield {word: [float(f"{a}.{b}") for a, b in zip(whole, part, strict=True)]}


def _of_bounds(word: str, arguments: dict[Any, Any]) -> Iterator[Any]:
    """Read `{low: 0, high: 1}` and its likes, as other tools have them."""
    low = next((arguments[key] for key in LOWS if key in arguments), None)
    high = next((arguments[key] for key in HIGHS if key in arguments), None)
    if low is None or high is None:
        return
    step = arguments.get("step")
    log = arguments.get("log") is True or arguments.get("sampling") == "log"
    kind = "int" if arguments.get("type") == "int" else word
    name = f"log_{kind}" if log and not kind.startswith("log_") else kind
    yield {name: [low, high, *([step] if step else [])]}


def _of_text(place: Place, found: str) -> Iterator[Any]:
    if place == ("data",):
        yield from (f"{source}:{found}" for source, names in _DATA_SETS.items() if found in names)
    number = _number(found)
    if number is not None:
        yield number
    if found.lower() in _WORDS:
        yield _WORDS[found.lower()]
    match = _TIME.fullmatch(found)
    if match and place[-1:] and place[-1] in _TIMES and match[2].lower() in _SECONDS:
        seconds = float(match[1]) * _SECONDS[match[2].lower()]
        yield int(seconds) if seconds.is_integer() else seconds
    if found.rstrip().endswith("%") and (share := _number(found.rstrip()[:-1])) is not None:
        yield share / 100
    decimal = _number(found.replace(",", ".", 1))
    if decimal is not None:
        yield decimal


def _of_data_set(place: Place, found: str, data: Any) -> Iterator[Candidate]:
    """Find a data set that another source has."""
    if len(place) == 2 and place[0] == "data" and place[1] in _DATA_SETS:
        rest = {key: value for key, value in item_of(data, place[:1]).items() if key != place[1]}
        for source, names in _DATA_SETS.items():
            if found in names:
                yield place[:1], {source: found, **rest}


def _number(raw: Any) -> int | float | None:
    """Read what is a number, or a text that holds one."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or "_" in str(raw):
        return None
    if not isinstance(raw, str):
        return raw
    for kind in (int, float):
        try:
            return kind(raw)
        except ValueError:
            continue
    return None


def item_of(data: Any, place: Place) -> Any:
    """Return what stands in a place of plain data; None where there is no such place."""
    for key in place:
        try:
            data = data[key]
        except (LookupError, TypeError):
            return None
    return data


def in_one_line(value: Any) -> str:
    """Write plain data as YAML on one line."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{in_one_line(str(key))}: {in_one_line(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(in_one_line, value)) + "]"
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Za-z_][\w ]*\w|[A-Za-z_]", value) else json.dumps(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return repr(value)
