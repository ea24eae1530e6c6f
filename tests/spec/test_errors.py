"""What a person is told about a study file that cannot be read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from hpsearch.exceptions import Problem, StudyFileError
from hpsearch.spec import StudySpec, load_study_file

HEAD = "name: a\ndata: sklearn:digits\n"
MODEL = "model: {mlp: {hidden: [4, 4]}}\n"
TRAINING = "training: {epochs: 3}\n"


def mlp(settings: str) -> str:
    """Write a study whose model, on line 3, has these settings."""
    return f"{HEAD}model: {{mlp: {{hidden: [4, 4], {settings}}}}}\n{TRAINING}"


def cnn(settings: str) -> str:
    return f"{HEAD}model: {{cnn: {{filters: [4, 4], {settings}}}}}\n{TRAINING}"


def training(settings: str) -> str:
    """Write a study whose training, on line 4, has these settings."""
    return f"{HEAD}{MODEL}training: {{epochs: 3, {settings}}}\n"


def data(settings: str) -> str:
    """Write a study whose data, on line 2, have these settings."""
    return f"name: a\ndata: {{{settings}}}\n{MODEL}{TRAINING}"


def search(settings: str) -> str:
    """Write a study whose search, on line 5, has these settings."""
    return f"{HEAD}{MODEL}{TRAINING}search: {{{settings}}}\n"


def problems_of(tmp_path: Path, text: str | bytes, settings: tuple[str, ...] = ()) -> tuple[Problem, ...]:
    path = tmp_path / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StudyFileError) as caught:
        load_study_file(path, settings)
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
        assert problem.file == str(path) or problem.file.startswith("--set")
    return caught.value.problems


def load(tmp_path: Path, text: str, settings: tuple[str, ...] = ()) -> StudySpec:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return load_study_file(path, settings).spec


TYPOS = [
    (HEAD + MODEL + TRAINING + "serach: {trials: 3}\n", 5, "serach", "search"),
    (data("sklern: digits"), 2, "data.sklern", "sklearn"),
    (data("sklearn: digit"), 2, "data.sklearn", "digits"),
    (data("sklearn: digits, standardise: true"), 2, "data.standardise", "standardize"),
    (data("sklearn: digits, validation: {fold: 3}"), 2, "data.validation", "folds"),
    (f"{HEAD}model: {{mpl: {{hidden: [4]}}}}\n{TRAINING}", 3, "model", "mlp"),
    (mlp("dropuot: 0.1"), 3, "model.mlp.dropuot", "dropout"),
    (mlp("initializer: he_norml"), 3, "model.mlp.initializer", "he_normal"),
    (
        mlp("initializer: {random_normal: {stdev: 1}}"),
        3,
        "model.mlp.initializer.random_normal.stdev",
        "stddev",
    ),
    (mlp("activation: Relu"), 3, "model.mlp.activation", "relu"),
    (mlp("activation: {choice: [tanh, rellu]}"), 3, "model.mlp.activation.choice.1", "relu"),
    (mlp("activation: [tanh, rellu]"), 3, "model.mlp.activation.1", "relu"),
    (mlp("batch_norm: before_activaton"), 3, "model.mlp.batch_norm", "before_activation"),
    (mlp("input_batch_norm: batchnorm"), 3, "model.mlp.input_batch_norm", "batch_norm"),
    (training("lerning_rate: 1"), 4, "training.lerning_rate", "learning_rate"),
    (training("optimizer: adamm"), 4, "training.optimizer", "adam"),
    (training("optimizer: {sgd: {momentm: 0}}"), 4, "training.optimizer.sgd.momentm", "momentum"),
    (
        training("optimizer: {sgd: {learning_rat: 1}}"),
        4,
        "training.optimizer.sgd.learning_rat",
        "learning_rate",
    ),
    (training("optimizer: adamx"), 4, "training.optimizer", "adamax"),
    (training("optimizer: {lion: {use_emma: true}}"), 4, "training.optimizer.lion.use_emma", "use_ema"),
    (training("schedule: piecewise_constnt"), 4, "training.schedule", "piecewise_constant"),
    (
        training("early_stopping: {patience: 3, monitor: val_los}"),
        4,
        "training.early_stopping.monitor",
        "val_loss",
    ),
    (
        training("schedule: {reduce_on_plateau: {mode: mn}}"),
        4,
        "training.schedule.reduce_on_plateau.mode",
        "min",
    ),
    (training("schedule: cosin"), 4, "training.schedule", "cosine"),
    (training("schedule: {cosine: {warmpu: 0}}"), 4, "training.schedule.cosine.warmpu", "warmup"),
    (training("schedule: {cosine: {warmup: {step: 5}}}"), 4, "training.schedule.cosine.warmup", "steps"),
    (training("clipping: {clip_norm: 1}"), 4, "training.clipping", "clipnorm"),
    (training("early_stopping: {patence: 3}"), 4, "training.early_stopping.patence", "patience"),
    (training("backend: jaxx"), 4, "training.backend", "jax"),
    (search("trails: 4"), 5, "search.trails", "trials"),
    (search("metric: val_los"), 5, "search.metric", "val_loss"),
    (search("metric: f1_makro"), 5, "search.metric", "f1_macro"),
    (search("sampler: randm"), 5, "search.sampler", "random"),
    (
        search("pruner: {median: {startup_trial: 4}}"),
        5,
        "search.pruner.median.startup_trial",
        "startup_trials",
    ),
]


@pytest.mark.parametrize(("text", "line", "path", "nearest"), TYPOS, ids=[case[2] for case in TYPOS])
def test_a_typo_names_line_path_and_the_nearest_valid_name(
    tmp_path: Path, text: str, line: int, path: str, nearest: str
) -> None:
    first = problems_of(tmp_path, text)[0]
    assert (first.line, first.path, first.nearest) == (line, path, nearest)
    assert first.expected
    assert first.found
    assert f"study.yaml:{line}: {path}: expected " in str(first)
    assert f"did you mean '{nearest}'?" in str(first)


WRONG: list[tuple[str, str, str, str]] = [
    (training("learning_rate: fast"), "training.learning_rate", "a number", "'fast'"),
    (training("learning_rate: 0"), "training.learning_rate", "a number above 0", "0"),
    (training("learning_rate: .inf"), "training.learning_rate", "a finite number", "inf"),
    (training("learning_rate: .nan"), "training.learning_rate", "a finite number", "nan"),
    (training("batch_size: 3.5"), "training.batch_size", "a whole number", "3.5"),
    (training("batch_size: true"), "training.batch_size", "a whole number", "True"),
    (training("batch_size: '32'"), "training.batch_size", "a whole number", "'32'"),
    (
        training("batch_size: 0x" + "f" * 5000),
        "training.batch_size",
        "a smaller number",
        "larger",
    ),
    (training("batch_size: 1" + "0" * 400), "training.batch_size", "a smaller number", "larger"),
    (training("early_stopping: 5"), "training.early_stopping", "a mapping", "5"),
    (training("optimizer: 3"), "training.optimizer", "an optimizer", "3"),
    (
        training("learning_rate: 0.1, optimizer: {choice: [adam, {sgd: {learning_rate: 0.1}}]}"),
        "training.learning_rate",
        "the learning rate once",
        "one of sgd",
    ),
    (training("optimizer: {sgd: 0.9}"), "training.optimizer", "a mapping of the arguments of 'sgd'", "0.9"),
    (training("optimizer: {sgd: {nesterov: 1}}"), "training.optimizer.sgd.nesterov", "true or false", "1"),
    (
        training("optimizer: {adam: {gradient_accumulation_steps: 0}}"),
        "training.optimizer.adam.gradient_accumulation_steps",
        "a number of at least 1",
        "0",
    ),
    (
        training("optimizer: {lion: {beta_1: 0}}"),
        "training.optimizer.lion.beta_1",
        "a number above 0",
        "0",
    ),
    (
        training("optimizer: {muon: {rms_rate: some}}"),
        "training.optimizer.muon.rms_rate",
        "a number",
        "'some'",
    ),
    (
        training("schedule: {piecewise_constant: {boundaries: [0.5], values: [1]}}"),
        "training.schedule.piecewise_constant",
        "one more of 'values' than of 'boundaries'",
        "1 values and 1 boundaries",
    ),
    (
        training("schedule: {piecewise_constant: {boundaries: [1.5], values: [1, 0.1]}}"),
        "training.schedule.piecewise_constant.boundaries.0",
        "a length of time",
        "1.5",
    ),
    (training("clipping: clipvalue"), "training.clipping", "{clipvalue: VALUE}", "'clipvalue'"),
    (training("clipping: {clipvalue: 0}"), "training.clipping.clipvalue", "a number above 0", "0"),
    (training("steps: 3"), "training", "either 'epochs' or 'steps'", "both"),
    (HEAD + MODEL + "training: {optimizer: adam}\n", "training", "either 'epochs' or 'steps'", "neither"),
    (mlp("dropout: 1.0"), "model.mlp.dropout", "a number below 1", "1.0"),
    (
        mlp("dropout: [0.1, 0.2, 0.3]"),
        "model.mlp.dropout",
        "one for each of the hidden layers",
        "3 settings for 2 hidden layers",
    ),
    (
        mlp("dropout: {choice: [0.1, [0.1]]}"),
        "model.mlp.dropout",
        "'dropout'",
        "1 settings for 2 hidden layers",
    ),
    (mlp("dropout: []"), "model.mlp.dropout", "a list with at least one item", "a list []"),
    (mlp("layers: 3"), "model.mlp", "either 'hidden' or both 'layers' and 'units'", "'hidden' and 'layers'"),
    (mlp("activation: glu"), "model.mlp.activation", "halves the width", "'glu'"),
    (mlp("activation: threshold"), "model.mlp.activation", "{threshold: {threshold: ...", "'threshold'"),
    (
        mlp("activation: {rrelu: {lower: 0.5}}"),
        "model.mlp.activation.rrelu",
        "a 'lower' that is never above 'upper'",
        "0.5 and 0.333333",
    ),
    (
        mlp(
            "activation: [relu, {rrelu: {lower: {uniform: [0, 0.4]}, upper: {choice: [1, {uniform: [0.3, 2]}]}}}]"
        ),
        "model.mlp.activation.1.rrelu",
        "never above 'upper'",
        "0.4 and 0.3",
    ),
    (mlp("activation: {relu: {threshold: -1}}"), "model.mlp.activation.relu.threshold", "at least 0", "-1"),
    (mlp("activation: {rrelu: {lower: -0.1}}"), "model.mlp.activation.rrelu.lower", "at least 0", "-0.1"),
    (mlp("input_dropout: [0.1, 0.2]"), "model.mlp.input_dropout", "a number", "[0.1, 0.2]"),
    (mlp("alpha_dropout: 1.0"), "model.mlp.alpha_dropout", "a number below 1", "1.0"),
    (mlp("activity_l1: [0.1]"), "model.mlp.activity_l1", "'activity_l1'", "1 settings for 2 hidden layers"),
    (mlp("activity_l2: -1"), "model.mlp.activity_l2", "at least 0", "-1"),
    (cnn("kernel: 3").replace("[4, 4]", "[]"), "model.cnn.filters", "at least one item", "a list []"),
    (mlp("l1: [0.1]").replace("[4, 4]", "[]"), "model.mlp.l1", "'l1'", "1 settings for 0 hidden layers"),
    (HEAD + "model: {mlp: {hidden: [0]}}\n" + TRAINING, "model.mlp.hidden.0", "at least 1", "0"),
    (HEAD + "model: {mlp: {hidden: 64}}\n" + TRAINING, "model.mlp.hidden", "a list", "64"),
    (cnn("kernel: 0"), "model.cnn.kernel", "a number of at least 1", "0"),
    (cnn("kernel: [3]"), "model.cnn.kernel", "one for each of the blocks", "1 settings for 2 blocks"),
    (cnn("pooling: mean"), "model.cnn.pooling", "the name of a kind of pooling", "'mean'"),
    (cnn("pooling: {max: {size: 1}}"), "model.cnn.pooling.max.size", "a number of at least 2", "1"),
    (cnn("padding: full"), "model.cnn.padding", "same", "'full'"),
    (cnn("head: {choice: [flatten, max]}"), "model.cnn.head.choice.1", "global_average", "'max'"),
    (cnn("dropout: [0.1]"), "model.cnn.dropout", "'dropout'", "1 settings for 2 blocks and dense layers"),
    (cnn("hidden: [9], dropout: [0.1, 0.2]"), "model.cnn.dropout", "'dropout'", "2 settings for 3 blocks"),
    (cnn("initializer: identity"), "model.cnn.initializer", "creates a matrix", "'identity'"),
    (
        cnn("blocks: 2"),
        "model.cnn",
        "either 'filters' as a list or 'blocks'",
        "a list in 'filters' and 'blocks'",
    ),
    (HEAD + "model: {cnn: {filters: 8}}\n" + TRAINING, "model.cnn", "or 'blocks'", "a number in 'filters'"),
    (
        HEAD + "model: {cnn: {filters: {choice: [8, [8]]}}}\n" + TRAINING,
        "model.cnn",
        "either 'filters' as a list",
        "lists and numbers",
    ),
    (
        HEAD + "model: {cnn: {filters: 8, blocks: {int: [1, 1000]}, hidden: [8]}}\n" + TRAINING,
        "model.cnn",
        "at most 1,000 blocks and dense layers",
        "1,001",
    ),
    (HEAD + "model: cnn\n" + TRAINING, "model", "{cnn: {filters: ...}}", "'cnn'"),
    (data("sklearn: digits, shape: 8"), "data.shape", "a list", "8"),
    (data("sklearn: digits, shape: [8, 0]"), "data.shape.1", "a number of at least 1", "0"),
    (HEAD + "model:\n" + TRAINING, "model", "a kind of model", "nothing"),
    (HEAD + "model: mlp\n" + TRAINING, "model", "either 'hidden' or both", "none of them"),
    (data("sklearn: digits, validation: {folds: 1}"), "data.validation.folds", "a number of at least 2", "1"),
    (data("sklearn: digits, rescale: 1/0"), "data.rescale", "a number", "'1/0'"),
    (data("sklearn: digits, classes: [a, 1.5]"), "data.classes.1", "text or a whole number", "1.5"),
    (data("npz: ''"), "data.npz", "text that is not empty", "''"),
    (data("sklearn: digits, npz: a"), "data", "exactly one of", "sklearn and npz"),
    (
        data("sklearn: digits, random_normal: {rows: 9, features: 2, classes: 2}"),
        "data",
        "exactly one of",
        "sklearn and random_normal",
    ),
    (data("random_normal: {rows: 9, features: 2}"), "data.random_normal", "the key 'classes'", "none"),
    (
        data("random_normal: {rows: 9, features: 2, classes: 1}"),
        "data.random_normal.classes",
        "a number of at least 2",
        "1",
    ),
    (
        "name: a\ndata: random_normal:9\n" + MODEL + TRAINING,
        "data",
        "{random_normal: {...}}",
        "'random_normal:9'",
    ),
    (data("csv: a.csv"), "data", "'target'", "no target"),
    (
        data("npz: a, target: b"),
        "data",
        "'target: x', the rows themselves; other targets are columns, only with csv",
        "target with npz",
    ),
    ("name: a\ndata: digits\n" + MODEL + TRAINING, "data", "sklearn:NAME", "'digits'"),
    (
        "name: a/b\ndata: sklearn:digits\n" + MODEL + TRAINING,
        "name",
        "a name that can be a directory",
        "'a/b'",
    ),
    ("name: 5\ndata: sklearn:digits\n" + MODEL + TRAINING, "name", "text", "5"),
    (search("trials: 0"), "search.trials", "a number of at least 1", "0"),
    (search("seed: -1"), "search.seed", "a number of at least 0", "-1"),
    (search("enqueue: 5"), "search.enqueue", "a list", "5"),
    (search("enqueue: [{a: 1}, 5]"), "search.enqueue.1", "a mapping", "5"),
    # Ranges that cannot be, and distributions in places where they do not fit.
    (
        training("learning_rate: {uniform: [1, 0.1]}"),
        "training.learning_rate",
        "below the high bound",
        "1 and 0.1",
    ),
    (
        training("learning_rate: {uniform: [1, 1]}"),
        "training.learning_rate",
        "below the high bound",
        "1 and 1",
    ),
    (training("learning_rate: {log_uniform: [0, 1]}"), "training.learning_rate", "a low bound above 0", "0"),
    (training("learning_rate: {uniform: [0, 1]}"), "training.learning_rate.uniform.0", "above 0", "0"),
    (
        training("learning_rate: {uniform: [0.1]}"),
        "training.learning_rate",
        "[low, high]",
        "{uniform: [0.1]}",
    ),
    (training("learning_rate: {uniform: [a, b]}"), "training.learning_rate", "finite numbers", "['a', 'b']"),
    (training("learning_rate: {uniform: [0.1, 1, 5]}"), "training.learning_rate", "a step above 0", "5"),
    (training("learning_rate: {uniform: [0.1, 1, 0]}"), "training.learning_rate", "a step above 0", "0"),
    (
        training("learning_rate: {log_uniform: [0.1, 1, 0.1]}"),
        "training.learning_rate",
        "[low, high]",
        "log_uniform",
    ),
    (
        training("learning_rate: {uniform: 0.1}"),
        "training.learning_rate",
        "{uniform: [low, high]}",
        "{uniform}",
    ),
    (training("batch_size: {int: [1.5, 3]}"), "training.batch_size", "whole numbers in 'int'", "[1.5, 3]"),
    (
        training("batch_size: {int: [1, 10000000000]}"),
        "training.batch_size.int.1",
        "at most 1e+06",
        "10000000000",
    ),
    (
        training("batch_size: {uniform: [1, 9]}"),
        "training.batch_size",
        "{int: [low, high]}",
        "{uniform: [1, 9]}",
    ),
    (training("batch_size: {choice: []}"), "training.batch_size", "at least one option", "{choice: []}"),
    (training("batch_size: {choice: [8, 8]}"), "training.batch_size.choice.1", "differ from each other", "8"),
    (
        training("batch_size: {choice: [8, null]}"),
        "training.batch_size.choice.1",
        "a whole number",
        "nothing",
    ),
    (
        HEAD + MODEL + "training: {epochs: {choice: [null, 4]}}\n",
        "training.epochs.choice.0",
        "whole",
        "nothing",
    ),
    (mlp("initializer: {uniform: [0, 1]}"), "model.mlp.initializer", "an initializer", "{uniform: [0, 1]}"),
    (mlp("activation: {log_int: [1, 2]}"), "model.mlp.activation", "an activation", "{log_int: [1, 2]}"),
    (
        mlp("activation: {choice: [relu, {int: [1, 2]}]}"),
        "model.mlp.activation.choice.1",
        "an activation",
        "{int: ",
    ),
    (
        HEAD + "model: {mlp: {hidden: {int: [8, 64]}}}\n" + TRAINING,
        "model.mlp.hidden",
        "a list",
        "{int: [8, 64]}",
    ),
    (
        HEAD + "model: {mlp: {hidden: {choice: [null, [4]]}}}\n" + TRAINING,
        "model.mlp.hidden.choice.0",
        "list",
        "no",
    ),
    (
        training("optimizer: {sgd: {nesterov: {int: [0, 1]}}}"),
        "training.optimizer.sgd.nesterov",
        "true or",
        "{int",
    ),
    (
        search("trials: {int: [10, 20]}"),
        "search.trials",
        "distributions are only allowed in 'model' and",
        "{int",
    ),
    (
        search("pruner: {median: {startup_trials: {int: [1, 5]}}}"),
        "search.pruner.median.startup_trials",
        "distributions are only allowed in 'model' and 'training'",
        "{int",
    ),
    (
        training("schedule: {step: {every: 0}}"),
        "training.schedule.step.every",
        "share of the run above 0",
        "0",
    ),
    (
        training("early_stopping: {patience: {uniform: [1, 5]}}"),
        "training.early_stopping.patience",
        "a whole number or a distribution such as {int: [low, high]}",
        "{uniform",
    ),
    # The unwritten field of a component with one argument never shows.
    (
        training("schedule: {cosine: {warmup: 1.2}}"),
        "training.schedule.cosine.warmup",
        "share of the run",
        "1.2",
    ),
    (
        training("schedule: {cosine: {warmup: {choice: [0.1, 1.5]}}}"),
        "training.schedule.cosine.warmup.choice.1",
        "a share of the run (0 to 1), {steps: n} or {epochs: n}",
        "1.5",
    ),
    (
        training("schedule: {cosine: {warmup: {uniform: [0, 2]}}}"),
        "training.schedule.cosine.warmup.uniform.1",
        "a share of the run (0 to 1)",
        "2.0",
    ),
    (
        training("schedule: {step: {every: {share: 2}}}"),
        "training.schedule.step.every.share",
        "at most 1",
        "2",
    ),
    (
        training("schedule: {step: {every: {steps: 0}}}"),
        "training.schedule.step.every.steps",
        "at least 1",
        "0",
    ),
    (data("sklearn: digits, validation: 1.5"), "data.validation", "(0.2), a number of rows (500)", "1.5"),
    (data("sklearn: digits, validation: -3"), "data.validation", "(0.2), a number of rows (500)", "-3"),
    (data("sklearn: digits, test: 1.0"), "data.test", "a share below 1 (0.2) or a number (500)", "1.0"),
]


@pytest.mark.parametrize(
    ("text", "path", "expected", "found"), WRONG, ids=[f"{c[1]}-{c[3]}"[:80] for c in WRONG]
)
def test_a_wrong_value_is_one_problem_with_its_place(
    tmp_path: Path, text: str, path: str, expected: str, found: str
) -> None:
    (problem,) = problems_of(tmp_path, text)
    section = path.split(".", maxsplit=1)[0]
    (line,) = (n for n, row in enumerate(text.splitlines(), 1) if row.startswith(f"{section}:"))
    assert (problem.line, problem.path) == (line, path)
    assert expected in problem.expected
    assert found in problem.found


def test_all_problems_come_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = """\
search: {trials: 0, metric: val_los}
training:
  batch_size: {choice: [8, x]}
  learning_rate: fast
  optimizer: {sgd: {momentum: 2, nesterov: maybe}}
  colour: red
model:
  mlp:
    hidden: [4, -1]
    activation:
      choice:
        - relu
        - rellu
data: sklearn:digit
"""
    problems = problems_of(tmp_path, text)
    assert [(problem.line, problem.path) for problem in problems] == [
        (1, ""),
        (1, "search.metric"),
        (1, "search.trials"),
        (3, "training.batch_size.choice.1"),
        (4, "training.learning_rate"),
        (5, "training.optimizer.sgd.momentum"),
        (5, "training.optimizer.sgd.nesterov"),
        (6, "training.colour"),
        (9, "model.mlp.hidden.1"),
        (13, "model.mlp.activation.choice.1"),
        (14, "data.sklearn"),
    ]
    assert problems[0].expected == "the key 'name'"


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("", 1, "an empty file"),
        ("# nothing but a comment\n", 1, "an empty file"),
        ("null\n", 1, "nothing"),
        ("- name: a\n", 1, "a list"),
        ("just a word\n", 1, "'just a word'"),
        ("name: a\nmodel: [1, 2\n", 3, "expected"),
        ("name: a\n\tb: c\n", 2, "character"),
        ("name: a\n---\nname: b\n", 2, "another document"),
        ("name: a\nname: b\n", 2, "'name' again"),
        ("a: 1\ntraining:\n  epochs: 3\n  epochs: 4\n", 4, "'epochs' again"),
        ("? [a, b]\n: 1\n", 1, "a list or a mapping"),
        ("name: a\nx: \x01\n", 2, "U+0001"),
        ("a: *missing\n", 1, "undefined alias"),
        (b"name: a\n# caf\xe9\n", 2, "the byte 0xe9"),
        ("[" * 50_000, 1, "more"),
        ("a: " + "{a: " * 100 + "1" + "}" * 100, 1, "more"),
        ("- " * 400 + "a", 1, "more"),
        ("a: &a [*a]\n", 1, "more"),
        ("a: &a {b: *a}\n", 1, "more"),
        ("x" * 1_000_001, None, "1,000,001 bytes"),
        ("name: 2024-01-01\n", 1, "timestamp"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_text_that_is_no_study_is_one_problem_with_its_line(
    tmp_path: Path, text: str | bytes, line: int | None, found: str
) -> None:
    start = time.process_time()
    (problem,) = problems_of(tmp_path, text)
    assert time.process_time() - start < 2
    assert problem.line == line
    assert found in problem.found


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [echo]\n",
        "a: !!python/object:os.error {b: 1}\n",
        "a: !!python/name:os.system x\n",
        "a: {!!python/name:os.system b: 1}\n",
        "a: !mine [1]\n",
        "a: !!binary aGk=\n",
        "a: !!set {b, c}\n",
    ],
)
def test_foreign_tags_are_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.path) == (1, "a")
    assert "the tag" in problem.found


def test_aliases_cannot_multiply_without_end(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    start = time.process_time()
    (problem,) = problems_of(tmp_path, "\n".join(rows))
    assert time.process_time() - start < 2
    assert "aliases counted" in problem.expected


def test_an_alias_stands_for_its_value(tmp_path: Path) -> None:
    spec = load(tmp_path, mlp("l1: &small 0.001, l2: *small"))
    assert spec.model.l1 == spec.model.l2 == 0.001  # type: ignore[attr-defined]


def test_more_options_than_any_one_could_write_are_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, training(f"batch_size: {{choice: {list(range(1, 1002))}}}"))
    assert problem.found == "1001 options"


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "a directory")):
        with pytest.raises(StudyFileError) as caught:
            load_study_file(path)
        (problem,) = caught.value.problems
        assert (problem.file, problem.found) == (str(path), found)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + MODEL + TRAINING).replace("\n", "\r\n").encode())
    assert load_study_file(path).spec.name == "a"


def test_the_directory_of_a_study_file_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study.yaml").write_text(HEAD + MODEL + TRAINING)
    monkeypatch.chdir(tmp_path)
    assert load_study_file(Path("study.yaml")).directory == tmp_path.resolve()


@pytest.mark.parametrize(
    ("setting", "read"),
    [
        ("training.epochs=7", lambda spec: spec.training.epochs == 7),
        ("training.learning_rate=1e-4", lambda spec: spec.training.learning_rate == 1e-4),
        ("training.optimizer.sgd.momentum=0.5", lambda spec: spec.training.optimizer.momentum == 0.5),
        ("training.batch_size={choice: [8, 16]}", lambda spec: spec.training.batch_size.options == (8, 16)),
        ("model.mlp.hidden.1=9", lambda spec: spec.model.hidden == (4, 9)),
        ("search.trials=3", lambda spec: spec.search.trials == 3),
        ("name=x=y", lambda spec: spec.name == "x=y"),
        (" name = b", lambda spec: spec.name == "b"),
    ],
)
def test_a_setting_takes_the_place_of_what_the_file_says(tmp_path: Path, setting: str, read: Any) -> None:
    assert read(load(tmp_path, HEAD + MODEL + TRAINING, (setting,)))


def test_the_last_of_two_settings_counts(tmp_path: Path) -> None:
    assert load(tmp_path, HEAD + MODEL + TRAINING, ("name=b", "name=c")).name == "c"


@pytest.mark.parametrize(
    ("setting", "path", "words"),
    [
        ("training.epochs", "", "PATH=VALUE"),
        ("=3", "", "PATH=VALUE"),
        ("training..epochs=3", "", "words with dots between them"),
        (".".join("a" * 3000) + "=1", "", "at most 40 words"),
        ("model.mlp.hidden.2=3", "model.mlp.hidden", "an index from 0 to 1"),
        ("model.mlp.hidden.-1=3", "model.mlp.hidden", "an index from 0 to 1"),
        ("model.mlp.hidden.²=3", "model.mlp.hidden", "an index from 0 to 1"),
        ("model.mlp.hidden.first=3", "model.mlp.hidden", "an index from 0 to 1"),
        ("training.epochs=[1", "", "YAML"),
        ("training.epochs=!!python/name:os.system x", "", "plain values"),
        ("training.epochs=many", "training.epochs", "a whole number"),
        ("training.epochs=", "training.epochs", "a whole number"),
        ("training.lerning_rate=1", "training.lerning_rate", "learning_rate"),
        ("model.mlp.hidden.0=-3", "model.mlp.hidden.0", "a number of at least 1"),
    ],
)
def test_a_bad_setting_is_reported_under_the_option(
    tmp_path: Path, setting: str, path: str, words: str
) -> None:
    (problem,) = problems_of(tmp_path, HEAD + MODEL + TRAINING, (setting,))
    assert problem.file.startswith("--set")
    assert problem.path == path
    assert words in problem.expected
    assert str(problem).startswith("--set")


def test_problems_of_the_file_and_of_a_setting_come_together(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, mlp("dropout: 2"), ("training.epochs=0",))
    assert {(problem.file.split()[0], problem.line, problem.path) for problem in problems} == {
        (str(tmp_path / "study.yaml"), 3, "model.mlp.dropout"),
        ("--set", None, "training.epochs"),
    }
