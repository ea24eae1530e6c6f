"""What a YAML parser complains of, in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

TRACED = "while scanning a quoted scalar"
"""The context whose beginning is the mistake, rather than the end of the file where it is noticed."""

_CLOSING = {"flow sequence": ("list", "]"), "flow mapping": ("mapping", "}")}


def line_of(failure: Any) -> int | None:
    """Return the line, from 1, on which a mistake is best looked for."""
    traced = failure.context == TRACED and failure.context_mark is not None
    mark = failure.context_mark if traced else failure.problem_mark or failure.context_mark
    return None if mark is None else int(mark.line) + 1


def in_plain_words(failure: Any) -> str:
    """Return what was found instead of YAML, and what is most likely meant."""
    problem = str(failure.problem or failure).strip()
    context = str(failure.context or "")
    begun = failure.context_mark.line + 1 if failure.context_mark is not None else None
    for pattern, words in _WORDS:
        match = re.search(pattern, f"{context}; {problem}")
        if match:
            return words(match, begun)
    return problem.removeprefix("but ").removeprefix("found ")


def _always(text: str) -> Callable[[re.Match[str], int | None], str]:
    return lambda match, begun: text.format(*match.groups(), begun=begun)


def _unclosed(match: re.Match[str], begun: int | None) -> str:
    kind, closing = _CLOSING[match[1]]
    got = "the end of the file" if "stream end" in match[2] else _token(match[2])
    return (
        f"{got} where ',' or '{closing}' was expected: the {kind} that starts in line {begun} has no"
        f" '{closing}', or lacks a comma between two items"
    )


def _token(kind: str) -> str:
    return "another item" if kind.startswith("<") else f"'{kind}'"


_WORDS: tuple[tuple[str, Callable[[re.Match[str], int | None], str]], ...] = (
    (r"character '\\t' that cannot", _always("a tab character: indent with spaces, not tabs")),
    (
        r"quoted scalar; .*end of stream",
        _always("a quotation mark that is never closed; it is opened in line {begun}"),
    ),
    (
        r"unknown escape character '(.*)'",
        _always("the escape '\\{0}' inside double quotes: write paths with '/' or in single quotes"),
    ),
    (
        r"character '([@`%])' that cannot",
        _always("a word that starts with {0}: put quotes around it"),
    ),
    (
        r"mapping values are not allowed",
        _always(
            "a second ': ' inside a value: write a space after the colon of a key, as in 'hidden: [32]' "
            "(check the line before, too), and put quotes around a text that contains ': '"
        ),
    ),
    (
        r"expected <block end>, but found '\?'",
        _always("a key next to the items of a list: '- item' and 'key: value' cannot be mixed at one level"),
    ),
    (
        r"expected <block end>, but found '-'",
        _always("a list item next to keys: '- item' and 'key: value' cannot be mixed at one level"),
    ),
    (
        r"(?:block end>, but found |document start>', but found \()'<block mapping start>'",
        _always(
            "a line whose indentation differs from the lines it belongs to: the keys of one mapping start in"
            " the same column"
        ),
    ),
    (
        r"expected <block end>, but found '<scalar>'",
        _always("text after the end of a value: put other quotes around a text that contains quotes"),
    ),
    (r"expected <block end>, but found '([\]}}])'", _always("a '{0}' without an opening bracket")),
    (r"(flow sequence|flow mapping); expected .* but got '(.*)'", _unclosed),
    (r"expected the node content, but found ','", _always("a comma without an item before it")),
    (
        r"could not find expected ':'",
        _always("a line without ': ' between lines of the form 'key: value'; it starts in line {begun}"),
    ),
    (
        r"sequence entries are not allowed",
        _always("a '- ' after a key on the same line: start the list on the next line"),
    ),
    (
        r"a comment or a line break, but found",
        _always("text after '|' or '>': start a long text on the next line"),
    ),
    (
        r"undefined alias '(.*)'",
        _always("undefined alias '{0}': put quotes around a text that starts with *"),
    ),
    (
        r"scanning an? (alias|anchor);",
        _always("a lone * or &: put quotes around a text that starts with one of them"),
    ),
    (r"document start>', but found \(", _always("text after the end of the mapping")),
)
