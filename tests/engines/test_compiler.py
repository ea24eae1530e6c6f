"""JAX's compiler computes right numbers in every process of ours, or the process says that it does not."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from hpsearch.engines.process import canary, compiler
from hpsearch.engines.process.canary import Canary
from hpsearch.engines.process.compiler import NO_FUSIONS, tell_compiler
from hpsearch.engines.session import session
from hpsearch.exceptions import WrongNumbersError
from support.commands import STUDY, here, write_study

FUSED = "--xla_cpu_experimental_ynn_fusion_type=reduce"
"""Asks for the kernels that are wrong in jaxlib 0.10.2."""

REPRODUCER = """
import jax, jax.numpy as jnp, numpy as np

def wrong():
    rows = np.zeros((40_000, 3), np.float32)
    rows[:, 0] = np.arange(40_000)
    lengths = jax.jit(jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2)))(rows)
    return bool((np.abs(np.asarray(lengths) - rows[:, 0].astype(float) ** 2) > 1e-6 * 40_000**2).any())
"""


def run(code: str, **environment: str) -> str:
    outside = {n: v for n, v in os.environ.items() if not n.startswith(("JAX_", "XLA_"))}
    ended = subprocess.run(
        [sys.executable, "-c", REPRODUCER + code],
        env={**outside, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


@pytest.mark.slow
def test_a_process_of_ours_computes_rightly_whatever_flags_it_was_given():
    code = """
from hpsearch.engines.process.imports import choose_backend
choose_backend("jax")
from hpsearch.engines.process.canary import check_compiler
check_compiler()
print(wrong())
"""
    assert run(code, XLA_FLAGS=FUSED) == "False\n"


@pytest.mark.slow
def test_the_canary_fails_where_the_compiler_was_started_before_and_computes_wrongly():
    code = """
faulty = wrong()
from hpsearch.engines.process.canary import check_compiler
from hpsearch.engines.process.imports import choose_backend
from hpsearch.exceptions import WrongNumbersError
choose_backend("jax")
try:
    check_compiler()
except WrongNumbersError as failure:
    print(faulty, failure)
else:
    print(faulty)
"""
    told = run(code, XLA_FLAGS=FUSED if compiler._installed() >= compiler.FIRST_WRONG else "")
    assert told == "False\n" or (told.startswith("True jaxlib ") and "computes wrong numbers" in told)


SHORT = """
import os, resource
import numpy as np
from hpsearch.engines.process.canary import Canary
from hpsearch.engines.process.compiler import add_flag
from hpsearch.engines.process.imports import choose_backend, import_keras
from hpsearch.exceptions import WrongNumbersError

backend = os.environ["BACKEND"]
choose_backend(backend)
if os.environ["THREADS"] == "1":
    add_flag("--xla_cpu_multi_thread_eigen=false")
import_keras(backend, spawned=False)
import keras

one = Canary(backend)
if backend == "jax":
    program = one._compiled()
    one._compiled = lambda: program
first, second = np.random.default_rng(0).standard_normal((2, 90, 90)).astype(np.float32)
if backend == "jax":
    import jax
    product = jax.jit(lambda one, other: one @ other).lower(first, second).compile()
else:
    product = keras.ops.matmul

def limit(kilobytes):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    most = resource.RLIM_INFINITY if kilobytes is None else used + kilobytes * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

def checked():
    try:
        one.check()
    except WrongNumbersError as failure:
        return "refused" if "less than 128 MB of memory are left" in str(failure) else str(failure)
    return "passed"

def numbers():
    return np.array(product(first, second))

for left in (1_500, 5_000, 60_000, None):
    limit(left)
    print(checked())
right = numbers()
print(np.allclose(right, first.astype(float) @ second, atol=1e-4))
limit(200)
print(checked(), np.array_equal(numbers(), right))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux' here")
@pytest.mark.parametrize(
    ("backend", "threads"),
    [
        pytest.param("jax", 1, marks=pytest.mark.long),
        ("jax", 2),
        pytest.param("tensorflow", 2, marks=pytest.mark.long),
    ],
)
def test_kernels_of_products_are_made_where_there_is_room_and_stay(backend, threads):
    """With 1.5 MB left the canary was right by other kernels, and later products with 5 MB left were not."""
    ended = subprocess.run(
        [sys.executable, "-c", SHORT],
        env={**os.environ, "BACKEND": backend, "THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == ["refused", "refused", "refused", "passed", "True", "passed True"]


def test_right_numbers_pass_again_and_again():
    one = Canary()
    one.check()
    one.check()


@pytest.mark.parametrize("place", range(6))
def test_one_wrong_number_anywhere_fails(place):
    one = Canary()
    found = [np.array(array) for array in one._expected]
    found[place].reshape(-1)[-1] += 1
    one._program = lambda *inputs: found
    with pytest.raises(WrongNumbersError, match=r"1 of 57057 differ .*NumPy"):
        one.check()


def test_a_program_that_cannot_be_loaded_fails():
    one = Canary()

    def broken(*_: object) -> None:
        raise RuntimeError("Symbols not found: [ jit_canary ]\nmore")

    one._program = broken
    with pytest.raises(WrongNumbersError, match=r"RuntimeError: Symbols not found: \[ jit_canary \]$"):
        one.check()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, NO_FUSIONS),
        ("", NO_FUSIONS),
        ("--xla_dump_to=/x", f"--xla_dump_to=/x {NO_FUSIONS}"),
        (FUSED, f"{FUSED} {NO_FUSIONS}"),
        (f"{NO_FUSIONS} {FUSED}", f"{FUSED} {NO_FUSIONS}"),
    ],
)
def test_the_last_word_is_ours(given, told, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    if given is not None:
        monkeypatch.setenv("XLA_FLAGS", given)
    monkeypatch.setattr(compiler, "version", lambda package: "0.10.2")
    tell_compiler()
    tell_compiler()
    assert os.environ["XLA_FLAGS"] == told


@pytest.mark.parametrize(
    ("version", "told"),
    [("0.6.0", False), ("0.10.1", False), ("0.10.2", True), ("0.10.3.dev1", True), ("0.11.0", True)],
)
def test_versions_that_may_not_know_the_flag_are_not_told(version, told, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(compiler, "version", lambda package: version)
    tell_compiler()
    assert (os.environ.get("XLA_FLAGS") == NO_FUSIONS) == told


def test_a_study_ends_with_the_sentence_where_the_canary_fails(tmp_path, monkeypatch):
    one = canary._canary("jax")
    monkeypatch.setattr(one, "_program", lambda *inputs: [array + 1 for array in one._expected])
    study = write_study(tmp_path / "a.yaml", STUDY)
    result = here("optimize", study, cwd=tmp_path)
    assert result.returncode == 1
    assert "computes wrong numbers in this process" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_trial_does_not_count_where_numbers_went_wrong_while_it_trained(tmp_path, monkeypatch):
    checks = []

    def check(backend: str) -> None:
        checks.append(1)
        if len(checks) > 1:
            raise WrongNumbersError("wrong from now on")

    monkeypatch.setattr(session, "check_compiler", check)
    result = here("optimize", write_study(tmp_path / "a.yaml", STUDY), cwd=tmp_path)
    assert result.returncode == 1
    assert "wrong from now on" in result.stderr
    assert "Traceback" not in result.stderr
    assert not any(
        '"kind": "end"' in line for line in (tmp_path / "runs/a/ticks.jsonl").read_text().splitlines()
    )
