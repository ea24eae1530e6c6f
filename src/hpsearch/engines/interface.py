"""The interface of engines and their workers: where training runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from hpsearch.engines.messages import Job, Order
from hpsearch.engines.policy.capacity import Capacity
from hpsearch.spec.sections.engine import WorkerCount, WorkerNeeds


class Worker(ABC):
    """Has one study open and carries out orders, one at a time: `submit`, then `result`.

    The first result, without an order, is what the worker found when it opened the study.
    """

    @abstractmethod
    def submit(self, order: Order) -> None:
        """Hand over an order."""

    @abstractmethod
    def result(self) -> Any:
        """Wait for the result of the last order.

        Raises:
            HpsearchError: As the worker raised it.
            WorkerError: The worker raised something else.
            WorkerDiedError: The worker died.
        """

    @abstractmethod
    def kill(self) -> None:
        """End the worker at once, whatever it is doing."""

    @abstractmethod
    def close(self) -> None:
        """End the worker."""

    def do(self, order: Order) -> Any:
        """Hand over an order and wait for its result, which raises as `result` does."""
        self.submit(order)
        return self.result()


class Engine(ABC):
    """Starts workers in one kind of place, and waits for them.

    Args:
        address: That of a cluster, for engines that work on one.
        needs: What a worker must have for itself there.
    """

    usual_workers: ClassVar[WorkerCount] = 1
    """How many workers it has where nobody says it."""

    def __init__(self, address: str | None = None, needs: WorkerNeeds | None = None) -> None:
        self.address, self.needs = address, needs or WorkerNeeds()

    @abstractmethod
    def start(self, job: Job) -> Worker:
        """Start a worker, which opens the study of a job; its first `result` is an OpenedStudy."""

    @abstractmethod
    def wait(self, workers: Sequence[Worker], seconds: float | None = None) -> Sequence[Worker]:
        """Wait until one of several busy workers of this engine has its result.

        Args:
            workers: The busy workers.
            seconds: How long to wait; None waits until there is one.

        Returns:
            The workers that have their results; none after so many seconds without one.
        """

    def capacity(self) -> Capacity:
        """Return how many workers there is room for."""
        return Capacity(1, "this engine trains in one place")

    def close(self) -> None:  # noqa: B027 - most engines hold nothing but their workers
        """Release what the engine holds beside its workers."""
