"""From a study file to a spec, with every error of the file at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from hpsearch.exceptions import Problem, StudyFileError
from hpsearch.spec.sections.study import StudySpec
from hpsearch.spec.study_file.problems import bare_place, dotted, problems_of, show
from hpsearch.spec.study_file.source import MAX_DEPTH, Place, Source, parse, read_text
from hpsearch.spec.study_file.text import clean, is_clean

MAX_TRIED = 20
"""How many values are tried out in places where something is wrong, to tell what may have been meant."""

MAX_SIZE = 500
"""Values of a study file above which nothing is tried out: each try reads the whole study again."""


@dataclass(frozen=True)
class StudyFile:
    """A spec, the file it came from, and the directory that its relative paths start from."""

    spec: StudySpec
    source: Source
    directory: Path


def load_study_file(path: Path, settings: Sequence[str] = ()) -> StudyFile:
    """Load a study file.

    Args:
        path: The YAML file; relative paths in it start from its directory.
        settings: Changes to it such as `training.epochs=5`, as `--set` takes them.

    Raises:
        StudyFileError: With every problem of the file and the settings.
    """
    return study_file_of(parse(read_text(path), str(path)), path.resolve().parent, settings)


def study_file_of(source: Source, directory: Path, settings: Sequence[str] = ()) -> StudyFile:
    """Validate plain data as a study file.

    Args:
        source: The data, with the lines that they come from.
        directory: Where relative paths in it start from.
        settings: Changes to it such as `training.epochs=5`, as `--set` takes them.

    Raises:
        StudyFileError: With every problem of the source and the settings.
    """
    for setting in settings:
        source = _set(source, setting)
    return StudyFile(read_spec(source), source, directory)


def read_spec(source: Source) -> StudySpec:
    """Validate plain data as a spec.

    Raises:
        StudyFileError: With every problem of the data, each at its line and with what may have been meant.
    """
    if not isinstance(source.data, dict):
        expected = "a mapping with name, data, model and training"
        raise StudyFileError((Problem(source.file, 1, "", expected, show(source.data)),))
    try:
        return StudySpec.model_validate(source.data)
    except ValidationError as failure:
        raise StudyFileError(problems_of(failure, source, _Trying(source))) from None
    except RecursionError:
        found = "a deeper nesting"
        raise StudyFileError((Problem(source.file, None, "", "a study file", found),)) from None


class _Trying:
    """Try out values in places of a study file, as often as it costs no noticeable time."""

    def __init__(self, source: Source) -> None:
        self._data = source.data
        self._left = MAX_TRIED if _size(source.data, MAX_SIZE) < MAX_SIZE else 0

    def __call__(self, place: Place, value: Any) -> bool:
        """Return whether nothing is wrong in a place, around it or in it, once it has another value."""
        self._left -= 1
        if self._left < 0:
            return False
        try:
            StudySpec.model_validate(_replaced(self._data, place, value))
        except ValidationError as failure:
            wrong = [bare_place(line["loc"]) for line in failure.errors(include_url=False)]
            return not any(place[: len(other)] == other[: len(place)] for other in wrong)
        except (StudyFileError, RecursionError):
            return False
        return True


def _size(data: Any, most: int) -> int:
    """Count the values in plain data, up to `most`."""
    count, left = 0, [data]
    while left and count < most:
        node = left.pop()
        count += 1
        if isinstance(node, dict | list):
            left.extend(node.values() if isinstance(node, dict) else node)
    return count


class _Representer(SafeRepresenter):
    """Quote what the emitter leaves bare: a leading `?` or `:`, which is misread, and unclean text."""

    def represent_str(self, text: str) -> Any:
        style = '"' if text.startswith(("?", ":")) or not is_clean(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Representer.add_representer(str, _Representer.represent_str)


def print_spec(spec: StudySpec) -> str:
    """Print a spec as a study file that reads back as the same spec, every default written out."""
    return print_yaml(spec.dump())


def print_yaml(data: Any) -> str:
    """Print plain data as YAML 1.2, in its own order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 110
    stream = StringIO()
    yaml.dump(data, stream)
    # What is not clean stands in double quotes, where an escape is read as the letter that it stands for.
    return clean(stream.getvalue())


def _set(source: Source, setting: str) -> Source:
    """Put one value into the data; its errors are reported under the option that set it."""
    path, equals, text = setting.partition("=")
    file = f"--set {setting}"
    if not equals or not path.strip():
        found = repr(setting)
        raise StudyFileError((Problem("--set", None, "", "PATH=VALUE, as in training.epochs=5", found),))
    words = _words_of(path, "--set")
    value = parse(text, file).data if text.strip() else ""
    place = _place_of(source.data, words, file)
    kept = {known: line for known, line in source.lines.items() if known[: len(place)] != place}
    settings = {known: option for known, option in source.settings.items() if known[: len(place)] != place}
    data = _replaced(source.data, place, value)
    return replace(source, data=data, lines=kept, settings={**settings, place: file})


def with_value(data: Any, path: str, value: Any) -> Any:
    """Return a copy of plain data with another value in one place, as `--set` changes it.

    Args:
        data: Mappings and lists, as YAML gives them.
        path: The place as dotted words, such as `model.mlp.dropout`; keys that are missing are created.
        value: The new value.

    Raises:
        StudyFileError: The path is malformed, or an index of it is not in its list.
    """
    return _replaced(data, _place_of(data, _words_of(path, path), path), value)


def _words_of(path: str, file: str) -> list[str]:
    words = path.strip().split(".")
    if len(words) > MAX_DEPTH or not all(words):
        expected = f"a path of at most {MAX_DEPTH} words with dots between them"
        raise StudyFileError((Problem(file, None, "", expected, show(path)),))
    return words


def _place_of(data: Any, words: list[str], file: str) -> Place:
    place: Place = ()
    node = data
    for word in words:
        place = (*place, _key(node, place, word, file))
        node = _item(node, place[-1])
    return place


def _key(node: Any, place: Place, word: str, file: str) -> str | int:
    """Read a word of a path as a key, or as an index where there is a list."""
    if not isinstance(node, list):
        return word
    if not (word.isascii() and word.isdigit() and len(word) < 10 and int(word) < len(node)):
        expected = f"an index from 0 to {len(node) - 1}" if node else "no index: the list is empty"
        raise StudyFileError((Problem(file, None, dotted(place), expected, repr(word)),))
    return int(word)


def _item(node: Any, key: str | int) -> Any:
    if isinstance(node, list) and isinstance(key, int):
        return node[key]
    return node.get(key) if isinstance(node, dict) else None


def _replaced(node: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    head, rest = place[0], place[1:]
    inner = _replaced(_item(node, head), rest, value)
    if isinstance(node, list):
        return [inner if index == head else item for index, item in enumerate(node)]
    return {**(node if isinstance(node, dict) else {}), str(head): inner}
