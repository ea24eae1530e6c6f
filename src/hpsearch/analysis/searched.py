"""What was searched, in words."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.spec.space.parameter import Parameter, condition_text


@dataclass(frozen=True)
class SearchedParameter:
    """One parameter: its distribution as the study file writes it, and when it is active (empty: always)."""

    name: str
    distribution: str
    condition: str


def describe_parameter(parameter: Parameter) -> SearchedParameter:
    """Describe one parameter of a search space."""
    return SearchedParameter(parameter.name, parameter.describe(), condition_of(parameter))


def condition_of(parameter: Parameter) -> str:
    """Say when a parameter is active: `schedule is cosine`; empty where it always is."""
    return " and ".join(condition_text(condition, " is ") for condition in parameter.conditions)
