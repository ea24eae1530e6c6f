"""What is best, in a few lines and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hpsearch.spec.sections.constraints import PARAMETERS
from hpsearch.store.best_study import best_spec
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.trials_table import trial_row
from hpsearch.store.winner import HeldOutEvaluations

if TYPE_CHECKING:
    from hpsearch.scheduling.conclusion import BestModel, Conclusion, Verdict


def best_json(conclusion: Conclusion, model: str | None) -> str:
    """Print the winner as JSON: the trial, its configuration, its model, and how it was confirmed.

    Args:
        conclusion: What the search has come to.
        model: The path of its model; None if there is none.

    Raises:
        ValueError: No trial has a value.
    """
    from hpsearch.analysis import find_front, judge_chance, plain

    record, trial, insides = conclusion.record, conclusion.best.trial, conclusion.insides
    front = find_front(conclusion)
    if trial is None:
        raise ValueError("no trial has a value")
    fields = {
        **trial_row(trial, record.spec.search.further),
        "study": best_spec(record, trial).dump(),
        "model": model,
        "confirmation": plain(conclusion.verdict),
        "plan": plain(conclusion.plan),
        "chance": plain(judge_chance(record, conclusion.verdict)),
        "refit": plain(conclusion.refit),
        "test": plain(_evaluations(record.looks)),
        **({} if front is None else {"front": plain(front)}),
        **({} if record.ensemble is None else {"ensemble": plain(record.ensemble)}),
        **({} if record.baselines is None else {"baselines": plain(record.baselines)}),
        **({} if insides is None or insides.threshold is None else {"threshold": plain(insides.threshold)}),
    }
    return json.dumps(fields, indent=2)


def _evaluations(looks: HeldOutEvaluations) -> dict[str, Any] | None:
    """Return the looks at the test set with their numbers; None where there was none."""
    if looks == HeldOutEvaluations():
        return None
    rows = [
        {
            "date": look.date,
            "winner": look.winner,
            "weights": look.weights,
            "rows": look.evaluation.rows,
            "measures": look.evaluation.measures,
            **({"decided": look.evaluation.decided} if look.evaluation.decided else {}),
        }
        for look in looks.looks
    ]
    return {"looks": rows, "lost": looks.lost}


def best_lines(conclusion: Conclusion, model: str | None) -> list[str]:
    """Tell in a few lines what is best, how sure that is, and where its model is; then the Pareto front."""
    from hpsearch.analysis import find_front
    from hpsearch.report.words.front import front_lines

    front = find_front(conclusion)
    return [*_winner_lines(conclusion, model), *([] if front is None else front_lines(front))]


def _winner_lines(conclusion: Conclusion, model: str | None) -> list[str]:
    from hpsearch.analysis import judge_chance
    from hpsearch.report.words.chance import chance_words
    from hpsearch.report.words.evaluation import evaluation_words
    from hpsearch.report.words.plan import obstacle_words
    from hpsearch.report.words.verdict import verdict_sentences

    record, best, verdict = conclusion.record, conclusion.best, conclusion.verdict
    chance = judge_chance(record, verdict)
    place = f"model: {model or 'saved when the study ends'}"
    if best.trial is None:
        return ["no trial has a value", place]
    look, decided = conclusion.evaluation, _threshold(conclusion)
    seen = evaluation_words(record.looks, look, record.metric) if look is not None else ""
    if best.run is None or verdict is None:
        score = f"trial {best.trial.number}: {_score(record, best.trial)}"
        score = "; ".join(filter(None, (score, chance_words(chance))))
        why = obstacle_words(conclusion.plan, record.name)
        return list(filter(None, (score, why, f"{place} ({seen})" if seen else place, decided)))
    winner, *rest = verdict_sentences(conclusion, verdict, chance)
    about = "; ".join(filter(None, (_model_words(record, best, verdict), seen)))
    return list(filter(None, (winner, " ".join(filter(None, rest)), f"{place} ({about})", decided)))


def _threshold(conclusion: Conclusion) -> str:
    """Tell what tells two classes apart, where the study asks for a threshold; else nothing."""
    from hpsearch.report.words.threshold import NONE, threshold_line

    insides = conclusion.insides
    if insides is None or conclusion.record.spec.search.threshold is None:
        return ""
    if insides.threshold is None:
        return NONE
    return threshold_line(insides.threshold, insides.labels, insides.evaluation.decided)


def _model_words(record: StudyRecord, best: BestModel, verdict: Verdict) -> str:
    if best.refit is not None:
        return f"refitted on all {best.refit.rows:,} rows"
    assert best.run is not None  # noqa: S101 - it was confirmed
    replicate = verdict.named.replicate if verdict.named else 0
    return f"replicate {replicate}: {_score(record, best.run)}"


def _score(record: StudyRecord, trial: TrialRecord) -> str:
    others = (
        f", {name} {_exact(name, value)}" for name, value in trial.at_best(record.spec.search.further).items()
    )
    return f"{record.metric} {trial.value!r} at epoch {trial.best_epoch}{''.join(others)}"


def _exact(name: str, value: float | None) -> str:
    if value is None:
        return "undefined"
    return str(int(value)) if name == PARAMETERS else repr(value)
