"""What makes the tests quick: how programs are compiled, which cores train, and that the longest modules come first."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from hpsearch.cli import YOUNG
from hpsearch.engines.process.compiler import tell_compiler
from support.compiling import compile_quickly
from support.cores import take_share

PROGRAMS = tempfile.mkdtemp(prefix="hpsearch-programs-")

# Whoever imports Keras first, studies train in this process too.
os.environ["KERAS_BACKEND"] = "jax"

# Before any test computes with JAX: later it is not heard.
tell_compiler()
compile_quickly()

# As commands do.
gc.set_threshold(YOUNG)

# Studies of tests are about something else, and are quicker without.
os.environ["HPSEARCH_BASELINE"] = "off"

# JAX reads these when it is imported. What is asserted of bits and of the form of programs is asserted of what
# people get: `compiling.optimized`; commands run in an environment of their own.
os.environ["JAX_COMPILATION_CACHE_DIR"] = PROGRAMS
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "0"

LONGEST = (
    "test_losses",
    "test_stock_keras",
    "test_sequential",
    "test_cli",
    "test_kills",
    "test_contract",
    "test_cnn",
    "test_resume",
    "test_textbook",
    "test_equality",
    "test_disk",
    "test_failures",
    "test_compiled",
    "test_compare",
    "test_confirm",
    "test_python_model",
    "test_damage",
    "test_pretrained",
    "test_lease",
    "test_further_metrics",
    "test_target_transform",
    "test_storages",
    "test_optimizers",
    "test_keras_trainer",
    "test_probes",
    "test_several_outputs",
    "test_api",
    "test_test_part",
)
"""Modules of half a minute and more, in the order in which they begin: none is left over for one process alone."""


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist would begin with the modules of most tests.
    config.option.loadscopereorder = False
    take_share()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Before pytest deselects: what is long is slow too.
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker("slow")
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(Path(item.path).stem, len(places)))


def pytest_unconfigure() -> None:
    shutil.rmtree(PROGRAMS, ignore_errors=True)


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """Give the maker of records, whichever way pytest imports test modules."""
    from support import synthetic

    return synthetic
