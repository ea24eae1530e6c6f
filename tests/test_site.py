"""The documentation becomes a site: no link of it is broken, and it is read without a network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("material", reason="needs the extra docs")

from mkdocs.commands.build import build
from mkdocs.config import load_config

import hpsearch

ROOT = Path(__file__).parents[1]
LOADED = re.compile(r'<(?:script|img|iframe)[^>]* src="?([^" >]+)|<link[^>]* href="?([^" >]+)')

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(directory))
    build(config)  # warnings are errors there
    return directory


def test_every_page_of_the_repository_is_in_it(site: Path) -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        name = path.relative_to(ROOT).with_suffix(".html")
        assert (site / ("index.html" if path.stem == "README" else name)).exists(), name


def test_no_page_loads_anything_from_the_web(site: Path) -> None:
    for page in site.rglob("*.html"):
        for found in LOADED.findall(page.read_text(encoding="utf-8")):
            assert "//" not in "".join(found), page


def test_what_is_searched_is_a_script_that_a_folder_can_give(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert "Cannot be told apart" in index


def test_the_reference_has_every_public_name_and_every_section(site: Path) -> None:
    names = (site / "docs" / "reference_python.html").read_text(encoding="utf-8")
    public = set(hpsearch.__all__) - {"__version__", "exceptions", "keras_tuner"}
    assert public <= set(re.findall(r'id="hpsearch\.[\w.]*?(\w+)"', names))
    fields = (site / "docs" / "reference_schema.html").read_text(encoding="utf-8")
    assert {"data", "search", "training", "kind-of-model"} <= set(re.findall(r'<h2 id="([^"]+)"', fields))
