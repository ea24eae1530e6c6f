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
    """Read what a part of a search keeps from its first run on, and make its directory.

    Args:
        part: The files of the part.
        searched: What the search keeps.
        storage: The storage that the user named, from which an outdated part is removed.
        outdated: Returns why a part is not of the search as it is now, upon which it is removed; empty if it
            is.
        display: Is told why.

    Returns:
        None if the part has not been started, or was removed.

    Raises:
        StoreError: The part belongs to another search.
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
