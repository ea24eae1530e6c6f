"""What strangers may have written: no file runs code, fills the memory, hangs, or leads out of its directory."""

from __future__ import annotations

import ast
import gzip
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.data.summary import DataSummary
from hpsearch.exceptions import StudyFileError
from hpsearch.spec import StudySpec, load_study_file, read_spec
from hpsearch.spec.study_file.source import Source
from hpsearch.store.layout import StudyFiles
from hpsearch.store.resolved import Resolved, write_resolved
from support.commands import STUDY, Result, in_process, python, write_study

PACKAGE = Path(__file__).parents[1] / "src" / "hpsearch"
SOURCES = sorted(PACKAGE.rglob("*.py"))

ASKED_FOR = {"models/sources/python.py": ["builtins.exec", "builtins.compile"]}
"""A person's own model is a Python file, which `optimize` runs because the study file says so."""


def spec_of(**sections: Any) -> StudySpec:
    return read_spec(Source("study.yaml", {**STUDY, **sections}, {(): 1}))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run the command line in this process; give its exit code and what it says to people."""

    def call(*arguments: str | Path) -> tuple[int, str]:
        return in_process(*arguments), capsys.readouterr().err

    return call


def snapshot(directory: Path) -> dict[str, bytes]:
    """Read every file below a directory."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


BANNED_MODULES = {
    *(
        "pickle",
        "_pickle",
        "cPickle",
        "dill",
        "cloudpickle",
        "joblib",
        "shelve",
        "marshal",
        "yaml",
        "jsonpickle",
    )
}
BANNED_NAMES = {
    *("builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__", "os.system", "os.popen"),
    *("pandas.read_pickle", "torch.load", "keras.config.enable_unsafe_deserialization"),
}
LOADERS = {"load_model", "deserialize_keras_object", "model_from_json"}


class Scanner(ast.NodeVisitor):
    """Finds what can run code that stands in a file of data."""

    def __init__(self) -> None:
        self.aliases = {name: f"builtins.{name}" for name in ("eval", "exec", "compile", "__import__")}
        self.called: set[int] = set()
        self.found: list[str] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.module(alias.name)
            first = alias.name.partition(".")[0]
            self.aliases[alias.asname or first] = alias.name if alias.asname else first

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.module(node.module or "")
        for alias in node.names:
            self.module(alias.name)
            self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def visit_Call(self, node: ast.Call) -> None:
        keywords = {keyword.arg: getattr(keyword.value, "value", ...) for keyword in node.keywords}
        name = self.name_of(node.func)
        last = name.rpartition(".")[2]
        self.refuse_if(keywords.get("allow_pickle", False) is not False, "allow_pickle")
        self.refuse_if(keywords.get("safe_mode", True) is not True, "safe_mode")
        self.refuse_if(keywords.get("shell", False) is not False, "shell")
        self.refuse_if(name == "numpy.load" and keywords.get("allow_pickle") is not False, name)
        self.refuse_if(last in LOADERS and keywords.get("safe_mode") is not True, name)
        self.refuse_if(last == "YAML" and keywords.get("typ") != "safe", name)
        self.refuse_if(last in ("unsafe_load", "full_load"), name)
        if last == "import_module":
            self.module(str(getattr(node.args[0], "value", "")))
        self.called.add(id(node.func))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.reference(node)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.reference(node)

    def reference(self, node: ast.expr) -> None:
        """Refuse what is banned by name, and loaders that are handed on, so that their arguments are not seen."""
        name = self.name_of(node)
        handed_on = id(node) not in self.called
        self.refuse_if(name in BANNED_NAMES, name)
        self.refuse_if(handed_on and (name == "numpy.load" or name.rpartition(".")[2] in LOADERS), name)

    def module(self, name: str) -> None:
        self.refuse_if(name.partition(".")[0] in BANNED_MODULES, name)

    def refuse_if(self, bad: bool, what: str) -> None:
        if bad:
            self.found.append(what)

    def name_of(self, node: ast.expr) -> str:
        """Give the full name of what an expression stands for, as far as the imports tell."""
        if isinstance(node, ast.Attribute):
            return f"{self.name_of(node.value)}.{node.attr}"
        return self.aliases.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def findings(source: str) -> list[str]:
    scanner = Scanner()
    scanner.visit(ast.parse(source))
    return scanner.found


class TestSources:
    def test_nothing_in_the_package_can_run_what_a_file_says(self) -> None:
        found = {str(path.relative_to(PACKAGE)): findings(path.read_text("utf-8")) for path in SOURCES}
        assert len(found) > 50
        assert {name: what for name, what in found.items() if what} == ASKED_FOR

    @pytest.mark.parametrize(
        "snippet",
        [
            "import pickle",
            "import joblib as j",
            "from dill import loads",
            "import marshal, json",
            "import_module('cloudpickle')",
            "__import__('shelve')",
            "from yaml import safe_load",
            "import numpy as np\nnp.load(path)",
            "import numpy\nnumpy.load(path, None, True)",
            "from numpy import load\nload(path)",
            "from numpy import load as fetch\nfetch(path, allow_pickle=True)",
            "import numpy as np\nnp.load(path, allow_pickle=trusted)",
            "import numpy as np\nnp.load(path, **options)",
            "import numpy as np\nlist(map(np.load, paths))",
            "read_array(stream, allow_pickle=True)",
            "import keras\nkeras.models.load_model(path)",
            "from keras.saving import load_model\nload_model(path, safe_mode=False)",
            "from keras.saving import load_model as get\nget(path)",
            "keras.saving.load_model(path, safe_mode=mode)",
            "restore = keras.saving.load_model",
            "Layer.from_config(config, safe_mode=False)",
            "YAML()",
            "YAML(typ='unsafe', pure=True)",
            "YAML(typ=kind)",
            "ruamel.yaml.YAML('unsafe')",
            "eval(text)",
            "exec(text)",
            "run = eval",
            "import builtins\nbuiltins.exec(text)",
            "compile(text, 'file', 'exec')",
            "import os\nos.system(text)",
            "from os import popen\npopen(text)",
            "subprocess.run(text, shell=True)",
            "subprocess.run(text, shell=flag)",
            "import torch\ntorch.load(path)",
            "import pandas as pd\npd.read_pickle(path)",
            "import keras\nkeras.config.enable_unsafe_deserialization()",
        ],
    )
    def test_the_scan_finds(self, snippet: str) -> None:
        assert findings(snippet)

    @pytest.mark.parametrize(
        "snippet",
        [
            "import numpy as np\nnp.load(path, allow_pickle=False)",
            "import keras\nkeras.saving.load_model(path, safe_mode=True)",
            "yaml = YAML(typ='safe', pure=True)\nyaml.load(text)",
            "import re\nre.compile('a')",
            "subprocess.run(['ls'], shell=False)",
            "json.load(stream)",
        ],
    )
    def test_the_scan_lets_pass(self, snippet: str) -> None:
        assert not findings(snippet)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (4, 4))
from hpsearch.cli import main
main()
"""


def billion_laughs() -> str:
    rows = ["name: a", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(rows)


def whole_numbers(count: int) -> str:
    return f"[{', '.join(['{int: [1, 1000000000]}'] * count)}]"


GOOD = "name: a\ndata: sklearn:iris\nmodel: {mlp: {hidden: [4]}}\ntraining: {epochs: 2}\n"

HOSTILE_TEXTS: dict[str, tuple[str | bytes, str]] = {
    "a billion laughs": (billion_laughs(), "study.yaml:2: "),
    "brackets": ("[" * 100_000, "study.yaml:1: "),
    "brackets that are closed": ("a: " + "[" * 100_000 + "]" * 100_000, "study.yaml:1: "),
    "dashes": ("- " * 100_000, "study.yaml:1: "),
    "braces": (GOOD + "x: " + "{a: " * 100_000, "study.yaml:5: "),
    "question marks": ("? " * 100_000, "study.yaml:1: "),
    "a long line": (GOOD + "x: " + "a " * 240_000, "study.yaml:5: x: "),
    "many lines": ("\n" * 490_000 + "{", "study.yaml:490001: "),
    "many keys": ("".join(f"k{number}: 1\n" for number in range(45_000)), "study.yaml:"),
    "digits": (GOOD + "x: " + "9" * 490_000, "study.yaml:5: "),
    "hexadecimal digits": (GOOD + "x: 0x" + "f" * 490_000, "study.yaml:5: "),
    "sexagesimal digits": ("%YAML 1.1\n---\nx: 1" + ":59" * 160_000, "study.yaml:1: expected YAML 1.2"),
    "an unknown version": ("# no version\n%YAML 1.9\n---\nname: a\n", "study.yaml:2: expected YAML 1.2"),
    "an unknown version behind": (GOOD + "%YAML 1.9\n---\nname: b\n", "study.yaml:5: expected YAML 1.2"),
    "a tag that runs": (GOOD + 'x: !!python/object/apply:os.system ["touch canary"]\n', "study.yaml:5: x: "),
    "a tag that makes": (GOOD + "x: !!python/object/new:os.mkdir [canary]\n", "study.yaml:5: x: "),
    "a tag under a name": (
        "%TAG !p! tag:yaml.org,2002:python/\n---\n" + GOOD + "x: !p!object/apply:os.mkdir [canary]\n",
        "study.yaml:7: x: ",
    ),
    "an empty number": (GOOD + "x: !!int ''\n", "study.yaml:5: x: "),
    "neither true nor false": (GOOD + "x: !!bool maybe\n", "study.yaml:5: x: "),
    "a word as a mapping": (GOOD + "search: !!map x\n", "study.yaml:5: search: "),
    "a merge key": (
        "name: a\ndata: &a {npz: b}\nmodel: {<<: *a}\ntraining: {epochs: 1}\n",
        "study.yaml:3: model: ",
    ),
    "a cycle": ("a: &a [1, *a]\n", "study.yaml:1: "),
    "a cycle of mappings": ("a: &a {b: {c: *a}}\n", "study.yaml:1: "),
    "duplicate keys": (GOOD + "name: b\n", "study.yaml:5: name: "),
    "NUL": (GOOD.encode() + b"x: \x00\n", "study.yaml:5: "),
    "an escape of a terminal": (GOOD.encode() + b"x: \x1b[2J\n", "study.yaml:5: "),
    "bytes": (bytes(range(128, 256)) * 100, "study.yaml:1: "),
    "100,000 layers": (
        GOOD.replace("hidden: [4]", "layers: 100000, units: 4"),
        "study.yaml:3: model.mlp.layers: expected a number of at most 1000; found 100000",
    ),
    "1,000,000 first trials": (
        GOOD + "search: {enqueue: [" + "{}, " * 1_000_000 + "]}",
        "study.yaml: expected at most 500,000 bytes",
    ),
    "100,000 first trials": (GOOD + "search: {enqueue: [" + "{}, " * 100_000 + "]}", "study.yaml:5: "),
    "5,000 first trials": (GOOD + "search: {enqueue: [" + "{x: 1}, " * 5_000 + "]}", "study.yaml:5: "),
}

HOSTILE_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "100 MB": (lambda path: (path.touch(), os.truncate(path, 10**8)), "found 100,000,000 bytes"),
    "no end": (lambda path: path.symlink_to("/dev/zero"), "found a pipe or a device"),
    "a terminal": (lambda path: path.symlink_to("/dev/ptmx"), "found a pipe or a device"),
    "a pipe": (os.mkfifo, "found a pipe or a device"),
    "a directory": (Path.mkdir, "found a directory"),
    "a link to itself": (lambda path: path.symlink_to(path), "symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "no such file"),
}


def refused(result: Result) -> str:
    assert result.returncode == 2, (result.returncode, result.stdout, result.stderr[-2_000:])
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return result.stderr


class TestStudyFiles:
    """In a process with 1 GB of memory and 4 seconds of computing, imports included."""

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", HOSTILE_TEXTS)
    def test_texts(self, kind: str, tmp_path: Path) -> None:
        text, place = HOSTILE_TEXTS[kind]
        (tmp_path / "study.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        told = refused(python(LIMITED, "validate", "study.yaml", cwd=tmp_path))
        assert told.startswith(place)
        assert len(told.splitlines()[0]) < 1_000
        assert sorted(path.name for path in tmp_path.iterdir()) == ["study.yaml"]

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", HOSTILE_FILES)
    def test_files(self, kind: str, tmp_path: Path) -> None:
        make, found = HOSTILE_FILES[kind]
        make(tmp_path / "study.yaml")
        told = refused(python(LIMITED, "validate", "study.yaml", cwd=tmp_path))
        assert told.startswith("study.yaml: expected ")
        assert found in told

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "hidden",
        [whole_numbers(1_000), "[1000000]", f"[{', '.join(['{choice: [1, 2, 3, 4]}'] * 1_000)}]"],
        ids=["10^9000", "10^6 units", "4^1000"],
    )
    def test_large_spaces_are_read(self, hidden: str, tmp_path: Path) -> None:
        np.savez(tmp_path / "rows.npz", x=np.zeros((30, 4), np.float32), y=np.arange(30) % 3)
        text = GOOD.replace("[4]", hidden).replace("sklearn:iris", "{npz: rows.npz}")
        (tmp_path / "study.yaml").write_text(text)
        result = python(LIMITED, "validate", "study.yaml", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert "distinct structure" in result.stdout


class TestLargeSpaces:
    """Samplers neither hang nor list what no memory can hold."""

    LIMITED = """
import json, resource, sys
import hpsearch.scheduling.samplers as samplers
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.scheduling.beginning import begun
from hpsearch.scheduling.samplers.base import draw
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.store.events import Asked
from hpsearch.exceptions import HpsearchError
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec import read_spec
from hpsearch.spec.study_file.source import Source
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
spec = begun(read_spec(Source("study.yaml", json.loads(sys.argv[1]), {(): 1})))[0]
space = SearchSpace(spec)
try:
    samplers.check_sampler(spec, space)
except HpsearchError as failure:
    sys.exit(str(failure))
scheduler = SearchScheduler(SearchExperiment(spec), 100)
for number in range(3):
    scheduler.apply(Asked(number, scheduler.next(number).values))
draw(space, 1)
"""

    def limited(self, tmp_path: Path, sampler: str, hidden: list[Any]) -> Result:
        study = {
            **STUDY,
            "model": {"mlp": {"hidden": hidden}},
            "training": {"epochs": 2},
            "search": {"sampler": sampler},
        }
        return python(self.LIMITED, json.dumps(study), cwd=tmp_path)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("hidden", "told"),
        [
            ([{"int": [1, 10**9]}], "the grid has 1,000,000,000 configurations, more than 20,000"),
            ([{"choice": [1, 2, 3, 4]}] * 15, "the grid has 1,073,741,824 configurations, more than 20,000"),
            ([{"int": [1, 10**9]}] * 1_000, "the grid has more than"),
        ],
        ids=["10^9 values", "4^15 choices", "10^9000 combinations"],
    )
    def test_a_grid_that_no_one_finishes_is_refused(
        self, hidden: list[Any], told: str, tmp_path: Path
    ) -> None:
        result = self.limited(tmp_path, "grid", hidden)
        assert result.returncode == 1, result.stderr[-500:]
        assert result.stderr.startswith(told)

    @pytest.mark.slow
    @pytest.mark.parametrize("sampler", ["auto", "qmc", "random"])
    def test_a_long_range_is_drawn_from_and_not_listed(self, sampler: str, tmp_path: Path) -> None:
        result = self.limited(tmp_path, sampler, [{"int": [1, 10**9, 1]}])
        assert result.returncode == 0, result.stderr[-500:]


BAD_NAMES = [
    *("../victim", "../../victim", "a/b", "..", ".", "", "a\nb", "\\victim", "x" * 300, "a\x00b", "*"),
    "victim/../../victim",
]
UNSEEN = ["\u202emitciv", "a\u2066b", "a\u200fb", "a\u200bb", "\ufeffa", "a\u00adb", "a\u2028b", "a\ue000b", "a\u3164", "a\u200d",
          "a\x1b[31m", "a\x9b31m", "a\U000e0041"]  # fmt: skip
AT_AN_END = ["a ", " a", "a\u00a0", "a\u3000", "a\t", "a.", "a.."]
DEVICES = ["CON", "con", "nul.txt", "Com1", "LPT9.a.b", "aux .c"]
NAMES = [*BAD_NAMES, *UNSEEN, *AT_AN_END, *DEVICES, "~"]
"""The last one is the name of a directory like any other."""


class TestNames:
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """Put a study wherever a name might lead to, in and beside a directory of studies."""
        summary = DataSummary("sklearn:iris", "classification", (4,), 3, 120, 30, 0, 1, ("a", "b", "c"), "f")
        made = StudyFiles(tmp_path / "made", "a")
        write_resolved(made, Resolved(spec_of(), "/", summary))
        for victim in (".", "victim", "out", "out/runs", "out/victim", "runs", "runs/victim"):
            (tmp_path / victim).mkdir(parents=True, exist_ok=True)
            shutil.copy(made.study, tmp_path / victim)
        shutil.rmtree(tmp_path / "made")
        return tmp_path

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "verb", ["trials", "best", "status", "report", "delete --yes", "check", "dashboard"]
    )
    def test_no_name_leads_out_of_the_directory(
        self, verb: str, place: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., tuple[int, str]]
    ) -> None:
        monkeypatch.chdir(place / "out")
        monkeypatch.setattr(
            "hpsearch.report.dashboard.serving.opened", lambda *_, **__: pytest.fail("it is served")
        )
        before = snapshot(place)
        for name in (*NAMES, str(place / "victim"), str(place / "out" / "runs")):
            for out in ([], ["--out", place / "out"]):
                code, told = cli(*verb.split(), *out, "--", name)
                assert (code, len(told.splitlines())) == (2, 1), (name, told)
        assert snapshot(place) == before

    @pytest.mark.parametrize(
        "name",
        [
            *BAD_NAMES,
            *UNSEEN,
            *AT_AN_END,
            *DEVICES,
            "/etc",
            "C:\\x",
            "a\u0085b",
            "\ud800",
            "a" * 101,
            "ü" * 51,
        ],
    )
    def test_a_study_of_such_a_name_is_refused(self, name: str) -> None:
        with pytest.raises(StudyFileError, match="a name that can be a directory"):
            spec_of(name=name)

    @pytest.mark.parametrize(
        "name",
        [
            "~",
            "a b",
            "-a",
            "a.b",
            "ü 漢字 🚀",
            "می\u200cخواهم",
            "console",
            "com10",
            "a%41",
            "a#b{c}",
            "a" * 100,
        ],
    )
    def test_other_names_are_taken(self, name: str) -> None:
        assert spec_of(name=name).name == name

    def test_the_line_of_the_name_is_told(self, tmp_path: Path) -> None:
        path = write_study(
            tmp_path / "study.yaml", {"data": "sklearn:iris", "name": "a\u202eb", "model": {}, "training": {}}
        )
        with pytest.raises(StudyFileError) as raised:
            load_study_file(path)
        told = next(problem for problem in raised.value.problems if problem.path == "name")
        assert (told.line, "U+202E" in told.found) == (2, True)

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.sampled_from([*NAMES, "/", "\\", "..", ":"]) | st.text(max_size=3), max_size=4).map(
            "".join
        )
    )
    def test_every_accepted_name_stays_in_the_directory(self, name: str) -> None:
        try:
            files = StudyFiles(Path("/out"), spec_of(name=name).name)
        except StudyFileError:
            return
        for path, parent in ((files.directory, "/out/runs"), (files.report, "/out/reports")):
            assert os.path.normpath(path) == str(path)
            assert str(path.parent) == parent
            assert len(os.fsencode(path.name)) <= 255


def npy(kind: str, shape: tuple[int, ...]) -> bytes:
    """Write the header of an array."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


class TestData:
    """In a process with 1 GB of memory and 10 seconds of computing."""

    LIMITED = """
import json, resource, sys
from pathlib import Path
from hpsearch.data import load_dataset
from hpsearch.exceptions import HpsearchError
from hpsearch.spec import Data
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
try:
    load_dataset(Data.model_validate(json.loads(sys.argv[1])), Path())
except HpsearchError as failure:
    print(failure, file=sys.stderr)
    sys.exit(failure.exit_code)
"""

    def refusal(self, tmp_path: Path, **data: Any) -> str:
        told = refused(python(self.LIMITED, json.dumps(data), cwd=tmp_path, OPENBLAS_NUM_THREADS="1"))
        assert told.count("\n") == 1
        return told

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("write", "told"),
        [
            (lambda file: file.write(b"a," * 10**6 + b"y\n"), "d.csv: 1000001 columns exceed the limit"),
            (lambda file: file.truncate(10**9), "d.csv:1: this line has more than"),
            (lambda file: (file.write(b"a,y\n"), file.truncate(10**9)), "d.csv:2: this line has more than"),
            (
                lambda file: file.write(gzip.compress(bytes(2**28), compresslevel=1)),
                "d.csv:1: this line has more than",
            ),
            (lambda file: file.write(b'"' * 10**7), "d.csv:1: this is not a csv row"),
            (lambda file: file.write(b'a,y\n"' + b"1,2\n" * 10**6), "d.csv:2: this is not a csv row"),
        ],
        ids=["columns", "zeros", "zeros in a row", "packed zeros", "quotes", "an open quote"],
    )
    def test_csv(self, write: Callable[[Any], object], told: str, tmp_path: Path) -> None:
        with (tmp_path / "d.csv").open("wb") as file:
            write(file)
        assert self.refusal(tmp_path, csv="d.csv", target="y").startswith(told)

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["csv", "npz"])
    @pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
    def test_what_is_no_file(self, kind: str, make: Callable[[Path], object], tmp_path: Path) -> None:
        make(tmp_path / f"d.{kind}")
        data = {kind: f"d.{kind}", **({"target": "y"} if kind == "csv" else {})}
        assert "there is no such file" in self.refusal(tmp_path, **data)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("member", "size", "told"),
        [
            (
                npy("|u1", (10**12, 1)),
                None,
                "x_train claims the shape (1000000000000, 1), which takes 1,000,000,000,000",
            ),
            (npy("<f4", (10**9, 10**9)), None, "x_train claims the shape"),
            (npy("<f4", (9, 9)) + bytes(40), None, "x_train claims the shape (9, 9), which takes 324 bytes"),
            (npy("<f4", (9, 9)), 10**13, "x_train takes 9313 GB"),
            (npy("<f4", (-9, 9)) + bytes(40), None, "x_train cannot be read"),
            (npy("<f4", ()) + bytes(4), None, "x_train must have rows"),
            (npy("|O", (9, 9)) + b"cos\nmkdir\n(S'canary'\ntR.", None, "x_train holds Python objects"),
            (b"cos\nmkdir\n(S'canary'\ntR.", None, "x_train.npy is not an array"),
            (b"\x93NUMPY\x09\x00", None, "x_train cannot be read"),
            (npy("<f4", (9, 9))[:20], None, "x_train cannot be read"),
            (npy("<f2", (10**8, 4)) + bytes(8 * 10**8), None, "not enough memory"),
        ],
        ids=[
            "10^12",
            "10^18",
            "short",
            "10 TB",
            "negative",
            "a number",
            "objects",
            "a pickle",
            "version",
            "torn",
            "zeros",
        ],
    )
    def test_npz(self, member: bytes, size: int | None, told: str, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("y_train.npy", npy("|i1", (9,)) + bytes(9))
            archive.writestr("x_train.npy", member)
            archive.infolist()[-1].file_size = size or len(member)
        assert told in self.refusal(tmp_path, npz="d.npz")
        assert not (tmp_path / "canary").exists()
