"""The sentences of the page on a search about its ranking, what mattered, its cost, and its winner."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hpsearch.analysis import Analysis, Effects, NextStudy, RungResult, Spending, Winner
from hpsearch.report.figures.parallel import MOST_ROWS, listed_trials
from hpsearch.report.words.numbers import amount, listed
from hpsearch.report.words.plan import confirm_command, obstacle_words, option

DOUBTFUL = 0.3
"""A rank correlation below which a rung has told little of the next one."""


def unconfirmed_note(analysis: Analysis) -> str:
    """Say that nothing was confirmed, and how to do it."""
    if analysis.winner is None:
        return "No confidence can be given yet: no trial has a value."
    if analysis.verdict is not None:
        over = analysis.verdict.over
        return f"The finalists are being trained again; none has a value from fresh {over} yet."
    reason = (
        "No finalist was trained again from fresh seeds, so it is unknown how much of the ranking is luck."
    )
    command = confirm_command(analysis.name)
    plan = analysis.plan
    if plan is None or plan.possible:
        return f"{reason} To confirm, save the study file below as {analysis.name}.yaml and run: {command}"
    why = obstacle_words(plan, analysis.name).partition(";")[0]
    return (
        f"{reason} {why[:1].upper()}{why[1:]}. To confirm, save the study file below as {analysis.name}.yaml "
        f"and run: {command} {option(plan)}"
    )


def ranking_note(analysis: Analysis) -> str:
    """Say what the table holds, and what it leaves out."""
    note = (
        "The parameters are ordered by importance. An en dash means that a parameter was not active or that "
        "the trial has no value."
    )
    if len(analysis.ranking) <= MOST_ROWS:
        return note
    sample = len(listed_trials(analysis)) - MOST_ROWS // 2
    return (
        f"{note} Of {amount(len(analysis.ranking), 'trial')}, the best {MOST_ROWS // 2:,} and an even sample "
        f"of {sample:,} of the others are listed here and drawn below. To list all of them: "
        f"hpsearch trials {shlex.quote(analysis.name)} --format csv"
    )


def effects_note(effects: Effects, shown: int, known: int) -> str:
    """Say how to read the effects, or why there are none."""
    if effects.reason is not None:
        return effects.reason
    note = (
        "Partial dependence: the expected relative rank of a trial when a parameter has this value and "
        "everything else stays as it was; 0 is the best rank, 1 the worst. Estimated by random forests from "
        f"{amount(effects.sampled, 'trial')}; the bands contain {100 * effects.level:.0f} % of "
        f"{amount(effects.resamples, 'resample')}. Averaging shrinks extremes: trust the direction more than "
        "the size."
    )
    if effects.sampled < effects.trials:
        note += f" A random sample of the {effects.trials:,} finished trials was used."
    return note if shown == known else f"{note} The {shown} most important of {known} are drawn."


def interactions_note() -> str:
    """Say what an interaction is."""
    return (
        "The share of the joint effect of two parameters that is not the sum of their individual effects "
        "(the squared H statistic of Friedman and Popescu): 0 means purely additive. Noise alone looks "
        "like a small interaction, so a wide interval is no proof of one."
    )


def spending_note(spending: Spending) -> str:
    """Say what was trained and what was saved."""
    note = f"{amount(spending.trained, 'epoch')} trained in {_time(spending.seconds)} of training"
    if not spending.planned:
        return f"{note}."
    share = 100 * spending.trained / spending.planned
    note += f", {share:.0f} % of the {spending.planned:,} that were planned."
    if spending.saved_by_pruning:
        saved = 100 * spending.saved_by_pruning / spending.planned
        note += f" Pruning saved {amount(spending.saved_by_pruning, 'epoch')} ({saved:.0f} %)."
    return note


def rungs_note(rungs: Sequence[RungResult]) -> str:
    """Say whether the ranking at each rung was that of the next, or of the trials' end."""
    note = (
        "Trials paused at each rung, and the best went on. The rank correlation (Spearman) is that of the "
        "promoted trials there with their ranking at the next rung, or at their end: 1 for the same order, "
        "about 0 where the rung said nothing. Among the best alone it is lower than among all."
    )
    known = ((number, rung.agreement) for number, rung in enumerate(rungs, 1) if rung.agreement is not None)
    doubtful = [str(number) for number, agreement in known if agreement < DOUBTFUL]
    if not doubtful:
        return note
    return (
        f"{note} It was below {DOUBTFUL} at rung {listed(doubtful)}: a later first rung (min_epochs) would "
        "have decided from more."
    )


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def winner_note(winner: Winner) -> str:
    """Say which curves are shown of the winner."""
    if not winner.confirmed:
        return (
            f"The learning curve of trial {winner.number} in the search: one seed, so there is no band. "
            "Validation that gets worse for several epochs while training gets better indicates overfitting."
        )
    failed = sum(one.failed for one in winner.replicates)
    note = (
        f"Mean over the replicates of trial {winner.number} for each epoch, with its 95 % interval; the "
        "line is thin where some replicates have already stopped. Validation that gets worse for several "
        "epochs while training gets better indicates overfitting."
    )
    return f"{note} {amount(failed, 'replicate')} failed." if failed else note


def next_note(following: NextStudy) -> str:
    """Say what the next study changes, or why nothing is suggested."""
    if following.reason is not None:
        return following.reason
    return (
        "Ranges are changed only where the effect and the best trials agree. Everything else stays the same. "
        "The next study has a new name, so it does not mix with this one."
    )


def commands_of(name: str) -> tuple[tuple[str, str], ...]:
    """List the commands that repeat the study and give its numbers, each behind what it does."""
    file, quoted = shlex.quote(f"{name}.yaml"), shlex.quote(name)
    return (
        (
            f"Search and confirm again (save the study file below as {name}.yaml)",
            f"hpsearch optimize {file}",
        ),
        ("Print the best configuration as a study file", f"hpsearch best {quoted}"),
        ("List all trials", f"hpsearch trials {quoted} --format csv"),
        ("Print every number of this page", f"hpsearch report {quoted} --format json"),
    )
