"""Properties of every study file, generated or spoiled."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from hpsearch.exceptions import StudyFileError
from hpsearch.spec import (
    Numeric,
    StudySpec,
    json_schema,
    load_study_file,
    print_spec,
    print_yaml,
    read_configuration,
    read_spec,
)
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.space.parameter import Parameter
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import Source, parse
from support.strategies import examples, study_files

pytestmark = pytest.mark.slow

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
VALIDATOR = Draft7Validator(json_schema())


def quickly(count: int) -> settings:
    """Set the number of examples; the generated files are large, so Hypothesis is told not to mind."""
    return settings(max_examples=examples(count), deadline=None, suppress_health_check=SLOW, database=None)


def read(data: Any) -> StudySpec:
    return read_spec(Source("study.yaml", data, {(): 1}))


def any_value(data: st.DataObject) -> Any:
    """Choose as a sampler does: an option of a choice, or a number of a range."""

    def choose(parameter: Parameter) -> Any:
        distribution = parameter.distribution
        if parameter.options:
            return data.draw(st.sampled_from(parameter.options))
        assert isinstance(distribution, Numeric)
        last = distribution.high if distribution.step is None else distribution.low + distribution.step
        return data.draw(st.sampled_from([distribution.low, last]))

    return choose


@quickly(200)
@given(study_files())
def test_a_printed_spec_reads_back_as_the_same_spec(data: Any) -> None:
    spec = read(data)
    printed = print_spec(spec)
    again = read_spec(parse(printed, "printed"))
    assert again == spec
    assert print_spec(again) == printed


@quickly(100)
@given(study_files())
def test_plain_data_survives_being_printed(data: Any) -> None:
    assert parse(print_yaml(data), "printed").data == data


@quickly(100)
@given(study_files(), st.data())
def test_every_choice_of_values_gives_a_configuration_that_reads_back(raw: Any, data: st.DataObject) -> None:
    space = SearchSpace(read(raw))
    configuration = space.configure(any_value(data))
    again = read_configuration(configuration.dump())
    assert again == configuration
    assert hash(again) == hash(configuration)
    text = print_yaml(configuration.dump())
    assert read_configuration(parse(text, "printed").data) == configuration
    fixed = SearchSpace(read({**raw, **configuration.dump()}))
    assert fixed.parameters == ()


@quickly(100)
@given(study_files(), st.data())
def test_the_parameters_asked_for_are_those_of_the_space(raw: Any, data: st.DataObject) -> None:
    space = SearchSpace(read(raw))
    assert len({parameter.name for parameter in space.parameters}) == len(space.parameters)
    asked: dict[str, Any] = {}
    choose = any_value(data)

    def remember(parameter: Parameter) -> Any:
        known = space[parameter.name]
        assert (known.distribution, known.conditions) == (parameter.distribution, parameter.conditions)
        assert all(asked[name] == label for name, label in parameter.conditions)
        assert parameter.name not in asked
        asked[parameter.name] = choose(parameter)
        assert parameter.contains(asked[parameter.name])
        return asked[parameter.name]

    configuration = space.configure(remember)
    assert space.configuration(asked) == configuration
    assert space.active(asked) == asked
    active = {p.name for p in space.parameters if all(asked.get(n) == label for n, label in p.conditions)}
    assert active == set(asked)


@quickly(100)
@given(study_files())
def test_the_json_schema_accepts_every_valid_file(data: Any) -> None:
    read(data)
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []


def places(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Iterate over the places of plain data, the root left out."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*place, key)
        yield from places(value, (*place, key))


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers() | st.just(10**400),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["relu", "uniform", "none", "choice", [], {}, [[]], {"choice": []}, {"choice": 3}]),
    st.builds(
        lambda word, items: {word: items},
        st.sampled_from(["choice", "uniform", "log_uniform", "int", "log_int", "share"]),
        st.lists(st.integers(-3, 10**9) | st.floats() | st.none() | st.text(max_size=2), max_size=4),
    ),
)


def spoil(data: Any, draw: Any) -> Any:
    """Delete, replace or rename one node of plain data."""
    data = copy.deepcopy(data)
    *path, key = draw(st.sampled_from(list(places(data))))
    parent = data
    for step in path:
        parent = parent[step]
    action = draw(st.sampled_from(["delete", "replace", "rename"]))
    if action == "delete":
        del parent[key]
    elif action == "replace" or isinstance(parent, list):
        parent[key] = draw(JUNK)
    else:
        parent[draw(st.text(max_size=4) | st.sampled_from(["hidden", "choice", "x"]))] = parent.pop(key)
    return data


def loads_or_says_why(source: Source) -> None:
    """Require that a file either loads, as a space and all, or raises the one error for people; quickly."""
    start = time.process_time()
    try:
        spec = read_spec(source)
        check_enqueued(spec, source)
        SearchSpace(spec).structures()
    except StudyFileError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.file
            assert problem.expected
            assert problem.found
            assert "\n" not in str(problem)
            assert "<one>" not in str(problem)
            assert "function-" not in str(problem)
    assert time.process_time() - start < 1


@quickly(300)
@given(study_files(), st.data())
def test_spoiled_data_loads_or_says_why(data: Any, draws: st.DataObject) -> None:
    for _ in range(draws.draw(st.integers(1, 3))):
        if list(places(data)):
            data = spoil(data, draws.draw)
    loads_or_says_why(Source("study.yaml", data, {(): 1}))


def edits(text: str) -> st.SearchStrategy[str]:
    """Cut, insert or double a part of a text."""
    pieces = st.text(max_size=3) | st.sampled_from([*"{}[]:,-&*!?|>'\"%@`#\n\t ~", "!!int ", "*a", "<<: "])

    def edit(at: int, length: int, piece: str, double: bool) -> str:
        return text[:at] + (text[at : at + length] * 2 if double else piece) + text[at + length :]

    return st.builds(edit, st.integers(0, len(text)), st.integers(0, 20), pieces, st.booleans())


@quickly(300)
@given(study_files() | st.sampled_from([path.read_text() for path in STUDIES]), st.data())
def test_a_spoiled_text_loads_or_says_why(raw: Any, draws: st.DataObject) -> None:
    text = raw if isinstance(raw, str) else print_yaml(raw)
    for _ in range(draws.draw(st.integers(1, 3))):
        text = draws.draw(edits(text))
    try:
        source = parse(text, "study.yaml")
    except StudyFileError as error:
        assert error.problems[0].file == "study.yaml"
        return
    loads_or_says_why(source)


@quickly(150)
@given(st.text(max_size=60))
@example("training.epochs=²")
@example("training..epochs=1")
@example(".".join("a" * 3000) + "=1")
@example("model.mlp.hidden.-1=3")
def test_any_setting_loads_or_says_why(setting: str) -> None:
    try:
        load_study_file(STUDIES[0], [setting])
    except StudyFileError as error:
        assert error.problems


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_shipped_studies_load_and_fit_the_json_schema(path: Path) -> None:
    study = load_study_file(path)
    check_enqueued(study.spec, study.source)
    assert list(VALIDATOR.iter_errors(study.source.data)) == []
    assert SearchSpace(study.spec).parameters
