"""What a search decides when it begins, and keeps: its sampler, and what is tried first."""

from __future__ import annotations

from hpsearch.scheduling.portfolio import portfolio_of
from hpsearch.scheduling.samplers.auto import sampler_for
from hpsearch.spec import StudySpec
from hpsearch.spec.space.space import SearchSpace


def begun(spec: StudySpec) -> tuple[StudySpec, str | None]:
    """Decide what the study file of a search leaves open.

    Args:
        spec: The study.

    Returns:
        The study with its sampler and its portfolio, and which sampler was chosen for what reason; None where
        the study file names one.
    """
    search, space = spec.search, SearchSpace(spec)
    sampler, why = search.sampler, None
    if sampler.name == "auto":
        sampler, reason = sampler_for(search, space)
        why = f"{sampler.name}, because {reason}"
    portfolio = search.portfolio
    if portfolio == "auto":
        portfolio = "on" if why is not None and not (search.prior or search.warm_start) else "off"
    if portfolio == "on":
        portfolio = portfolio_of(spec, space)
    decided = search.model_copy(update={"sampler": sampler, "portfolio": portfolio})
    return spec.model_copy(update={"search": decided}), why
