"""What a comparison compares: its arms, their order, and what is said of a section that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpsearch.exceptions import StudyFileError
from hpsearch.spec import StudyFile, load_study_file
from hpsearch.spec.experiments import experiment_of, prepare
from hpsearch.spec.space.arms import Arms, arms_of
from support.commands import write_study

STUDY: dict[str, Any] = {
    "name": "c",
    "data": "sklearn:digits",
    "model": {
        "mlp": {
            "hidden": [8],
            "initializer": {"choice": ["he_normal", "glorot_uniform"]},
            "activation": {"choice": ["relu", {"leaky_relu": {"negative_slope": {"uniform": [0.1, 0.3]}}}]},
            "dropout": {"choice": [0.0, 0.5]},
        }
    },
    "training": {"learning_rate": {"log_uniform": [1e-4, 1e-2]}, "epochs": 2},
}


def load(directory: Path, compare: Any, **changes: Any) -> StudyFile:
    path = directory / "c.yaml"
    given = {} if compare is None else {"compare": compare}
    return load_study_file(write_study(path, {**STUDY, **changes, **given}))


def arms(directory: Path, compare: Any, **changes: Any) -> Arms:
    study = load(directory, compare, **changes)
    return arms_of(study.spec, study.source)


class TestArms:
    def test_all_choices_are_factors_where_nothing_is_said(self, tmp_path: Path) -> None:
        found = arms(tmp_path, None)
        assert found.factors == ("initializer", "activation", "dropout")
        assert [arm.name for arm in found.arms] == [
            f"{initializer}, {activation}, dropout={rate}"
            for initializer in ("he_normal", "glorot_uniform")
            for activation in ("relu", "leaky_relu")
            for rate in ("0.0", "0.5")
        ]
        assert found.baseline == "he_normal, relu, dropout=0.0"

    def test_what_is_no_factor_is_the_same_in_all(self, tmp_path: Path) -> None:
        found = arms(tmp_path, {"factors": ["activation"]})
        assert [dict(arm.values) for arm in found.arms] == [
            {"activation": "relu"},
            {"activation": "leaky_relu"},
        ]
        assert found.fixed == {
            "initializer": "he_normal",
            "dropout": 0.0,
            "learning_rate": pytest.approx(1e-3),
            "activation.leaky_relu.negative_slope": pytest.approx(0.2),
        }
        assert {arm.configuration.model.initializer.name for arm in found.arms} == {"he_normal"}
        assert [arm.configuration.training.learning_rate for arm in found.arms] == pytest.approx([1e-3] * 2)

    def test_an_arm_by_name_is_the_study_with_changes(self, tmp_path: Path) -> None:
        changes = {
            "model.mlp.initializer": "zeros",
            "model.mlp.activation": {"leaky_relu": {"negative_slope": 0.25}},
            "training.optimizer": {"sgd": {"momentum": 0.5}},
        }
        found = arms(tmp_path, {"arms": {"plain": {}, "other": changes}})
        plain, other = (arm.configuration for arm in found.arms)
        assert [arm.name for arm in found.arms] == ["plain", "other"]
        assert found.factors == ()
        assert (plain.model.initializer.name, plain.training.optimizer.name) == ("he_normal", "adam")
        assert other.model.initializer.name == "zeros"
        assert other.model.activation.negative_slope == 0.25
        assert other.training.optimizer.momentum == 0.5
        assert other.training.epochs == plain.training.epochs

    def test_each_optimizer_has_its_own_learning_rate_where_none_is_given(self, tmp_path: Path) -> None:
        arm = {"training.optimizer": "sgd"}
        found = arms(tmp_path, {"arms": {"plain": {}, "other": arm}}, training={"epochs": 1})
        assert [arm.configuration.training.learning_rate for arm in found.arms] == [0.001, 0.01]
        training = {"epochs": 1, "optimizer": {"choice": ["adam", {"sgd": {"momentum": 0.9}}]}}
        found = arms(tmp_path, {"factors": ["optimizer"]}, training=training)
        assert [arm.configuration.training.learning_rate for arm in found.arms] == [0.001, 0.01]

    def test_arms_by_name_stand_behind_the_combinations(self, tmp_path: Path) -> None:
        section = {
            "factors": ["initializer"],
            "arms": {"zeros": {"model.mlp.initializer": "zeros"}},
            "baseline": "zeros",
        }
        found = arms(tmp_path, section)
        assert [arm.name for arm in found.arms] == ["he_normal", "glorot_uniform", "zeros"]
        assert found.baseline == "zeros"

    def test_a_study_without_choices_has_one_arm(self, tmp_path: Path) -> None:
        (arm,) = arms(tmp_path, None, model={"mlp": {"hidden": [4]}}).arms
        assert arm.configuration.model.hidden == (4,)


PROBLEMS = [
    ({"factors": ["inizializer"]}, "compare.factors.0", "the name of a choice", "initializer"),
    ({"factors": ["learning_rate"]}, "compare.factors.0", "the name of a choice", None),
    ({"baseline": "he_norml"}, "compare.baseline", "the name of an arm", "he_normal"),
    ({"arms": {"a": {"model.mlp.dropuot": 0.1}}}, "compare.arms.a.model.mlp.dropuot", "one of", "dropout"),
    ({"arms": {"a": {"model.mlp.l2": -1}}}, "compare.arms.a.model.mlp.l2", "at least 0", None),
    ({"arms": {"a": {"data.test": 1}}}, "compare.arms.a.data.test", "a path in model or training", None),
    ({"arms": {"a": {"model..l2": 1}}}, "compare.arms.a.model..l2", "a path of at most", None),
    (
        {"arms": {"a": {"model.mlp.layers": 3}}},
        "compare.arms.a",
        "either 'hidden' or both 'layers' and 'units'",
        None,
    ),
    (
        {"arms": {"a": {}}, "claims": [{"says": "x", "better": "a", "than": "b"}]},
        "compare.claims.0.than",
        "the name of an arm",
        None,
    ),
    (
        {"factors": ["initializer"], "arms": {"he_normal": {}}},
        "compare.arms.he_normal",
        "another name",
        None,
    ),
]


class TestProblems:
    @pytest.mark.parametrize(("section", "path", "expected", "nearest"), PROBLEMS)
    def test_says_where_what_and_what_instead(
        self, section: Any, path: str, expected: str, nearest: str | None, tmp_path: Path
    ) -> None:
        section = {"factors": ["initializer"], **section} if "baseline" in section else section
        study = load(tmp_path, section)
        with pytest.raises(StudyFileError) as caught:
            arms_of(study.spec, study.source)
        (problem,) = caught.value.problems
        assert (problem.path, problem.nearest) == (path, nearest)
        assert expected in problem.expected
        lines = (tmp_path / "c.yaml").read_text().splitlines()
        assert problem.file == str(tmp_path / "c.yaml")
        assert problem.line is not None
        assert (
            path.rsplit(".", maxsplit=1)[-1] in lines[problem.line - 1]
            or "compare" not in lines[problem.line - 1]
        )

    @pytest.mark.parametrize(
        ("section", "path"),
        [
            ({"replicates": 0}, "compare.replicates"),
            ({"claims": [{"says": "x", "better": "a"}]}, "compare.claims.0"),
            ({"claims": [{"says": "x", "arm": "a", "between": [2, 1]}]}, "compare.claims.0"),
            ({"claims": [{"says": "x", "arm": "a", "between": [1]}]}, "compare.claims.0.between"),
            ({"factor": ["a"]}, "compare.factor"),
        ],
    )
    def test_a_section_of_the_wrong_form_does_not_load(self, section: Any, path: str, tmp_path: Path) -> None:
        with pytest.raises(StudyFileError) as caught:
            load(tmp_path, section)
        assert [problem.path for problem in caught.value.problems] == [path]

    def test_more_arms_than_anybody_could_compare(self, tmp_path: Path) -> None:
        rates = {"choice": [number / 100 for number in range(40)]}
        model = {"mlp": {"hidden": [4], "dropout": rates, "input_dropout": rates}}
        with pytest.raises(StudyFileError, match=r"at most 1,000 combinations"):
            arms(tmp_path, None, model=model)


class TestTrialsOfAComparison:
    def test_all_arms_take_turns_on_each_seed(self, tmp_path: Path) -> None:
        study = load(tmp_path, {"factors": ["initializer"], "replicates": 3})
        spec = prepare(study.spec, "comparison")
        experiment: Any = experiment_of(spec, "comparison")
        values = [experiment.values(number) for number in range(spec.search.trials)]
        assert [(v["arm"], v["replicate"]) for v in values] == [
            (name, replicate) for replicate in range(3) for name in ("he_normal", "glorot_uniform")
        ]
        seeds = [experiment.seed(number, v) for number, v in enumerate(values)]
        assert seeds[0::2] == seeds[1::2]
        assert len(set(seeds)) == 3

    def test_the_workers_see_every_arm(self, tmp_path: Path) -> None:
        section = {"arms": {"a": {}, "b": {"model.mlp.initializer": "zeros", "training.epochs": 9}}}
        spec = prepare(load(tmp_path, section).spec, "comparison")
        trained = experiment_of(spec, "comparison").trained
        assert [model.initializer.name for model in trained.model.options] == ["he_normal", "zeros"]
        assert [training.epochs for training in trained.training.options] == [2, 9]

    @pytest.mark.parametrize("probes", ["auto", "off", "on"])
    def test_the_study_file_says_whether_its_networks_are_looked_into(
        self, tmp_path: Path, probes: str
    ) -> None:
        study = load(tmp_path, {"factors": ["initializer"]}, search={"probes": probes})
        assert prepare(study.spec, "comparison").search.probes == probes

    def test_a_search_does_not_look_at_it(self, tmp_path: Path) -> None:
        study = load(tmp_path, {"factors": ["initializer"]})
        assert prepare(study.spec, "search") == load(tmp_path, None).spec
