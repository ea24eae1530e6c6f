"""Whether the values that are to be tried first, and preferred ones, belong to the search space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hpsearch.exceptions import MOST_PROBLEMS, Problem, StudyFileError
from hpsearch.spec import StudySpec
from hpsearch.spec.sections.keras_tuner_model import unexplored
from hpsearch.spec.sections.search import EarlierStudy
from hpsearch.spec.space.parameter import Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.problems import dotted, nearest_name, show
from hpsearch.spec.study_file.source import Place, Source


def check_enqueued(spec: StudySpec, source: Source) -> None:
    """Check that what is to be tried first, and the values of the prior, are in the search space.

    Raises:
        StudyFileError: With every value that is not.
    """
    if any(unexplored(spec.model)):
        return  # its search space is not known before it runs
    space = SearchSpace(spec)
    problems = list(_problems(("search", "prior"), _foreign(space, spec.search.prior or {}), source))
    begun_with = spec.search.portfolio if isinstance(spec.search.portfolio, tuple) else ()
    for index, values in enumerate(begun_with):
        problems += _problems(("search", "portfolio", index), _foreign(space, values), source)
    for index, earlier in enumerate(spec.search.warm_start or ()):
        for at, values in enumerate(earlier.trials if isinstance(earlier, EarlierStudy) else ()):
            place = ("search", "warm_start", index, "trials", at)
            problems += _problems(place, _foreign(space, values), source)
    for index, values in enumerate(spec.search.enqueue):
        # What lies behind those that are told is counted only: to find out what is active takes long.
        inactive = _inactive(space, values) if len(problems) < MOST_PROBLEMS else ()
        complaints = (*_foreign(space, values), *inactive)
        problems += _problems(("search", "enqueue", index), complaints, source)
    if problems:
        raise StudyFileError(tuple(sorted(problems, key=lambda problem: problem.line or 0)))


_Complaint = tuple[tuple[str, ...], str, str, str | None]
"""The key, where there is one; what was expected, what was found, and the nearest valid name."""


def _problems(place: Place, complaints: Iterable[_Complaint], source: Source) -> Iterator[Problem]:
    for key, expected, found, nearest in complaints:
        where = (*place, *key)
        yield Problem(source.file_of(where), source.line_of(where), dotted(where), expected, found, nearest)


def _foreign(space: SearchSpace, values: Mapping[str, Value]) -> Iterator[_Complaint]:
    names = [parameter.name for parameter in space.parameters]
    for key, value in values.items():
        if key not in names:
            yield (key,), "the name of a searched parameter", repr(key), nearest_name(key, names)
        elif not space[key].contains(value):
            yield (key,), f"a value of {space[key].describe()}", show(value), None


def _inactive(space: SearchSpace, values: Mapping[str, Value]) -> Iterator[_Complaint]:
    try:
        active = space.active(values)
    except KeyError as missing:
        yield (), f"a value for {missing.args[0]!r}, which is searched", "none", None
    except (TypeError, ValueError, OverflowError):
        return  # a value that no parameter contains is named already
    else:
        for parameter in space.parameters:
            if parameter.name in values and parameter.name not in active:
                expected = "only parameters that are active together with the others"
                yield (parameter.name,), expected, f"{parameter.name!r}, which is not", None
