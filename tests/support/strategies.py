"""Hypothesis strategies for valid study files as plain data, with distributions at any depth."""

from __future__ import annotations

import os
import string
from functools import cache
from typing import Any

from hypothesis import strategies as st

from hpsearch.spec.sections.objectives import METRICS
from hpsearch.spec.sections.study import RESERVED

Data = st.SearchStrategy[Any]


def examples(default: int) -> int:
    """Give the number of examples: HPSEARCH_EXAMPLES where it is set, for a long run."""
    return int(os.environ.get("HPSEARCH_EXAMPLES", default))


def _range(word: str, low: float, high: float) -> Data:
    if low >= high:
        return st.nothing()
    whole = word.endswith("int")
    bounds = st.integers(int(low), int(high)) if whole else st.floats(low, high, allow_subnormal=False)
    pairs = st.tuples(bounds, bounds).filter(lambda pair: pair[0] < pair[1])
    if word.startswith("log_"):
        return pairs.filter(lambda pair: pair[0] > 0).map(lambda pair: {word: list(pair)})
    stepped = pairs.map(lambda pair: {word: [*pair, (pair[1] - pair[0]) // 2 or 1]})
    return pairs.map(lambda pair: {word: list(pair)}) | (stepped if whole else st.nothing())


_SAME = {"normal": "random_normal", "uniform": "random_uniform"}
_NEVER_DEFAULT = ("hidden", "layers", "units", "filters", "blocks", "epochs", "steps")


def _distinct(raw: Any) -> str:
    """Tell options apart, as strictly as needed: fixed arguments may be defaults, which say nothing."""
    if not isinstance(raw, dict):
        if isinstance(raw, list):
            return str([_distinct(item) for item in raw])
        return repr(float(raw) + 0.0) if type(raw) in (int, float) else str(_SAME.get(raw, raw))
    if list(raw) == ["share"]:
        return _distinct(raw["share"])
    told = {
        key: _distinct(value)
        for key, value in raw.items()
        if isinstance(value, dict | list) or key in _NEVER_DEFAULT
    }
    if len(raw) == 1 and told and next(iter(raw)) not in _NEVER_DEFAULT:
        ((name, arguments),) = told.items()
        return f"{_SAME.get(name, name)} {arguments}" if arguments != "{}" else _SAME.get(name, name)
    return str(sorted(told.items())) if told else "{}"


def searchable(value: Data, ranges: Data | None = None) -> Data:
    """Let a choice, a nested choice or a range stand in the place of a value."""
    leaf = value if ranges is None else value | ranges

    def choice(inner: Data) -> Data:
        options = st.lists(inner, min_size=1, max_size=3, unique_by=_distinct)
        return options.map(lambda items: {"choice": items})

    forms = st.one_of(value, leaf, choice(leaf), choice(leaf | choice(leaf)))

    @st.composite
    def searched(draw: st.DrawFn) -> Any:
        return draw(forms)  # composite, so that the strategies around it have a short repr

    return searched()


def real(low: float, high: float) -> Data:
    """Generate a number, or a distribution of numbers."""
    ranges = _range("uniform", low, high)
    ranges |= _range("log_uniform", max(low, 1e-9), high)
    return searchable(st.floats(low, high, allow_subnormal=False), ranges)


def whole(low: int, high: int) -> Data:
    """Generate a whole number, or a distribution of them."""
    ranges = _range("int", low, high) | _range("log_int", max(low, 1), high)
    return searchable(st.integers(low, high), ranges)


def component(name: str, required: dict[str, Data] | None = None, **optional: Data) -> Data:
    """Generate a component by its bare name, or by its name with some of its arguments."""
    arguments = st.fixed_dictionaries(required or {}, optional=optional)
    written = arguments.map(lambda items: {name: items})
    return written if required else st.just(name) | written


flags = searchable(st.booleans())
initializers = st.one_of(
    st.sampled_from(["zeros", "he_normal", "glorot_uniform", "uniform", "normal"]),
    component("random_normal", mean=real(-1, 1), stddev=real(0, 1)),
    component("uniform", minval=real(-1, 0), maxval=real(0, 1)),
    component("orthogonal", gain=real(0.1, 2)),
    component(
        "variance_scaling",
        scale=real(0.1, 3),
        mode=searchable(st.sampled_from(["fan_in", "fan_out"])),
        distribution=searchable(st.sampled_from(["truncated_normal", "uniform"])),
    ),
)
activations = st.one_of(
    st.sampled_from(["relu", "tanh", "selu", "swish", "hard_silu"]),
    component("leaky_relu", negative_slope=real(0, 1)),
    component("rrelu", lower=real(0, 0.2), upper=real(0.4, 1)),
    component("relu", max_value=searchable(st.none() | st.floats(0.5, 9))),
    component("gelu", approximate=flags),
    component("prelu", alpha_initializer=searchable(initializers)),
    component("threshold", {"threshold": real(-1, 1), "default_value": real(-1, 1)}),
)
batch_norms = st.one_of(
    st.just("none"),
    component("before_activation", momentum=real(0.1, 0.9)),
    component("after_activation", epsilon=real(1e-6, 1e-2)),
)
input_norms = st.just("none") | component("batch_norm", momentum=real(0.1, 0.9), epsilon=real(1e-6, 1e-2))
poolings = st.one_of(
    st.sampled_from(["none", "max", "average"]), component("max", size=whole(2, 5)), component("average")
)
spans = st.one_of(
    st.floats(0, 1, allow_subnormal=False),
    st.fixed_dictionaries({"share": real(0, 1)}),
    st.fixed_dictionaries({"steps": whole(1, 900)}),
    st.fixed_dictionaries({"epochs": real(0.5, 20)}),
)
searchable_spans = searchable(spans, _range("uniform", 0, 1))
periods = st.one_of(
    st.floats(0.001, 1),
    st.fixed_dictionaries({"share": real(0.001, 1)}),
    st.fixed_dictionaries({"steps": whole(1, 900)}),
    st.fixed_dictionaries({"epochs": real(0.5, 20)}),
)
searchable_periods = searchable(periods, _range("uniform", 0.001, 1))
schedules = st.one_of(
    st.sampled_from(["constant", "step", "one_cycle"]),
    component("cosine", warmup=searchable_spans, alpha=real(0, 1)),
    component("exponential", rate=real(0.1, 1), every=searchable_periods, staircase=flags),
    component("reduce_on_plateau", factor=real(0.1, 0.9), patience=whole(1, 20)),
    component("polynomial", decay=st.floats(0.1, 1), cycle=flags, warmup_from=real(0, 1)),
    st.lists(searchable_spans, min_size=1, max_size=3).flatmap(
        lambda boundaries: component(
            "piecewise_constant",
            {
                "boundaries": st.just(boundaries),
                "values": st.lists(real(0.01, 2), min_size=len(boundaries) + 1, max_size=len(boundaries) + 1),
            },
        )
    ),
)
optimizers = st.one_of(
    st.sampled_from(["adam", "nadam", "adagrad", "rmsprop"]),
    component("sgd", momentum=real(0, 0.99), nesterov=flags),
    component("adamw", weight_decay=real(0, 0.1), amsgrad=flags),
    component("lion", weight_decay=real(0, 0.1), use_ema=flags, ema_momentum=real(0, 1)),
    component("muon", ns_steps=whole(1, 9), gradient_accumulation_steps=whole(1, 9)),
)
clippings = st.one_of(
    st.just("none"),
    *(st.fixed_dictionaries({kind: real(0.01, 10)}) for kind in ("clipvalue", "clipnorm", "global_clipnorm")),
)


def per_layer(setting: Data, depth: int | None) -> Data:
    """Generate one setting that all layers share, or a list with one for each."""
    if depth is None:
        return setting
    return setting | st.lists(setting, min_size=depth, max_size=depth)


SIZES = whole(1, 512)
words = searchable(st.sampled_from(["relu", "same", "two words", "", "1", "no"]))
lists_of_sizes = st.lists(SIZES, min_size=1, max_size=3) | st.just([[3, 3], [5, {"int": [5, 7]}]])
python_models = st.fixed_dictionaries(
    {"file": st.sampled_from(["nets.py", "~/models/nets", "字 .py"])},
    optional={
        "function": st.sampled_from(["build", "größer"]),
        "arguments": st.dictionaries(
            st.sampled_from(["width", "units", "items", "_kind", "größe"]),
            SIZES | real(-1, 1) | flags | words | searchable(st.lists(st.integers(1, 9), min_size=1)),
            min_size=1,
        )
        | st.fixed_dictionaries({"sizes": lists_of_sizes}),
    },
)

pretrained_models = st.fixed_dictionaries(
    {"donor": st.sampled_from(["donor.keras", {"study": "donor.yaml"}, {"study": "字 .yaml"}])},
    optional={
        "layers": searchable(st.just("all") | st.integers(1, 9), _range("int", 1, 9)),
        "frozen_epochs": searchable(st.just("all") | st.integers(0, 9), _range("int", 0, 9)),
        "unfrozen_learning_rate": real(1e-5, 1),
        "hidden": st.lists(SIZES, min_size=1, max_size=3),
        "initializer": searchable(initializers),
        "activation": searchable(activations),
        "dropout": real(0, 0.9),
        "output_initializer": searchable(initializers),
    },
)


@st.composite
def models(draw: st.DrawFn) -> Any:
    """Generate a model section: a person's own, a pretrained one, blocks, or hidden layers by list or by number."""
    form = draw(st.sampled_from(["list", "lists", "fixed", "searched", "python", "pretrained", "cnn"]))
    if form == "python":
        return {"python": draw(python_models)}
    if form == "pretrained":
        return {"pretrained": draw(pretrained_models)}
    if form == "cnn":
        return {"cnn": draw(cnns())}
    depth: int | None = draw(st.integers(1, 3))
    arguments: dict[str, Any]
    if form == "list":
        arguments = {"hidden": draw(st.lists(SIZES, min_size=depth or 1, max_size=depth))}
    elif form == "lists":
        lists = st.lists(st.integers(1, 64), min_size=depth or 1, max_size=depth)
        arguments = {"hidden": {"choice": draw(st.lists(lists, min_size=1, max_size=3, unique_by=str))}}
    elif form == "fixed":
        arguments = {"layers": depth, "units": draw(SIZES)}
    else:
        arguments = {"layers": draw(_range("int", 1, 5)), "units": draw(SIZES)}
        depth = None
    return {"mlp": {**arguments, **draw(_settings(depth))}}


@st.composite
def cnns(draw: st.DrawFn) -> Any:
    """Generate a convolutional network: blocks by list or by number, and dense layers behind them."""
    blocks, dense = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    depth: int | None = blocks
    arguments: dict[str, Any] = {"hidden": [draw(SIZES) for _ in range(dense)]} if dense else {}
    if draw(st.booleans()):
        arguments |= {"filters": draw(st.lists(SIZES, min_size=blocks, max_size=blocks))}
    elif draw(st.booleans()):
        arguments |= {"blocks": blocks, "filters": draw(SIZES)}
    else:
        arguments |= {"blocks": draw(_range("int", 1, 5)), "filters": draw(SIZES)}
        depth = None
    settings = _settings(None if depth is None else depth + dense)
    return {**arguments, **draw(_settings_of_blocks(depth)), **draw(settings)}


@cache
def _settings_of_blocks(depth: int | None) -> Data:
    optional = {
        "kernel": per_layer(whole(1, 9), depth),
        "pooling": per_layer(searchable(poolings), depth),
        "padding": searchable(st.sampled_from(["same", "valid"])),
        "head": searchable(st.sampled_from(["flatten", "global_average"])),
    }
    return st.fixed_dictionaries({}, optional=optional)


@cache
def _settings(depth: int | None) -> Data:
    """Generate the settings of the layers; strategies are dear to make, so they are kept."""
    settings = {
        "initializer": searchable(initializers),
        "activation": searchable(activations),
        "batch_norm": searchable(batch_norms),
        "dropout": real(0, 0.9),
        "alpha_dropout": real(0, 0.9),
        "l1": real(0, 1e-2),
        "l2": real(0, 1e-2),
        "activity_l1": real(0, 1e-2),
        "activity_l2": real(0, 1e-2),
    }
    optional = {name: per_layer(setting, depth) for name, setting in settings.items()}
    optional |= {
        "input_batch_norm": searchable(input_norms),
        "input_dropout": real(0, 0.9),
        "output_initializer": searchable(initializers),
    }
    return st.fixed_dictionaries({}, optional=optional)


MODELS = models()
trainings = st.one_of(
    *(
        st.fixed_dictionaries(
            {length: whole(1, 500)},
            optional={
                "optimizer": searchable(optimizers),
                "learning_rate": real(1e-5, 1),
                "schedule": searchable(schedules),
                "clipping": searchable(clippings),
                "batch_size": whole(1, 512),
                "early_stopping": st.fixed_dictionaries(
                    {"patience": st.integers(1, 50)},
                    optional={
                        "min_delta": st.floats(0, 1),
                        "monitor": st.just("loss"),
                        "start_from_epoch": whole(0, 9),
                    },
                ),
                "backend": st.sampled_from(["auto", "jax"]),
            },
        )
        for length in ("epochs", "steps")
    )
)
rows = st.floats(0.01, 0.99) | st.integers(1, 1000)
texts = st.text(min_size=1, max_size=30)
sections_of_data = st.one_of(
    st.sampled_from(["sklearn:digits", "keras:mnist", "npz:a.npz"]),
    st.fixed_dictionaries(
        {"npz": texts},
        optional={
            "validation": rows
            | st.fixed_dictionaries({"folds": st.integers(2, 10)})
            | st.fixed_dictionaries({"last": st.integers(1, 99)})
            | st.just("test"),
            "test": rows,
            "standardize": st.booleans(),
            "rescale": st.just("1/255") | st.floats(0.001, 10),
            "shape": st.lists(st.integers(1, 99), min_size=1, max_size=3),
            "classes": st.lists(texts | st.integers(-9, 99), min_size=1, max_size=4),
        },
    ),
    st.fixed_dictionaries({"csv": texts, "target": texts}),
    st.fixed_dictionaries(
        {
            "random_normal": st.fixed_dictionaries(
                {"rows": st.integers(1, 999), "features": st.integers(1, 99), "classes": st.integers(2, 9)}
            )
        },
        optional={"split_seed": st.integers(0, 9)},
    ),
)
searches = st.fixed_dictionaries(
    {},
    optional={
        "metric": st.sampled_from(METRICS),
        "trials": st.integers(1, 1000),
        "timeout": st.floats(1, 1e6),
        "seed": st.integers(0, 2**63 - 1),
        "sampler": st.sampled_from(["tpe", "random", "grid", {"tpe": {"startup_trials": 3}}]),
        "pruner": st.sampled_from(["none", "hyperband", {"median": {"warmup_epochs": 2}}]),
        "enqueue": st.lists(st.dictionaries(texts, st.integers() | texts), max_size=2),
    },
)
names = st.text(string.ascii_letters + string.digits + " _-é字", min_size=1, max_size=20).filter(
    # Devices of Windows, such as LPT0, have no directory.
    lambda name: name == name.strip() and name.lower() not in RESERVED
)


@st.composite
def study_files(draw: st.DrawFn) -> Any:
    """Generate valid study files as plain data."""
    data: dict[str, Any] = {"name": draw(names), "data": draw(sections_of_data)}
    for section, strategy in (("model", MODELS), ("training", trainings)):
        data[section] = draw(strategy)
        if draw(st.integers(0, 4)) == 4:
            options = st.lists(strategy, min_size=1, max_size=2, unique_by=_distinct)
            data[section] = {"choice": draw(options)}
    if draw(st.booleans()):
        data["search"] = draw(searches)
    return data
