"""From what a caller gives to a study file: a path, plain data or a spec, and rows in memory."""

from __future__ import annotations

import inspect
import json
import os
import types
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.exceptions import DataError, ModelCodeError
from hpsearch.spec import Choice, OwnModel, Part, StudyFile, StudySpec
from hpsearch.spec.sections.data import SOURCES
from hpsearch.spec.study_file.loading import study_file_of
from hpsearch.spec.study_file.source import Source, parse, read_text
from hpsearch.store.layout import StudyFiles
from hpsearch.store.record import StudyRecord

if TYPE_CHECKING:
    from hpsearch.data.stream import Stream

What = str | os.PathLike[str] | Mapping[str, Any] | StudySpec | StudyFile
"""What a study is given as: the path of a study file, the same as plain data, or as a spec."""

Settings = Mapping[str, Any] | Sequence[str]
"""Values by their dotted paths, or as the command line writes them: `training.epochs=5`."""

FILE = "study"
"""Stands in messages where the path of a study file would, where there is none."""


def read_study(
    what: What, settings: Settings = (), data: Any = None, *, target: str | None = None, out: Path = Path()
) -> StudyFile:
    """Read a study, with `settings` and `data` in place of its own, and check what only its search space can.

    Args:
        what: The study.
        settings: Values that are put in place of those of the study.
        data: A data section, or rows in memory, which are kept in the folder of the study.
        target: The column to predict, where the rows are a table.
        out: The parent of `runs/`.

    Raises:
        StudyFileError: With every problem of the study.
        DataError: The rows cannot be used.
    """
    written = overridden(settings)
    if isinstance(what, StudyFile) and not written and data is None:
        return _checked(what)
    source, directory = _source_of(what)
    if data is None and target is None:
        return _checked(study_file_of(source, directory, written))
    if isinstance(data, str) or (isinstance(data, Mapping) and not _holds_arrays(data)):
        if target is not None:
            raise DataError(f"data: target= is for a table: write {{'csv': FILE, 'target': {target!r}}}.")
        return _checked(study_file_of(_with_section(source, _plain(data)), directory, written))
    return _with_rows(source, directory, written, data, target, out)


def begun_study(files: StudyFiles, record: StudyRecord, settings: Sequence[str]) -> StudyFile:
    """Return the study file of a study that was started.

    Args:
        files: The study; rows that were given in memory, and code that a script had, are read from its
            directory, wherever that is now.
        record: Its record.
        settings: Changes such as `search.trials=50`.

    Raises:
        StudyFileError: The settings are invalid.
    """
    spec, directory = record.spec, Path(record.directory)
    spec = spec.model_copy(update={"model": _found(spec.model, directory, files)})
    source = Source(str(files.study), spec.dump(), {})
    kept = spec.data.arrays
    if kept is not None and (folder := files.arrays.resolve() / Path(kept).name).is_dir():
        source = _with_section(source, {**source.data["data"], "arrays": str(folder)})
    return study_file_of(source, directory, settings)


def _found(model: Any, directory: Path, files: StudyFiles) -> Any:
    """Return a model section whose code, where it is no more, is that in the directory of the study."""
    if isinstance(model, Choice):
        return Choice(tuple(_found(one, directory, files) for one in model.options), model.shared)
    if not isinstance(model, OwnModel) or model.path(directory).exists() or not files.code.is_file():
        return model
    return model.model_copy(update={"file": str(files.code.resolve())})


def _with_rows(
    source: Source, directory: Path, settings: Sequence[str], data: Any, target: str | None, out: Path
) -> StudyFile:
    """Return a study of rows in memory, which are kept once all else is known to be right."""
    from hpsearch.data.readers.arrays import given_arrays, write_arrays
    from hpsearch.data.readers.frames import given_frame, is_frame, is_of_arrays, write_frame
    from hpsearch.data.readers.kept_rows import folder_of
    from hpsearch.data.stream import Stream

    given: Any
    write: Any
    section: dict[str, Any]
    if isinstance(data, Stream):
        given, write = data.kept, write_arrays
        section = _streamed(source, data)
        source = _with_batch_size(source, data.batch_size)
    elif is_frame(data) and not is_of_arrays(data, target, _options(source)):
        given, write = given_frame(data, target), write_frame
        section = {"arrays": given.fingerprint, "target": target}
    else:
        given, write = given_arrays(data, target), write_arrays
        section = {"arrays": given.fingerprint, **_validation(source, given.validation)}
    study = study_file_of(_with_section(source, {**_options(source), **section}), directory, settings)
    folder = folder_of(StudyFiles(out, _checked(study).spec.name).arrays.resolve(), given.fingerprint)
    write(folder, given)
    rows = study.spec.data.model_copy(update={"arrays": str(folder)})
    spec = study.spec.model_copy(update={"data": rows})
    return replace(study, spec=spec, source=_with_section(study.source, rows.dump()))


def _source_of(what: What) -> tuple[Source, Path]:
    """Return a study as plain data, and the directory that its relative paths start from."""
    if isinstance(what, StudyFile):
        return what.source, what.directory
    if isinstance(what, Mapping | StudySpec):
        return Source(FILE, _plain(what), {}), Path.cwd()
    path = Path(what)
    return parse(read_text(path), str(path)), path.resolve().parent


def _plain(value: Any) -> Any:
    """Return plain data as a study file has it, from what Python has beside it."""
    if isinstance(value, Part):
        return value.dump()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, types.FunctionType | type):
        return _place_of(value)
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _place_of(code: types.FunctionType | type) -> str:
    """Write a function or a class as the study file names it, by its file: a worker runs that.

    Raises:
        ModelCodeError: It is not defined at the top of a file that can be run for it alone.
    """
    try:
        path = inspect.getsourcefile(code)
    except (OSError, TypeError):
        path = None
    if path is None or not Path(path).is_file() or "." in code.__qualname__ or code.__module__ == "__main__":
        raise ModelCodeError(
            f"model: expected a function or class of a file of its own, which workers run; found "
            f"{code.__qualname__} of {code.__module__}: move it to a file such as my_model.py, and import it "
            "from there"
        )
    return f"{path}:{code.__qualname__}"


def overridden(settings: Settings, given: Mapping[str, Any] | None = None) -> list[str]:
    """Write settings as the command line does, so that their errors name them as there.

    Args:
        settings: Values by dotted path, or texts such as `training.epochs=5`.
        given: Values that have an argument of their own; None stands for one that was not given.
    """
    if isinstance(settings, Mapping):
        settings = [f"{path}={json.dumps(_plain(value))}" for path, value in settings.items()]
    own = [f"{path}={json.dumps(value)}" for path, value in (given or {}).items() if value is not None]
    return [*settings, *own]


def _holds_arrays(data: Mapping[str, Any]) -> bool:
    """Return whether a mapping holds arrays, rather than being a data section."""
    from hpsearch.data.array_names import named_array
    from hpsearch.data.readers.arrays import NAMES

    return bool(data) and all(name in NAMES or named_array(str(name)) for name in data)


def _with_section(source: Source, section: Any) -> Source:
    """Put a data section in place of the study's own."""
    lines = {place: line for place, line in source.lines.items() if place[:1] != ("data",)}
    data = source.data if isinstance(source.data, dict) else {}
    settings = {**source.settings, ("data",): "data="}
    return replace(source, data={**data, "data": section}, lines=lines, settings=settings)


def _options(source: Source) -> dict[str, Any]:
    """Return the options of a study's data section, without what names its rows."""
    section = source.data.get("data") if isinstance(source.data, dict) else None
    known = section if isinstance(section, dict) else {}
    return {name: value for name, value in known.items() if name not in (*SOURCES, "target")}


def _validation(source: Source, count: int | None) -> dict[str, Any]:
    """Return the option that makes the last rows the validation set, where one was given."""
    if count is None:
        return {}
    if "validation" in _options(source):
        raise DataError("data.validation: the data already include a validation set; remove this option.")
    return {"validation": {"last": count}}


def _streamed(source: Source, stream: Stream) -> dict[str, Any]:
    """Return what a data section says of a stream."""
    section: dict[str, Any] = stream.section
    return section | _validation(source, section["validation"]["last"])


def _with_batch_size(source: Source, size: int) -> Source:
    """Write the batch size of a stream into a training section that says none."""
    training = source.data.get("training", {}) if isinstance(source.data, dict) else None
    if not isinstance(training, dict) or "choice" in training or "batch_size" in training:
        return source
    return replace(source, data={**source.data, "training": {**training, "batch_size": size}})


def _checked(study: StudyFile) -> StudyFile:
    """Give a study, once what only a search space can tell of it was checked."""
    from hpsearch.spec.space.arms import arms_of
    from hpsearch.spec.space.enqueue import check_enqueued

    check_enqueued(study.spec, study.source)
    if study.spec.compare is not None:
        arms_of(study.spec, study.source)
    return study
