"""Apply the winner of a study to new rows, without the data that it was trained on."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Preprocessing
from hpsearch.data.readers.arrays import plain_array
from hpsearch.data.readers.frames import is_frame
from hpsearch.engines.process.canary import check_compiler
from hpsearch.engines.process.imports import defer_tensorflow, import_keras, jax_ahead
from hpsearch.exceptions import ModelError, StudyNotFoundError
from hpsearch.spec.study_file.text import cell
from hpsearch.store.ensemble import load_ensemble
from hpsearch.store.identity import UNKNOWN, DamagedError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.resolved import read_resolved
from hpsearch.store.winner import load_applied

if TYPE_CHECKING:
    from hpsearch.data import NewRows
    from hpsearch.training.threshold import Threshold


Prediction = str | float | tuple[str | float, ...] | None


@dataclass(frozen=True, eq=False)
class Predicted:
    """The predictions for some rows.

    Attributes:
        predictions: The class or the number of each row; of several targets a tuple, of all numbers or of the
            labels whose probability is above a half. None if the model outputs no finite number.
        labels: The names of the classes; empty for other tasks.
        probabilities: (n, classes) or (n, labels); None for regression.
        notes: Remarks on the rows.
        targets: The names of several targets; empty for one.
        threshold: The probability above which the second of two classes is predicted; None where none was
            chosen, which leaves one half.
    """

    predictions: tuple[Prediction, ...]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64] | None
    notes: tuple[str, ...]
    targets: tuple[str, ...] = ()
    threshold: float | None = None

    def rows(self) -> Iterator[tuple[int, Prediction, list[float | None]]]:
        """Iterate over the rows, counted from 0: the prediction, and the probability of each class."""
        for number, prediction in enumerate(self.predictions):
            row = [] if self.probabilities is None else self.probabilities[number].tolist()
            yield number, prediction, [value if math.isfinite(value) else None for value in row]

    def csv(self) -> str:
        """Print the rows as csv: `row`, `prediction`, and `probability.LABEL` for each class; no formula.

        Several numbers of a row are `prediction.TARGET` each, several labels are one text with semicolons.
        """
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        numbers = self.targets if self.probabilities is None else ()
        names = [f"prediction.{name}" for name in numbers] or ["prediction"]
        names += [f"probability.{name}" for name in self._probable]
        writer.writerow(["row", *map(cell, names)])
        for number, prediction, probabilities in self.rows():
            if numbers:
                told: list[Any] = list(prediction) if isinstance(prediction, tuple) else [None] * len(numbers)
            else:
                told = [";".join(map(str, prediction)) if isinstance(prediction, tuple) else prediction]
            writer.writerow([number, *map(cell, told), *probabilities])
        return stream.getvalue()

    @property
    def _probable(self) -> tuple[str, ...]:
        """Return the names of what has a probability."""
        return () if self.probabilities is None else self.labels or self.targets

    def json(self) -> str:
        """Print the rows as a JSON list."""
        told = [self._plain(*row) for row in self.rows()]
        return json.dumps(told, indent=1, allow_nan=False) + "\n"

    def _plain(self, number: int, prediction: Any, probabilities: list[float | None]) -> dict[str, Any]:
        if self.targets and self.probabilities is None and prediction is not None:
            prediction = dict(zip(self.targets, prediction, strict=True))
        plain = {"row": number, "prediction": prediction}
        if self.probabilities is not None:
            plain["probabilities"] = dict(zip(self._probable, probabilities, strict=True))
        return plain


@dataclass(frozen=True)
class AppliedModel:
    """A model of a study, the file that tells what applies it to new rows, and what that is."""

    model: Path
    told: Path
    preprocessing: Preprocessing
    threshold: Threshold | None


def predict(
    files: StudyFiles, data: Path | NDArray[Any] | Mapping[str, Any], *, ensemble: bool = False
) -> Predicted:
    """Apply the best model of a study to rows; Keras runs on JAX here.

    Args:
        files: The study.
        data: The path of a csv or npz file, or (n, *features) raw rows, or arrays by the names of inputs, or
            a table in memory.
        ensemble: Whether to apply the ensemble of its trials instead.

    Raises:
        StudyNotFoundError: There is no model yet.
        DataError: The rows do not suit the model.
        ModelError: The model cannot be loaded.
    """
    applied = applied_model(files, ensemble=ensemble)
    preprocessing = applied.preprocessing
    with jax_ahead():
        if isinstance(data, Path):
            rows = preprocessing.read(data)
        else:
            rows = preprocessing.take(plain_rows(data, preprocessing))
    return _predicted(applied, rows, _given(applied, rows.x))


def plain_rows(data: Any, preprocessing: Preprocessing) -> Any:
    """Return rows in memory as a preprocessing takes them."""
    if preprocessing.encoding is not None and is_frame(data):
        return data
    if isinstance(data, Mapping):
        return {str(name): plain_array(array) for name, array in data.items()}
    return plain_array(data)


def applied_model(files: StudyFiles, *, ensemble: bool) -> AppliedModel:
    """Find the model that is to be applied, and check that what applies it belongs to it."""
    resolved = read_resolved(files)
    identity = UNKNOWN if resolved is None else resolved.identity
    what, model, told = "best model", files.best_model, files.best_preprocessing
    if ensemble:
        what, model, told = "ensemble", files.ensemble_model, files.ensemble
        if resolved is not None and resolved.spec.ensemble is None:
            raise StudyNotFoundError(
                f"{files.name!r} has no ensemble: write 'ensemble: {{members: 16}}' in its study file and "
                "run hpsearch optimize"
            )
    if not model.exists():
        raise StudyNotFoundError(
            f"{files.name!r} has no {what} yet: expected {model}, which is saved when the "
            "search ends; hpsearch optimize continues it"
        )
    try:
        found = load_ensemble(files, identity) if ensemble else load_applied(files, identity)
        return AppliedModel(model, told, found.preprocessing, found.threshold)
    except FileNotFoundError:
        obstacle = "there is no such file"
    except DamagedError as failure:
        obstacle = "it is damaged" if str(failure) == "damaged" else str(failure)
    raise StudyNotFoundError(
        f"{told}: expected the preprocessing of the model, but {obstacle}; "
        "hpsearch optimize with the study file rewrites both"
    )


def _given(applied: AppliedModel, x: NDArray[Any]) -> NDArray[Any]:
    """Return what the model gives for rows: (n, units)."""
    import_keras("jax", spawned=False)
    check_compiler()
    defer_tensorflow()
    from hpsearch.models.predictions import predictions_of
    from hpsearch.models.saved import load_stock

    model, preprocessing = load_stock(applied.model), applied.preprocessing
    layout = preprocessing.inputs
    shapes: tuple[Any, Any] = (None, *preprocessing.features), model.input_shape
    if layout is not None:
        named = {one.name: (None, *one.shape) for one in layout.inputs}
        shapes = named, {tensor.name: tuple(tensor.shape) for tensor in model.inputs}
    outputs: tuple[Any, Any] = (None, preprocessing.units), model.output_shape
    targets = preprocessing.target_layout
    names = [] if targets is None else [one.name for one in targets.targets]
    if targets is not None:
        known = {one.name: (None, one.units) for one in targets.targets}
        outputs = (
            known,
            dict(zip(model.output_names, (tuple(one.shape) for one in model.outputs), strict=True)),
        )
    expected, found = (shapes[0], outputs[0]), (shapes[1], outputs[1])
    if found != expected:
        raise ModelError(
            f"{applied.model}: expected a model from {expected[0]} to {expected[1]} as "
            f"{applied.told.name} has it, found one from {found[0]} to {found[1]}; "
            "hpsearch optimize with the study file rewrites both"
        )
    return predictions_of(model, x, layout, names)


def _predicted(applied: AppliedModel, rows: NewRows, given: NDArray[Any]) -> Predicted:
    preprocessing = applied.preprocessing
    labels, finite = preprocessing.labels, np.isfinite(given).all(axis=1)
    notes = list(rows.notes)
    if not finite.all():
        first, count = int((~finite).argmin() if finite[0] else 0), int((~finite).sum())
        notes.append(
            f"the predictions of the model are not finite for rows: {count}, the first of them {first}"
        )
    if preprocessing.target_layout is not None:
        from hpsearch.study.predicted_targets import predicted_targets

        return predicted_targets(preprocessing.target_layout, given, finite, tuple(notes))
    if preprocessing.targets:
        return _of_several(preprocessing, given, finite, tuple(notes))
    if not labels:
        numbers = tuple(
            number_of(value) if ok else None for value, ok in zip(given[:, 0], finite, strict=True)
        )
        return Predicted(numbers, (), None, tuple(notes))
    return _of_classes(labels, given, finite, tuple(notes), applied.threshold)


def _of_classes(
    labels: tuple[str, ...],
    given: NDArray[Any],
    finite: NDArray[Any],
    notes: tuple[str, ...],
    threshold: Threshold | None,
) -> Predicted:
    """Return the class of each row, of two classes by the threshold."""
    from hpsearch.training.evaluation import guessed

    guesses, least = guessed(given, threshold), None
    if threshold is not None:
        least = threshold.value
        by = f"the threshold with the best {threshold.scorer} on the validation rows"
        notes = (*notes, f"{labels[1]} is predicted where its probability is above {least:.6g}, {by}")
    named = tuple(labels[guess] if ok else None for guess, ok in zip(guesses.tolist(), finite, strict=True))
    return Predicted(named, labels, probabilities_of(given), notes, threshold=least)


def _of_several(
    preprocessing: Preprocessing, given: NDArray[Any], finite: NDArray[Any], notes: tuple[str, ...]
) -> Predicted:
    """Return what the winner says of rows with several targets."""
    targets, several = preprocessing.targets, preprocessing.task == "multilabel"
    if several:
        found: Iterator[Prediction] = (
            tuple(name for name, held in zip(targets, row, strict=True) if held) for row in given > 0.5
        )
    else:
        found = (tuple(map(number_of, row)) for row in given)
    predictions = tuple(row if ok else None for row, ok in zip(found, finite, strict=True))
    probabilities = np.array([[number_of(value) for value in row] for row in given]) if several else None
    return Predicted(predictions, (), probabilities, notes, targets)


def number_of(value: np.float32) -> float:
    """Write a float32 with no more digits than tell it from its neighbours."""
    return float(str(value))


def probabilities_of(given: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability of every class; one unit is that of the second."""
    known = np.array([[number_of(value) for value in row] for row in given])
    return np.hstack([1 - known, known]) if known.shape[1] == 1 else known
