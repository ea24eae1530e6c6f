"""Every public name as programs use it; mypy checks this file as strictly as the package, nothing runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import hpsearch


def use(x: NDArray[np.float64], y: NDArray[np.int64], spec: hpsearch.StudySpec) -> list[str]:
    """Use each name for what it is."""
    try:
        study: hpsearch.Study = hpsearch.optimize(
            {"name": "a"}, (x, y), trials=3, out=Path("there"), workers=2
        )
        study = hpsearch.compare(spec, {"x": x, "y": y}, replicates=3, progress=False)
        study = hpsearch.confirm("study.yaml", finalists=3, settings={"training.epochs": 5})
        study = hpsearch.ablate(Path("study.yaml"), replicates=3, settings=["training.epochs=5"])
        study = hpsearch.load("a", storage=None).resume(trials=9).confirm(replicates=5).ablate()
        tuner = hpsearch.keras_tuner.RandomSearch(use, objective="val_loss", max_trials=3)
        tuner.search(x, y, epochs=2)
        study = tuner.study or study
    except hpsearch.exceptions.DataError as failure:
        return [str(failure)]
    except hpsearch.HpsearchError as failure:
        return [str(failure), str(failure.exit_code)]
    best: hpsearch.Best | None = study.best
    trials: hpsearch.Trials = study.trials
    trial: hpsearch.Trial = trials[0]
    curves: hpsearch.Curves = study.curves
    told = [
        study.name,
        study.yaml,
        hpsearch.__version__,
        str(trial.value),
        str(study.directory / "best.keras"),
        str(curves.columns()["val_loss"]),
        str(trials.to_arrow().num_rows),
        *(found.sentence for found in study.findings),
        *(f"{one.name}: {one.share}" for one in study.importance(method="fanova").parameters),
    ]
    if best is not None and best.mean_interval is not None and best.cross_validated_interval is not None:
        told.append(f"{best.mean}, from {best.mean_interval[0]:.3g} to {best.mean_interval[1]:.3g}")
        low, high = best.cross_validated_interval
        told.append(f"{best.cross_validated_score}, from {low:.3g} to {high:.3g}, of {best.tied}")
    front: hpsearch.Front | None = study.front
    if front is not None:
        first: hpsearch.FrontMember = front.members[0]
        told += [f"{name} {first.values[name]}, {direction}" for name, direction in front.objectives.items()]
        told += [f"{one.mean}, from {one.low} to {one.high}" for one in first.estimates.values()]
    if study.ablation is not None:
        told.append(str(study.ablation.planned))
    classifier = hpsearch.KerasSearchClassifier(trials=3, random_state=0).fit(x, y)
    regressor = hpsearch.KerasSearchRegressor({"mlp": {"hidden": [8]}}, out="there").fit(
        x, y, sample_weight=x
    )
    told += [str(classifier.predict_proba(x)), str(regressor.predict(x)), str(regressor.best_params_)]
    page: Path = hpsearch.probe(spec, rows=100, at_epochs=[0, 1]).page
    return [*told, page.name, study.report().name, hpsearch.predict("a", x).csv(), study.predict(x).json()]
