"""On which backend of Keras a study trains, and of which packages its numbers depend on the version."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Choice, StudySpec

INSTALLED_BY = {"tensorflow": "pip install 'hpsearch[tensorflow]'", "torch": "pip install torch"}
"""What installs the backends without which hpsearch can be installed."""

PACKAGES = ("hpsearch", "keras", "optuna", "numpy", "scikit-learn")


def backend_of(spec: StudySpec) -> str:
    """Return the backend that a study names.

    Raises:
        UnsupportedError: Its training sections name several, or the backend is not installed.
    """
    options = spec.training.options if isinstance(spec.training, Choice) else (spec.training,)
    backends = {training.backend for training in options}
    if len(backends) > 1:
        raise UnsupportedError(f"training.backend: a study uses one backend, not {sorted(backends)}")
    backend = str(backends.pop())
    if backend in INSTALLED_BY and find_spec(backend) is None:
        install = INSTALLED_BY[backend]
        raise UnsupportedError(f"training.backend: {backend} is not installed: {install}, or choose another")
    return backend


def backend_here(named: str, *, streamed: bool) -> str:
    """Return the backend that `auto` stands for.

    It is JAX; where rows are a stream of this process, it is what Keras runs on here, if it does already.
    """
    loaded = sys.modules.get("keras") if streamed else None
    if named != "auto":
        return named
    return "jax" if loaded is None else str(loaded.backend.backend())


def versions_of_packages(backend: str) -> dict[str, str]:
    """Return the versions of the packages that decide the numbers of a study on a backend.

    Other backends are left out: whether they are installed makes no other study.
    """
    versions = {}
    for package in (*PACKAGES[:2], backend, *PACKAGES[2:]):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
