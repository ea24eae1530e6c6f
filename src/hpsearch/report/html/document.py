"""The report as one HTML document that needs nothing from outside."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import fields
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hpsearch.report.html.comparison import ComparePage
from hpsearch.report.html.excerpts import Excerpt
from hpsearch.report.html.probe import ProbePage
from hpsearch.report.html.study import StudyPage

Page = StudyPage | ProbePage | ComparePage | Excerpt

TEMPLATES: dict[type[Page], str] = {
    StudyPage: "study.html",
    ProbePage: "probe.html",
    ComparePage: "compare.html",
    Excerpt: "excerpt.html",
}


def environment() -> Environment:
    """Make the template environment.

    Its filters `inline` and `integrity` give one of our own files and the hash of it.
    """
    made = Environment(
        loader=PackageLoader("hpsearch.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"inline": inline, "integrity": integrity}
    return made


def inline(asset: str) -> Markup:
    """Return the text of one of our own files, to stand inside the document."""
    return Markup(_read(asset))  # noqa: S704 - part of this package


def integrity(asset: str) -> str:
    """Return the hash by which a content security policy knows an inlined file."""
    digest = hashlib.sha256(_read(asset).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _read(asset: str) -> str:
    return files("hpsearch.report.html").joinpath("assets", asset).read_text(encoding="utf-8")


def render(page: Page) -> str:
    """Render a page by its template."""
    variables = {field.name: getattr(page, field.name) for field in fields(page)}
    return environment().get_template(TEMPLATES[type(page)]).render(variables)
