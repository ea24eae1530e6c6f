"""The backends of Keras are extras: a study asks for its own and depends on the version of no other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from hpsearch.engines.policy.backend import backend_of, versions_of_packages
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import StudySpec
from support.commands import STUDY, Result, anew, run, write_study

HIDES = "import sys\nsys.modules['tensorflow'] = None\n"
"""Python runs this file when it starts: then TensorFlow cannot be found or imported."""

MISSING = (
    "training.backend: tensorflow is not installed: pip install 'hpsearch[tensorflow]', or choose another"
)


def spec_on(*backends: str) -> StudySpec:
    options = [{"epochs": 1, "backend": backend} for backend in backends]
    training: Any = {"choice": options} if len(options) > 1 else options[0]
    return StudySpec.model_validate({**STUDY, "training": training})


class TestBackendOf:
    @pytest.mark.parametrize(
        ("backend", "install"),
        [("tensorflow", "pip install 'hpsearch[tensorflow]'"), ("torch", "pip install torch")],
    )
    def test_one_that_is_not_installed_is_named_with_what_installs_it(
        self, backend: str, install: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, backend, None)
        with pytest.raises(UnsupportedError) as caught:
            backend_of(spec_on(backend))
        assert str(caught.value) == MISSING.replace("tensorflow is", f"{backend} is").replace(
            "pip install 'hpsearch[tensorflow]'", install
        )

    def test_none_is_missed_by_a_study_on_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for backend in ("tensorflow", "torch"):
            monkeypatch.setitem(sys.modules, backend, None)
        assert [backend_of(spec_on(name)) for name in ("auto", "jax")] == ["auto", "jax"]

    def test_several_are_refused(self) -> None:
        with pytest.raises(UnsupportedError, match=r"one backend, not \['auto', 'tensorflow'\]"):
            backend_of(spec_on("auto", "tensorflow"))


@pytest.mark.parametrize(("backend", "others"), [("jax", ("tensorflow", "torch")), ("tensorflow", ("jax",))])
def test_versions_of_other_backends_do_not_count(backend: str, others: tuple[str, ...]) -> None:
    found = versions_of_packages(backend)
    assert set(found) == {"hpsearch", "keras", backend, "optuna", "numpy", "scikit-learn"}
    assert not set(others) & set(found)


@pytest.mark.long
class TestWithoutTensorflow:
    """Only training on it needs it, and a study does not change where it is installed or removed."""

    @pytest.fixture(scope="class")
    def directory(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        directory = tmp_path_factory.mktemp("without")
        (directory / "hidden").mkdir()
        (directory / "hidden" / "sitecustomize.py").write_text(HIDES, encoding="utf-8")
        rng = np.random.default_rng(0)
        x = rng.normal(size=(60, 3)).astype("float32")
        np.savez(directory / "d.npz", x=x, y=(x[:, 0] > 0).astype(int))
        np.savez(directory / "new.npz", x=x[:5])
        write_study(directory / "study.yaml", {**STUDY, "data": {"npz": str(directory / "d.npz")}})
        assert self.without(directory, "optimize", "study.yaml").returncode == 0
        return directory

    @staticmethod
    def without(directory: Path, *arguments: str) -> Result:
        paths = [str(directory / "hidden"), *filter(None, sys.path)]
        return anew(*arguments, cwd=directory, PYTHONPATH=":".join(paths))

    @staticmethod
    def resolved(directory: Path) -> dict[str, Any]:
        text = (directory / "runs" / "a" / "study.yaml").read_text(encoding="utf-8")
        return dict(YAML(typ="safe").load(text)["resolved"])

    def test_a_model_predicts(self, directory: Path) -> None:
        result = self.without(directory, "predict", "a", "new.npz")
        assert (result.returncode, len(result.stdout.splitlines())) == (0, 6), result.stderr
        assert result.stdout == run("predict", "a", "new.npz", cwd=directory).stdout

    def test_the_report_is_written(self, directory: Path) -> None:
        page = directory / "reports" / "a.html"
        page.unlink()
        assert self.without(directory, "report", "a").returncode == 0
        assert page.stat().st_size

    @pytest.mark.parametrize("command", ["optimize", "validate"])
    def test_training_on_it_is_refused(self, command: str, directory: Path) -> None:
        on_it = ("--set", "training.backend=tensorflow", "--set", "name=b")
        result = self.without(directory, command, "study.yaml", *on_it)
        assert (result.returncode, "Traceback" in result.stderr) == (2, False)
        assert MISSING in " ".join(result.stderr.split())

    def test_the_same_study_begins_and_goes_on_where_it_is_installed(
        self, directory: Path, tmp_path: Path
    ) -> None:
        assert run("optimize", directory / "study.yaml", cwd=tmp_path).returncode == 0
        first, second = self.resolved(directory), self.resolved(tmp_path)
        assert first["study"] == second["study"]
        assert first["versions"] == second["versions"]
        more = run("optimize", "study.yaml", "--trials", "3", cwd=directory)
        assert more.returncode == 0, more.stderr
        assert self.resolved(directory)["study"] == first["study"]
