"""A part of a search, its confirmation or its ablation, is gone on with as long as it is about the same."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.spec import StudySpec
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import check_parent
from hpsearch.store.removal import remove
from hpsearch.store.resolved import Resolved, read_resolved
from hpsearch.study.progress import Display


def stored_part(
    part: StudyFiles,
    searched: Resolved,
    storage: str | None,
    outdated: Callable[[StudySpec], str],
    display: Display,
) -> Resolved | None:
    """Read what a part of a search obeys since it was begun, and make its directory; None where it was not.

    `outdated` says why a part is not of this search as it stands now, which is then removed; empty where it
    is. Raises StoreError where the part is of another search.
    """
    stored = read_resolved(part)
    if stored is not None:
        check_parent(part, stored, searched)
    why = "" if stored is None else outdated(stored.spec)
    if part.directory.exists() and (stored is None or why):
        # Without a study file a process died while it removed another one.
        if why:
            display.note(why)
        remove(part, storage)
        stored = None
    part.directory.mkdir(exist_ok=True)
    return stored
