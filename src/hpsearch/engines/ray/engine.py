"""Training by actors of Ray: on a cluster, or on this machine alone."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from hpsearch.engines.interface import Engine, Worker
from hpsearch.engines.messages import Job, Order
from hpsearch.engines.policy.capacity import Capacity, machine_capacity
from hpsearch.engines.ray.shipment import Delivery, packed
from hpsearch.exceptions import UnsupportedError, WorkerDiedError, shortened
from hpsearch.spec.sections.engine import WorkerNeeds

ADDRESS = "RAY_ADDRESS"
"""The environment variable in which Ray itself looks for its cluster."""

LOCAL = "local"
"""What Ray calls the address of one that it starts."""

ALONE: Mapping[str, Any] = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
"""How a Ray for one study starts: it listens to this machine alone."""

GIGABYTE = 10**9

NAMES = {"CPU": "cores", "GPU": "accelerators", "memory": "memory"}
"""What Ray calls resources, and we."""

CLOSING_SECONDS = 5


class RayWorker(Worker):
    """One actor of Ray, which has the study open until it is closed."""

    def __init__(self, actor: Any, opening: Any) -> None:
        self._actor, self.answer, self._busy = actor, opening, True

    def submit(self, order: Order) -> None:
        self.answer, self._busy = self._actor.do.remote(order), True

    def result(self) -> Any:
        import ray
        from ray.exceptions import RayError

        try:
            answer = ray.get(self.answer)
        except RayError as failure:
            # One that only seems lost must not go on beside its successor.
            self.kill()
            cause = shortened(" ".join(str(failure).split()))
            raise WorkerDiedError(f"the worker on Ray died: {cause}") from None
        self._busy = False
        if isinstance(answer, BaseException):
            raise answer
        return answer.received() if isinstance(answer, Delivery) else answer

    def kill(self) -> None:
        import ray

        ray.kill(self._actor, no_restart=True)

    def close(self) -> None:
        import ray
        from ray.exceptions import RayError

        if not self._busy:
            with suppress(RayError):
                ray.get(self._actor.close.remote(), timeout=CLOSING_SECONDS)
        self.kill()


class RayEngine(Engine):
    """Trains in actors of Ray, which place themselves where there is room for them.

    Without an address, and none in the environment, Ray is started on this machine, and stopped at the end.
    A program that has connected to Ray already stays connected.

    Raises:
        UnsupportedError: Ray is not installed, or cannot be reached.
    """

    def __init__(self, address: str | None = None, needs: WorkerNeeds | None = None) -> None:
        super().__init__(address, needs)
        if find_spec("ray") is None:
            raise UnsupportedError("--engine ray: Ray is not installed: pip install 'hpsearch[ray]'")
        import ray

        self._ours = not ray.is_initialized()
        found = address or os.environ.get(ADDRESS) or LOCAL
        # As many workers as asked for, as in processes: only a cluster has room for so many.
        self._alone = self._ours and found == LOCAL
        if self._ours:
            _connect(found)
        self._shipment: tuple[Any, Any] | None = None
        self._places: set[int] = set()

    def start(self, job: Job) -> Worker:
        import ray

        from hpsearch.engines.ray.actor import Actor

        # What is lost goes on from its checkpoint, by the coordinator: Ray repeats nothing.
        options = {"max_restarts": 0, "max_task_retries": 0, "num_cpus": self._cpus(job.place)}
        gpus, memory = self.needs.gpus, self.needs.memory
        room = {"num_gpus": gpus, "memory": None if memory is None else int(memory * GIGABYTE)}
        actor: Any = ray.remote(Actor).options(**options, **room).remote()
        # Read here while the actor starts, and placed once for all nodes.
        return RayWorker(actor, actor.open.remote(job, self._placed(job)))

    def _cpus(self, place: int) -> float:
        """Return the cores that a worker must have for itself: one that is replaced shares those left."""
        import ray

        again = place in self._places
        self._places.add(place)
        if self._alone or (again and ray.available_resources().get("CPU", 0) < self.needs.cpus):
            return 0
        return self.needs.cpus

    def _placed(self, job: Job) -> Any:
        """Return where the rows and files of a job's study are in Ray's memory, which keeps those of one."""
        import ray

        read = job.spec["data"], job.directory, job.data_dir, job.model_code, job.donors
        if self._shipment is None or self._shipment[0] != read:
            self._shipment = read, ray.put(packed(job))
        return self._shipment[1]

    def wait(self, workers: Sequence[Worker], seconds: float | None = None) -> Sequence[Worker]:
        import ray

        by_answer = {worker.answer: worker for worker in workers if isinstance(worker, RayWorker)}
        ready, _ = ray.wait(list(by_answer), num_returns=1, timeout=seconds)
        if ready:
            # It returns as soon as there is one, however many there are by then.
            ready, _ = ray.wait(list(by_answer), num_returns=len(by_answer), timeout=0)
        return [by_answer[answer] for answer in ready]

    def capacity(self) -> Capacity:
        if self._alone:
            return machine_capacity()
        import ray

        free = ray.available_resources()
        memory = (self.needs.memory or 0) * GIGABYTE
        needed = {"CPU": self.needs.cpus, "GPU": self.needs.gpus, "memory": memory}
        room = {name: int(free.get(name, 0) // need) for name, need in needed.items() if need}
        least = min(room, key=room.__getitem__)
        return Capacity(max(1, room[least]), f"the cluster has the {NAMES[least]} for {room[least]} now")

    def close(self) -> None:
        import ray

        self._shipment = None
        if self._ours:
            ray.shutdown()


def _connect(address: str) -> None:
    """Connect to Ray at an address, or start it on this machine.

    Raises:
        UnsupportedError: There is no Ray.
    """
    import ray

    # Ray asks on its own for what it collects of its users.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        with warnings.catch_warnings():
            # JAX warns of forks, but what Ray forks here becomes another program at once.
            warnings.filterwarnings("ignore", message=r"os\.fork")
            ray.init(address=address, logging_level=logging.ERROR, **(ALONE if address == LOCAL else {}))
    except Exception as failure:  # noqa: BLE001 - Ray raises a bare one where its start takes too long
        raise UnsupportedError(f"--engine ray: {address}: {shortened(str(failure))}") from None
