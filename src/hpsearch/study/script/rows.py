"""The rows of a study as plain code: loading, splitting and scaling."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from hpsearch.data import Dataset
from hpsearch.data.curves import EXTREME, LIMIT, NormalScores
from hpsearch.data.encoding import Column
from hpsearch.data.notation import PLAIN
from hpsearch.data.partition import random_state, rows_in
from hpsearch.data.readers.dialect import SEPARATORS
from hpsearch.data.readers.npz import KNOWN
from hpsearch.data.table import MISSING
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Data
from hpsearch.spec.sections.data import TEXTS
from hpsearch.spec.sections.parts_of_rows import LastRows, TestFile, TestRows
from hpsearch.training.messages import SplitName

UNWRITTEN = ("images", "random_normal", "table", "window", "classes", "group", "time", "stratify", "weight")
"""Options of the data section that no script is written for."""

PARTED = '''
def parted(rows, count, seed):
    """Draw so many rows{alike}; return the others, and those."""
    parts = train_test_split(rows, test_size=count, {strata}random_state=seed)
    return map(np.sort, parts)

'''

CELLS = '''
def cells(name):
    """Return the cells of a column, None where one is missing."""
    texts = [row[name].strip() for row in table]
    return [None if text in MISSING else text for text in texts]


def numbers(name, mean):
    """Return a column of numbers; missing ones become the mean of the training rows."""
    return [[mean if cell is None else float(cell)] for cell in cells(name)]


def categories(name, known, usual):
    """Return a column of categories, one-hot; missing ones become the most frequent one."""
    return [[float((usual if cell is None else cell) == one) for one in known] for cell in cells(name)]

'''


NORMAL = '''
def normal(given, known):
    """Return the scores of a normal distribution at the shares of training rows below numbers."""
    shares = np.linspace(0, 1, len(known))
    upper = np.interp(given, known, shares)
    lower = -np.interp(-given, -known[::-1], -shares[::-1])
    inside = np.where(given >= known[-1], 1.0, (upper + lower) / 2)
    return ndtri(np.clip(np.where(given <= known[0], 0.0, inside), {extreme!r}, 1 - {extreme!r}))


def quantiles(column):
    """Return the quantiles of a column of training rows."""
    found = np.quantile(column.astype(np.float64), np.linspace(0, 1, {count})).astype(np.float32)
    return np.maximum.accumulate(found).astype(np.float64)

'''


def check_written(data: Data, dataset: Dataset) -> None:
    """Refuse data that are prepared in a way that no script is written for.

    Raises:
        UnsupportedError: They are.
    """
    columns = () if dataset.encoding is None else dataset.encoding.columns
    reasons = {
        **{f"its data have {name!r}": getattr(data, name) is not None for name in UNWRITTEN},
        "its data are a table of several files": len(data.tables) > 1,
        "its table has a test set in a file of its own": isinstance(data.test, TestFile),
        "its data have weights of rows": dataset.unscaled.weights is not None,
        "its rows are their own targets": dataset.unscaled.itself,
        "its rows have named inputs or targets": bool(dataset.inputs or dataset.target_layout),
        "its folds are several models": len(dataset.splits) > 1,
        "its features are too large or too close together for float32": _is_extreme(dataset),
        **{f"column {one.name!r} is neither plain numbers nor categories": _is_odd(one) for one in columns},
    }
    why = next((reason for reason, given in reasons.items() if given), None)
    if why is not None:
        raise UnsupportedError(f"no plain script can be written of this study: {why}")


def _is_extreme(dataset: Dataset) -> bool:
    scaling = dataset.splits[0].scaling
    powers = isinstance(scaling.factor, np.ndarray)
    return powers or dataset.unscaled.origin is not None or dataset.unscaled.x.dtype == np.float64


def _is_odd(column: Column) -> bool:
    return bool(
        column.notation != PLAIN or column.view or column.pooled or column.kind == "text" or column.unseen[0]
    )


def imports_of(data: Data, dataset: Dataset, others: Iterable[str]) -> Iterator[str]:
    """Write the imports of a script, with those of scikit-learn's metrics in their place."""
    if data.tables:
        yield "import csv"
    yield "from hashlib import blake2b\n\nimport keras\nimport numpy as np"
    if isinstance(dataset.splits[0].scaling.curve, NormalScores):
        yield "from scipy.special import ndtri"
    if data.sklearn is not None:
        yield f"from sklearn.datasets import load_{data.sklearn}"
    yield from others
    yield "from sklearn.model_selection import train_test_split"


def rows_lines(data: Data, dataset: Dataset, split: SplitName, directory: Path) -> Iterator[str]:
    """Write how the training and the validation rows come about.

    Args:
        data: The data section.
        dataset: The rows as the winner was trained on them.
        split: Which rows these are.
        directory: The directory that relative paths start from.
    """
    yield from _source(data, dataset, directory)
    yield from _targets(data, dataset)
    yield from _parts(data, dataset, split)
    yield from _scaled(dataset)


def _source(data: Data, dataset: Dataset, directory: Path) -> Iterator[str]:
    if data.sklearn is not None:
        yield f"x, y = load_{data.sklearn}(return_X_y=True)"
    elif data.keras is not None:
        words = f"num_words={data.num_words}" if data.keras in TEXTS else ""
        yield f"(x, y), (x_test, y_test) = keras.datasets.{data.keras}.load_data({words})"
        yield from _joined(data)
        if data.keras in TEXTS:
            yield from _words(data)
    elif data.tables:
        yield from _table(data, dataset, directory / Path(data.tables[0]).expanduser())
    else:
        yield from _arrays(data, directory)
    if data.shape is not None:
        yield f"x = x.reshape(len(x), *{data.shape})"
    if dataset.unscaled.x.dtype == np.float32:
        yield "x = np.asarray(x, np.float32)"


def _joined(data: Data) -> Iterator[str]:
    """Put the source's own test part behind the other rows, where it validates."""
    if isinstance(data.validation, TestRows) and data.test is None:
        yield "tested = len(y_test)"
        yield "x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])"


def _words(data: Data) -> Iterator[str]:
    if data.sequence is not None:
        yield f"x = keras.utils.pad_sequences(x, maxlen={data.sequence})"
        return
    yield f"bags = np.zeros((len(x), {data.num_words}), np.uint8)"
    yield "for bag, text in zip(bags, x):"
    yield "    bag[text] = 1"
    yield "x = bags"


def _arrays(data: Data, directory: Path) -> Iterator[str]:
    place = directory / Path(str(data.npz or data.arrays)).expanduser()
    if data.npz is not None:
        with np.load(place, allow_pickle=False) as file:
            found = set(file.files)
        yield f"arrays = np.load({str(place)!r})"
    else:
        found = {path.stem for path in place.glob("*.npy")}
        names = sorted(found & set(KNOWN))
        yield f"arrays = {{name: np.load(f'{{{str(place)!r}}}/{{name}}.npy') for name in {names}}}"
    names = [f"{part}_train" if f"{part}_train" in found else part for part in "xy"]
    yield f"x, y = arrays[{names[0]!r}], arrays[{names[1]!r}]"
    if "x_test" in found:
        yield 'x_test, y_test = arrays["x_test"], arrays["y_test"]'
        yield from _joined(data)


def _table(data: Data, dataset: Dataset, path: Path) -> Iterator[str]:
    encoding = dataset.encoding
    assert encoding is not None  # noqa: S101 - tables have one
    separator = _separator(path, {column.source for column in encoding.columns}, len(dataset.unscaled.x))
    yield f"with open({str(path)!r}, newline='', encoding='utf-8-sig') as file:"
    yield f"    table = list(csv.DictReader(file, delimiter={separator!r}))"
    yield f"MISSING = {sorted(MISSING)}"
    yield CELLS
    yield "x = np.hstack(["
    for column in encoding.columns:
        known = "" if column.kind == "numeric" else f"{list(column.categories)!r}, "
        kind = "numbers" if column.kind == "numeric" else "categories"
        yield f"    {kind}({column.name!r}, {known}{column.imputation[0]!r}),"
    yield "])"
    target = data.targets[0]
    if dataset.labels:
        yield f"CLASSES = {list(dataset.labels)}"
        yield f"y = np.array([CLASSES.index(cell) for cell in cells({target!r})])"
    else:
        yield f"y = np.array([float(cell) for cell in cells({target!r})])"


def _separator(path: Path, columns: set[str], rows: int) -> str:
    """Return what separates the cells of a csv file that Python's own reader reads alike.

    Raises:
        UnsupportedError: There is nothing of the kind.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""
    for separator in SEPARATORS:
        table = list(csv.reader(text.splitlines(keepends=True), delimiter=separator))
        if table and columns <= set(table[0]) and sum(map(bool, table)) == rows + 1:
            return separator
    raise UnsupportedError(
        f"no plain script can be written of this study: Python's csv reads {path} otherwise"
    )


def _targets(data: Data, dataset: Dataset) -> Iterator[str]:
    if dataset.task == "regression":
        yield "y = np.asarray(y, np.float32)" + ("" if dataset.targets else ".reshape(-1)")
    elif dataset.labels and not data.tables:
        yield "y = np.unique(np.reshape(y, -1), return_inverse=True)[1].astype(np.int32)"
    else:
        yield "y = np.asarray(y, np.int32)"


def _parts(data: Data, dataset: Dataset, split: SplitName) -> Iterator[str]:
    """Write the draws of the parts, which are those of scikit-learn."""
    own = isinstance(data.validation, TestRows) and data.test is None
    count = len(dataset.splits[0].validation)
    alike, strata = (", each class alike", "stratify=y[rows], ") if dataset.labels else ("", "")
    yield PARTED.format(alike=alike, strata=strata)
    left = len(dataset.unscaled.x) - (count if own else 0)
    yield f"rows = np.arange({left})"
    if data.test is not None:
        tested = rows_in(data.test, left)
        left -= tested
        yield f"rows, test = {_drawn(tested, data.split_seed, 'test')}"
    if data.subset is not None and rows_in(data.subset, left) < left:
        yield f"_, rows = {_drawn(rows_in(data.subset, left), data.split_seed, 'subset')}"
    if isinstance(split, int):
        if isinstance(data.validation, TestRows):
            rest = f"np.arange({left}, len(y))" if own else "test"
            yield f"rows = np.sort(np.concatenate([rows, {rest}]))"
        yield f"train, validation = {_drawn(count, split, 'validation')}"
    elif isinstance(data.validation, TestRows):
        yield f"train, validation = rows, {f'np.arange({left}, len(y))' if own else 'test'}"
    elif isinstance(data.validation, LastRows):
        yield f"train, validation = rows[:-{count}], rows[-{count}:]"
    else:
        yield f"train, validation = {_drawn(count, data.split_seed, 'validation')}"
    yield "x_train, y_train, x_validation, y_validation = x[train], y[train], x[validation], y[validation]"


def _drawn(count: int, seed: int, purpose: str) -> str:
    return f"parted(rows, {count}, {random_state(seed, purpose)})"


def _scaled(dataset: Dataset) -> Iterator[str]:
    """Write the scaling of features and of targets, as fitted on the training rows."""
    scaling, target = dataset.splits[0].scaling, dataset.splits[0].target_scaling
    factor = float(np.asarray(scaling.factor))
    by = "" if factor == 1.0 else f" * np.float32({factor!r})"
    if isinstance(scaling.curve, NormalScores):
        yield from _normal(dataset, scaling.curve)
    elif scaling.mean is None and not by:
        yield "x_train, x_validation = x_train.astype(np.float32), x_validation.astype(np.float32)"
    elif scaling.mean is None:
        yield f"x_train, x_validation = (part.astype(np.float32){by} for part in (x_train, x_validation))"
    else:
        yield from _standardized(dataset, factor, by)
    if target is not None:
        yield "targets = y_train[:, None].astype(np.float64)"
        yield "centre, unit = targets.mean(axis=0), targets.std(axis=0)"
        yield "y_train, y_validation = ("
        yield "    ((part[:, None] - centre) / unit).astype(np.float32)[:, 0]"
        yield "    for part in (y_train, y_validation)"
        yield ")"


def _standardized(dataset: Dataset, factor: float, by: str) -> Iterator[str]:
    times = "" if factor == 1.0 else f" * {factor!r}"
    if dataset.splits[0].scaling.curve is None:
        yield f"mean = x_train.mean(axis=0, dtype=np.float64){times}"
        yield f"deviation = x_train.astype(np.float64).std(axis=0){times}"
    else:
        yield "low, first, median, third, high = np.quantile("
        yield "    x_train.astype(np.float64), [0, 0.25, 0.5, 0.75, 1], axis=0"
        yield ")"
        yield f"mean, spread, half = median{times}, third - first, (high - low) / 2"
        yield f"deviation = np.where(spread > 0, spread, half){times}"
    yield "deviation = np.where(x_train.min(axis=0) == x_train.max(axis=0), 1.0, deviation)"
    indicators = dataset.unscaled.indicators
    if indicators is not None and indicators.any():
        places = np.flatnonzero(indicators).tolist()
        yield f"mean[{places}], deviation[{places}] = 0.0, {factor!r}  # categories stay 0 and 1"
    yield "mean, deviation = mean.astype(np.float32), deviation.astype(np.float32)"
    yield "x_train, x_validation = ("
    yield f"    (part.astype(np.float32){by} - mean) / deviation for part in (x_train, x_validation)"
    yield ")"
    if dataset.splits[0].scaling.curve is not None:
        yield from _clipped(dataset)


def _normal(dataset: Dataset, curve: NormalScores) -> Iterator[str]:
    """Write the scaling to quantiles of what are numbers and vary."""
    scaling = dataset.splits[0].scaling
    places = np.asarray(scaling.curved).tolist()
    yield NORMAL.format(extreme=float(EXTREME), count=len(curve.knots))
    yield "x_train, x_validation = ("
    yield "    part.astype(np.float32).reshape(len(part), -1) for part in (x_train, x_validation)"
    yield ")"
    yield f"known = {{place: quantiles(x_train[:, place]) for place in {places}}}"
    yield "for part in (x_train, x_validation):"
    if scaling.mean is not None:
        constant = np.flatnonzero(scaling.mean).tolist()
        yield f"    part[:, {constant}] -= np.float32({scaling.mean.reshape(-1)[constant].tolist()})"
    yield "    for place, column in known.items():"
    yield "        part[:, place] = normal(part[:, place].astype(np.float64), column)"
    if len(dataset.features) > 1:
        yield "x_train, x_validation = ("
        yield f"    part.reshape(len(part), *{dataset.features}) for part in (x_train, x_validation)"
        yield ")"


def _clipped(dataset: Dataset) -> Iterator[str]:
    """Write the smooth clip of what are numbers."""
    curved = np.asarray(dataset.splits[0].scaling.curved)
    whole = len(curved) == dataset.unscaled.x[0].size
    numbers = "part" if whole else f"part[:, {curved.tolist()}]"
    yield "for part in (x_train, x_validation):"
    yield f"    {numbers} /= np.sqrt(1 + np.square({numbers} / np.float32({LIMIT})))"
