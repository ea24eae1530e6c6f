"""Studies of Optuna's that hpsearch did not write: only read, to learn from their trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from hpsearch.exceptions import StoreError
from hpsearch.store.optuna.drivers import connectable, engine_arguments
from hpsearch.store.optuna.storage import check_is_optunas, failed
from hpsearch.store.optuna.urls import read_url, shown


@dataclass(frozen=True)
class ForeignStudy:
    """The trials of a study with one objective."""

    trials: Sequence[FrozenTrial]
    minimize: bool


def read_foreign(given: str, directory: Path) -> ForeignStudy:
    """Read a study from an Optuna storage.

    Args:
        given: The URL of the storage, with `#` and the name of the study where it has several.
        directory: What a relative path of a SQLite file starts from.

    Raises:
        StoreError: There is no such study, it has several objectives, or the storage cannot be read.
    """
    url, _, name = given.partition("#")
    url = _placed(url, directory)
    check_is_optunas(url, fresh=False)
    try:
        study = _loaded(url, name)
        directions, trials = study.directions, study.get_trials(deepcopy=False)
    except Exception as failure:  # noqa: BLE001 - whatever the database raises is told as one error
        raise failed("read", url, failure) from None
    if len(directions) > 1:
        raise StoreError(f"expected a study with one objective; {given!r} has {len(directions)}")
    return ForeignStudy(trials, directions[0] != StudyDirection.MAXIMIZE)


def _placed(url: str, directory: Path) -> str:
    """Let the path of a SQLite file start from a directory."""
    read = read_url(url)
    if read is None or not read.drivername.startswith("sqlite") or not read.database:
        return url
    return read.set(database=str(directory / read.database)).render_as_string(hide_password=False)


def _loaded(url: str, name: str) -> optuna.Study:
    braced = connectable(url).replace("{", "{{").replace("}", "}}")
    storage = RDBStorage(braced, engine_kwargs=engine_arguments(url), skip_table_creation=True)
    return optuna.load_study(study_name=_known(url, name, storage), storage=storage)


def _known(url: str, name: str, storage: RDBStorage) -> str:
    """Return the name of a study of a storage, of the only one where none is given."""
    names = sorted(optuna.get_all_study_names(storage))
    if name in names or (not name and len(names) == 1):
        return name or names[0]
    some = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") or "none"
    raise StoreError(
        f"expected the name of a study behind '#', as in {shown(url)}#{names[0] if names else 'NAME'}; the "
        f"storage has {some}"
    )
