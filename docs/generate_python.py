"""Write the page of all that `hpsearch` makes public, which mkdocstrings fills from the docstrings.

The site has the page under `docs/reference_python.md`; it is made when the site is built.
"""

from __future__ import annotations

import inspect

import hpsearch
from hpsearch import exceptions, keras_tuner
from hpsearch.api.functions import Place, RunOptions

HEAD = """# Python, from the docstrings

All that `hpsearch` makes public. [From Python](python.md) shows how it is used.
"""


def python_page() -> str:
    """Return the page in Markdown, with a directive for each name."""
    public = [getattr(hpsearch, name) for name in hpsearch.__all__]
    functions = [found for found in public if inspect.isfunction(found)]
    classes = [found for found in public if inspect.isclass(found)]
    errors = [found for found in vars(exceptions).values() if inspect.isclass(found)]
    parts = {
        "Functions": [*functions, RunOptions, Place],
        "Classes": [found for found in classes if found not in errors],
        "Keras Tuner": [getattr(keras_tuner, name) for name in keras_tuner.__all__ if name != "Oracle"],
        "Exceptions": [found for found in errors if issubclass(found, exceptions.HpsearchError)],
    }
    lines = [HEAD]
    for title, members in parts.items():
        lines += [f"## {title}", *(f"::: {each.__module__}.{each.__qualname__}" for each in members)]
    return "\n\n".join(lines) + "\n"
