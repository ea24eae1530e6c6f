"""The parameters of a spec, their names and conditions, and the configurations that they give."""

from __future__ import annotations

import itertools
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from pydantic import ValidationError

from hpsearch.exceptions import StudyFileError
from hpsearch.spec import Choice, Numeric, PythonModel, StudySpec, load_study_file, read_spec
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.space.parameter import Parameter
from hpsearch.spec.space.space import MAX_STRUCTURES, SearchSpace
from hpsearch.spec.study_file.source import Source, parse
from hpsearch.store.optuna.distributions import optuna_distribution


def source_of(model: str = "", training: str = "", search: str = "", hidden: str = "[4, 4]") -> Source:
    lines = (
        "name: a",
        "data: sklearn:digits",
        f"model: {{mlp: {{hidden: {hidden}, {model}}}}}",
        f"training: {{epochs: 3, {training}}}",
        f"search: {{{search}}}",
    )
    return parse("\n".join(lines), "study.yaml")


def spec_of(model: str = "", training: str = "", search: str = "", hidden: str = "[4, 4]") -> StudySpec:
    return read_spec(source_of(model, training, search, hidden))


def space_of(model: str = "", training: str = "", hidden: str = "[4, 4]") -> SearchSpace:
    return SearchSpace(spec_of(model, training, hidden=hidden))


def names(space: SearchSpace) -> list[str]:
    return [parameter.name for parameter in space.parameters]


NESTED = "activation: {choice: [relu, {leaky_relu: {negative_slope: {uniform: [0.01, 0.3]}}}]}"
CLIPPING = "clipping: {choice: [none, {global_clipnorm: {log_uniform: [0.1, 10]}}]}"


def test_names_are_short_dotted_and_in_the_order_of_the_file(request: pytest.FixtureRequest) -> None:
    path = request.config.rootpath / "studies" / "digits.yaml"
    space = SearchSpace(load_study_file(path).spec)
    assert names(space) == [
        "initializer",
        "activation",
        "activation.leaky_relu.negative_slope",
        "batch_norm",
        "dropout",
        "l1",
        "l2",
        "learning_rate",
        "schedule",
        "schedule.cosine.warmup",
        "schedule.exponential.rate",
        "clipping",
        "clipping.global_clipnorm",
        "clipping.clipvalue",
    ]
    assert space["initializer"].options == (
        "glorot_uniform",
        "he_normal",
        "lecun_normal",
        "random_normal(stddev=0.01)",
    )


@pytest.mark.parametrize(
    ("model", "training", "expected"),
    [
        ("dropout: [0.1, {uniform: [0, 0.5]}]", "", ["dropout.1"]),
        ("activity_l1: [{uniform: [0, 0.5]}, 0.1]", "", ["activity_l1.0"]),
        (
            "input_batch_norm: {batch_norm: {momentum: {uniform: [0, 1]}}}, activation: {rrelu: {lower: {uniform: [0, 0.1]}}}",
            "",
            ["input_batch_norm.batch_norm.momentum", "activation.rrelu.lower"],
        ),
        (
            "initializer: {random_normal: {stddev: {uniform: [0, 1]}}}",
            "",
            ["initializer.random_normal.stddev"],
        ),
        ("", "optimizer: {sgd: {momentum: {uniform: [0, 0.9]}}}", ["optimizer.sgd.momentum"]),
        ("", "clipping: {clipvalue: {uniform: [0.1, 1]}}", ["clipping.clipvalue"]),
        ("", "schedule: {step: {every: {steps: {int: [1, 9]}}}}", ["schedule.step.every.steps"]),
        ("", "schedule: {step: {every: {share: {uniform: [0.1, 1]}}}}", ["schedule.step.every.share"]),
        (
            "",
            "optimizer: {choice: [adam, {muon: {momentum: {uniform: [0.8, 0.99]}, ns_steps: {int: [3, 5]}}}]}",
            ["optimizer", "optimizer.muon.momentum", "optimizer.muon.ns_steps"],
        ),
        (
            "",
            (
                "optimizer: {adamw: {gradient_accumulation_steps: {choice: [1, 4]}, weight_decay: {uniform: [0, 0.1]},"
                " beta_1: {uniform: [0.5, 0.9]}, use_ema: {choice: [true, false]}}}"
            ),
            [
                "optimizer.adamw.beta_1",
                "optimizer.adamw.weight_decay",
                "optimizer.adamw.use_ema",
                "optimizer.adamw.gradient_accumulation_steps",
            ],
        ),
        (
            "",
            (
                "schedule: {piecewise_constant: {boundaries: [{uniform: [0.3, 0.6]}, {epochs: {int: [7, 9]}}],"
                " values: [1, {log_uniform: [0.01, 1]}, 0.01]}}"
            ),
            [
                "schedule.piecewise_constant.boundaries.0",
                "schedule.piecewise_constant.boundaries.1.epochs",
                "schedule.piecewise_constant.values.1",
            ],
        ),
        ("", "early_stopping: {patience: {int: [1, 9]}}", ["early_stopping.patience"]),
        (
            "",
            "early_stopping: {patience: 2, baseline: {uniform: [0, 1]}, start_from_epoch: {int: [0, 5]}}",
            ["early_stopping.baseline", "early_stopping.start_from_epoch"],
        ),
        (
            "",
            "early_stopping: {patience: {choice: [3, 9]}, min_delta: {uniform: [0, 0.1]}}",
            ["early_stopping.patience", "early_stopping.min_delta"],
        ),
        ("", "early_stopping: {choice: [{patience: 3}, {patience: 9}]}", ["early_stopping"]),
        ("dropout: {choice: [0.1, {uniform: [0.2, 0.5]}]}", "", ["dropout", "dropout.uniform(0.2, 0.5)"]),
        (
            "dropout: {choice: [0, [0.1, {uniform: [0, 0.5]}]]}",
            "",
            ["dropout", "dropout.[0.1, uniform(0, 0.5)].1"],
        ),
    ],
)
def test_names_say_where_a_value_stands(model: str, training: str, expected: list[str]) -> None:
    assert names(space_of(model, training)) == expected


def test_names_do_not_change_when_an_unrelated_option_is_added() -> None:
    before = space_of(NESTED, CLIPPING)
    after = space_of(
        NESTED.replace("relu, ", "elu, relu, ") + ", l1: {uniform: [0, 1]}",
        CLIPPING.replace("none, ", "none, {clipvalue: {uniform: [1, 2]}}, ") + ", batch_size: {int: [8, 9]}",
    )
    assert set(names(before)) < set(names(after))
    for name in set(names(before)) - {"activation", "clipping"}:
        assert before[name] == after[name]


def test_a_choice_of_whole_sections_has_short_labels() -> None:
    text = (
        "name: a\ndata: sklearn:digits\n"
        "model: {choice: [{mlp: {hidden: [4]}}, {mlp: {hidden: [8, 8], l1: 0.1}}]}\n"
        "training: {choice: [{epochs: 3}, {epochs: 5, learning_rate: {uniform: [0.1, 1]}}]}\n"
    )
    space = SearchSpace(read_spec(parse(text, "study.yaml")))
    assert space["model"].options == ("mlp(hidden=[4])", "mlp(hidden=[8, 8], l1=0.1)")
    assert space["training"].options == ("epochs=3", "epochs=5")
    assert names(space) == ["model", "training", "training.epochs=5.learning_rate"]
    assert space["model"].structural
    assert space["training"].structural


def test_conditions_are_the_choices_around_a_parameter() -> None:
    space = space_of(NESTED)
    assert space.conditional
    assert space["activation"].conditions == ()
    (condition,) = space["activation.leaky_relu.negative_slope"].conditions
    assert condition == ("activation", "leaky_relu")
    inner = space_of("l1: {choice: [0, {choice: [0.1, {uniform: [0.2, 0.3]}]}]}").parameters
    label = "choice(0.1, uniform(0.2, 0.3))"
    assert [parameter.conditions for parameter in inner] == [
        (),
        (("l1", label),),
        (("l1", label), (f"l1.{label}", "uniform(0.2, 0.3)")),
    ]
    assert not space_of("l1: {uniform: [0, 1]}").conditional


def test_names_inside_an_optimizer_that_has_its_learning_rate_are_short() -> None:
    momentum, nesterov = "momentum: {uniform: [0, 0.9]}", "nesterov: true"
    options = (
        f"{{sgd: {{learning_rate: {rate}, {nesterov}, {momentum}}}}}"
        for rate in (0.1, 0.01, "{uniform: [0.1, 1]}")
    )
    space = space_of("", training=f"optimizer: {{choice: [adam, {', '.join(options)}]}}")
    inside = ["sgd.momentum", "sgd#2.momentum", "sgd#3.learning_rate", "sgd#3.momentum"]
    assert names(space) == ["optimizer", *(f"optimizer.{name}" for name in inside)]
    labels = (
        "adam",
        *(f"sgd({rate}nesterov=true)" for rate in ("learning_rate=0.1, ", "learning_rate=0.01, ", "")),
    )
    assert space["optimizer"].options == labels
    values = {"optimizer": labels[2], "optimizer.sgd#2.momentum": 0.5}
    training = space.configuration(values).training
    assert (training.learning_rate, training.optimizer.label) == (0.01, "sgd(momentum=0.5, nesterov=true)")
    earlier = space_of("", training=f"optimizer: {{choice: [adam, {{sgd: {{{nesterov}, {momentum}}}}}]}}")
    assert names(earlier) == ["optimizer", "optimizer.sgd(nesterov=true).momentum"]


def mappings(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(["lstm", "units"]), values, min_size=1, max_size=2)


def choices(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values, min_size=1, max_size=3, unique_by=repr).map(lambda options: {"choice": options})


PLAIN = st.sampled_from([1, "lstm", {"int": [2, 3]}, {"int": [2, 4]}])
VALUES = choices(mappings(st.recursive(PLAIN, lambda inner: mappings(inner) | choices(inner), max_leaves=3)))


@given(VALUES)
def test_everything_searched_in_arguments_has_a_name_of_its_own(value: Any) -> None:
    arguments = {"cell": value}
    try:
        model = PythonModel.model_validate({"file": "nets.py", "arguments": arguments})
    except ValidationError:
        reject()  # options that are the same, as 1 and {"choice": [1]}
    spec = StudySpec.model_validate(
        {"name": "a", "data": "sklearn:digits", "model": model, "training": {"epochs": 1}}
    )
    found = names(SearchSpace(spec))
    assert len(found) == repr(value).count("'int'") + repr(value).count("'choice'")


def test_options_of_one_label_are_told_apart() -> None:
    slope = "{{leaky_relu: {{negative_slope: {{{0}: [0.1, 0.3]}}}}}}"
    space = space_of(f"activation: {{choice: [{slope.format('uniform')}, {slope.format('log_uniform')}]}}")
    assert space["activation"].options == ("leaky_relu", "leaky_relu#2")
    assert names(space)[1:] == [
        "activation.leaky_relu.negative_slope",
        "activation.leaky_relu#2.negative_slope",
    ]
    for label, log in (("leaky_relu", False), ("leaky_relu#2", True)):
        parameter = space[f"activation.{label}.negative_slope"]
        assert isinstance(parameter.distribution, Numeric)
        assert parameter.distribution.log is log
        chosen = space.configuration({"activation": label, parameter.name: 0.2})
        assert chosen.model.activation.negative_slope == 0.2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("hidden", "model", "training", "name", "structural"),
    [
        ("{choice: [[4], [8]]}", "", "", "hidden", True),
        ("[4, {int: [1, 9]}]", "", "", "hidden.1", True),
        ("[4]", "", "optimizer: {choice: [adam, sgd]}", "optimizer", True),
        ("[4]", "", "optimizer: {sgd: {nesterov: {choice: [true, false]}}}", "optimizer.sgd.nesterov", True),
        ("[4]", "", "batch_size: {int: [8, 9]}", "batch_size", True),
        ("[4]", "activation: {choice: [relu, prelu]}", "", "activation", True),
        ("[4]", "activation: {choice: [relu, tanh]}", "", "activation", False),
        ("[4]", "initializer: {choice: [zeros, ones]}", "", "initializer", False),
        ("[4]", "", "learning_rate: {uniform: [0.1, 1]}", "learning_rate", False),
        ("[4]", "dropout: {uniform: [0, 0.5]}", "", "dropout", False),
        ("[4]", "l2: {choice: [0, 0.1]}", "", "l2", False),
        ("[4]", "input_batch_norm: {choice: [none, batch_norm]}", "", "input_batch_norm", False),
        ("[4]", "", CLIPPING, "clipping", False),
        ("[4]", "", CLIPPING, "clipping.global_clipnorm", False),
        ("[4]", "", "schedule: {choice: [constant, cosine]}", "schedule", False),
        (
            "[4]",
            "",
            "optimizer: {choice: [adam, {sgd: {momentum: {uniform: [0, 0.9]}}}]}",
            "optimizer.sgd.momentum",
            False,
        ),
    ],
)
def test_what_changes_the_computation_graph_is_structural(
    hidden: str, model: str, training: str, name: str, structural: bool
) -> None:
    assert space_of(model, training, hidden)[name].structural is structural


@pytest.mark.parametrize(
    ("hidden", "model", "training", "count"),
    [
        ("[4]", "l1: {uniform: [0, 1]}, " + NESTED, CLIPPING, 1),
        ("{choice: [[4], [8], [8, 8]]}", "", "", 3),
        ("[{int: [1, 4]}, {choice: [8, 16]}]", "", "", 8),
        ("[4]", "input_batch_norm: {choice: [none, {batch_norm: {momentum: {choice: [0, 1]}}}]}", "", 1),
        ("[4]", "activation: {choice: [relu, {rrelu: {upper: {uniform: [0.2, 1]}}}]}", "", 1),
        (
            "[4]",
            "alpha_dropout: {uniform: [0, 0.5]}, input_dropout: {choice: [0, 0.5]}, activity_l1: {choice: [0, 1]}",
            "",
            1,
        ),
        ("[4]", "", "optimizer: {choice: [adam, {sgd: {nesterov: {choice: [true, false]}}}]}", 3),
        (
            "[4]",
            "",
            (
                "optimizer: {choice: [lion, {muon: {ns_steps: {int: [3, 5]}, momentum: {uniform: [0.5, 0.9]},"
                " gradient_accumulation_steps: {choice: [1, 2]}}}]}"
            ),
            7,
        ),
        ("{choice: [[4], [{int: [1, 5]}]]}", "", "batch_size: {choice: [8, 16]}", 12),
        ("[4]", "activation: {choice: [relu, prelu, tanh]}", "", 2),
        ("[{int: [1, 1000000000]}, {int: [1, 1000000000]}]", "", "", MAX_STRUCTURES),
        ("[4, 4]", "", "early_stopping: {patience: {int: [1, 9]}, min_delta: {choice: [0, 1]}}", 1),
    ],
)
def test_structures_are_counted(hidden: str, model: str, training: str, count: int) -> None:
    start = time.process_time()
    assert space_of(model, training, hidden).structures() == count
    assert time.process_time() - start < 0.5


def test_the_sizes_of_a_cnn_are_structural_and_counted() -> None:
    text = (
        "name: a\ndata: sklearn:digits\ntraining: {epochs: 3}\n"
        "model: {cnn: {filters: [8, {int: [4, 6]}], kernel: {choice: [3, 5]}, dropout: {uniform: [0, 1e-1]},"
        " pooling: {choice: [none, {max: {size: {choice: [2, 3]}}}]}, padding: {choice: [same, valid]},"
        " head: {choice: [flatten, global_average]}, hidden: {choice: [null, [5]]}}}"
    )
    space = SearchSpace(read_spec(parse(text, "study.yaml")))
    structural = ["filters.1", "kernel", "padding", "pooling", "pooling.max.size", "head", "hidden"]
    assert [p.name for p in space.parameters if p.structural] == structural
    assert [p.name for p in space.parameters if not p.structural] == ["dropout"]
    assert space.structures() == 3 * 2 * 2 * (1 + 2) * 2 * 2


def test_only_active_parameters_are_asked_for_outer_choices_first() -> None:
    space = space_of(NESTED, CLIPPING)
    answers: dict[str, Any] = {
        "activation": "relu",
        "clipping": "global_clipnorm",
        "clipping.global_clipnorm": 2.0,
    }
    asked: list[str] = []

    def choose(parameter: Parameter) -> Any:
        asked.append(parameter.name)
        return answers[parameter.name]

    configuration: Any = space.configure(choose)
    assert asked == ["activation", "clipping", "clipping.global_clipnorm"]
    assert configuration.training.clipping.threshold == 2.0
    inactive = {"activation.leaky_relu.negative_slope": 0.1}
    assert space.active({**inactive, **answers}) == answers
    with pytest.raises(KeyError, match="clipping"):
        space.configuration({"activation": "relu"})


def test_configurations_are_equal_and_hash_by_value() -> None:
    space = space_of("activation: {choice: [relu, prelu]}, l1: {uniform: [0, 1]}")
    first, same, other = (
        space.configuration({"activation": label, "l1": value})
        for label, value in (("prelu", 0.5), ("prelu", 0.5), ("prelu", 0.25))
    )
    assert first == same
    assert first != other
    assert len({first, same, other}) == 2
    assert first != space.configuration({"activation": "relu", "l1": 0.5})


def test_equal_files_give_equal_configurations_however_they_are_written() -> None:
    short = SearchSpace(spec_of("activation: prelu", "optimizer: sgd")).configuration({})
    long = (
        "activation: {prelu: {alpha_initializer: zeros}}",
        "optimizer: {sgd: {momentum: 0, nesterov: false}}",
    )
    assert SearchSpace(spec_of(*long)).configuration({}) == short


def test_the_grid_has_every_combination_once_with_conditions_respected() -> None:
    space = space_of(
        "activation: {choice: [relu, {leaky_relu: {negative_slope: {choice: [0.1, 0.2]}}}]}, "
        "l1: {uniform: [0, 1, 0.5]}",
        "batch_size: {int: [8, 10]}",
    )
    slopes = [{"activation": "relu"}] + [
        {"activation": "leaky_relu", "activation.leaky_relu.negative_slope": slope} for slope in (0.1, 0.2)
    ]
    expected = [
        {**slope, "l1": l1, "batch_size": size}
        for slope, l1, size in itertools.product(slopes, (0.0, 0.5, 1.0), (8, 9, 10))
    ]
    grid = list(space.grid())
    assert sorted(map(repr, grid)) == sorted(map(repr, expected))
    assert len({space.configuration(values) for values in grid}) == len(expected) == 27


@pytest.mark.parametrize(
    ("model", "hidden", "size"),
    [
        ("", "[4, 4]", 1),
        (
            NESTED.replace("uniform: [0.01, 0.3]", "choice: [0.1, 0.2]") + ", l1: {uniform: [0, 1, 0.5]}",
            "[4]",
            9,
        ),
        (NESTED, "[4]", math.inf),
        ("", "[{int: [1, 1000000000]}, {int: [1, 1000000000]}]", 10**18),
        (NESTED, "[{int: [1, 1000000000]}" + ", {int: [1, 1000000000]}" * 39 + "]", math.inf),
    ],
)
def test_the_size_of_a_space_is_that_of_its_grid(model: str, hidden: str, size: float) -> None:
    space = space_of(model, hidden=hidden)
    assert space.size() == size
    if size < 100:
        assert len(list(space.grid())) == size


def test_the_grid_of_a_fixed_study_is_its_one_configuration() -> None:
    assert list(space_of().grid()) == [{}]


def test_the_grid_of_an_infinite_space_names_the_parameter() -> None:
    with pytest.raises(ValueError, match=r"^learning_rate$"):
        space_of("l1: {choice: [0, 0.1]}", "learning_rate: {uniform: [0.1, 1]}").grid()


def test_a_huge_grid_starts_at_once() -> None:
    start = time.process_time()
    grid = space_of(hidden="[{int: [1, 1000000000]}, 4]").grid()
    assert [values["hidden.0"] for values in itertools.islice(grid, 3)] == [1, 2, 3]
    assert time.process_time() - start < 1


@given(st.integers(-20, 20), st.integers(1, 30), st.none() | st.integers(1, 30))
def test_values_and_contains_of_whole_ranges_agree_with_brute_force(
    low: int, width: int, step: int | None
) -> None:
    step = None if step is None else min(step, width)
    parameter = Parameter("n", Numeric(low, low + width, step, integer=True))
    expected = tuple(range(low, low + width + 1, step or 1))
    assert parameter.values() == tuple(parameter.iterate()) == expected
    assert parameter.count == len(expected)
    assert [n for n in range(low - 5, low + width + 6) if parameter.contains(n)] == list(expected)
    assert not parameter.contains(low + 0.5)


@given(st.integers(-30, 30), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 7, 10, 1000]))
def test_values_and_contains_of_stepped_ranges_agree_with_fractions(
    low: int, width: int, step: int, unit: int
) -> None:
    """Count in units of 1/unit, which floats cannot always hold."""
    step = min(step, width)
    parameter = Parameter("x", Numeric(low / unit, (low + width) / unit, step / unit))
    expected = [number / unit for number in range(low, low + width + 1, step)]
    values = parameter.values()
    assert values == pytest.approx(expected)
    assert values is not None
    assert all(parameter.contains(value) for value in values)
    inside = [n for n in range(low - 3, low + width + 4) if parameter.contains(n / unit)]
    assert inside == list(range(low, low + width + 1, step))


def _tenths() -> list[tuple[float, float, float]]:
    """List ranges in tenths and hundredths whose step divides them, also where no float says so."""
    found = []
    for unit in (10, 100):
        for low, count, step in itertools.product(range(10), range(1, 6), range(1, 8)):
            found.append((low / unit, (low + count * step) / unit, step / unit))
    return found


@pytest.mark.slow
def test_steps_that_divide_a_range_are_those_of_optuna(recwarn: pytest.WarningsRecorder) -> None:
    """`0.3 - 0.1` is below 0.2 in floats, and 0.1 + 0.2 above 0.3."""
    for low, high, step in _tenths():
        l2 = space_of(f"l2: {{uniform: [{low}, {high}, {step}]}}")["l2"]
        theirs = FloatDistribution(low, high, step=step)
        ours = optuna_distribution(l2)
        assert ours == theirs
        count = round((high - low) / step)
        assert l2.count == count + 1
        assert l2.values() == pytest.approx(np.linspace(low, high, count + 1))
        assert all(ours._contains(value) for value in l2.iterate())
    assert not recwarn.list


@pytest.mark.parametrize(
    ("low", "high", "step", "values"),
    [
        (0.1, 0.3, 0.2, (0.1, 0.3)),
        (0.7, 0.8, 0.1, (0.7, 0.8)),
        (0.1, 0.8, 0.8 - 0.1, (0.1, 0.8)),  # above 0.7, as a program computes it
        (0.0, 0.3, 0.3 / 3, (0.0, 0.1, 0.2, 0.3)),
        (0.1, 0.35, 0.1, (0.1, 0.2, 0.3)),
        (0.0, 0.9, 0.4, (0.0, 0.4, 0.8)),
    ],
)
def test_a_stepped_range_has_its_values(
    low: float, high: float, step: float, values: tuple[float, ...]
) -> None:
    l2 = space_of(f"l2: {{uniform: [{low!r}, {high!r}, {step!r}]}}")["l2"]
    theirs: Any = optuna_distribution(l2)
    assert l2.values() == pytest.approx(values)
    assert (theirs.low, theirs.high) == (low, pytest.approx(values[-1]))


@pytest.mark.parametrize("step", [0.2000001, 0.21, 1, 0, -0.1])
def test_a_step_beyond_its_range_is_refused(step: float) -> None:
    with pytest.raises(StudyFileError, match=r"a step above 0 and at most 0\.2"):
        space_of(f"dropout: {{uniform: [0.1, 0.3, {step}]}}")


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 10**400, True, None, "0.5", [0.5], 1.01, -0.01]
)
def test_a_range_does_not_contain(value: object) -> None:
    assert not Parameter("x", Numeric(0.0, 1.0)).contains(value)
    assert not Parameter("x", Numeric(0.0, 1.0, 0.25)).contains(value)


def test_a_range_contains_its_bounds_and_has_no_end_of_values() -> None:
    parameter = Parameter("x", Numeric(0.0, 1.0))
    assert all(map(parameter.contains, (0, 0.0, 0.3, 1, 1.0)))
    assert parameter.values() is None
    assert Parameter("x", Numeric(0.0, 1.0, 5e-324)).values() is None


def test_a_choice_contains_its_labels_only() -> None:
    parameter = Parameter("x", Choice((1, 2)))
    assert parameter.values() == (1, 2)
    assert [value for value in (1, 2, 3, True, 1.0, "1", None) if parameter.contains(value)] == [1, 2]


@pytest.mark.parametrize(
    ("distribution", "text"),
    [
        (Numeric(1e-4, 0.1, log=True), "log_uniform [0.0001, 0.1]"),
        (Numeric(1, 9, 2, integer=True), "int [1, 9, 2]"),
        (Choice(("a", (4, 4))), "choice [a, [4, 4]]"),
    ],
)
def test_a_parameter_is_described_as_the_study_file_writes_it(distribution: Any, text: str) -> None:
    assert Parameter("x", distribution).describe() == text


def test_preferred_values_are_of_the_space() -> None:
    source = source_of(NESTED, "batch_size: {int: [8, 16]}", "prior: {batch_sise: 8, batch_size: 17}")
    with pytest.raises(StudyFileError) as caught:
        check_enqueued(read_spec(source), source)
    problems = [(p.path, p.expected, p.found, p.nearest) for p in caught.value.problems]
    assert problems == [
        ("search.prior.batch_sise", "the name of a searched parameter", "'batch_sise'", "batch_size"),
        ("search.prior.batch_size", "a value of int [8, 16]", "17", None),
    ]


def enqueued(values: str) -> list[tuple[str, str, str, str | None]]:
    """Give path, expected, found and nearest name of the problems of one enqueued configuration."""
    source = source_of(NESTED, "batch_size: {int: [8, 16]}", f"enqueue: [{values}]")
    try:
        check_enqueued(read_spec(source), source)
    except StudyFileError as error:
        assert all((problem.file, problem.line) == ("study.yaml", 5) for problem in error.problems)
        return [(p.path, p.expected, p.found, p.nearest) for p in error.problems]
    return []


@pytest.mark.parametrize(
    "values",
    [
        "{activation: relu, batch_size: 8}",
        "{activation: leaky_relu, activation.leaky_relu.negative_slope: 0.1, batch_size: 16}",
    ],
)
def test_an_enqueued_configuration_of_the_space_is_accepted(values: str) -> None:
    assert enqueued(values) == []


@pytest.mark.parametrize(
    ("values", "path", "expected", "nearest"),
    [
        (
            "{activation: relu, batch_size: 8, batch_sise: 8}",
            ".0.batch_sise",
            "the name of a searched",
            "batch_size",
        ),
        ("{activation: relu, batch_size: 17}", ".0.batch_size", "a value of int [8, 16]", None),
        ("{activation: relu, batch_size: [8]}", ".0.batch_size", "a value of int [8, 16]", None),
        ("{activation: relu, batch_size: null}", ".0.batch_size", "a value of int [8, 16]", None),
        ("{activation: relu, batch_size: .inf}", ".0.batch_size", "a value of int [8, 16]", None),
        ("{activation: rellu, batch_size: 8}", ".0.activation", "a value of choice [relu, leaky_relu]", None),
        ("{activation: relu}", ".0", "a value for 'batch_size'", None),
        (
            "{activation: leaky_relu, batch_size: 8}",
            ".0",
            "a value for 'activation.leaky_relu.negative_slope'",
            None,
        ),
        (
            "{activation: relu, batch_size: 8, activation.leaky_relu.negative_slope: 0.1}",
            ".0.activation.leaky_relu.negative_slope",
            "only parameters that are active",
            None,
        ),
        ("{activation: relu, batch_size: 8}, {activation: relu}", ".1", "a value for 'batch_size'", None),
    ],
)
def test_an_enqueued_configuration_outside_of_the_space_is_one_problem(
    values: str, path: str, expected: str, nearest: str | None
) -> None:
    (problem,) = enqueued(values)
    assert problem[0] == f"search.enqueue{path}"
    assert problem[1].startswith(expected)
    assert problem[3] == nearest


def test_all_problems_of_enqueued_configurations_come_at_once() -> None:
    assert len(enqueued("{activation: rellu, batch_size: 1}, {batch_sise: 8}")) == 4


def test_of_many_problems_the_first_are_told_and_the_others_counted() -> None:
    source = source_of(NESTED, "batch_size: {int: [8, 16]}", f"enqueue: [{'{x: 1}, ' * 150}]")
    with pytest.raises(StudyFileError) as refused:
        check_enqueued(read_spec(source), source)
    told = str(refused.value).splitlines()
    assert len(told) == 101
    assert "search.enqueue.0.x: expected the name of a searched parameter; found 'x'" in told[0]
    assert told[-1] == f"and {len(refused.value.problems) - 100} more like these"
