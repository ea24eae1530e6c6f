"""Probe the networks of a study: load its rows, measure every arm, and write the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hpsearch import __version__
from hpsearch.analysis import ArmSummary, probe_to_json, summarize
from hpsearch.engines import ENGINES, Worker
from hpsearch.engines.messages import Job, OpenedStudy, ProbeOrder
from hpsearch.engines.single_member import SingleMember
from hpsearch.exceptions import HpsearchError, UnsupportedError
from hpsearch.seeds import derive
from hpsearch.spec import Choice, Configuration, Search, StudyFile, StudySpec
from hpsearch.spec.study_file.distributions import alternatives
from hpsearch.spec.study_file.parts import label_of
from hpsearch.spec.study_file.problems import placed
from hpsearch.store.layout import StudyFiles
from hpsearch.store.report_path import check_probe_path
from hpsearch.study.probe_arms import VARIED, ProbedArms, probed_arms
from hpsearch.training.messages import Failure, Member
from hpsearch.training.probes.record import ArmProbe, Ending, LayerProbe, StudyProbe

MAX_EPOCHS = 10
"""The most lines that can be distinguished in one figure."""

MAX_MEASUREMENTS = 200
"""Arms times epochs: the most rows that one page can show."""


@dataclass(frozen=True)
class ProbeOptions:
    """How a study is probed.

    Attributes:
        rows: The number of rows, the first of the training set.
        replicates: The number of seeds, the same for every arm.
        out: The parent of `reports/`.
        data_dir: Where data sets are kept.
        epochs: The epochs at which networks are measured, ascending; 0 is before any training.
    """

    rows: int
    replicates: int
    out: Path = Path()
    data_dir: Path | None = None
    epochs: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Probed:
    """The probes of a study, what they mean, and the page that shows them."""

    probe: StudyProbe
    summaries: tuple[ArmSummary, ...]
    page: Path

    def _repr_html_(self) -> str:
        """Show in a notebook what was found, and the figures of the page."""
        from hpsearch.report.html.document import render
        from hpsearch.report.html.excerpts import excerpt_of_probe

        return render(excerpt_of_probe(self.probe, self.summaries, self.page))

    def json(self) -> str:
        """Return every number as JSON."""
        return json.dumps({**probe_to_json(self.probe, self.summaries), "page": str(self.page)}, indent=1)


def read_epochs(text: str) -> tuple[int, ...]:
    """Read epochs as the command line takes them, such as `0,1,5`, sorted.

    Raises:
        UnsupportedError: They are something else, or too many.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise UnsupportedError(
            f"--at-epochs: expected epochs with commas between them, as in 0,1,5, 0 before any training; "
            f"found {text!r}"
        )
    epochs = tuple(sorted(set(map(int, words))))
    if len(epochs) > MAX_EPOCHS:
        raise UnsupportedError(f"--at-epochs: expected at most {MAX_EPOCHS} epochs; found {len(epochs)}")
    return epochs


def probe(study: StudyFile, options: ProbeOptions) -> Probed:
    """Probe every arm of a study, and write the page.

    Raises:
        HpsearchError: The data cannot be loaded, or the model cannot be probed.
    """
    arms = probed_arms(study.spec, trained=options.epochs[-1] > 0)
    files = StudyFiles(options.out, study.spec.name)
    check_probe_path(files)
    _check_measurements(arms, options.epochs)
    with placed(study.source):
        worker = ENGINES["in_process"]().start(_job(study, options))
    with closing(worker):
        found = _measured(study.spec, worker, arms, options)
    summaries = tuple(map(summarize, found.arms))

    from hpsearch.report.html.reports import write_probe

    write_probe(found, summaries, files.probe_report)
    return Probed(found, summaries, files.probe_report)


def _check_measurements(arms: ProbedArms, epochs: tuple[int, ...]) -> None:
    found = len(arms.configurations)
    if found * len(epochs) > MAX_MEASUREMENTS:
        raise UnsupportedError(
            f"--at-epochs: {found} arms at {len(epochs)} epochs are more than {MAX_MEASUREMENTS} "
            "measurements, too many for one page: ask for fewer epochs, or probe fewer arms with --set"
        )


def _job(study: StudyFile, options: ProbeOptions) -> Job:
    """Open the study with nothing but what is probed: its first model, on JAX, one member at a time."""
    model = alternatives(study.spec.model)[0]
    spec = study.spec.model_copy(update={"model": model, "training": _on_jax(study.spec.training)})
    data_dir = None if options.data_dir is None else str(options.data_dir)
    return Job(spec.dump(), str(study.directory), data_dir, width=1, probes=False)


def _on_jax(training: Any) -> Any:
    if isinstance(training, Choice):
        return Choice(tuple(map(_on_jax, training.options)))
    return training.model_copy(update={"backend": "auto"})


def _measured(spec: StudySpec, worker: Worker, arms: ProbedArms, options: ProbeOptions) -> StudyProbe:
    opened: OpenedStudy = worker.result()
    # Every arm has the same training section.
    _check_length(arms.configurations[0].training, opened.train_rows, options.epochs[-1])
    seeds = tuple(derive(spec.search.seed, "probe", number) for number in range(options.replicates))
    courses = [_Course(one, seeds, spec.search, worker, options) for one in arms.configurations]
    found = tuple(probed for course in courses for probed in course.measured())
    endings = tuple(course.ending for course in courses if course.ending is not None)
    if not found:
        raise HpsearchError(
            f"no network could be trained up to epoch {options.epochs[0]}: {endings[0].sentence}; "
            "add epoch 0 to --at-epochs to see the state before training"
        )
    return StudyProbe(
        spec=spec,
        data=opened.data,
        rows=min(options.rows, opened.data.train_rows),
        replicates=options.replicates,
        fixed=arms.fixed,
        arms=found,
        versions={"hpsearch": __version__, **{name: version(name) for name in ("keras", "jax", "numpy")}},
        endings=endings,
    )


def _check_length(training: Any, rows: int, last: int) -> None:
    """Refuse epochs after the end of a run."""
    from hpsearch.training.schedules import run_length

    length = run_length(training, rows)
    if last > length.epochs:
        longer = f"epochs={last}" if training.steps is None else f"steps={last * length.steps_per_epoch}"
        raise UnsupportedError(
            f"--at-epochs: a run of this study has {length.epochs} epochs, but epoch {last} was requested: "
            f"name epochs from 0 to {length.epochs}, or let it train for longer with --set training.{longer}"
        )


@dataclass
class _Course:
    """One arm from its first weights on: a member for each seed, which all end where one does."""

    configuration: Configuration
    seeds: tuple[int, ...]
    search: Search
    worker: Worker
    options: ProbeOptions
    ending: Ending | None = field(default=None, init=False)

    def measured(self) -> Iterator[ArmProbe]:
        """Measure at each of the epochs, up to that in which a network cannot go on."""
        members = [self._member(number, seed) for number, seed in enumerate(self.seeds)]
        trained = self.options.epochs[-1] > 0
        for epoch in self.options.epochs:
            failures = [member.train(epoch) for member in members] if trained else []
            self.ending = self._ending(failures)
            if self.ending is not None:
                break
            yield self._arm(self._layers(trained=trained), epoch)
        for member in members:
            member.stop()

    def _member(self, number: int, seed: int) -> SingleMember:
        metric, direction = self.search.first_metric, self.search.direction
        return SingleMember(self.worker, Member(number, self.configuration, seed, metric, direction))

    def _ending(self, failures: Sequence[Failure | None]) -> Ending | None:
        """Tell of the first failure, by its epoch and then by its seed."""
        found = [(one.epoch, number, one) for number, one in enumerate(failures) if one is not None]
        if not found:
            return None
        epoch, number, failure = min(found, key=lambda known: known[:2])
        name = self._arm((), epoch).name
        return Ending(name, f"{name} ends here: {failure.told}, seed {number + 1} of {len(self.seeds)}")

    def _layers(self, *, trained: bool) -> tuple[LayerProbe, ...]:
        members = tuple(range(len(self.seeds))) if trained else None
        order = ProbeOrder(self.configuration.dump(), self.seeds, self.options.rows, members)
        layers: tuple[LayerProbe, ...] = self.worker.do(order)
        return layers

    def _arm(self, layers: tuple[LayerProbe, ...], epoch: int) -> ArmProbe:
        settings = dict(self.configuration.model.items())
        labels = {name: label_of(settings[name]) for name in VARIED}
        return ArmProbe(**labels, layers=layers, epoch=epoch)
