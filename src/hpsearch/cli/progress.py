"""How a command ends: a few lines on what was found, below those of the trials."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import StudyRecord
from hpsearch.study.progress import Outcome
from hpsearch.study.terminal import LiveDisplay

if TYPE_CHECKING:
    from hpsearch.api.functions import Study
    from hpsearch.scheduling.conclusion import Conclusion

ENDINGS: dict[Outcome, str] = {
    "finished": "finished: the budget is used up",
    "timeout": "finished: the time limit is reached",
    "exhausted": "finished: every configuration of the search space has been tried",
    "no_gain": "finished: more trials would hardly pay",
    "hopeless": "stopped: all trials failed",
    "interrupted": "interrupted; run the same command again to continue",
}


class TerminalDisplay(LiveDisplay):
    """Prints what was found, too."""

    def conclude(self, found: Study) -> None:
        """Print in a few lines how the study ended, what was best, and where it lies."""
        outcome, record = _ended(found), found.record
        lines = [_ending(outcome, record)]
        if outcome == "no_gain":
            lines.append(_why(record))
        if outcome == "interrupted":
            lines.append(_so_far(record))
        else:
            lines += self._answer(found.conclusion, found.files)
        for line in lines:
            self.note(line)

    def _answer(self, conclusion: Conclusion, files: StudyFiles) -> list[str]:
        """Tell what was found: where no trial is of any use, what happened is the last word."""
        from hpsearch.analysis import judge
        from hpsearch.analysis.baselines import compare_baselines
        from hpsearch.report.words.baselines import baselines_line
        from hpsearch.report.words.best import best_lines
        from hpsearch.report.words.ensemble import ensemble_line

        record = conclusion.record
        best = best_lines(conclusion, str(files.best_model)) if record.best else [_so_far(record)]
        if record.ensemble is not None:
            best.append(ensemble_line(record.ensemble, str(files.ensemble_model)))
        baselines = compare_baselines(record, conclusion.verdict)
        if baselines is not None:
            best.append(baselines_line(baselines))
        judgement = judge(record)
        if judgement.last_word is not None:
            return [best[0], best[-1], f"report: {files.report}", judgement.last_word]
        count = len(judgement.findings)
        findings = f"   ({count} finding{'' if count == 1 else 's'})" if count else ""
        return [*best, f"report: {files.report}{findings}"]

    def conclude_comparison(self, found: Study) -> None:
        """Print the arms of a comparison, what they say, and where the report lies."""
        from hpsearch.cli.tables import comparison_lines, comparison_table

        outcome, comparison = _ended(found), found.comparison
        if not self.quiet:
            self.console.print(comparison_table(comparison))
        report = [f"report: {found.files.report}"] if outcome != "interrupted" else []
        for line in (_ending(outcome, found.record), *comparison_lines(comparison), *report):
            self.note(line)

    def conclude_ablation(self, found: Study) -> None:
        """Print the steps from the default to the winner, what they say, and where the report lies."""
        from hpsearch.cli.tables import ablation_table
        from hpsearch.report.words.ablation import sentences

        outcome, path, files = _ended(found), found.ablation, found.files
        assert path is not None  # noqa: S101 - it was trained a moment ago
        if path.steps and not self.quiet:
            self.console.print(ablation_table(path))
        text = f"{ENDINGS[outcome]}: {path.runs:,} of {path.planned:,} runs ended"
        report = [] if outcome == "interrupted" else [f"report: {files.report}"]
        for line in (text, *sentences(path, files.name), *report):
            self.note(line)


def _ended(found: Study) -> Outcome:
    """Say how a study that was run has ended."""
    assert found.outcome is not None  # noqa: S101 - it was run
    return found.outcome


def _ending(outcome: Outcome, record: StudyRecord) -> str:
    counts = Counter(trial.state for trial in record.trials)
    text = ", ".join(f"{count} {state}" for state, count in counts.items()) or "no trials"
    return f"{ENDINGS[outcome]}: {text}"


def _why(record: StudyRecord) -> str:
    """Say why a search ended by itself."""
    from hpsearch.report.words.verdict import end_sentence
    from hpsearch.scheduling.gain import no_gain

    return end_sentence(no_gain(record), len(record.trials), record.spec.search.trials)


def _so_far(record: StudyRecord) -> str:
    best = record.best
    if best is None:
        return "no trial has a value" if record.trials else "no trial was run"
    from hpsearch.analysis import judge_chance
    from hpsearch.report.words.chance import chance_words

    text = f"best {record.metric} {best.value:.6g}: trial {best.number}, epoch {best.best_epoch}"
    return "; ".join(filter(None, (text, chance_words(judge_chance(record, None)))))
