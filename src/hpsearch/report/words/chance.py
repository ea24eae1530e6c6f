"""What a constant prediction gives, as words that stand behind a score."""

from __future__ import annotations

from hpsearch.analysis.chance import Against, ChanceLevel
from hpsearch.report.words.numbers import short

STANDINGS: dict[Against, str] = {
    "hardly better": "this is hardly better than a constant prediction, which has",
    "cannot tell": "this cannot be told apart from a constant prediction, which has",
    "no better": "this is no better than a constant prediction, which has",
}


def chance_words(chance: ChanceLevel | None) -> str:
    """Say what a constant prediction gives, and where the score is not better that it is not."""
    if chance is None:
        return ""
    text = STANDINGS.get(chance.standing or "better", "a constant prediction has")
    return f"{text} {short(chance.value)} ({chance.constant})"
