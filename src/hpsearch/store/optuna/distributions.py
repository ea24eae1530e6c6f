"""Parameters of a search space as Optuna's distributions."""

from __future__ import annotations

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch.spec import Choice
from hpsearch.spec.space.parameter import Parameter


def optuna_distribution(parameter: Parameter) -> BaseDistribution:
    """Return the distribution of a parameter as Optuna's; its options are the labels."""
    distribution = parameter.distribution
    if isinstance(distribution, Choice):
        return CategoricalDistribution(parameter.options)
    # Optuna wants a high bound that the steps reach.
    low, high, step = distribution.low, distribution.last, distribution.step
    if distribution.integer:
        return IntDistribution(int(low), int(high), log=distribution.log, step=int(step or 1))
    return FloatDistribution(low, high, log=distribution.log, step=step)
