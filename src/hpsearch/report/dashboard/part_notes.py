"""The notes of the parts of a study: its confirmation, its ablation and its comparison."""

from __future__ import annotations

from hpsearch.analysis import AblationPath, Analysis, ComparisonResult, EvaluatedAnalysis
from hpsearch.report.dashboard.markdown import bullets, heading, note, report_table, text
from hpsearch.report.dashboard.notes import LUCKIEST, MOST_ROWS, as_of, how_sure, why_it_failed
from hpsearch.report.tables.comparison import arms_table, claims_table
from hpsearch.report.words import ablation
from hpsearch.report.words import comparison as compare_prose
from hpsearch.report.words.verdict import verdict_sentences
from hpsearch.store.record import StudyRecord

ARMS = ("arm", "among the best", "95 % interval", "difference to baseline", "its 95 % interval")
STEPS = ("step", "change", "from", "to")
THAN_BEFORE = ("minus previous step", "difference, low", "difference, high", "than previous")
CLAIMS = ("claim", "verdict", "measured", "95 % interval", "seeds")


def confirmation_note(record: StudyRecord, search: EvaluatedAnalysis) -> str:
    """Tell what the replicates of the finalists are, who won, and who cannot be told apart from the winner.

    `record` is that of the replicates, `search` the analysis of the search with them.
    """
    what = (
        f"Not a search: the best trials of {search.name}, its finalists, each trained again from fresh "
        "seeds. Here, the parameter arm is the trial of the search, and replicate is the seed."
    )
    return note(text(what), heading("Result"), _verdict(search), heading("Evidence"),
                how_sure(search), as_of(record))  # fmt: skip


def _verdict(search: EvaluatedAnalysis) -> str:
    verdict = search.verdict
    if verdict is None or verdict.winner is None:
        return "No finalist has a value from every seed yet."
    sentences = list(map(text, filter(None, verdict_sentences(search, verdict, search.chance))))
    if verdict.named is not None and search.refitted is None:
        sentences.append(
            f"The saved model is that of replicate {verdict.named.replicate}, trial "
            f"{verdict.named.number} here: the median of the winner's replicates."
        )
    return bullets(sentences)


def confirmation_trial_notes(record: StudyRecord, search: Analysis) -> dict[int, str]:
    """Tell which replicate gave the model that is kept, and why others failed."""
    notes = failure_notes(record)
    named = None if search.verdict is None else search.verdict.named
    if named is not None:
        kept = ", and its model is saved" if search.refitted is None else ""
        notes[named.number] = text(
            f"Replicate {named.replicate} is the median of the winner's replicates{kept}."
        )
    return notes


def ablation_note(record: StudyRecord, path: AblationPath) -> str:
    """Tell what the runs of an ablation are, which changes carry the gain, and the steps."""
    what = (
        f"Not a search but an ablation: from the defaults of the study file to the winner of {record.name}, "
        "one change at a time. Here, each parameter is either the default or the winner's value, and "
        f"replicate is the seed. {LUCKIEST}"
    )
    sentences = bullets(map(text, ablation.sentences(path, record.name)))
    columns = (*STEPS, path.metric, "low", "high", *THAN_BEFORE)
    steps = report_table(ablation.steps_table(path), columns, MOST_ROWS) if path.steps else ""
    evidence = note(heading("Evidence"), steps, text(ablation.path_note(path)))
    return note(text(what), heading("Result"), sentences, evidence, as_of(record))


def comparison_note(record: StudyRecord, comparison: ComparisonResult) -> str:
    """Tell what was compared, what came out, and the claims with their evidence."""
    what = (
        f"Not a search but a comparison: {len(comparison.arms)} arms, each trained from the same seeds. "
        f"Here, the parameter arm is the configuration, and replicate is the seed. {LUCKIEST}"
    )
    return note(text(what), heading("Result"), bullets(map(text, compare_prose.sentences(comparison))),
                heading("Ranking of arms"), _arms(comparison), *_claims(comparison),
                as_of(record))  # fmt: skip


def _arms(comparison: ComparisonResult) -> str:
    columns = (ARMS[0], ARMS[1], f"mean {comparison.metric}", *ARMS[2:])
    return report_table(arms_table(comparison), columns, MOST_ROWS)


def _claims(comparison: ComparisonResult) -> tuple[str, ...]:
    if not comparison.claims:
        return ()
    claims = report_table(claims_table(comparison.claims), CLAIMS, MOST_ROWS)
    return heading("Claims"), claims, text(compare_prose.claims_note())


def failure_notes(record: StudyRecord) -> dict[int, str]:
    """Tell why trials failed."""
    return {trial.number: why_it_failed(trial) for trial in record.trials if trial.state == "failed"}
