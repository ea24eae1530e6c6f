"""What a newcomer writes, or brings from other tools, and what is told: where, what, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.exceptions import Problem, StudyFileError
from hpsearch.spec import load_study_file
from hpsearch.spec.study_file.source import parse

STUDY = """\
name: a
data: {DATA}
model:
  mlp:
    hidden: [8, 4]
    MODEL
training:
  epochs: 3
  TRAINING
search:
  trials: 2
  SEARCH
"""


def study(section: str = "", line: str = "") -> str:
    """Write a study with one more line in a section; a line that names a known key takes its place."""
    text = STUDY
    if section == "DATA":
        text = text.replace("{DATA}", line)
    elif section:
        key = line.partition(":")[0]
        kept = [row for row in text.splitlines() if not row.strip().startswith(f"{key}:")]
        text = "\n".join(row.replace(section, line) for row in kept) + "\n"
    for name, filled in (("{DATA}", "sklearn:digits"), ("MODEL", ""), ("TRAINING", ""), ("SEARCH", "")):
        text = text.replace(name, filled)
    return text


def problems_of(text: str, tmp_path: Path) -> tuple[Problem, ...]:
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyFileError) as caught:
        load_study_file(path)
    return caught.value.problems


INSTEAD = [
    ("TRAINING", "epochs: [10, 20]", "training.epochs", "{choice: [10, 20]}"),
    ("TRAINING", "batch_size: [32, 64]", "training.batch_size", "{choice: [32, 64]}"),
    ("TRAINING", "learning_rate: [0.1, 0.01]", "training.learning_rate", "{choice: [0.1, 0.01]}"),
    ("TRAINING", "optimizer: [adam, sgd]", "training.optimizer", "{choice: [adam, sgd]}"),
    ("TRAINING", "schedule: [constant, cosine]", "training.schedule", "{choice: [constant, cosine]}"),
    (
        "TRAINING",
        "optimizer: {sgd: {momentum: [0.0, 0.9]}}",
        "training.optimizer.sgd.momentum",
        "{choice: [0.0, 0.9]}",
    ),
    ("MODEL", "dropout: [0.1, 0.2, 0.3]", "model.mlp.dropout", "{choice: [0.1, 0.2, 0.3]}"),
    ("MODEL", "hidden: [[8], [16]]", "model.mlp.hidden.0", "{choice: [[8], [16]]} for model.mlp.hidden"),
    ("MODEL", "hidden: 32", "model.mlp.hidden", "[32]"),
    ("MODEL", "hidden: {int: [16, 64]}", "model.mlp.hidden", "[{int: [16, 64]}]"),
    ("MODEL", "hidden: [{categorical: [16, 32]}]", "model.mlp.hidden.0", "{choice: [16, 32]}"),
    ("MODEL", "dropout: {unifrom: [0.0, 0.5]}", "model.mlp.dropout", "{uniform: [0.0, 0.5]}"),
    ("MODEL", "dropout: {Uniform: [0.0, 0.5]}", "model.mlp.dropout", "{uniform: [0.0, 0.5]}"),
    ("MODEL", "dropout: {float: {low: 0.0, high: 0.5}}", "model.mlp.dropout", "{uniform: [0.0, 0.5]}"),
    ("MODEL", "dropout: {uniform: {min: 0, max: 0.5}}", "model.mlp.dropout", "{uniform: [0, 0.5]}"),
    ("MODEL", "dropout: {low: 0, high: 0.5}", "model.mlp.dropout", "{uniform: [0, 0.5]}"),
    (
        "TRAINING",
        "batch_size: {type: int, low: 8, high: 64, log: true}",
        "training.batch_size",
        "{log_int: [8, 64]}",
    ),
    (
        "TRAINING",
        "learning_rate: {loguniform: [1e-4, 0.1]}",
        "training.learning_rate",
        "{log_uniform: [0.0001, 0.1]}",
    ),
    ("TRAINING", "epochs: {randint: [2, 9]}", "training.epochs", "{int: [2, 9]}"),
    ("TRAINING", "epochs: {values: [2, 9]}", "training.epochs", "{choice: [2, 9]}"),
    ("MODEL", "dropout: {uniform: [0.5, 0.0]}", "model.mlp.dropout", "{uniform: [0.0, 0.5]}"),
    ("MODEL", "dropout: {uniform: [0,0, 0,5]}", "model.mlp.dropout", "{uniform: [0.0, 0.5]}"),
    (
        "TRAINING",
        'learning_rate: {log_uniform: ["1e-4", "1e-1"]}',
        "training.learning_rate",
        "{log_uniform: [0.0001, 0.1]}",
    ),
    (
        "TRAINING",
        "learning_rate: {log_uniform: [1e-4 1e-1]}",
        "training.learning_rate",
        "{log_uniform: [0.0001, 0.1]}",
    ),
    ("TRAINING", 'learning_rate: "0.01"', "training.learning_rate", "0.01"),
    ("TRAINING", "learning_rate: 0,01", "training.learning_rate", "0.01"),
    ("MODEL", "dropout: 20%", "model.mlp.dropout", "0.2"),
    ("DATA", "{sklearn: digits, validation: 20%}", "data.validation", "0.2"),
    ("DATA", "{sklearn: digits, standardize: yes}", "data.standardize", "true"),
    ("DATA", "{sklearn: digits, standardize: Off}", "data.standardize", "false"),
    ("DATA", "digits", "data", '"sklearn:digits"'),
    ("DATA", "{sklearn: mnist}", "data.sklearn", "{keras: mnist} for data"),
    ("DATA", "{keras: iris, test: 9}", "data.keras", "{sklearn: iris, test: 9} for data"),
    ("DATA", "{sklearn: digits, classes: 3}", "data.classes", "[3]"),
    ("SEARCH", "timeout: 10 minutes", "search.timeout", "600"),
    ("SEARCH", "timeout: 1.5h", "search.timeout", "5400"),
    ("TRAINING", "optimizer: {adam: {}, sgd: {}}", "training.optimizer", "{choice: [{adam: {}}, {sgd: {}}]}"),
]


@pytest.mark.parametrize(("section", "line", "place", "instead"), INSTEAD, ids=[case[1] for case in INSTEAD])
def test_what_to_write_instead(section: str, line: str, place: str, instead: str, tmp_path: Path) -> None:
    text = study(section, line)
    problem = problems_of(text, tmp_path)[0]
    assert problem.path == place
    assert problem.remedy == f"write {instead}"
    assert str(problem).endswith(f"(write {instead})")
    assert text.splitlines()[(problem.line or 0) - 1].strip().endswith(line)


@pytest.mark.parametrize(
    ("section", "line", "place", "instead"),
    [
        case
        for case in INSTEAD
        if " for " not in case[3] and case[1].partition(":")[0] == case[2].rpartition(".")[2]
    ],
)
def test_what_is_told_is_accepted(section: str, line: str, place: str, instead: str, tmp_path: Path) -> None:
    del place
    key = line.partition(":")[0]
    path = tmp_path / "study.yaml"
    path.write_text(study(section, f"{key}: {instead}"))
    load_study_file(path)


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("SEARCH", "trials: [10, 20]"),
        ("TRAINING", "backend: [jax, torch]"),
        ("DATA", "{sklearn: digits, standardize: [true, false]}"),
        ("TRAINING", "epochs: ten"),
        ("TRAINING", "epochs: 10 minutes"),
        ("TRAINING", "learning_rate: [fast, slow]"),
        ("TRAINING", "epochs: 0"),
    ],
)
def test_nothing_is_told_that_would_be_refused_too(section: str, line: str, tmp_path: Path) -> None:
    assert [problem.remedy for problem in problems_of(study(section, line), tmp_path)] == [None]


NEAREST = [
    ("TRAINING", "optimizer: Adam", "adam"),
    ("TRAINING", "lr: 0.1", "learning_rate"),
    ("TRAINING", "batchsize: 3", "batch_size"),
    ("MODEL", "activation: rellu", "relu"),
    ("MODEL", "activation: ReLU", "relu"),
    ("MODEL", "activation: leakyrelu", "leaky_relu"),
    ("MODEL", "initializer: xavier", "glorot_uniform"),
    ("MODEL", "initializer: HeNormal", "he_normal"),
    ("SEARCH", "metric: rmse", "neg_root_mean_squared_error"),
    ("SEARCH", "metric: accuracy_score", "accuracy"),
    ("SEARCH", "metric: AUC", "roc_auc"),
    ("SEARCH", "metric: loss", "val_loss"),
    ("SEARCH", "sampler: bayesian", "tpe"),
    ("SEARCH", "n_trials: 4", "trials"),
    ("DATA", "{sklearn: digit}", "digits"),
    ("DATA", "{keras: cifar-10}", "cifar10"),
]


@pytest.mark.parametrize(("section", "line", "nearest"), NEAREST, ids=[case[1] for case in NEAREST])
def test_the_nearest_name(section: str, line: str, nearest: str, tmp_path: Path) -> None:
    (problem,) = problems_of(study(section, line), tmp_path)
    assert (problem.nearest, problem.remedy) == (nearest, None)
    assert len(str(problem)) < 400


@pytest.mark.parametrize(
    ("section", "line", "remark"),
    [
        ("TRAINING", "schedule: {cosine: {learning_rate: 0.1}}", "'learning_rate' belongs to training"),
        ("SEARCH", "epochs: 5", "'epochs' belongs to training"),
        ("SEARCH", "standardize: true", "'standardize' belongs to data"),
        ("MODEL", "output_activation: softmax", "follows from the task"),
        ("SEARCH", "loss: mse", "'loss' belongs to training"),
        ("DATA", "{sklearn: digits, folds: 5}", "'validation: {folds: 5}'"),
    ],
)
def test_why_there_is_no_such_key(section: str, line: str, remark: str, tmp_path: Path) -> None:
    text = study() if line.startswith("epochs") else ""
    text = text.replace("  trials: 2", f"  trials: 2\n  {line}") if text else study(section, line)
    (problem,) = problems_of(text, tmp_path)
    assert remark in str(problem.remedy)
    assert problem.nearest is None


GOOD = "name: a\ndata: sklearn:iris\nmodel:\n  mlp:\n    hidden: [4]\ntraining:\n  epochs: 2\n"

SYNTAX = [
    ("    hidden: [4]", "    hidden: [4]\n     dropout: 0.1", 6, "indentation differs"),
    ("    hidden: [4]", "     hidden: [4]\n    dropout: 0.1", 6, "indentation differs"),
    ("name: a", "  name: a", 2, "indentation differs"),
    ("    hidden", "\thidden", 5, "a tab character"),
    ("epochs: 2", "epochs:\t2", 7, "a tab character"),
    ("name: a", 'name: "a', 1, "a quotation mark that is never closed; it is opened in line 1"),
    ("epochs: 2", "epochs: '2", 7, "a quotation mark that is never closed; it is opened in line 7"),
    ("name: a", "name: 'it's'", 1, "text after the end of a value"),
    ("[4]", "[4", 6, "the list that starts in line 5 has no ']'"),
    ("[4]", "[4}", 5, "has no ']'"),
    ("epochs: 2", "optimizer: {adam: {beta_1: 0.1}", 8, "the mapping that starts in line 7 has no '}'"),
    ("[4]", "[4]]", 5, "a ']' without an opening bracket"),
    ("[4]", "{a: 1 b: 2}", 5, "or lacks a comma between two items"),
    ("[4]", "[4,,5]", 5, "a comma without an item before it"),
    ("hidden: [4]", "hidden:[4]\n    dropout: 0.1", 6, "write a space after the colon of a key"),
    ("sklearn:iris", "sklearn: iris", 2, "put quotes around a text that contains ': '"),
    ("    hidden: [4]", "    - hidden: [4]\n    dropout: 1", 6, "cannot be mixed at one level"),
    ("    hidden: [4]", "    hidden: [4]\n    - dropout: 1", 6, "cannot be mixed at one level"),
    ("epochs: 2", "epochs: 2\n  batch_size 3\n  steps: 1", 9, "a line without ': '"),
    ("epochs: 2", "epochs: - 2", 7, "start the list on the next line"),
    ("name: a", "name: @a", 1, "a word that starts with @: put quotes around it"),
    ("name: a", "name: %a", 1, "a word that starts with %: put quotes around it"),
    ("name: a", 'name: "C:\\data"', 1, "write paths with '/'"),
    ("name: a", "name: *a", 1, "put quotes around a text that starts with *"),
    ("name: a", "name: | a", 1, "start a long text on the next line"),
]


@pytest.mark.parametrize(("old", "new", "line", "said"), SYNTAX, ids=[repr(case[1]) for case in SYNTAX])
def test_what_is_no_yaml_is_told_in_plain_words(
    old: str, new: str, line: int, said: str, tmp_path: Path
) -> None:
    (problem,) = problems_of(GOOD.replace(old, new, 1), tmp_path)
    assert (problem.line, problem.expected) == (line, "YAML")
    assert said in problem.found
    for jargon in ("block", "token", "scalar", "flow", "stream", "node"):
        assert jargon not in problem.found


def test_an_anchor_may_be_given_again() -> None:
    assert parse("a: &x 1\nb: &x 2\nc: *x\n", "s.yaml").data == {"a": 1, "b": 2, "c": 2}


@pytest.mark.slow
def test_many_mistakes_are_told_in_time(tmp_path: Path) -> None:
    """Where nearly everything is wrong, nothing is tried out."""
    lines = "".join(f"  k{n}: [1, 2]\n" for n in range(3_700))
    problems = problems_of(GOOD + lines, tmp_path)
    assert len(problems) == 3_700
    assert {problem.remedy for problem in problems} == {None}
