"""Tables: our defaults, searches and ensembles beside scikit-learn and Keras Tuner, on a test part.

    python benchmarks/tables.py [--data california ...] [--contestants mlp boosting ...] [--seeds 5] [--again]

Of the 20,640 rows of California housing 4,128 are the test part and 3,303 validate, drawn by one fixed seed.
Of other tables a fifth is the test part and a fifth of the rest the validation part, anew for each seed.
Seeds are those of training and search. Every contestant trains on the training rows alone and may choose by
the validation rows. Seconds are those of the whole command, its start included. After each run its figures
go to `benchmarks/results/tables.json`. What has figures there is not run, so the benchmark may be run in
pieces; `--again` runs it anew. `python benchmarks/table.py` puts the figures into docs/tables.md.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.model_selection import ParameterSampler, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

RESULTS = Path(__file__).parent / "results" / "tables.json"
FILES = Path(os.environ.get("HPSEARCH_DATA", "."))
SCIKIT = {
    "digits": datasets.load_digits,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
}
REGRESSIONS = ("california", "diabetes")
TABLES = ("california", *SCIKIT, "german_credit", "mushroom", "spambase", "pima")
TRIALS_OF_BOOSTING = 30

Rows = tuple[Any, Any]


@dataclass(frozen=True)
class Table:
    """A table in three parts; cells of categories are text."""

    name: str
    columns: tuple[str, ...]
    train: Rows
    validation: Rows
    test: Rows

    @property
    def is_regression(self) -> bool:
        """Return whether a number is predicted."""
        return self.name in REGRESSIONS

    @property
    def categorical(self) -> list[int]:
        """List the places of the columns with categories."""
        return [place for place in range(len(self.columns)) if not _all_numbers(self.train[0][:, place])]


def _all_numbers(cells: Any) -> bool:
    try:
        cells.astype(float)
    except ValueError:
        return False
    return True


def read(name: str) -> tuple[tuple[str, ...], Any, Any]:
    """Return the columns of a table, its cells and what is predicted."""
    if name in SCIKIT:
        found = SCIKIT[name]()
        return numbered(found.data), found.data.astype(object), found.target
    with (FILES / "tables" / f"{name}.csv").open(newline="") as stream:
        head, *rows = csv.reader(stream)
    cells = np.array(rows, object)
    return tuple(head[:-1]), cells[:, :-1], cells[:, -1].astype(str)


def numbered(x: Any) -> tuple[str, ...]:
    """Name columns by their places."""
    return tuple(f"x{place}" for place in range(x.shape[1]))


def california() -> Table:
    """Split California housing; what is predicted is in 100,000 dollars."""
    with np.load(FILES / "california_housing.npz") as file:
        given = {name: file[name] for name in file}
    x, y = (np.concatenate([given[f"{name}_train"], given[f"{name}_test"]]) for name in ("x", "y"))
    rest_x, test_x, rest_y, test_y = train_test_split(
        x.astype(object), y.astype(np.float64) / 1e5, test_size=4_128, random_state=0
    )
    parts = train_test_split(rest_x, rest_y, test_size=3_303, random_state=0)
    return Table("california", numbered(x), (parts[0], parts[2]), (parts[1], parts[3]), (test_x, test_y))


def split(name: str, seed: int) -> Table:
    """Split a table as the head of this file says."""
    if name == "california":
        return california()
    columns, x, y = read(name)
    rest_x, test_x, rest_y, test_y = _drawn(name, x, y, seed)
    train_x, validation_x, train_y, validation_y = _drawn(name, rest_x, rest_y, seed)
    return Table(name, columns, (train_x, train_y), (validation_x, validation_y), (test_x, test_y))


def _drawn(name: str, x: Any, y: Any, seed: int) -> Any:
    kept = None if name in REGRESSIONS else y
    return train_test_split(x, y, test_size=0.2, random_state=seed, stratify=kept)


def measured(table: Table, given: Any, labels: Any = None) -> dict[str, float]:
    """Return the metrics on the test part of numbers, or of (n, classes) probabilities."""
    y = table.test[1]
    if table.is_regression:
        return {"rmse": float(np.sqrt(mean_squared_error(y, given)))}
    known = np.asarray(labels).astype(str)
    clipped = np.clip(given, 1e-7, 1)
    shares = clipped / clipped.sum(axis=1, keepdims=True)
    order = np.argsort(known)
    return {
        "accuracy": float(accuracy_score(y.astype(str), known[given.argmax(axis=1)])),
        "log_loss": float(log_loss(y.astype(str), shares[:, order], labels=known[order])),
    }


# Ours: the command line, as a person calls it

EMBEDDED = {"piecewise_linear": {"bins": 48, "size": 16}}
COSINES = {"frequencies": 32, "sigma": {"log_uniform": [0.1, 3.0]}, "size": {"choice": [4, 8, 16]}}
SPACE: dict[str, Any] = {
    "k": {"choice": [8, 16]},
    "n_blocks": {"choice": [2, 3]},
    "embedding": {"pbld": COSINES},
    "categories": {"embedding": {"above": 9}},
}
TRAINING: dict[str, Any] = {
    "optimizer": {"adamw": {"weight_decay": {"log_uniform": [1e-3, 1e-1]}}},
    "learning_rate": {"log_uniform": [5e-3, 5e-2]},
}
DEFAULTS: dict[str, Any] = {
    "k": 16,
    "n_blocks": 2,
    "embedding.pbld.sigma": 1.0,
    "embedding.pbld.size": 8,
    "optimizer.adamw.weight_decay": 0.01,
    "learning_rate": 0.02,
}
PLAIN: dict[str, Any] = {"learning_rate": 1e-3, "epochs": 60, "batch_size": 256}

FIXED = {
    "mlp": {"model": {"mlp": {"hidden": [256, 256]}}, "training": PLAIN},
    "mlp, embedded": {"model": {"mlp": {"hidden": [256, 256], "embedding": EMBEDDED}}, "training": PLAIN},
    "realmlp": {"model": "realmlp"},
    "tabm": {"model": "tabm"},
}
SEARCHED = {"search of 30": 30, "search of 100": 100}
ENSEMBLE = ", ensemble"


def study_of(contestant: str, seed: int) -> dict[str, Any]:
    """Return the study of a contestant but for its data."""
    if contestant in FIXED:
        return {**FIXED[contestant], "search": {"trials": 1, "seed": seed}, "confirm": "none"}
    search = {"trials": SEARCHED[contestant], "seed": seed, "timeout": 840, "enqueue": [DEFAULTS]}
    return {
        "model": {"tabm": SPACE},
        "training": TRAINING,
        "search": search,
        "confirm": "none",
        "ensemble": {"members": 16, "candidates": 30},
    }


def write_csv(path: Path, table: Table, parts: list[Rows]) -> None:
    """Write rows with what is predicted as the last column."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*table.columns, "target"])
        for x, y in parts:
            writer.writerows([*row, target] for row, target in zip(x.tolist(), y.tolist(), strict=True))


def ours(contestant: str, table: Table, seed: int) -> dict[str, dict[str, float]]:
    """Run a study by the command line and predict the test part; a search gives its ensemble beside."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_csv(directory / "train.csv", table, [table.train, table.validation])
        write_csv(directory / "test.csv", table, [table.test])
        task = "regression" if table.is_regression else "classification"
        data = {
            "csv": "train.csv",
            "target": "target",
            "task": task,
            "validation": {"last": len(table.validation[1])},
            "scaling": "quantile",
            "clamp": table.is_regression,
        }
        study = {"name": "table", "data": data, **study_of(contestant, seed)}
        YAML().dump(study, directory / "study.yaml")
        begun = time.perf_counter()
        workers = len(os.sched_getaffinity(0))
        _command(directory, "optimize", "study.yaml", "--quiet", "--workers", str(workers))
        seconds = time.perf_counter() - begun
        found = {contestant: {**_predicted(directory, table), "seconds": seconds}}
        if contestant in SEARCHED:
            found[contestant + ENSEMBLE] = {**_predicted(directory, table, "--ensemble"), "seconds": seconds}
    return found


def _command(directory: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "hpsearch", *arguments]
    done = subprocess.run(command, cwd=directory, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def _predicted(directory: Path, table: Table, *options: str) -> dict[str, float]:
    head, *rows = csv.reader(_command(directory, "predict", "table", "test.csv", *options).splitlines())
    if table.is_regression:
        return measured(table, np.array([float(row[1]) for row in rows]))
    labels = [name.removeprefix("probability.") for name in head[2:]]
    return measured(table, np.array([row[2:] for row in rows], float), labels)


# scikit-learn

BOOSTING_SPACE = {
    "learning_rate": np.geomspace(0.01, 0.3, 50).tolist(),
    "max_leaf_nodes": [15, 31, 63, 127],
    "min_samples_leaf": [5, 10, 20, 50],
    "l2_regularization": [0.0, 0.01, 0.1, 1.0, 10.0],
    "max_iter": [100, 200, 400, 800],
    "max_features": [0.5, 0.75, 1.0],
}


def boosting(table: Table, seed: int, trials: int = 0) -> dict[str, float]:
    """Fit histogram gradient boosting as it is, or the best of random settings by the validation part."""
    kind = HistGradientBoostingRegressor if table.is_regression else HistGradientBoostingClassifier
    text = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=255)
    encoder = make_column_transformer((text, table.categorical), remainder="passthrough")
    train = encoder.fit_transform(table.train[0]).astype(float)
    validation, test = (encoder.transform(part[0]).astype(float) for part in (table.validation, table.test))
    encoded = list(range(len(table.categorical)))

    def fitted(settings: dict[str, Any]) -> Any:
        return kind(random_state=seed, categorical_features=encoded, **settings).fit(train, table.train[1])

    def loss(model: Any) -> float:
        if table.is_regression:
            return float(mean_squared_error(table.validation[1], model.predict(validation)))
        return float(log_loss(table.validation[1], model.predict_proba(validation), labels=model.classes_))

    drawn = list(ParameterSampler(BOOSTING_SPACE, trials, random_state=seed)) if trials else []
    model = min(map(fitted, [{}, *drawn]), key=loss) if trials else fitted({})
    return _of_model(table, model, test)


def pipeline(kind: Callable[[], Any], table: Table) -> dict[str, float]:
    """Fit a model on standardized numbers and one-hot categories."""
    numbers = [place for place in range(len(table.columns)) if place not in table.categorical]
    encoder = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), table.categorical)
    )
    return _of_model(table, make_pipeline(encoder, kind()).fit(*table.train), table.test[0])


def _of_model(table: Table, model: Any, test: Any) -> dict[str, float]:
    if table.is_regression:
        return measured(table, model.predict(test))
    return measured(table, model.predict_proba(test), model.classes_)


def constant(table: Table, _: int) -> dict[str, float]:
    """Predict the mean of the targets or the shares of the classes, whatever the row."""
    return pipeline(
        DummyRegressor if table.is_regression else partial(DummyClassifier, strategy="prior"), table
    )


def linear(table: Table, _: int) -> dict[str, float]:
    """Fit ridge or logistic regression."""
    return pipeline(Ridge if table.is_regression else partial(LogisticRegression, max_iter=5_000), table)


def forest(table: Table, seed: int) -> dict[str, float]:
    """Fit a random forest."""
    kind = RandomForestRegressor if table.is_regression else RandomForestClassifier
    return pipeline(partial(kind, random_state=seed, n_jobs=-1), table)


PEERS: dict[str, Callable[[Table, int], dict[str, float]]] = {
    "constant": constant,
    "linear": linear,
    "random forest": forest,
    "boosting": boosting,
    f"boosting, {TRIALS_OF_BOOSTING} trials": partial(boosting, trials=TRIALS_OF_BOOSTING),
}
KERAS_TUNER = "keras-tuner"
CONTESTANTS = (*FIXED, *SEARCHED, *PEERS, KERAS_TUNER)


def keras_tuner(table: Table, seed: int, seconds: float) -> dict[str, float]:
    """Let Keras Tuner's random search of a perceptron run for so many seconds, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = [place for place in range(len(table.columns)) if place not in table.categorical]
        encoder = make_column_transformer(
            (StandardScaler(), numbers),
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), table.categorical),
        ).fit(table.train[0])
        parts = {
            name: encoder.transform(rows[0]).astype("float32")
            for name, rows in {"x": table.train, "xv": table.validation, "xt": table.test}.items()
        }
        labels = [] if table.is_regression else sorted(set(table.train[1].tolist()))
        for name, rows in {"y": table.train, "yv": table.validation}.items():
            parts[name] = np.array([labels.index(one) for one in rows[1].tolist()]) if labels else rows[1]
        np.savez(f"{folder}/rows.npz", **parts)
        script = Path(__file__).parent / "tables_tuner.py"
        given = [folder, str(len(labels)), str(seed), str(seconds)]
        subprocess.run([sys.executable, str(script), *given], check=True, capture_output=True)
        predicted = np.load(f"{folder}/given.npy")
    return measured(table, predicted, labels)


def run(contestant: str, table: Table, seed: int, known: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Run a contestant on a table; gives the figures of one or two rows of the results."""
    print(f"{table.name}, {contestant}, seed {seed}", flush=True)
    if contestant in FIXED or contestant in SEARCHED:
        return ours(contestant, table, seed)
    begun = time.perf_counter()
    if contestant == KERAS_TUNER:
        of_search = known.get("search of 30", {}).get(str(seed))
        if of_search is None:
            raise SystemExit("keras-tuner gets the seconds of 'search of 30': run that first")
        found = keras_tuner(table, seed, of_search["seconds"])
    else:
        found = PEERS[contestant](table, seed)
    return {contestant: {**found, "seconds": time.perf_counter() - begun}}


def main() -> None:
    """Run what was asked for and has no figures yet; figures are kept after each run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="run what has figures too")
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    asked = itertools.product(options.data, range(options.seeds), options.contestants)
    for name, seed, contestant in asked:
        rows = results.setdefault(name, {})
        if str(seed) in rows.get(contestant, {}) and not options.again:
            continue
        for told, figures in run(contestant, split(name, seed), seed, rows).items():
            rows.setdefault(told, {})[str(seed)] = figures
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
