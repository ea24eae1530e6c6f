"""Results as plain data for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from hpsearch.analysis.analysis import Analysis
from hpsearch.store.record import finite


def to_json(analysis: Analysis) -> dict[str, Any]:
    """Give an analysis as data that JSON can hold; what is not finite is None."""
    plain: dict[str, Any] = _plain(analysis)
    return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return finite(value) if isinstance(value, float) else value
