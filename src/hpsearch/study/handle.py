"""A study that was begun, as an object: what it found, and how to go on with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.exceptions import HpsearchError, warnings_as_notes

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from hpsearch.analysis import AblationPath, Front, Importance, StudyFinding
    from hpsearch.analysis.influence.importance import Method
    from hpsearch.scheduling.conclusion import Conclusion
    from hpsearch.spec import StudyFile, StudySpec
    from hpsearch.spec.sections.engine import WorkerCount
    from hpsearch.store.layout import StudyFiles
    from hpsearch.store.record import StudyRecord
    from hpsearch.study.options import Options
    from hpsearch.study.predict import Predicted
    from hpsearch.study.progress import Display, Outcome
    from hpsearch.study.results import Best, Compared, Trials
    from hpsearch.study.tables import Curves

Command = Literal["optimize", "confirm", "compare", "ablate"]

ABLATION_REPLICATES = 3
"""The fewest that give each difference an interval.

All configurations of an ablation meet the same seeds, so what a seed does to all of them drops out of every
difference, and few seeds go far. The number of configurations grows with the square of the changes, and every
replicate trains all of them once more.
"""


class Study:
    """A study that was begun: what it found so far, and how to go on with it.

    What it says is as it was when it was loaded, or when a method of it last ended.
    """

    def __init__(
        self,
        files: StudyFiles,
        record: StudyRecord,
        options: Options,
        outcome: Outcome | None = None,
        conclusion: Conclusion | None = None,
    ) -> None:
        from hpsearch.store.reading import read_parts

        self.files, self.record, self.outcome = files, record, outcome
        self._parts: tuple[StudyRecord | None, StudyRecord | None] = (None, None)
        if conclusion is not None:
            self.__dict__["conclusion"] = conclusion
        elif record.kind == "search":
            self._parts = read_parts(files)
        self.failure: str | None = None
        """What is to be said where all that was trained failed."""
        self._options = options

    def __repr__(self) -> str:
        what = "comparison" if self.record.kind == "comparison" else "study"
        return f"<{what} {self.name!r} of {len(self.record.trials):,} trials in {self.directory}>"

    def _repr_html_(self) -> str:
        """Show in a notebook the answer, and figures of the report."""
        from hpsearch.analysis import NOT_JUDGED, analyze_conclusion, kept_influence
        from hpsearch.report.html.document import render
        from hpsearch.report.html.excerpts import excerpt_of_comparison, excerpt_of_search

        if self.record.kind == "comparison":
            return render(excerpt_of_comparison(self.comparison, self.files.report))
        influence = kept_influence(self.record, self.files) or NOT_JUDGED
        return render(excerpt_of_search(analyze_conclusion(self.conclusion, influence), self.files.report))

    @property
    def name(self) -> str:
        """Return the name of the study."""
        return self.record.name

    @property
    def directory(self) -> Path:
        """Return the folder of its files."""
        return self.files.directory

    @property
    def spec(self) -> StudySpec:
        """Return the study file as validated types."""
        return self.record.spec

    @property
    def yaml(self) -> str:
        """Return the study file, every default written out; the command line takes it from a file."""
        from hpsearch.spec import print_spec

        return print_spec(self.spec)

    @cached_property
    def trials(self) -> Trials:
        """Return the trials, or the runs of a comparison."""
        from hpsearch.study.results import Trials

        return Trials(self.record)

    @cached_property
    def curves(self) -> Curves:
        """Return the learning curves of the trials as a table."""
        from hpsearch.study.tables import Curves

        return Curves(self.record)

    @cached_property
    def findings(self) -> tuple[StudyFinding, ...]:
        """Return what is wrong, or could be better, as the report tells it, with the evidence."""
        from hpsearch.analysis import judge

        return judge(self.record).findings

    @cached_property
    def best(self) -> Best | None:
        """Return what is best; None where no trial has a value.

        Raises:
            HpsearchError: It is a comparison.
        """
        from hpsearch.study.results import best_result

        self._searched("has no best configuration; its results are in `comparison`")
        return best_result(self.conclusion, self.files.best_model)

    @cached_property
    def front(self) -> Front | None:
        """Return the Pareto front of a search with several objectives; None where there is one metric.

        Raises:
            HpsearchError: It is a comparison.
        """
        from hpsearch.analysis import find_front

        self._searched("has no Pareto front; its results are in `comparison`")
        return find_front(self.conclusion)

    @cached_property
    def conclusion(self) -> Conclusion:
        """Return what a search has come to: its finalists judged, its winner, and what stands for it."""
        from hpsearch.scheduling.conclusion import conclude_search

        return conclude_search(self.record, *self._parts)

    @property
    def ablation(self) -> AblationPath | None:
        """Return the way from the defaults to the winner of a search; None where it was not trained."""
        from hpsearch.analysis import follow_ablation

        return None if self.record.kind == "comparison" else follow_ablation(self.conclusion)

    @cached_property
    def comparison(self) -> Compared:
        """Return the results of a comparison.

        Raises:
            HpsearchError: It is a search.
        """
        from hpsearch.study.results import Compared

        if self.record.kind != "comparison":
            raise HpsearchError(f"{self.name!r} is a search, and only a comparison has arms")
        return Compared.of(self.record)

    def importance(self, method: Method = "ped_anova") -> Importance:
        """Tell which parameters mattered; it takes seconds where the study does not keep it yet.

        Args:
            method: `ped_anova`, or `fanova`, which is slow.

        Raises:
            HpsearchError: It is a comparison.
        """
        from hpsearch.analysis import find_influence

        self._searched("varies nothing but its arms; see `comparison`")
        return find_influence(self.record, self.files, method).importance

    def report(self) -> Path:
        """Write the report, and give its path; one is written when a study ends, too."""
        from hpsearch.study.report import write_report

        conclusion = None if self.record.kind == "comparison" else self.conclusion
        write_report(self.files, self.record, conclusion)
        return self.files.report

    def predict(self, x: Any, *, ensemble: bool = False) -> Predicted:
        """Apply the best model to new rows: an array, arrays by the names of inputs, a table, or a file.

        Args:
            x: The rows.
            ensemble: Whether to apply the ensemble of trials instead, which the study file asks for.

        Raises:
            StudyNotFoundError: No model has been saved yet.
            DataError: The rows are not what the model takes.
        """
        from hpsearch.engines.isolation import here_or_apart
        from hpsearch.study.predict import predict as run

        self._searched("saves no model")
        data = Path(x) if isinstance(x, str | os.PathLike) else x
        return here_or_apart(partial(run, ensemble=ensemble), self.files, data)

    def pipeline(self) -> Pipeline:
        """Return the best model behind the preparation of its rows, as a fitted pipeline of scikit-learn.

        Raises:
            StudyNotFoundError: No model has been saved yet.
            UnsupportedError: The study has several inputs or targets, or windows.
        """
        from hpsearch.study.pipeline import winner_pipeline
        from hpsearch.study.saved_winner import SavedWinner

        self._searched("saves no model")
        return winner_pipeline(SavedWinner.of(self.files))

    def resume(
        self,
        *,
        trials: int | None = None,
        timeout: float | None = None,
        workers: WorkerCount | None = None,
        progress: bool | None = None,
    ) -> Study:
        """Continue the study, with the budget that it has or a larger one.

        Args:
            trials: The number of trials; by default what the study has.
            timeout: Seconds of wall time, over all runs of the study; by default what the study has.
            workers: The number of training processes, or "auto"; by default as before.
            progress: Whether progress is shown on the standard error; by default if that is a terminal.

        Returns:
            This study.

        Raises:
            HpsearchError: It cannot run, or all that it trained failed.
            KeyboardInterrupt: It was interrupted; the same call continues it.
        """
        from hpsearch.spec.sections.engine import read_workers

        if workers is not None:
            self._options = replace(self._options, workers=read_workers(workers))
        command: Command = "compare" if self.record.kind == "comparison" else "optimize"
        return self._go_on(command, {"search.trials": trials, "search.timeout": timeout}, progress=progress)

    def confirm(
        self, *, finalists: int | None = None, replicates: int | None = None, progress: bool | None = None
    ) -> Study:
        """Train the best trials again, or from more seeds; gives the study itself."""
        self._searched("has nothing to confirm")
        given = {"confirm.finalists": finalists, "confirm.replicates": replicates}
        return self._go_on("confirm", given, progress=progress)

    def ablate(self, *, replicates: int = ABLATION_REPLICATES, progress: bool | None = None) -> Study:
        """Train the way from the defaults to the winner, one change at a time; it is `ablation` then."""
        self._searched("has nothing to ablate")
        return self._go_on("ablate", {}, progress=progress, replicates=replicates)

    def check(self) -> None:
        """Raise what the last command on the study ended with, where it did not end well.

        Raises:
            HpsearchError: All that was trained failed.
            KeyboardInterrupt: It was interrupted.
        """
        if self.outcome == "interrupted":
            raise KeyboardInterrupt(
                f"the study {self.name!r} was interrupted; make the same call again to continue"
            )
        if self.failure is not None:
            raise HpsearchError(self.failure)

    def _searched(self, why: str) -> None:
        if self.record.kind == "comparison":
            raise HpsearchError(f"{self.name!r} is a comparison, which {why}")

    def _go_on(
        self, command: Command, given: Mapping[str, Any], *, progress: bool | None, replicates: int = 0
    ) -> Study:
        from hpsearch.study.input import begun_study, overridden

        study = begun_study(self.files, self.record, overridden((), given))
        options = replace(self._options, new=False)
        found = run_shown(command, study, options, progress=progress, replicates=replicates)
        self.__dict__ = found.__dict__
        self.check()
        return self


def run(
    command: Command,
    study: StudyFile,
    options: Options,
    display: Display,
    replicates: int = ABLATION_REPLICATES,
) -> Study:
    """Run a command on a study file. Failed trials and interruptions are reported by `Study.check`.

    Args:
        command: What to do.
        study: The study file.
        options: Where and how it is run.
        display: Receives the progress.
        replicates: The number of seeds of an ablation.

    Raises:
        HpsearchError: It cannot run.
    """
    from hpsearch.store.layout import PARTS, StudyFiles
    from hpsearch.store.loggers.logs import log_report
    from hpsearch.study import lifecycle

    loggers = options.loggers()  # what is not installed is said at once
    files = StudyFiles(options.out, study.spec.name, PARTS["comparison"] if command == "compare" else "")
    if command == "compare":
        outcome, record = lifecycle.compare(study, options, display)
        found = Study(files, record, options, outcome)
    else:
        if command == "ablate":
            outcome, conclusion = lifecycle.ablate(study, options, replicates, display)
        else:
            search = lifecycle.optimize if command == "optimize" else lifecycle.confirm_search
            outcome, conclusion = search(study, options, display)
        found = Study(files, conclusion.record, options, outcome, conclusion)
    found.failure = _failure(command, found)
    if outcome != "interrupted":
        log_report(loggers, files.full_name, files.report)
    return found


def _failure(command: Command, found: Study) -> str | None:
    """Say that all that a command trained failed; None where something did not."""
    from hpsearch.analysis import total_failure

    if command == "ablate":
        runs = found.conclusion.ablation
        return None if runs is None else total_failure(runs, "run")
    record, what = found.record, "run" if command == "compare" else "trial"
    failure = total_failure(record, what)
    if failure is None and found.outcome == "hopeless":
        failure = f"stopped, because the first trials failed: {record.trials[0].kind_of_failure}"
    if failure is not None:
        return f"{failure}; fix it and start over with --new"
    replicates = found.conclusion.confirmation if command == "confirm" else None
    return None if replicates is None else total_failure(replicates, "replicate of the finalists")


def run_shown(
    command: Command, study: StudyFile, options: Options, *, progress: bool | None, replicates: int
) -> Study:
    """Run a command as `run` does; log that it starts and ends, and show its progress if wanted."""
    from hpsearch.store.layout import StudyFiles
    from hpsearch.study.progress import LOGGER, in_notebook

    # The part of a study that a command writes has its name.
    files = StudyFiles(options.out, study.spec.name, "" if command == "optimize" else command)
    started = "resumed" if files.study.exists() and not options.new else "started"
    LOGGER.info("%s %s: %s in %s", command, files.name, started, files.directory)
    if sys.stderr.isatty() or in_notebook() if progress is None else progress:
        found = _run_live(command, study, options, replicates)
    else:
        found = _run_logged(command, study, options, replicates)
    LOGGER.info("%s %s: ended (%s), %s trials", command, files.name, found.outcome, len(found.record.trials))
    return found


def _run_logged(command: Command, study: StudyFile, options: Options, replicates: int) -> Study:
    from hpsearch.study.progress import LoggedProgress

    display = LoggedProgress()
    with warnings_as_notes(display.note):
        return run(command, study, options, display, replicates)


def _run_live(command: Command, study: StudyFile, options: Options, replicates: int) -> Study:
    from hpsearch.spec.experiments import prepare
    from hpsearch.study.progress import live_display

    search = prepare(study.spec, "comparison" if command == "compare" else "search").search
    display = live_display(search)
    return display.show(lambda: run(command, study, options, display, replicates))
