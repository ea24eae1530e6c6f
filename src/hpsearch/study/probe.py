"""Probe the networks of a study: load its rows, measure every arm, and write the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch import __version__
from hpsearch.analysis import ArmSummary, probe_to_json, summarize
from hpsearch.data import Dataset, Rows, load_dataset
from hpsearch.engines.process.canary import check_compiler
from hpsearch.engines.process.imports import choose_backend, import_keras, jax_ahead
from hpsearch.exceptions import HpsearchError, UnsupportedError
from hpsearch.seeds import derive
from hpsearch.spec import Configuration, Search, StudyFile, StudySpec
from hpsearch.spec.study_file.parts import label_of
from hpsearch.spec.study_file.problems import placed
from hpsearch.store.layout import StudyFiles
from hpsearch.study.probe_arms import VARIED, Arms, arms_of
from hpsearch.training.probes.record import ArmProbe, Ending, LayerProbe, StudyProbe

if TYPE_CHECKING:
    from hpsearch.training.probes.network import Prober
    from hpsearch.training.trainer import Trainer

MAX_EPOCHS = 10
"""The most lines that can be distinguished in one figure."""

MAX_MEASUREMENTS = 200
"""Arms times epochs: the most rows that one page can show."""


@dataclass(frozen=True)
class ProbeOptions:
    """How a study is probed.

    `rows` is the number of rows, the first of the training set; `replicates` the number of seeds, the same
    for every arm; `out` the parent of `reports/`; `epochs` are those at which the networks are measured, in
    their order, 0 before any training.
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

    def json(self) -> str:
        """Give every number as JSON."""
        return json.dumps({**probe_to_json(self.probe, self.summaries), "page": str(self.page)}, indent=1)


def read_epochs(text: str) -> tuple[int, ...]:
    """Read epochs as the command line gives them, such as `0,1,5`, in their order.

    Raises UnsupportedError where they are something else, or too many.
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

    Raises HpsearchError where the data cannot be loaded or the model cannot be probed.
    """
    arms = arms_of(study.spec, trained=options.epochs[-1] > 0)
    _check_measurements(arms, options.epochs)
    choose_backend("jax")
    with jax_ahead(), placed(study.source):
        dataset = load_dataset(study.spec.data, study.directory, options.data_dir)
    import_keras("jax", spawned=False)
    check_compiler()
    found = _measured(study.spec, dataset, arms, options)
    summaries = tuple(map(summarize, found.arms))
    page = StudyFiles(options.out, study.spec.name).probe_report

    from hpsearch.report.html.reports import write_probe

    write_probe(found, summaries, page)
    return Probed(found, summaries, page)


def _check_measurements(arms: Arms, epochs: tuple[int, ...]) -> None:
    found = len(arms.configurations)
    if found * len(epochs) > MAX_MEASUREMENTS:
        raise UnsupportedError(
            f"--at-epochs: {found} arms at {len(epochs)} epochs are more than {MAX_MEASUREMENTS} "
            "measurements, too many for one page: ask for fewer epochs, or probe fewer arms with --set"
        )


def _measured(spec: StudySpec, dataset: Dataset, arms: Arms, options: ProbeOptions) -> StudyProbe:
    from hpsearch.models.components.objectives import Objective
    from hpsearch.training.probes.network import Prober

    train = dataset.splits[0].train
    batch = Rows(train.x[: options.rows], train.y[: options.rows])
    prober = Prober(batch, Objective(dataset.task, dataset.outputs))
    seeds = tuple(derive(spec.search.seed, "probe", number) for number in range(options.replicates))
    trainer = _trainer(spec, dataset, arms, options.epochs[-1])
    courses = [_Course(one, seeds, spec.search, prober, trainer) for one in arms.configurations]
    found = tuple(probed for course in courses for probed in course.at(options.epochs))
    endings = tuple(course.ending for course in courses if course.ending is not None)
    if not found:
        raise HpsearchError(
            f"no network could be trained up to epoch {options.epochs[0]}: {endings[0].sentence}; "
            "add epoch 0 to --at-epochs to see the state before training"
        )
    return StudyProbe(
        spec=spec,
        data=dataset.summary(),
        rows=len(batch),
        replicates=options.replicates,
        fixed=arms.fixed,
        arms=found,
        versions={"hpsearch": __version__, **{name: version(name) for name in ("keras", "jax", "numpy")}},
        endings=endings,
    )


def _trainer(spec: StudySpec, dataset: Dataset, arms: Arms, last: int) -> Trainer | None:
    """Make the trainer of the arms, where any is to be trained.

    Raises UnsupportedError where a run of the study ends before the `last` epoch.
    """
    if last == 0:
        return None
    from hpsearch.engines.messages import Job
    from hpsearch.engines.session.open import trainer_of
    from hpsearch.training.schedules import run_length

    # Every arm has the same training section.
    training = arms.configurations[0].training
    length = run_length(training, min(len(split.train) for split in dataset.splits))
    if last > length.epochs:
        longer = f"epochs={last}" if training.steps is None else f"steps={last * length.steps_per_epoch}"
        raise UnsupportedError(
            f"--at-epochs: a run of this study has {length.epochs} epochs, but epoch {last} was requested: "
            f"name epochs from 0 to {length.epochs}, or let it train for longer with --set training.{longer}"
        )
    return trainer_of("auto", dataset, spec, Job(spec.dump(), "", width=1))[0]


@dataclass
class _Course:
    """One arm from its first weights on: its seeds are trained side by side, and end together."""

    configuration: Configuration
    seeds: tuple[int, ...]
    search: Search
    prober: Prober
    trainer: Trainer | None
    ending: Ending | None = field(default=None, init=False)

    def at(self, epochs: tuple[int, ...]) -> Iterator[ArmProbe]:
        """Measure at each of the epochs, up to that in which a network cannot go on."""
        if self.trainer is not None:
            self._start(self.trainer)
        for epoch in range(epochs[-1] + 1):
            if epoch and self.trainer is not None:
                self._advance(self.trainer)
            if self.ending is not None:
                break
            if epoch in epochs:
                yield self._arm(self._layers(), epoch)
        if self.trainer is not None:
            self.trainer.close()

    def _start(self, trainer: Trainer) -> None:
        from hpsearch.training.messages import Member

        metric, direction = self.search.metric, self.search.direction
        for number, seed in enumerate(self.seeds):
            trainer.start(Member(number, self.configuration, seed, metric, direction))

    def _advance(self, trainer: Trainer) -> None:
        """Train every seed for one epoch."""
        for report in trainer.advance_all(range(len(self.seeds))):
            if report.failure is not None and self.ending is None:
                name = self._arm((), report.epoch).name
                of = f"seed {report.number + 1} of {len(self.seeds)}"
                self.ending = Ending(name, f"{name} ends here: {report.failure.told}, {of}")

    def _layers(self) -> tuple[LayerProbe, ...]:
        if self.trainer is None:
            return self.prober.probe(self.configuration, self.seeds)
        weights = [self.trainer.weights(number) for number in range(len(self.seeds))]
        return self.prober.probe(self.configuration, self.seeds, weights)

    def _arm(self, layers: tuple[LayerProbe, ...], epoch: int) -> ArmProbe:
        settings = dict(self.configuration.model.items())
        labels = {name: label_of(settings[name]) for name in VARIED}
        return ArmProbe(**labels, layers=layers, epoch=epoch)
