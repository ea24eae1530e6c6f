"""YAML 1.2 text as plain data, with the line of every key and value; nothing in it can run code."""

from __future__ import annotations

import os
import stat
import warnings
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, DocumentStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import ReaderError

from hpsearch.exceptions import Problem, StudyFileError
from hpsearch.spec.study_file.syntax import in_plain_words, line_of

MAX_BYTES = 500_000
MAX_NODES = 15_000
MAX_DEPTH = 40
MAX_BITS = 1_000
"""Of a whole number: what is larger can be neither a float nor printed."""

Place = tuple[str | int, ...]


def _tags(*kinds: str) -> set[str]:
    return {f"tag:yaml.org,2002:{kind}" for kind in kinds}


_PLAIN_TAGS: dict[type[Node], set[str]] = {
    MappingNode: _tags("map"),
    SequenceNode: _tags("seq"),
    ScalarNode: _tags("str", "int", "float", "bool", "null"),
}
_KEY_TAGS = _PLAIN_TAGS[ScalarNode] | _tags("merge", "timestamp", "value")


@dataclass(frozen=True)
class Source:
    """A study file as plain data and the line (from 1) of each place in it."""

    file: str
    data: Any
    lines: dict[Place, int]
    settings: dict[Place, str] = field(default_factory=dict)
    """The options that put a value into the data, by the place of the value."""

    def file_of(self, place: Place) -> str:
        """Return what a value came from: the file, or the option that set it."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.settings:
                return self.settings[place[:end]]
        return self.file

    def line_of(self, place: Place) -> int | None:
        """Return the line of a place, or of the nearest place around it; None for what an option set."""
        if self.file_of(place) != self.file:
            return None
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None


def read_text(path: Path) -> str:
    """Read a study file as UTF-8 text of at most `MAX_BYTES`.

    Raises:
        StudyFileError: There is no such file, it cannot be read, is too large, or is not UTF-8.
    """
    try:
        content = _read_bytes(path)
    except FileNotFoundError:
        raise _error(str(path), None, "a study file", "no such file") from None
    except OSError as failure:
        raise _error(str(path), None, "a study file that can be read", str(failure.strerror)) from None
    except ValueError:
        raise _error(repr(str(path)), None, "the path of a study file", "a path with a NUL byte") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = content[: failure.start].count(b"\n") + 1
        raise _error(str(path), line, "text in UTF-8", f"the byte 0x{content[failure.start]:02x}") from None


def _read_bytes(path: Path) -> bytes:
    """Read a file of bounded size; a pipe or a device, which may have no end, is not even waited for."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        found = "a directory" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise _error(str(path), None, "a study file", found)
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        found = f"{max(len(content), status.st_size):,} bytes"
        raise _error(str(path), None, f"at most {MAX_BYTES:,} bytes", found)
    return content


def parse(text: str, file: str) -> Source:
    """Parse YAML 1.2 text.

    Args:
        text: The content of the file.
        file: Its name in error messages.

    Raises:
        StudyFileError: It is not valid YAML, repeats a key, uses tags, has a second document, or is too large
            or too deeply nested.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Parser = partial(_BoundedParser, file)
    try:
        _check_version(text, file)
        with warnings.catch_warnings(action="ignore"):  # an anchor may be given again, as YAML allows
            root = yaml.compose(text)
    except MarkedYAMLError as failure:
        raise _error(file, line_of(failure), "YAML", in_plain_words(failure)) from None
    except ReaderError as failure:
        line = text[: failure.position].count("\n") + 1
        raise _error(file, line, "text without control characters", f"U+{failure.character:04X}") from None
    except (YAMLError, ValueError) as failure:
        raise _error(file, None, "YAML", str(failure).split("\n")[0]) from None
    if root is None:
        raise _error(file, 1, "a study: name, data, model and training", "an empty file")
    builder = _TreeBuilder(file, yaml)
    return Source(file, builder.build(root, (), 0), builder.lines)


def _check_version(text: str, file: str) -> None:
    """Refuse other versions of YAML, in which words and numbers mean something else."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("%YAML") and line.split() != ["%YAML", "1.2"]:
            raise _error(file, number, "YAML 1.2", repr(line[:80]))


class _BoundedParser(Parser):
    """Refuse a deep or large file while it is parsed: a tree of it takes a stack as deep as the file."""

    def __init__(self, file: str, loader: YAML) -> None:
        super().__init__(loader)
        self.file = file
        self.events = 0
        self.depth = 0

    def get_event(self) -> Any:
        event = super().get_event()
        line = event.start_mark.line + 1
        if isinstance(event, DocumentStartEvent) and self.events > 1:
            raise _error(self.file, line, "one study", "another document")
        self.depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if self.depth > MAX_DEPTH + 1 or self.events > 2 * MAX_NODES:
            raise _too_large(self.file, line)
        self.events += 1
        return event


class _TreeBuilder:
    """Turn nodes into plain data, counting every visit so that aliases cannot multiply without end."""

    def __init__(self, file: str, yaml: Any) -> None:
        self.file = file
        self.constructor = yaml.constructor
        self.lines: dict[Place, int] = {}
        self.visits = 0

    def build(self, node: Node, place: Place, depth: int) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        self.visits += 1
        if self.visits > MAX_NODES or depth > MAX_DEPTH:
            raise _too_large(self.file, line, place)
        if node.tag not in _PLAIN_TAGS[type(node)]:
            raise _error(self.file, line, "plain values", f"the tag {node.tag}", place)
        if isinstance(node, MappingNode):
            return self._mapping(node, place, depth)
        if isinstance(node, SequenceNode):
            items = enumerate(node.value)
            return [self.build(item, (*place, index), depth + 1) for index, item in items]
        return self._scalar(node, line, place)

    def _mapping(self, node: MappingNode, place: Place, depth: int) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise _error(self.file, line, "a word as a key", "a list or a mapping", place)
            if key_node.tag not in _KEY_TAGS:
                raise _error(self.file, line, "plain keys", f"the tag {key_node.tag}", place)
            key = str(key_node.value)
            if key in mapping:
                raise _error(self.file, line, "each key once", f"{key!r} again", (*place, key))
            self.lines[(*place, key)] = line
            mapping[key] = self.build(value_node, (*place, key), depth + 1)
        return mapping

    def _scalar(self, node: Node, line: int, place: Place) -> Any:
        try:
            value = self.constructor.construct_object(node)
        except (YAMLError, ValueError, OverflowError) as failure:
            raise _error(self.file, line, "a plain value", str(failure).split("\n")[0], place) from None
        except LookupError:  # what ruamel.yaml makes of `!!int ""` and `!!bool maybe`
            raise _error(self.file, line, f"the tag {node.tag}", repr(node.value)[:80], place) from None
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise _error(
                self.file, line, "a smaller number", f"a whole number larger than 2^{MAX_BITS}", place
            )
        return value


def _too_large(file: str, line: int, place: Place = ()) -> StudyFileError:
    limit = f"at most {MAX_NODES:,} values, aliases counted, and {MAX_DEPTH} levels"
    return _error(file, line, limit, "more", place)


def _error(file: str, line: int | None, expected: str, found: str, place: Place = ()) -> StudyFileError:
    path = ".".join(map(str, place))
    return StudyFileError((Problem(file, line, path, expected, found),))
