"""A study that a worker has open: it advances members, probes, and exports models."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.data import Dataset, Rows, load_raw_data
from hpsearch.engines.messages import (
    EnsembleOrder,
    ExportOrder,
    Job,
    OpenedStudy,
    Order,
    ProbeOrder,
    SavedWinner,
    Start,
    TickOrder,
    TickResult,
    WeightsOrder,
    WinnerOrder,
)
from hpsearch.engines.policy.architectures import check_images
from hpsearch.engines.policy.backend import backend_here, backend_of, versions_of_packages
from hpsearch.engines.policy.cores import use_cores
from hpsearch.engines.policy.device import fits_device, too_large
from hpsearch.engines.policy.ensemble import check_ensemble
from hpsearch.engines.policy.inputs import check_inputs
from hpsearch.engines.policy.layer_axes import check_layers
from hpsearch.engines.policy.loss import (
    check_class_weights,
    check_loss,
    notes_on_losses,
    single_loss,
)
from hpsearch.engines.policy.metric import check_metric
from hpsearch.engines.policy.stream import check_own_fits, check_stream, note_on_stream
from hpsearch.engines.policy.target_transform import (
    check_clamp,
    check_transform,
    decided_transform,
    note_on_targets,
    with_target_transform,
)
from hpsearch.engines.policy.targets import check_targets
from hpsearch.engines.policy.threshold import check_threshold
from hpsearch.engines.policy.width import SideBySide
from hpsearch.engines.process.canary import check_compiler
from hpsearch.engines.process.compilation import use_compilation_cache
from hpsearch.engines.process.failures import told
from hpsearch.engines.process.imports import choose_backend, import_keras, jax_ahead
from hpsearch.engines.session.open import TEST_CHOOSES, further_of, trainer_of
from hpsearch.engines.session.splits import Splits
from hpsearch.spec import StudySpec, Training, read_configuration
from hpsearch.spec.sections.constraints import PARAMETERS, infeasibility
from hpsearch.spec.sections.keras_tuner_model import unexplored
from hpsearch.spec.sections.parts_of_rows import TestRows
from hpsearch.spec.study_file.parts import dump, holds_distribution
from hpsearch.training.chance import Chance, chance_in
from hpsearch.training.class_weights import with_class_weights
from hpsearch.training.decisions import Cores, Decisions

if TYPE_CHECKING:
    import keras

    from hpsearch.data.summary import DataSummary
    from hpsearch.models.sources.kinds import Sources
    from hpsearch.training.messages import EpochReport, Member
    from hpsearch.training.probes.network import Prober
    from hpsearch.training.probes.record import LayerProbe


CHECKS = (
    check_stream,
    check_inputs,
    check_targets,
    check_metric,
    check_threshold,
    check_loss,
    check_ensemble,
    check_class_weights,
    check_images,
    check_layers,
)
"""What a study must suit its data in, in this order."""

MOMENT_SECONDS = 0.05
"""How long members train without returning: short enough that Ctrl-C reacts at once."""


class Session:
    """One study, open in a worker."""

    def __init__(self, job: Job, *, spawned: bool) -> None:
        given = StudySpec.model_validate(job.spec)
        self.spec = with_target_transform(given, job.target_transform)
        chosen = backend_of(self.spec)
        self.backend = backend_here(chosen, streamed=job.stream is not None)
        choose_backend(self.backend)
        self.splits = self._load(job)
        self.dataset = self.splits.own
        check_transform(given, self.dataset)
        check_clamp(self.spec, self.dataset)
        for check in CHECKS:
            check(self.spec, self.dataset)
        cores = use_cores(self.spec, self.dataset, job.place, job.workers) if spawned else None
        import_keras(self.backend, spawned=spawned)
        cached, uncached = self._ready(spawned=spawned)
        self.sources = self._read_sources(job)
        self.trainer, beside = trainer_of(chosen, self.dataset, self.spec, job, self.sources)
        self.trainer.predicts = self.spec.ensemble is not None
        self.trainer.further = further_of(self.spec, self.dataset, self.sources)
        self._probers: dict[Any, Prober] = {}
        self._counts: dict[int, int] = {}
        transform = decided_transform(given, self.spec, self.dataset)
        self.decisions = self._decided(beside, transform, cores=cores, cached=cached)
        self.notes = self._noted(uncached, job.streamed)

    def _noted(self, uncached: str | None, streamed: str | None) -> tuple[str, ...]:
        """Say what a user should know when the study is opened."""
        ways, stream = self.spec.data.preparations, self.dataset.stream
        large = None if fits_device(self.dataset, ways) else too_large(self.dataset, ways)
        told = note_on_targets(self.spec, self.dataset)
        fed = None if stream is None else note_on_stream(stream, streamed)
        return (
            *self.dataset.notes,
            *filter(None, (told, uncached, large, fed)),
            *notes_on_losses(self.spec, scaled=told is not None),
        )

    def _load(self, job: Job) -> Splits:
        """Load the data, while JAX is imported where it is wanted."""
        data_dir = None if job.data_dir is None else Path(job.data_dir)
        given = job.raw_data
        with jax_ahead(wanted=self.backend == "jax"):
            load = partial(load_raw_data, self.spec.data, Path(job.directory), data_dir, job.stream)
            return Splits(load if given is None else lambda: given, self.spec.confirm)

    def _ready(self, *, spawned: bool) -> tuple[bool | None, str | None]:
        """Make the compiler ready; tell whether it keeps programs, and in a sentence if that is news."""
        caches = spawned and self.backend == "jax"
        cached = use_compilation_cache() if caches else (None, None)
        check_compiler(self.backend)
        return cached

    def _decided(
        self, beside: SideBySide, transform: str | None, *, cores: Cores | None, cached: bool | None
    ) -> Decisions:
        prints = self.sources.fingerprints
        return Decisions(
            backend=self.backend,
            validation=TEST_CHOOSES if isinstance(self.spec.data.validation, TestRows) else None,
            cores=cores,
            compilation_cache=cached,
            model_code=prints.get("model code"),
            donor=prints.get("donor"),
            trainer=type(self.trainer).__name__,
            width=beside.width,
            vmapped=beside.vmapped,
            probes=self.trainer.probes,
            target_transform=transform,
            stream=None if self.dataset.stream is None else self.dataset.stream.told,
        )

    def _read_sources(self, job: Job) -> Sources:
        """Read what the models come from, Python files and saved models, and what those search."""
        from hpsearch.models.interface import ModelFiles
        from hpsearch.models.sources.kinds import sources_of

        files = ModelFiles(Path(job.directory), job.model_code, job.donors, job.moved)
        sources = sources_of(self.spec, files, self.dataset)
        check_own_fits(self.spec, self.dataset, sources)
        self.explored = job.explores and any(unexplored(self.spec.model))
        if self.explored:
            self.spec = sources.explored(self.spec)
        return sources

    def opened(self) -> OpenedStudy:
        """Tell what was found."""
        summary = self._summary()
        versions = versions_of_packages(self.backend)
        model = dump(self.spec.model) if self.explored else None
        return OpenedStudy(summary, self.decisions, versions, self.notes, self.dataset.train_rows, model)

    def _summary(self) -> DataSummary:
        """Return the data in numbers, with the level of chance by the study's metric and loss."""
        metric, summary = self.spec.search.first_metric, self.dataset.summary()
        loss = single_loss(self.spec)
        if self.dataset.target_layout is not None:
            chance = self._chance_of_targets(metric)
        elif loss is None:
            chance = chance_in(self.dataset, metric)
        else:
            from hpsearch.models.components.objectives import Objective

            known = None
            if not isinstance(loss, str):
                known = Objective(self.dataset.task, self.dataset.outputs, loss)
            by_loss = None if known is None else chance_in(self.dataset, "val_loss", known).value
            # Findings set losses in proportion to it, which says nothing where they may be below 0.
            summary = replace(summary, chance_loss=by_loss if self.spec.loss_is_positive else None)
            if metric == "val_loss" and known is None:
                return summary
            chance = chance_in(self.dataset, metric, known)
        return replace(summary, chance=chance.value, constant=chance.constant)

    def _chance_of_targets(self, metric: str) -> Chance:
        from hpsearch.training.chance_of_targets import chance_of_targets_in

        training, objective = self.spec.training, None
        layout = self.dataset.target_layout
        if isinstance(training, Training) and layout is not None:
            told = training.losses, training.loss_weights
            if not any(map(holds_distribution, told)):
                from hpsearch.models.components.joined_objective import joined_objective

                losses, weights = ({} if one is None else dict(one.items()) for one in told)
                objective = joined_objective(layout, losses, weights, own_rate=True)
        return chance_of_targets_in(self.dataset, metric, objective)

    def do(self, order: Order) -> Any:
        """Carry out one order."""
        if isinstance(order, TickOrder):
            return self._tick(order)
        if isinstance(order, WeightsOrder):
            return self.trainer.best_weights(order.number)
        if isinstance(order, ProbeOrder):
            return self._probe(order)
        if isinstance(order, WinnerOrder):
            return self._winner(order)
        if isinstance(order, EnsembleOrder):
            from hpsearch.engines.session.ensemble import saved_ensemble

            return saved_ensemble(order, self.trainer, self.splits, self.spec.search, self._built)
        self._export(order)
        return None

    def _tick(self, order: TickOrder) -> TickResult:
        for number in order.stop:
            self.trainer.stop(number)
            self._counts.pop(number, None)
        failed = [report for start in order.start if (report := self._take_on(start)) is not None]
        gone = {report.number for report in failed}
        members = tuple(number for number in order.advance if number not in gone)
        reports = self._go_on(members, 1 if failed else order.epochs)
        if any(report.last or report.failure for report in reports):
            # What went wrong after the start, as where memory grew short, must not become a result.
            check_compiler(self.backend)
        begun = time.perf_counter()
        states = {n: self.trainer.state(n) for n in order.snapshot if self.trainer.has(n)}
        seconds = time.perf_counter() - begun
        return TickResult((*failed, *reports), states, seconds, self.trainer.new_notes())

    def _go_on(self, numbers: tuple[int, ...], epochs: int) -> list[EpochReport]:
        """Advance members until one of them ends, or a moment or so many epochs are over."""
        end = time.perf_counter() + MOMENT_SECONDS
        reports: list[EpochReport] = []
        for _ in range(epochs):
            heard = self._advance(numbers)
            reports += heard
            if any(report.last or report.failure for report in heard) or time.perf_counter() > end:
                break
        return reports

    def _take_on(self, start: Start) -> EpochReport | None:
        """Take a member on; give a report where its model cannot be built."""
        from hpsearch.training.messages import EpochReport, Failure, Member

        member = Member.read(start.member)
        try:
            dataset = self.splits.of(member.split, member.configuration.preparation)
            if start.limits or PARAMETERS in self.spec.search.objectives:
                count = self._parameters(member, dataset)
                if (found := infeasibility(start.limits, {PARAMETERS: count})) is not None:
                    failure = Failure(found.cause, 0, violations=found.violations)
                    return EpochReport(member.number, 0, {}, 0.0, failure)
                self._counts[member.number] = count
            if start.refit is not None:
                from hpsearch.training.refit import refit_slot

                slot = refit_slot(self.trainer, member, dataset, start.refit)
                self.trainer.take(slot, start.state)
            else:
                self.trainer.start(member, start.state, dataset)
        except Exception as failure:  # noqa: BLE001 - whatever a model raises is a result of the trial
            return _failed(member.number, failure)
        return None

    def _parameters(self, member: Member, dataset: Dataset) -> int:
        """Count the weights of a member's network, as Keras does."""
        from hpsearch.models.model import training_model

        configuration = member.configuration
        objective = self.trainer.objective_of(configuration, dataset.splits[0])
        model = training_model(configuration, dataset.features, objective, member.seed, self.sources)
        count: int = model.count_params()
        return count

    def _counted(self, report: EpochReport) -> EpochReport:
        """Put the number of weights beside the metrics of an epoch where it is an objective."""
        if PARAMETERS not in self.spec.search.objectives:
            return report
        count = float(self._counts[report.number])
        return replace(report, metrics={**report.metrics, PARAMETERS: count})

    def _advance(self, numbers: tuple[int, ...]) -> tuple[EpochReport, ...]:
        """Advance members; an exception is the result of a single one; of several it is not known whose."""
        try:
            return tuple(map(self._counted, self.trainer.advance_all(numbers)))
        except Exception as failure:
            if len(numbers) != 1:
                raise
            self.trainer.stop(numbers[0])
            return (_failed(numbers[0], failure),)

    def _probe(self, order: ProbeOrder) -> tuple[LayerProbe, ...]:
        """Measure a network; gives nothing on a backend that cannot."""
        if self.backend != "jax":
            return ()
        from hpsearch.training.probes.network import Prober

        configuration = read_configuration(order.configuration)
        training = configuration.training
        key = order.rows, configuration.preparation, training.loss, training.class_weight
        if key not in self._probers:
            labels, split = self.dataset.labels, self.splits.of(None, configuration.preparation).splits[0]
            train = with_class_weights(training, split.trained.train, labels)
            batch = Rows(*(part[: order.rows] for part in train.arrays))
            self._probers[key] = Prober(batch, self.trainer.objective_of(configuration, split))
        weights = None if order.members is None else [self.trainer.weights(one) for one in order.members]
        return self._probers[key].probe(configuration, order.seeds, weights)

    def _winner(self, order: WinnerOrder) -> SavedWinner:
        from hpsearch.engines.session.columns import columns_of, slices_of
        from hpsearch.engines.session.evaluation import evaluated, fingerprint, threshold_of

        model = self._export(order.export)
        weights = fingerprint(model)
        configuration = read_configuration(order.export.configuration)
        dataset = self.splits.of(order.export.split, configuration.preparation)
        saved = SavedWinner(weights, dataset.preprocessing())
        try:
            if order.threshold is not None:
                saved = replace(saved, threshold=threshold_of(model, dataset, order.threshold))
            if order.part is None or (order.part == "test" and weights in order.seen):
                return saved
            objective = self.trainer.objective_of(configuration, dataset.splits[0])
            search = self.spec.search
            further, threshold = self.trainer.further, saved.threshold
            found = evaluated(model, dataset, objective, order.part, search, further, threshold)
            columns, effects = columns_of(model, dataset, objective, order.part, search)
            slices = slices_of(model, dataset, objective, order.part, threshold)
        except Exception as failure:  # noqa: BLE001 - the study ends well without it
            return replace(saved, problem=told(failure))
        return replace(saved, evaluation=found, columns=columns, effects=effects, slices=slices)

    def _export(self, order: ExportOrder) -> keras.Model:
        from hpsearch.models.model import save_model

        model = self._built(order)
        save_model(model, Path(order.path))
        return model

    def _built(self, order: ExportOrder) -> keras.Model:
        from hpsearch.models.model import export_model

        configuration = read_configuration(order.configuration)
        dataset = self.splits.of(order.split, configuration.preparation)
        split = dataset.splits[0]
        return export_model(
            configuration,
            dataset.features,
            self.trainer.objective_of(configuration, split),
            split.scaling,
            order.weights,
            order.seed,
            self.sources,
            dataset.inputs,
        )

    def close(self) -> None:
        """Release the trainer."""
        self.trainer.close()


def _failed(number: int, failure: Exception) -> EpochReport:
    from hpsearch.training.messages import EpochReport, Failure

    return EpochReport(number, 0, {}, 0.0, Failure(told(failure), 0))
