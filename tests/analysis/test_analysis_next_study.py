"""What to search next: a study file that is valid and differs where the evidence is."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import pytest
from ruamel.yaml import YAML

from hpsearch.analysis import analyze, to_json
from hpsearch.spec import StudySpec, print_spec
from hpsearch.spec.space.space import SearchSpace
from support.formulas import cube, formula_record, from_formula, spec_of


def suggest(record):
    found = analyze(record).next_study
    changes = {change.parameter: change for change in found.changes}
    parameters = {} if found.spec is None else {p.name: p for p in SearchSpace(found.spec).parameters}
    return found, changes, parameters


MLP = {
    "name": "mlp",
    "data": "sklearn:digits",
    "model": {
        "mlp": {
            "hidden": [8],
            "dropout": {"uniform": [0.0, 0.6]},
            "activation": {
                "choice": ["relu", "tanh", {"leaky_relu": {"negative_slope": {"uniform": [0.01, 0.3]}}}]
            },
        }
    },
    "training": {"epochs": 2, "learning_rate": {"log_uniform": [1e-4, 1e-1]}},
}


def test_a_range_with_the_best_at_its_border_is_widened():
    record = from_formula(spec_of(MLP), 200, lambda v: -math.log10(v["learning_rate"]))
    found, changes, parameters = suggest(record)
    change, new = changes["learning_rate"], parameters["learning_rate"].distribution
    assert change.kind == "widen"
    assert (new.low, new.log) == (1e-4, True)
    assert new.high == pytest.approx(0.1 * 1000**0.5, rel=0.05)
    assert change.old == "log_uniform [0.0001, 0.1]"
    assert change.new == parameters["learning_rate"].describe()
    assert "best trials lie in the upper tenth of the range" in change.why
    assert set(changes) == {"learning_rate"}
    assert found.spec.name == "mlp-next"


@pytest.mark.slow
def test_a_range_is_widened_only_as_far_as_the_study_file_allows():
    record = from_formula(spec_of(MLP), 200, lambda v: -v["dropout"])
    _, changes, parameters = suggest(record)
    assert changes["dropout"].kind == "widen"
    # Half as much again would be 0.9, which is a rate; but at the lower end there is nothing below 0.
    assert parameters["dropout"].distribution.high == 0.9
    low = from_formula(spec_of(MLP), 200, lambda v: v["dropout"])
    assert "dropout" not in suggest(low)[1] or suggest(low)[1]["dropout"].kind == "narrow"
    narrow = spec_of({**MLP, "model": {"mlp": {"hidden": [8], "dropout": {"uniform": [0.1, 0.8]}}}})
    _, _, parameters = suggest(from_formula(narrow, 200, lambda v: -v["dropout"]))
    # 1.15 is no rate, 0.98 is.
    assert parameters["dropout"].distribution.high == pytest.approx(0.98)


def test_a_range_is_narrowed_to_where_the_best_lie():
    record = from_formula(spec_of(MLP), 300, lambda v: abs(math.log10(v["learning_rate"]) + 2.5))
    _, changes, parameters = suggest(record)
    new = parameters["learning_rate"].distribution
    assert changes["learning_rate"].kind == "narrow"
    assert 1e-4 < new.low < 10**-2.5 < new.high < 1e-1
    assert math.log10(new.high / new.low) < 0.75 * 3
    best = sorted(record.trials, key=lambda trial: trial.value)[:30]
    assert all(new.low <= trial.parameters["learning_rate"] <= new.high for trial in best)


def test_options_that_are_worse_are_dropped_with_what_is_inside_them():
    height = {"relu": 0.0, "tanh": 0.005, "leaky_relu": 1.0}

    def formula(values: dict[str, Any]) -> float:
        slope = values.get("activation.leaky_relu.negative_slope", 0.0)
        return height[values["activation"]] + 0.1 * values["dropout"] + slope

    _, changes, parameters = suggest(from_formula(spec_of(MLP), 300, formula))
    assert changes["activation"].kind == "drop"
    assert "leaky_relu" not in parameters["activation"].options
    assert "relu" in parameters["activation"].options
    assert "activation.leaky_relu.negative_slope" not in parameters
    assert "leaky_relu has worse results" in changes["activation"].why


def test_whole_numbers_keep_their_steps():
    spec = cube(1, units={"int": [16, 128, 16]})
    _, _, parameters = suggest(from_formula(spec, 200, lambda v: -v["units"]))
    new = parameters["units"].distribution
    assert (new.low, new.step, new.integer) == (16, 16, True)
    assert new.high > 128
    assert (new.high - new.low) % 16 == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_changed_where_nothing_matters(seed):
    found, changes, _ = suggest(formula_record(100, lambda v: hash((seed, v["x0"])) % 1000, seed))
    assert changes == {}
    assert found.spec is None
    assert found.reason == "No range is clearly too narrow or too wide."


def test_nothing_is_changed_where_evidence_is_thin():
    found, _, _ = suggest(formula_record(39, lambda v: v["x0"]))
    assert found.spec is None
    assert "at least 40 completed trials are needed, and there are 39" in found.reason


@pytest.mark.slow
def test_the_next_study_is_a_study_file():
    record = from_formula(spec_of(MLP), 200, lambda v: -math.log10(v["learning_rate"]))
    spec = record.spec.search.model_copy(update={"enqueue": ({"learning_rate": 0.05},)})
    record = type(record)(record.spec.model_copy(update={"search": spec}), record.data, record.trials)
    found, _, _ = suggest(record)
    printed = print_spec(found.spec)
    assert StudySpec.model_validate(YAML(typ="safe").load(io.StringIO(printed))) == found.spec
    assert found.spec.search.enqueue == ()
    plain = json.loads(json.dumps(to_json(analyze(record)), allow_nan=False))
    assert plain["next_study"]["spec"] == found.spec.dump()
    assert plain["next_study"]["changes"][0]["parameter"] == "learning_rate"
    assert plain["effects"]["parameters"][0]["levels"][0].keys() >= {"at", "place", "low", "high"}
    assert plain["importance"]["parameters"][0].keys() >= {"share", "low", "high"}
