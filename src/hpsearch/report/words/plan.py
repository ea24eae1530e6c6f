"""What a confirmation trains, and why there is none, as sentences."""

from __future__ import annotations

import shlex

from hpsearch.report.words.numbers import amount, short
from hpsearch.scheduling.conclusion.confirmation_plan import FEWEST_RUNS, ConfirmationPlan


def begun_words(plan: ConfirmationPlan, name: str) -> str:
    """Say what a confirmation is about to train, and what its budget leaves out."""
    runs = amount(plan.runs, "run")
    if not plan.limited:
        return f"confirming {amount(plan.finalists, 'finalist')} in at most {runs}"
    if plan.first < plan.finalists:
        return (
            f"confirming {plan.first} of {amount(plan.finalists, 'finalist')} in at most {runs}, because "
            f"{_paid(plan)}; {_remedy(plan, name)}"
        )
    return f"confirming {amount(plan.finalists, 'finalist')} in at most {runs}: {_paid(plan)}"


def obstacle_words(plan: ConfirmationPlan, name: str) -> str:
    """Say why nothing is confirmed; empty where something can be."""
    if plan.possible:
        return ""
    if not plan.asked:
        return "no confirmation: the study file asks for no finalists"
    if not plan.finalists:
        return "no confirmation: no trial has a value"
    if plan.limited:
        fewest = f"at least {FEWEST_RUNS} are needed"
        return f"no confirmation: {_paid(plan)}, and {fewest}; {_remedy(plan, name)}"
    return "no confirmation: a single run of a single finalist would add no information"


def _remedy(plan: ConfirmationPlan, name: str) -> str:
    return f"{confirm_command(name)} {option(plan)} covers all"


def confirm_command(name: str) -> str:
    """Name the command that confirms the study of this name, whose file is called by it."""
    return f"hpsearch confirm {shlex.quote(f'{name}.yaml')}"


def _paid(plan: ConfirmationPlan) -> str:
    spent = f"{amount(plan.epochs, 'epoch')} of the search"
    share = "" if plan.share is None else short(plan.share)
    return f"confirm.share, {share} of the {spent}, covers {amount(plan.runs, 'run')} of {plan.wanted:,}"


def option(plan: ConfirmationPlan) -> str:
    """Name the option of `hpsearch confirm` with which all is trained that the race asks for."""
    if not plan.asked:
        return "--finalists 5"
    return f"--set confirm.share={plan.enough}" if plan.limited else "--replicates 3"
