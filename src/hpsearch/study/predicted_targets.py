"""The predictions of a model with several named outputs, printed target by target."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.data.named_targets import NamedTarget, TargetLayout
from hpsearch.spec.study_file.text import cell
from hpsearch.study.predict import Predicted, number_of, probabilities_of


@dataclass(frozen=True, eq=False)
class PredictedTargets(Predicted):
    """The predictions for some rows: of each row a tuple with one for each of `targets`.

    Attributes:
        probable: (n, classes) or (n, labels) by target, for those that have probabilities.
        names: The names of these classes or labels by target.
    """

    probable: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def csv(self) -> str:
        """Print the rows as csv: `row`, `prediction.TARGET`, and `probability.TARGET.LABEL`; no formula."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        header = [f"prediction.{name}" for name in self.targets]
        header += [f"probability.{name}.{label}" for name, labels in self.names.items() for label in labels]
        writer.writerow(["row", *map(cell, header)])
        for number, prediction in enumerate(self.predictions):
            values = prediction if isinstance(prediction, tuple) else (None,) * len(self.targets)
            told = [";".join(map(str, one)) if isinstance(one, tuple) else one for one in values]
            shares = [share for known in self.probable.values() for share in known[number].tolist()]
            writer.writerow([number, *map(cell, told), *(shares if prediction is not None else shares[:0])])
        return stream.getvalue()

    def json(self) -> str:
        """Print the rows as a JSON list."""
        return json.dumps(list(self._rows()), indent=1, allow_nan=False) + "\n"

    def _rows(self) -> Iterator[dict[str, Any]]:
        for number, prediction in enumerate(self.predictions):
            if not isinstance(prediction, tuple):
                yield {"row": number, "prediction": None}
                continue
            plain = {"row": number, "prediction": dict(zip(self.targets, prediction, strict=True))}
            if self.probable:
                plain["probabilities"] = {
                    name: dict(zip(self.names[name], known[number].tolist(), strict=True))
                    for name, known in self.probable.items()
                }
            yield plain


def predicted_targets(
    layout: TargetLayout, given: NDArray[Any], finite: NDArray[Any], notes: tuple[str, ...]
) -> PredictedTargets:
    """Return what a model says of rows, from its joined outputs."""
    columns, probable, names = [], {}, {}
    for target, place in layout.given():
        outputs = given[:, place]
        columns.append(_of(target, outputs))
        if target.task != "regression":
            known = probabilities_of(outputs) if target.labels else outputs
            probable[target.name] = np.asarray(known, np.float64)
            names[target.name] = target.labels or tuple(map(str, range(target.columns)))
    rows = zip(zip(*columns, strict=True), finite, strict=True)
    predictions = tuple(row if ok else None for row, ok in rows)
    targets = tuple(target.name for target in layout.targets)
    return PredictedTargets(predictions, (), None, notes, targets, probable=probable, names=names)


def _of(target: NamedTarget, outputs: NDArray[Any]) -> list[Any]:
    """Return the predictions of one target: classes, labels above a half, or numbers."""
    from hpsearch.training.evaluation import guessed

    if target.labels:
        return [target.labels[guess] for guess in guessed(outputs).tolist()]
    if target.task == "multilabel":
        return [tuple(str(index) for index in np.flatnonzero(row > 0.5)) for row in outputs]
    numbers = [tuple(map(number_of, row)) for row in outputs]
    return [row[0] for row in numbers] if target.columns == 1 else list(numbers)
