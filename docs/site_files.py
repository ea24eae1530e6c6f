"""What the documentation site shows: pages and the files that they link to, where the repository has them.

So one link leads to the same file on the site, in an editor and on the pages of a repository.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

sys.path.insert(0, str(ROOT / "docs"))
from generate_python import python_page  # noqa: E402 - beside this script
from generate_schema import schema_page  # noqa: E402 - the same

SHOWN = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "docs/*.md",
    "docs/*.png",
    "docs/*.js",
    "docs/*.ipynb",
    "studies/**/*.yaml",
    "studies/*.py",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the files of the repository in place of those of the folder `docs`."""
    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    for pattern in SHOWN:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    for name, content in (("reference_python", python_page()), ("reference_schema", schema_page())):
        files.append(File.generated(config, f"docs/{name}.md", content=content))
    return files
