"""Changing a spec in one place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpsearch.spec.sections.study import StudySpec
from hpsearch.spec.study_file.distributions import Choice, Distribution, Numeric
from hpsearch.spec.study_file.parts import Part


def replace_distribution(spec: StudySpec, old: Distribution, new: Distribution) -> StudySpec:
    """Return a spec in which a distribution stands in the place of another one.

    Args:
        spec: The spec; it is returned unchanged if `old` is not in it.
        old: The distribution to replace, found by identity, not by equality.
        new: Its replacement.

    Raises:
        ValidationError: The new distribution is not valid in that place.
    """
    changed = {name: _replaced(getattr(spec, name), old, new) for name in ("model", "training", "data")}
    edited = spec.model_copy(update=changed)
    StudySpec.model_validate(edited.dump())
    return edited


def _replaced(value: Any, old: Distribution, new: Distribution) -> Any:
    """Rebuild what holds the old distribution; all else stays the same object."""
    if value is old or _shares(value, old):
        return replace(new, shared=old.shared)
    if isinstance(value, Choice):
        return Choice(_all_replaced(value.options, old, new))
    if isinstance(value, tuple):
        return _all_replaced(value, old, new)
    if isinstance(value, Part):
        return value.model_copy(update={name: _replaced(item, old, new) for name, item in value.items()})
    return value


def _shares(value: Any, old: Distribution) -> bool:
    """Tell whether a value is the same distribution in another place."""
    shared = value.shared if isinstance(value, Choice | Numeric) else None
    return shared is not None and shared == old.shared


def _all_replaced(values: tuple[Any, ...], old: Distribution, new: Distribution) -> tuple[Any, ...]:
    return tuple(_replaced(value, old, new) for value in values)
