"""The notes of a search: one on the study, and one on each trial that has something to say."""

from __future__ import annotations

from collections.abc import Iterator

from hpsearch.analysis import Analysis, EvaluatedAnalysis, StudyFinding
from hpsearch.report.dashboard.markdown import bullets, heading, note, report_table, table, text
from hpsearch.report.tables.tables import finalists_table
from hpsearch.report.words import prose
from hpsearch.report.words import verdict as verdict_words
from hpsearch.report.words.evaluation import evaluation_words, evaluations_note
from hpsearch.report.words.numbers import amount, short
from hpsearch.report.words.study import unconfirmed_note
from hpsearch.report.words.trials import ending_words, value_words
from hpsearch.scheduling.conclusion.verdict import name_of
from hpsearch.scheduling.racing.race import FinalistStanding, RaceConclusion
from hpsearch.store.record import StudyRecord, TrialRecord

PICTURED = 10
"""The best trials that get a rank, a picture and their configuration as a file."""

MOST_FINDINGS = 20
MOST_ROWS = 20

LUCKIEST = "The best trial of the dashboard is the best single run, whose score is optimistic."

FINALISTS = ("finalist", "replicates", "minus the winner", "told apart")


def search_note(record: StudyRecord, analysis: EvaluatedAnalysis, noted: int) -> str:
    """Tell the answer, how sure it is, and what was found; `noted` trials have a note of their own."""
    return note(
        text(prose.answer(analysis)),
        _best(analysis),
        heading("Confidence and replicates"),
        how_sure(analysis),
        _test_part(record),
        heading("Findings"),
        _findings(analysis),
        heading("Artifacts and notes"),
        _places(analysis, noted),
        as_of(record),
    )


def _best(analysis: Analysis) -> str:
    best = analysis.winner
    if best is None:
        return ""
    values = next((row.parameters for row in analysis.ranking if row.number == best.number), {})
    if not values:
        return ""
    rows = [(name, short(value)) for name, value in values.items()]
    return note(heading(f"The best configuration: trial {best.number}"), table(rows, ("searched", "value")))


def how_sure(analysis: Analysis) -> str:
    """Tell who can be told apart from the winner by fresh seeds, or how to find that out."""
    verdict = analysis.verdict
    if verdict is None or not verdict.conclusion.standings:
        return text(unconfirmed_note(analysis))
    columns = (FINALISTS[0], f"mean {analysis.metric}", "low", "high", *FINALISTS[1:])
    finalists = report_table(finalists_table(verdict, analysis.metric), columns, MOST_ROWS)
    return note(finalists, text(f"{verdict_words.confirmation_note(verdict)} {LUCKIEST}"))


def _test_part(record: StudyRecord) -> str:
    if not record.looks.looks:
        return ""
    last = record.looks.looks[-1]
    words = evaluation_words(record.looks, last, record.metric)
    plain = f"Trial {last.winner.trial}, {words}. {evaluations_note(record.looks)}"
    return note(heading("Test-set evaluation"), text(plain))


def _findings(analysis: Analysis) -> str:
    found = analysis.judgement.findings
    listed = bullets(map(_finding, found[:MOST_FINDINGS]))
    more = f"The report has {len(found) - MOST_FINDINGS} more." if len(found) > MOST_FINDINGS else ""
    return note(text(prose.findings_note(analysis.judgement)), listed, more)


def _finding(found: StudyFinding) -> str:
    return f"**{text(found.kind)}**: {text(found.sentence)}"


def _places(analysis: Analysis, noted: int) -> str:
    study = (
        "Artifacts of the study, once they exist: the report (to download), the best model and its study "
        "file, the table of trials, and the learning curves."
    )
    trials = (
        f"Artifacts of the best {PICTURED} trials: the learning curve, the configuration as a study file, "
        "and the model if it was kept."
    )
    return bullets(map(text, (study, trials, _noted(analysis, noted))))


def _noted(analysis: Analysis, noted: int) -> str:
    plain = f"Notes of trials: {amount(noted, 'trial')} of {analysis.counts.trials:,} have a note"
    wanted = len(list(_worth_a_note(analysis)))
    if noted == wanted:
        return f"{plain}."
    return (
        f"Notes of trials: {noted:,} of {wanted:,}, because more notes would slow the dashboard down. The "
        "causes of the other failures are in the user attributes."
    )


def as_of(record: StudyRecord) -> str:
    """Tell how far the study was when this was written, and what becomes of a note that a user edits."""
    ended = sum(trial.state != "running" for trial in record.trials)
    of = f"{ended:,} of at most {amount(record.spec.search.trials, 'trial')}"
    return (
        f"*Written by hpsearch after {of}. While the dashboard is open, the notes are kept up to date, "
        "except those that you have edited.*"
    )


def trial_notes(record: StudyRecord, analysis: Analysis, most: int) -> dict[int, str]:
    """Tell of trials how they ended and what was found in them; of at most so many, the best first."""
    by_number = {trial.number: trial for trial in record.trials}
    findings = _by_trial(analysis)
    ranks = {row.number: row.rank for row in analysis.ranking[:PICTURED] if row.rank is not None}
    numbers = list(_worth_a_note(analysis))[:most]
    return {
        number: note(
            _value(record, by_number[number], ranks.get(number)),
            _ending(by_number[number]),
            _again(analysis, by_number[number]),
            _part_of(findings.get(number, [])),
        )
        for number in numbers
    }


def _worth_a_note(analysis: Analysis) -> Iterator[int]:
    """List the trials that have something to tell: the best, the failed, those with findings, the pruned."""
    best = [row.number for row in analysis.ranking[:PICTURED] if row.rank is not None]
    failed = [number for cause in analysis.failures for number in cause.numbers]
    found = [number for finding in analysis.judgement.findings for number in finding.trials]
    yield from dict.fromkeys([*best, *failed, *found, *(trial.number for trial in analysis.pruned)])


def _by_trial(analysis: Analysis) -> dict[int, list[StudyFinding]]:
    found: dict[int, list[StudyFinding]] = {}
    for finding in analysis.judgement.findings:
        for number in finding.trials:
            found.setdefault(number, []).append(finding)
    return found


def _value(record: StudyRecord, trial: TrialRecord, rank: int | None) -> str:
    place = "" if rank is None else f"**Rank {rank}.** "
    return place + text(value_words(trial, record.metric))


def _again(analysis: Analysis, trial: TrialRecord) -> str:
    """Tell how a finalist did when it was trained again."""
    if analysis.verdict is None or analysis.verdict.conclusion.winner is None:
        return ""
    conclusion = analysis.verdict.conclusion
    own = next((one for one in conclusion.standings if one.name == name_of(trial)), None)
    if own is None:
        return ""
    runs, failed = amount(own.estimate.count, "fresh seed"), own.estimate.failed
    mean = f"mean {analysis.metric} {short(own.estimate.mean)}{verdict_words.interval(own.estimate)}"
    plain = f"{runs}, {failed} more failed" if failed else f"{runs}: {mean}"
    return f"**Trained again** from {text(f'{plain}; {_stands(own, conclusion)}.')}"


def _stands(standing: FinalistStanding, conclusion: RaceConclusion) -> str:
    if standing.name == conclusion.winner:
        return "it is the winner"
    return f"it {'cannot' if standing.tied else 'can'} be told apart from the winner"


def _part_of(findings: list[StudyFinding]) -> str:
    if not findings:
        return ""
    return note(heading("Findings about this trial"), bullets(map(_finding, findings)))


def _ending(trial: TrialRecord) -> str:
    return why_it_failed(trial) if trial.state == "failed" else text(ending_words(trial))


def why_it_failed(trial: TrialRecord) -> str:
    """Tell why a trial failed, as far as that is known."""
    return f"**Failed.** {text(trial.cause or 'No cause was recorded.')}"
