"""Probe the networks of a study: load its rows, measure every arm, and write the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from hpsearch import __version__
from hpsearch.analysis import ArmSummary, probe_to_json, summarize
from hpsearch.datasets import Dataset, Rows, load_dataset
from hpsearch.engines.imports import import_keras, jax_ahead
from hpsearch.probes.arms import VARIED, Arms, arms_of
from hpsearch.probes.record import ArmProbe, LayerProbe, StudyProbe
from hpsearch.randomness import derive
from hpsearch.spec import Configuration, StudyFile, StudySpec
from hpsearch.spec.parts import label_of
from hpsearch.store.files import StudyFiles


@dataclass(frozen=True)
class ProbeOptions:
    """How a study is probed.

    `rows` is the number of rows, the first of the training part; `replicates` the number of seeds, the same
    for every arm; `out` the parent of `reports/`.
    """

    rows: int
    replicates: int
    out: Path = Path()
    data_dir: Path | None = None


@dataclass(frozen=True)
class Probed:
    """The probes of a study, what they mean, and the page that shows them."""

    probe: StudyProbe
    summaries: tuple[ArmSummary, ...]
    page: Path

    def json(self) -> str:
        """Give every number as JSON."""
        return json.dumps({**probe_to_json(self.probe, self.summaries), "page": str(self.page)}, indent=1)


def probe(study: StudyFile, options: ProbeOptions) -> Probed:
    """Probe every arm of a study, and write the page.

    Raises HpsearchError where the data cannot be loaded or the model cannot be probed.
    """
    arms = arms_of(study.spec)
    with jax_ahead():
        dataset = load_dataset(study.spec.data, study.directory, options.data_dir)
    import_keras("jax", spawned=False)
    found = _measured(study.spec, dataset, arms, options)
    summaries = tuple(map(summarize, found.arms))
    page = StudyFiles(options.out, study.spec.name).probe_report

    from hpsearch.report import write_probe

    write_probe(found, summaries, page)
    return Probed(found, summaries, page)


def _measured(spec: StudySpec, dataset: Dataset, arms: Arms, options: ProbeOptions) -> StudyProbe:
    from hpsearch.components.objectives import Objective
    from hpsearch.probes.network import Prober

    train = dataset.splits[0].train
    batch = Rows(train.x[: options.rows], train.y[: options.rows])
    prober = Prober(batch, Objective(dataset.task, dataset.outputs))
    seeds = [derive(spec.search.seed, "probe", number) for number in range(options.replicates)]
    return StudyProbe(
        spec=spec,
        data=dataset.summary(),
        rows=len(batch),
        replicates=options.replicates,
        fixed=arms.fixed,
        arms=tuple(_arm(one, prober.probe(one, seeds)) for one in arms.configurations),
        versions={"hpsearch": __version__, **{name: version(name) for name in ("keras", "jax", "numpy")}},
    )


def _arm(configuration: Configuration, layers: tuple[LayerProbe, ...]) -> ArmProbe:
    settings = dict(configuration.model.items())
    labels = {name: label_of(settings[name]) for name in VARIED}
    return ArmProbe(**labels, layers=layers)
