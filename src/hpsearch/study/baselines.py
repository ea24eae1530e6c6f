"""The baselines of a search, fitted in this process while its workers train."""

from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Thread

from hpsearch.data import load_dataset
from hpsearch.data.summary import DataSummary
from hpsearch.engines.policy.loss import losses_of
from hpsearch.exceptions import spoken
from hpsearch.spec import StudySpec
from hpsearch.store.baselines import read_baselines
from hpsearch.store.layout import StudyFiles
from hpsearch.store.resolved import Resolved
from hpsearch.store.results import StudyResults
from hpsearch.study.open_study import OpenStudy
from hpsearch.training.baselines import Baselines, fit_baselines

SWITCH = "HPSEARCH_BASELINE"
"""The environment variable that switches baselines off where its value is `off`."""

MOST_NUMBERS = 50_000_000
"""Numbers of rows that are loaded a second time for them."""


def begin_baselines(
    files: StudyFiles, resolved: Resolved, data_dir: Path | None
) -> Future[Baselines | None] | None:
    """Begin to fit the baselines of a search that has none yet; None where it wants or can have none."""
    spec, data = resolved.spec, resolved.data
    if resolved.kind != "search" or spec.baseline == "off" or os.environ.get(SWITCH) == "off":
        return None
    if read_baselines(files, resolved.identity) is not None or not _comparable(spec, data):
        return None
    begun: Future[Baselines | None] = Future()
    # Unlike a pool's, this thread is not waited for by a command that ends early.
    Thread(target=_fit, args=(begun, spec, Path(resolved.directory), data_dir), daemon=True).start()
    return begun


def _comparable(spec: StudySpec, data: DataSummary) -> bool:
    """Return whether a model of scikit-learn can be judged as the study's are, on rows that are not many."""
    numbers = data.train_rows * data.folds
    for size in data.features:
        numbers *= size
    if spec.data.stream is not None:
        return False
    own_loss = spec.search.first_metric == "val_loss" and bool(losses_of(spec))
    return not own_loss and numbers <= MOST_NUMBERS


def _fit(begun: Future[Baselines | None], spec: StudySpec, directory: Path, data_dir: Path | None) -> None:
    try:
        dataset = load_dataset(spec.data, directory, data_dir)
        begun.set_result(fit_baselines(dataset, spec.search.first_metric))
    except Exception as failure:  # noqa: BLE001 - whatever a library raises: `with_baselines` tells it
        begun.set_exception(failure)


def with_baselines(study: OpenStudy, results: StudyResults) -> StudyResults:
    """Return the results of a search with its baselines, where these were fitted beside it."""
    if study.baselines is None:
        return results
    try:
        found = study.baselines.result()
    except Exception as failure:  # noqa: BLE001 - whatever a library raises: the study ends well without them
        study.display.note(f"no baselines: {spoken(failure)}")
        return results
    return replace(results, record=replace(results.record, baselines=found), baselines=found)
