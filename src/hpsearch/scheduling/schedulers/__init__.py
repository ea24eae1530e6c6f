"""Schedulers, one for each kind of experiment."""

from hpsearch.scheduling.interface import Scheduler
from hpsearch.scheduling.schedulers.ablation_path import AblationScheduler
from hpsearch.scheduling.schedulers.race import RaceScheduler
from hpsearch.scheduling.schedulers.rounds import RoundRobinScheduler
from hpsearch.scheduling.schedulers.search import SearchScheduler
from hpsearch.spec.experiments import Ablation, Comparison, Confirmation, Experiment, SearchExperiment

__all__ = [
    "AblationScheduler",
    "RaceScheduler",
    "RoundRobinScheduler",
    "SearchScheduler",
    "scheduler_of",
]


def scheduler_of(experiment: Experiment, train_rows: int) -> Scheduler:
    """Make the scheduler of an experiment.

    Args:
        experiment: A search, a comparison, a confirmation or an ablation.
        train_rows: The number of training rows, from which a pruner knows the longest run.
    """
    if isinstance(experiment, SearchExperiment):
        return SearchScheduler(experiment, train_rows)
    if isinstance(experiment, Ablation):
        return AblationScheduler(experiment)
    if isinstance(experiment, Confirmation):
        return RaceScheduler(experiment)
    assert isinstance(experiment, Comparison)  # noqa: S101 - there are no other kinds
    return RoundRobinScheduler(experiment)
