"""Hyperparameter search for Keras: fast, reproducible, crash-safe."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch import exceptions, keras_tuner
    from hpsearch.analysis import Front, FrontMember
    from hpsearch.api.estimators import KerasSearchClassifier, KerasSearchRegressor
    from hpsearch.api.functions import Study, ablate, compare, confirm, load, optimize, predict, probe
    from hpsearch.exceptions import HpsearchError
    from hpsearch.spec import StudySpec
    from hpsearch.study.results import Best, Trial, Trials
    from hpsearch.study.tables import Curves

__version__ = "0.1.0"

__all__ = [
    "Best",
    "Curves",
    "Front",
    "FrontMember",
    "HpsearchError",
    "KerasSearchClassifier",
    "KerasSearchRegressor",
    "Study",
    "StudySpec",
    "Trial",
    "Trials",
    "__version__",
    "ablate",
    "compare",
    "confirm",
    "exceptions",
    "keras_tuner",
    "load",
    "optimize",
    "predict",
    "probe",
]
"""What is public; all else may change in any version."""

_ELSEWHERE = {
    "Best": "hpsearch.study.results",
    "Curves": "hpsearch.study.tables",
    "Front": "hpsearch.analysis",
    "FrontMember": "hpsearch.analysis",
    "HpsearchError": "hpsearch.exceptions",
    "KerasSearchClassifier": "hpsearch.api.estimators",
    "KerasSearchRegressor": "hpsearch.api.estimators",
    "StudySpec": "hpsearch.spec",
    "Trial": "hpsearch.study.results",
    "Trials": "hpsearch.study.results",
}
"""Modules of what does not come from `hpsearch.api.functions`."""


def __getattr__(name: str) -> Any:
    """Import what is public when it is first asked for (PEP 562): `import hpsearch` itself costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in ("exceptions", "keras_tuner"):
        return import_module(f"hpsearch.{name}")
    found = getattr(import_module(_ELSEWHERE.get(name, "hpsearch.api.functions")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List what is public."""
    return sorted(__all__)
