"""Trials as runs of MLflow."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from hpsearch.store.loggers.interface import LoggedTrial, Logger

MARK, REPORT = "hpsearch.mark", "report"
"""The tag that a run has when it is whole, and the one that a report has."""

AT_ONCE, LONGEST = 1000, 500
"""Metrics that MLflow takes at once, and letters of a parameter."""


class MlflowLogger(Logger):
    """Copies trials to runs of an experiment with the name of the study."""

    option = "--mlflow"

    def __init__(self, uri: str) -> None:
        # A server that does not answer is given up within seconds, unless the user says otherwise.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        self.uri = uri
        self._client: Any = None

    def log(self, trial: LoggedTrial) -> None:
        """Write a run, and mark it when it is whole; one of the same trial that is not goes first."""
        from mlflow.entities import Metric, Param, RunTag

        name = f"trial {trial.record.number}"
        run = self._begun(trial.study, name, trial.mark)
        if run is None:
            return
        now = int(time.time() * 1000)
        metrics = [
            Metric(key, value, now, epoch)
            for epoch, known in enumerate(trial.epochs, 1)
            for key, value in known.items()
            if value is not None
        ]
        if trial.record.value is not None:
            metrics.append(
                Metric(f"best_{trial.metric}", trial.record.value, now, trial.record.best_epoch or 0)
            )
        given = [Param(key, str(value)[:LONGEST]) for key, value in trial.parameters.items()]
        self.client.log_batch(run, params=given)
        for first in range(0, len(metrics), AT_ONCE):
            self.client.log_batch(run, metrics=metrics[first : first + AT_ONCE])
        self.client.log_batch(run, tags=[RunTag(MARK, trial.mark)])
        self.client.set_terminated(run, "FAILED" if trial.record.state == "failed" else "FINISHED")

    def report(self, study: str, path: Path) -> None:
        """Attach the report to a run of its own."""
        run = self._begun(study, REPORT, "")
        self.client.log_artifact(run, str(path))
        self.client.set_terminated(run)

    @property
    def client(self) -> Any:
        """The connection, made when it is first needed."""
        if self._client is None:
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=self.uri)
        return self._client

    def _begun(self, study: str, name: str, mark: str) -> str | None:
        """Begin a run in the place of those of its name; None where a whole one has its mark."""
        experiment = self.client.get_experiment_by_name(study)
        number = self.client.create_experiment(study) if experiment is None else experiment.experiment_id
        same = self.client.search_runs([number], f"tags.mlflow.runName = '{name}'")
        if any(mark and run.data.tags.get(MARK) == mark for run in same):
            return None
        for run in same:
            self.client.delete_run(run.info.run_id)
        return str(self.client.create_run(number, run_name=name).info.run_id)
