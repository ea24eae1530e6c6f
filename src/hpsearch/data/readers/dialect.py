"""How the text of a csv file is written: its encoding, and what separates its cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from hpsearch.exceptions import DataError

SEPARATORS = (",", ";", "\t", "|")
"""What separates the cells of a file that does not say it; the first that suits is taken."""

SAMPLE_LINES = 200
SAMPLE_BYTES = 2**20
PIECE = 2**24

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Encodings by their byte order marks; those that begin with another's come first."""

FALLBACK = "cp1252"
"""What is tried for bytes that are not UTF-8: the encoding of Western Europe, which Latin-1 is a part of."""

BLANK_BEFORE_QUOTE = re.compile(rb'(?:^|[,;\t|\r\n])[ \t]+"')


@dataclass(frozen=True)
class TextOptions:
    """How a csv file is written, as far as a study says it; None is found.

    Attributes:
        separator: What separates the cells.
        encoding: The encoding.
        header: Whether the first row has the names of the columns.
    """

    separator: str | None = None
    encoding: str | None = None
    header: bool = True


@dataclass(frozen=True)
class Text:
    """A file as UTF-8 without a byte order mark, and the encoding that it was in."""

    content: bytes
    encoding: str = "utf-8"


def decoded(where: str, raw: bytes, encoding: str | None) -> Text:
    """Return the text of a file as UTF-8.

    Args:
        where: The file, with which each message begins.
        raw: Its bytes.
        encoding: The encoding that the study names; None to find it.

    Raises:
        DataError: It is not text in that encoding, or in any that is tried.
    """
    mark, marked = next(((m, name) for m, name in MARKS.items() if raw.startswith(m)), (b"", None))
    raw = raw[len(mark) :] if mark else raw
    if encoding is not None or marked not in (None, "utf-8"):
        return _recoded(where, raw, marked or str(encoding))
    broken = _first_undecodable(raw)
    if broken is None:
        if b"\0" in raw:
            line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
            raise DataError(
                f"{where}:{line}: this line is not UTF-8 text: it holds a NUL byte. A file in UTF-16 does: "
                "write 'encoding: utf-16-le' or 'utf-16-be', or save it as UTF-8."
            )
        return Text(raw)
    line = raw.count(b"\n", 0, broken) + 1
    if re.search(rb"[\x00-\x08\x0e-\x1a]", raw[: SAMPLE_BYTES + broken]) is None:
        try:
            return Text(raw.decode(FALLBACK).encode(), FALLBACK)
        except UnicodeDecodeError:
            pass
    raise DataError(
        f"{where}:{line}: this line is not UTF-8 text; name the encoding of the file, as in "
        "'encoding: latin-1', or save it as UTF-8."
    )


def _recoded(where: str, raw: bytes, encoding: str) -> Text:
    try:
        return Text(raw.decode(encoding).encode(), encoding)
    except UnicodeError as failure:
        start = getattr(failure, "start", 0)
        line = raw.count(b"\n", 0, start) + 1
        raise DataError(f"{where}:{line}: this line is not text in the encoding {encoding}.") from None


def _first_undecodable(raw: bytes) -> int | None:
    """Return the position of the first byte that is not UTF-8; None where all are."""
    decoder, start = codecs.getincrementaldecoder("utf-8")(), 0
    try:
        for start in range(0, len(raw), PIECE):
            decoder.decode(raw[start : start + PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as failure:
        return min(start + failure.start, len(raw) - 1)
    return None


def separator_of(content: bytes) -> str:
    """Return what separates the cells: the first of `SEPARATORS` that gives all first rows as many cells.

    A comma is taken where none does.
    """
    sample = content[:SAMPLE_BYTES]
    if len(sample) < len(content) and b"\n" in sample:
        sample = sample[: sample.rindex(b"\n")]
    lines = sample.decode(errors="replace")
    return next((mark for mark in SEPARATORS if _suits(lines, mark)), ",")


def _suits(sample: str, separator: str) -> bool:
    try:
        found = {len(row) for row in islice(_rows(io.StringIO(sample, newline=""), separator), SAMPLE_LINES)}
    except csv.Error:
        return False
    return len(found) == 1 and found != {1}


def _rows(stream: io.StringIO | io.TextIOWrapper, separator: str) -> Iterator[list[str]]:
    # A blank before a quote is skipped: else the quotes would be letters of the cell.
    reader = csv.reader(stream, delimiter=separator, strict=True, skipinitialspace=True)
    return (row for row in reader if row)


def records(where: str, content: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Iterate over the rows that are not blank, each with the line where it ends, for checks and messages.

    Raises:
        DataError: The quotes of a row are not those of csv.
    """
    stream = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    reader = csv.reader(stream, delimiter=separator, strict=True, skipinitialspace=True)
    while True:
        first = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as failure:
            raise DataError(f"{where}:{first}: this is not a csv row ({failure}).") from None
        if record is None:
            return
        if record:
            yield reader.line_num, record


def with_checked_quotes(where: str, content: bytes, separator: str) -> bytes:
    """Check the quotes of a file, and return it without blanks in front of them.

    Raises:
        DataError: The quotes of a row are not those of csv.
    """
    if b'"' not in content:
        return content
    if BLANK_BEFORE_QUOTE.search(content) is None:
        for _ in records(where, content, separator):
            pass
        return content
    rewritten = io.StringIO(newline="")
    writer = csv.writer(rewritten, delimiter=separator, lineterminator="\n")
    writer.writerows(row for _, row in records(where, content, separator))
    return rewritten.getvalue().encode()
