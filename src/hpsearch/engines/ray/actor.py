"""What an actor of Ray does on its node: it has one study open and carries out orders."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hpsearch.engines.messages import Job, Order
from hpsearch.engines.process.failures import outcome, show_warnings
from hpsearch.engines.ray.shipment import Delivery, Shipment, unpacked, written_path, written_to


class Actor:
    """One study, open on a node; what fails is returned, because Ray would wrap what is raised."""

    def __init__(self) -> None:
        show_warnings()
        self._directory = TemporaryDirectory(prefix="hpsearch-")
        self._session: Any = None

    def open(self, job: Job, shipment: Shipment) -> Any:
        """Open the study of a job."""
        return outcome(lambda: self._opened(job, shipment))

    def _opened(self, job: Job, shipment: Shipment) -> Any:
        from hpsearch.engines.session.session import Session

        self._session = Session(unpacked(job, shipment, self._place), spawned=True)
        return self._session.opened()

    def do(self, order: Order) -> Any:
        """Carry out an order; the file that it writes is delivered with its result."""
        return outcome(lambda: self._done(order))

    def _done(self, order: Order) -> Any:
        path = written_path(order)
        if path is None:
            return self._session.do(order)
        here = self._place / Path(path).name
        result = self._session.do(written_to(order, here))
        content = here.read_bytes()
        here.unlink()
        return Delivery(result, path, content)

    @property
    def _place(self) -> Path:
        return Path(self._directory.name)

    def close(self) -> None:
        """Remove what lies on the node."""
        self._directory.cleanup()
