"""A search made up for tests, whose names try to be more than text."""

from __future__ import annotations

from types import ModuleType

from hpsearch.analysis import Analysis, analyze
from hpsearch.spec import StudySpec
from hpsearch.store.record import StudyRecord

HOSTILE = (
    "</script><script>hostile = 1</script><img src=x onerror='hostile = 1'><!-- \u2028 "
    "שלום 한국어 🚀 'q' \"q\" &amp;"
)

STUDY = {
    "name": "שלום & 'q' 검색 🚀 {{ x }}",
    "data": "sklearn:digits",
    "model": {"python": {"file": "m.py", "arguments": {"way": {"choice": [HOSTILE, "b"]}}}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 3},
}


def made_hostile(synthetic: ModuleType, trials: int) -> tuple[StudyRecord, Analysis]:
    """Give a search over options whose names are markup, with the analysis of it."""
    spec = StudySpec.model_validate({**STUDY, "search": {"trials": trials}})
    record: StudyRecord = synthetic.record_of(trials, spec, epochs=3, mixed=False)
    return record, analyze(record)
