"""The weights that a refit gave, as long as they belong to it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from hpsearch.store.arrays import read_arrays
from hpsearch.store.identity import StudyIdentity
from hpsearch.store.layout import StudyFiles
from hpsearch.store.winner import Refit

Arrays = dict[str, NDArray[Any]]


def refitted_weights(files: StudyFiles, identity: StudyIdentity, refit: Refit) -> Arrays | None:
    """Read the weights of a refit; None if they are lost, or of another refit."""
    return arrays_of(refit, read_arrays(files.refit_weights, identity))


def arrays_of(refit: Refit, stored: tuple[Arrays, dict[str, Any]] | None) -> Arrays | None:
    """Return the arrays of a file, if they are those of this refit."""
    return stored[0] if stored is not None and stored[1].get("refit") == repr(refit.planned) else None
