"""The script that builds and trains the winner of a search, in Keras, NumPy and scikit-learn alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hpsearch.data import Dataset
from hpsearch.engines.isolation import apart, here_or_apart
from hpsearch.engines.process.compiler import NO_FUSIONS, has_wrong_kernels
from hpsearch.exceptions import StudyMismatchError, StudyNotFoundError, UnsupportedError
from hpsearch.scheduling.conclusion import BestModel, conclude_search
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_parts, read_record
from hpsearch.store.record import TrialRecord
from hpsearch.store.resolved import Resolved, read_resolved

if TYPE_CHECKING:
    from hpsearch.training.fit.network import FitNetwork

WRITTEN = ("mlp", "cnn", "sequential", "tabm")
"""The kinds of model that are of Keras' own layers, and trained by an optimizer of Keras."""

HEAD = '''"""The winner of the study {name!r} in plain Keras: trial {number}{replicate}.

The study, trained by {trainer} with {versions}, has {metric} {value!r} in epoch {epoch}.
{promise}
"""

import os

os.environ["KERAS_BACKEND"] = "{backend}"
'''

EXACT = (
    "This script ends with the same number, to the bit, with these versions on a machine of the same kind."
)

ROUNDED = """The study's own programs add numbers of 32 bits in another order than this script, which ends
with the same number but for rounding, at first in the seventh digit, in earlier ones the longer it trains."""

NOISY = """What dropout draws is not what the study's own programs drew, so this script ends with a number
like that, as from another seed, and not with the same one."""

FLAG = """
# Without this, jaxlib 0.10.2 and 0.11 sum wrong rows of some shapes (jax-ml/jax #39103).
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " {flag}"
"""


def study_script(files: StudyFiles, data_dir: Path | None = None) -> str:
    """Write the winner of a search as a script that needs no hpsearch.

    Args:
        files: The study.
        data_dir: Where data sets are kept.

    Raises:
        StudyNotFoundError: Nothing has been found yet.
        UnsupportedError: Something in the winner cannot be written plainly; the message says what.
        HpsearchError: The data cannot be loaded.
    """
    resolved = read_resolved(files)
    best = conclude_search(read_record(files), *read_parts(files)).best
    if resolved is None or best.trial is None:
        raise StudyNotFoundError(f"{files.name!r} has no best configuration yet: hpsearch optimize finds one")
    kind = best.trained.configuration.model.name
    if kind not in WRITTEN:
        raise UnsupportedError(
            f"no plain script can be written of this study: its model is {kind}, and written are "
            f"{', '.join(WRITTEN)}; hpsearch export writes the trained model"
        )
    run = here_or_apart if resolved.decisions.backend in (None, "jax") else apart
    return run(_script, resolved, best, data_dir)


def _script(resolved: Resolved, best: BestModel, data_dir: Path | None) -> str:
    from hpsearch.engines.process.imports import defer_tensorflow, import_keras
    from hpsearch.engines.session.session import Session
    from hpsearch.study.retrain import job_of
    from hpsearch.study.script.rows import check_written
    from hpsearch.study.script.training import check_training
    from hpsearch.training.fit.trainer import FitTrainer
    from hpsearch.training.messages import Member

    backend = resolved.decisions.backend or "jax"
    import_keras(backend, spawned=False)
    if backend != "tensorflow":
        defer_tensorflow()
    session = Session(job_of(resolved, data_dir), spawned=False)
    trial, search = best.trained, resolved.spec.search
    if session.dataset.fingerprint != resolved.data.fingerprint:
        raise StudyMismatchError(f"the data of {resolved.spec.name!r} have changed since it was trained")
    dataset = session.splits.of(best.split, trial.configuration.preparation)
    check_written(session.spec.data, dataset)
    member = Member(trial.number, trial.configuration, trial.seed, search.first_metric, search.direction)
    made = FitTrainer(dataset, sources=session.sources).network(member, dataset.splits[0])
    network = cast("FitNetwork", made)
    check_training(resolved.spec, trial.configuration.training, network.objective)
    return "\n".join(_lines(resolved, best, dataset, network)) + "\n"


def _lines(resolved: Resolved, best: BestModel, dataset: Dataset, network: FitNetwork) -> Iterator[str]:
    from hpsearch.models.components.embeddings import FeatureLayout
    from hpsearch.study.script.metric import imports_of_metric
    from hpsearch.study.script.network import draws, network_lines
    from hpsearch.study.script.rows import imports_of, rows_lines
    from hpsearch.study.script.training import DERIVED, epochs_of, training_lines
    from hpsearch.training.schedules import run_length

    spec, trial = resolved.spec, best.trained
    training = trial.configuration.training
    yield _head(resolved, best, noisy=draws(network.model))
    if resolved.decisions.backend in (None, "jax") and has_wrong_kernels():
        yield FLAG.format(flag=NO_FUSIONS)
    yield from imports_of(spec.data, dataset, imports_of_metric(spec.search.first_metric))
    epochs, _ = epochs_of(training, trial, run_length(training, dataset.train_rows).epochs)
    yield f"\nSEED, EPOCHS, BATCH_SIZE = {trial.seed}, {epochs}, {training.batch_size}"
    yield f"{DERIVED}\n# The rows\n"
    yield from rows_lines(spec.data, dataset, best.split, Path(resolved.directory))
    yield "\n# The model, from rows to logits\n"
    layout, rows = FeatureLayout.of(dataset), len(network.split.train)
    yield from network_lines(network.model, trial.configuration.model, trial.seed, layout, rows)
    yield "\n# The training\n"
    yield from training_lines(spec, dataset, network, trial)


def _head(resolved: Resolved, best: BestModel, *, noisy: bool) -> str:
    trial: TrialRecord = best.trained
    replicate = "" if best.run is None else f", replicate {trial.parameters['replicate']}"
    known = resolved.versions
    versions = ", ".join(
        f"{name} {known[name]}" for name in ("keras", "jax", "tensorflow", "numpy") if name in known
    )
    return HEAD.format(
        name=resolved.spec.name,
        number=best.trial.number if best.trial else 0,
        replicate=replicate,
        trainer=resolved.decisions.trainer or "hpsearch",
        versions=versions,
        metric=resolved.spec.search.first_metric,
        value=trial.value,
        epoch=trial.best_epoch,
        promise=_promise(resolved, noisy=noisy),
        backend=resolved.decisions.backend or "jax",
    )


def _promise(resolved: Resolved, *, noisy: bool) -> str:
    """Say how near the script comes to the reported number."""
    trainer = resolved.decisions.trainer
    if noisy and trainer == "CompiledTrainer":
        return NOISY
    return EXACT if trainer == "FitTrainer" else ROUNDED
