"""The data and the donors of a study, which stay what they were when it was started."""

from __future__ import annotations

from hpsearch.engines.messages import OpenedStudy
from hpsearch.exceptions import StudyMismatchError
from hpsearch.spec.sources.donor_file import check_same_donors
from hpsearch.store.resolved import Resolved


def check_same_material(stored: Resolved, opened: OpenedStudy) -> None:
    """Check that a study resumes with the data and the donors that it was started with.

    Raises:
        StudyMismatchError: They have changed.
    """
    name = stored.spec.name
    if stored.data.fingerprint != opened.data.fingerprint:
        raise StudyMismatchError(
            f"the data of the study {name!r} have changed since it was started "
            f"(fingerprint {stored.data.fingerprint[:12]} -> {opened.data.fingerprint[:12]}): "
            "restore the old data, give the study another name, or start over with --new"
        )
    if stored.data.features != opened.data.features:
        told = f"the study {name!r} was started by a version that made other features of its table"
        raise StudyMismatchError(f"{told}: run it with that version, or start over with --new")
    begun, now = stored.decisions.backend, opened.decisions.backend
    if begun is not None and begun != now:
        raise StudyMismatchError(
            f"the study {name!r} was started with Keras on {begun}, and here it runs on {now}: set the "
            f"environment variable KERAS_BACKEND={begun} before Keras is imported"
        )
    check_same_donors(name, stored.decisions.donor or "", opened.decisions.donor or "")
