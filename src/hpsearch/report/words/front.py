"""The Pareto front of a search with several objectives, as sentences and lines."""

from __future__ import annotations

from hpsearch.analysis import Front, FrontMember
from hpsearch.report.words.estimates import mean_text, with_interval
from hpsearch.report.words.numbers import amount, listed, short
from hpsearch.scheduling.racing.estimates import Estimate

MOST_LINES = 12
"""Members of the front that the terminal lists."""


def front_lines(front: Front) -> list[str]:
    """List the members of the front in lines, after one that says what it is."""
    first, count = next(iter(front.objectives)), len(front.members)
    lines = [f"{counted(front)}; the winner is the best by {first}, the first objective"]
    lines += [f"  {_member(member)}" for member in front.members[:MOST_LINES]]
    if count > MOST_LINES:
        lines.append(f"  and {amount(count - MOST_LINES, 'more trial')}, in the report and in JSON")
    return lines


def front_note(front: Front) -> str:
    """Say what the front is, what its figure and its table show, and what else is judged by."""
    first, *others = front.objectives
    sentences = [
        f"{counted(front)}. Each mark is a trial, at its best epoch by {first}, the first objective."
    ]
    if len(others) > 1:
        sentences.append("A trial of the front may be beaten in the objectives of one panel, but not in all.")
    if front.confirmed:
        sentences.append(
            "Members were trained again from fresh seeds, which had no part in their choice: the means and "
            "95 % intervals are over these."
        )
    dominated = [f"trial {member.number}" for member in front.members if member.dominated]
    if dominated:
        sentences.append(f"By these means another member beats {listed(dominated)}.")
    sentences.append(f"The winner, and all else on this page, is judged by {first}.")
    return " ".join(sentences)


def counted(front: Front) -> str:
    """Say by what the front is one, and how many trials it has."""
    better = {"minimize": "lower", "maximize": "higher"}
    by = [f"{name} ({better[direction]} is better)" for name, direction in front.objectives.items()]
    members = amount(len(front.members), "trial")
    return f"Pareto front by {listed(by)}: {members} that no other trial beats in all of them"


def _member(member: FrontMember) -> str:
    told = {name: short(value) for name, value in member.values.items()}
    if member.estimates:
        told = {name: estimated(estimate) for name, estimate in member.estimates.items()}
    numbers = ", ".join(f"{name} {value}" for name, value in told.items())
    count = max((one.count for one in member.estimates.values()), default=0)
    seeds = f", mean over {amount(count, 'fresh seed')}" if count else ""
    return f"trial {member.number}: {numbers}{seeds}{_verdict(member)}"


def estimated(estimate: Estimate) -> str:
    """Write a mean with its interval, where its values differ."""
    return with_interval(estimate) if estimate.deviation else mean_text(estimate)


def _verdict(member: FrontMember) -> str:
    return "; by these means another member beats it" if member.dominated else ""
