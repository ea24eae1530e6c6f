"""Whether a study whose training rows are a stream asks for what only rows at hand allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hpsearch.data import Dataset
from hpsearch.data.stream import Stream
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import StudySpec
from hpsearch.spec.study_file.distributions import alternatives

if TYPE_CHECKING:
    from hpsearch.models.sources.kinds import Sources

FITTED = ("realmlp", "tabm")
"""Models that are fitted to the training rows before they are trained."""


def check_stream(spec: StudySpec, dataset: Dataset) -> None:
    """Check that batches are used as the stream gives them.

    Raises:
        UnsupportedError: Something needs other batches, or all rows.
    """
    for place, expected, found in _unsuited(spec, dataset.stream) if dataset.stream is not None else ():
        raise UnsupportedError(f"{place}: expected {expected}, because the rows are a stream; found {found}")


def check_own_fits(spec: StudySpec, dataset: Dataset, sources: Sources) -> None:
    """Check that no hypermodel trains a stream by a `fit` of its own, which is given rows.

    Raises:
        UnsupportedError: One does.
    """
    if dataset.stream is None:
        return
    from hpsearch.models.sources.keras_tuner import KerasTunerSource

    for model in alternatives(spec.model):
        source = sources.of(model)
        if isinstance(source, KerasTunerSource) and source.has_fit(model):
            raise UnsupportedError(
                "model.keras_tuner: expected one without a fit of its own, which takes rows, and these are "
                f"a stream; found that of {model.function}"
            )


def _unsuited(spec: StudySpec, stream: Stream) -> Iterator[tuple[str, str, object]]:
    """Find what does not suit a stream: where it stands, what was expected, and what was found."""
    for training in alternatives(spec.training):
        for size in alternatives(training.batch_size):
            if size != stream.batch_size:
                yield "training.batch_size", f"{stream.batch_size} or nothing", size
        if training.class_weight is not None:
            yield "training.class_weight", "none (give weights of rows in the batches)", "weights of classes"
    for model in alternatives(spec.model):
        if model.name in FITTED or (model.name == "mlp" and _embeds(model)):
            yield "model", "a model that is not fitted to all training rows first", model.name
    if spec.confirm.refit:
        yield "confirm.refit", "false", "true"


def _embeds(model: object) -> bool:
    return any(one.name != "none" for one in alternatives(getattr(model, "embedding", None)) if one)


def note_on_stream(stream: Stream, known: str | None) -> str:
    """Say what is known of the training rows, and whether a study can go on exactly.

    Args:
        stream: The stream.
        known: What was known when the study began; None where it begins.
    """
    told = f"the training rows are a stream: {stream.told}"
    if known is not None and known != stream.told:
        told += f"; when the study began: {known}"
    if stream.repeats:
        return f"{told}; each epoch reads it anew"
    return f"{told}: it shuffles, so that values depend on how often it was read"
