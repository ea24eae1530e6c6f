"""Where the files of a study are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpsearch.spec.experiments import Kind

PARTS: dict[Kind, str] = {
    "search": "",
    "comparison": "compare",
    "confirmation": "confirm",
    "ablation": "ablate",
}
"""Under which name the files of an experiment lie inside those of the study."""

OF_SEARCH = (PARTS["confirmation"], PARTS["ablation"])
"""Those that belong to a search, and go when it goes."""

ARRAYS = "arrays"
"""Under which name rows that were given in memory lie inside the files of the study."""

OWN = re.compile(
    r"(study(\.copy)?\.yaml|model\.py|ticks(\.copy)?\.jsonl|study\.db|best\.(keras|yaml|json)|ensemble\.(keras|json)|baselines\.json"
    r"|test\.json|insides\.json"
    r"|refit\.json|refit(\.checkpoint)?\.npz|probes\.npz|trials\.csv|timing\.json|influence\.json|fanova\.json"
    r"|models(/\d+\.(npz|keras|keras\.json))?|checkpoints(/\d+(\.older)?\.npz)?|(leases|artifacts|arrays)(/.+)?"
    r"|compare|confirm|ablate"
    r"|lock|histories/\d+\.json)"  # of older versions
    r"(\.damaged)?(-wal|-shm|-journal)?"
    r"|(.+/)?\.[^/]+\.\d+\.tmp(\.keras)?"  # left by a process that was killed
)
"""Names of the files of an experiment, relative to its directory, and of the folders that a link may be."""


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study under `runs/` and `reports/` of an output directory.

    Attributes:
        out: The output directory.
        name: The name of the study.
        part: A directory inside that of the study, such as "comparison", with files like those of a study;
            empty for the search.
    """

    out: Path
    name: str
    part: str = ""

    @property
    def directory(self) -> Path:
        """Everything about the study but the report."""
        return self.out / "runs" / self.name / self.part

    @property
    def full_name(self) -> str:
        """The name by which an Optuna storage knows the study."""
        return f"{self.name}-{self.part}" if self.part else self.name

    @property
    def parts(self) -> list[StudyFiles]:
        """The places of the experiments that were begun with the study."""
        return [files for files in self._all if files.begun]

    @property
    def begun(self) -> bool:
        """Whether the experiment was begun."""
        return self.study.exists() or self.study_copy.exists()

    @property
    def _all(self) -> list[StudyFiles]:
        return [StudyFiles(self.out, self.name, part) for part in PARTS.values()]

    def own(self, pattern: str) -> Iterator[Path]:
        """Iterate over the files of this experiment that match, those of others in the study left out."""
        others = {files.directory for files in self._all if files.directory.is_relative_to(self.directory)}
        others.discard(self.directory)
        for path in self.directory.rglob(pattern):
            if not others.intersection(path.parents):
                yield path

    def foreign_files(self) -> Iterator[Path]:
        """Iterate over what lies among the files of this experiment by a name that none of them has."""
        for path in self.own("*"):
            if path.is_dir() and not path.is_symlink():
                continue
            if not OWN.fullmatch(path.relative_to(self.directory).as_posix()):
                yield path

    @property
    def study(self) -> Path:
        """The resolved study file."""
        return self.directory / "study.yaml"

    @property
    def study_copy(self) -> Path:
        """The second copy of the resolved study file."""
        return self.directory / "study.copy.yaml"

    @property
    def ticks(self) -> Path:
        """The tick log: every decision, in its order."""
        return self.directory / "ticks.jsonl"

    @property
    def ticks_copy(self) -> Path:
        """The second copy of the tick log."""
        return self.directory / "ticks.copy.jsonl"

    @property
    def database(self) -> Path:
        """The Optuna storage where no other is named."""
        return self.directory / "study.db"

    @property
    def leases(self) -> Path:
        """Who runs the study: a file for each lease, of which the highest number holds."""
        return self.directory / "leases"

    @property
    def best_model(self) -> Path:
        """The best configuration's model."""
        return self.directory / "best.keras"

    @property
    def best_configuration(self) -> Path:
        """The best configuration as a study file."""
        return self.directory / "best.yaml"

    @property
    def best_preprocessing(self) -> Path:
        """What it takes to apply the best model to new rows: the encoding of columns, labels, shapes."""
        return self.directory / "best.json"

    @property
    def ensemble_model(self) -> Path:
        """The model that joins trials."""
        return self.directory / "ensemble.keras"

    @property
    def ensemble(self) -> Path:
        """What was found of it, and what it takes to apply it to new rows."""
        return self.directory / "ensemble.json"

    @property
    def baselines(self) -> Path:
        """What models without a search give on the same rows."""
        return self.directory / "baselines.json"

    @property
    def looks(self) -> Path:
        """The log of looks at the test set."""
        return self.directory / "test.json"

    @property
    def insides(self) -> Path:
        """Where the winner is right and wrong."""
        return self.directory / "insides.json"

    @property
    def refit(self) -> Path:
        """How the winner was trained once more, on all rows but those of the test set."""
        return self.directory / "refit.json"

    @property
    def refit_weights(self) -> Path:
        """The weights that this gave."""
        return self.directory / "refit.npz"

    @property
    def refit_checkpoint(self) -> Path:
        """The state of the winner while it is refitted."""
        return self.directory / "refit.checkpoint.npz"

    @property
    def probes(self) -> Path:
        """Probes of trials that did not learn, at their first weights."""
        return self.directory / "probes.npz"

    @property
    def arrays(self) -> Path:
        """Rows that were given in memory, a folder for each content; all experiments share them."""
        return self.out / "runs" / self.name / ARRAYS

    @property
    def code(self) -> Path:
        """What builds the models, where a script was given; all experiments share it."""
        return self.out / "runs" / self.name / "model.py"

    @property
    def table(self) -> Path:
        """All trials as CSV."""
        return self.directory / "trials.csv"

    @property
    def timing(self) -> Path:
        """How long the study took, and how much of that its last process spent on the store."""
        return self.directory / "timing.json"

    @property
    def influence(self) -> Path:
        """What mattered, kept because it takes long to find out."""
        return self.directory / "influence.json"

    @property
    def fanova(self) -> Path:
        """Importance by fANOVA, kept for the same reason."""
        return self.directory / "fanova.json"

    @property
    def artifacts(self) -> Path:
        """What the Optuna dashboard shows as artifacts."""
        return self.directory / "artifacts"

    @property
    def report(self) -> Path:
        """The report."""
        return self.out / "reports" / f"{self.full_name}.html"

    @property
    def probe_report(self) -> Path:
        """The page on probes of the networks."""
        return self.out / "reports" / f"{self.name}-probe.html"

    def checkpoint(self, number: int) -> Path:
        """The state of a trial under way."""
        return self.directory / "checkpoints" / f"{number:06}.npz"

    def older_checkpoint(self, number: int) -> Path:
        """The checkpoint before that, should it be damaged."""
        return self.directory / "checkpoints" / f"{number:06}.older.npz"

    def weights(self, number: int) -> Path:
        """The weights of a trial's best epoch."""
        return self.directory / "models" / f"{number:06}.npz"

    def model(self, number: int) -> Path:
        """The model of a trial that is kept beside the best."""
        return self.directory / "models" / f"{number:06}.keras"

    def model_note(self, number: int) -> Path:
        """What that model belongs to."""
        return self.directory / "models" / f"{number:06}.keras.json"
