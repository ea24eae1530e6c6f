"""Write the JSON Schema of study files as a page: a table for each mapping, a list for each set of names.

The site has the page under `docs/reference_schema.md`; it is made when the site is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hpsearch.spec import json_schema

DISTRIBUTIONS = {"choice", "uniform", "log_uniform", "int", "log_int"}

DISTRIBUTION = "a [distribution](study_file.md#distributions)"

HEAD = """---
search:
  boost: 0.3
---

# The schema

Every mapping of a study file with its fields, and every set of names, as `hpsearch schema` has them for
editors. [The study file](study_file.md) says what they mean.
"""

BOUNDS = {
    "minimum": "≥ {:g}",
    "exclusiveMinimum": "> {:g}",
    "maximum": "≤ {:g}",
    "exclusiveMaximum": "< {:g}",
}

KINDS = {
    "number": "a number",
    "integer": "a whole number",
    "string": "a text",
    "boolean": "`true` or `false`",
}


def schema_page() -> str:
    """Return the page in Markdown."""
    schema = json_schema()
    definitions = {name: node for name, node in schema["definitions"].items() if _is_headed(name, node)}
    reference = _Reference(schema["definitions"])
    lines = [HEAD, "## study", "", *reference.fields(schema)]
    for name in sorted(definitions, key=lambda name: ("." in name, _title(name).lower())):
        lines += ["", f"## {_title(name)}", "", *reference.section(definitions[name])]
    return "\n".join(lines) + "\n"


class _Reference:
    """Says in words what the nodes of a schema allow."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions
        self.under_way: list[str] = []

    def section(self, node: dict[str, Any]) -> Iterator[str]:
        """Describe a definition that has a heading of its own."""
        if node.get("description"):
            yield f"{node['description']}\n"
        if "properties" in node:
            yield from self.fields(node)
        else:
            yield from (f"- {text}" for text in self.alternatives(node))

    def fields(self, node: dict[str, Any]) -> Iterator[str]:
        """Give a table with a row for each field."""
        yield "| field | value | default |"
        yield "| --- | --- | --- |"
        for name, field in node["properties"].items():
            default = "required" if name in node.get("required", ()) else _default(field)
            yield f"| `{name}` | {' or '.join(self.alternatives(field))} | {default} |"

    def alternatives(self, node: dict[str, Any]) -> list[str]:
        """List what may stand in a place, without `null` and without repetitions."""
        for key in ("anyOf", "oneOf", "allOf"):
            if key in node:
                texts = [text for part in node[key] for text in self.alternatives(part)]
                return list(dict.fromkeys(texts))
        if "$ref" in node:
            return self._referred(node["$ref"].rpartition("/")[2])
        if node.get("type") == "null":
            return []
        return [self._plain(node)]

    def _referred(self, name: str) -> list[str]:
        node = self.definitions[name]
        if _is_headed(name, node):
            return [f"[{_title(name)}](#{re.sub(r'[^a-z0-9_]+', '-', _title(name).lower())})"]
        if name in self.under_way:
            return ["the same again"]
        self.under_way.append(name)
        texts = self.alternatives(node)
        self.under_way.pop()
        return texts

    def _plain(self, node: dict[str, Any]) -> str:
        if "enum" in node:
            return ", ".join(f"`{option}`" for option in node["enum"])
        if node.get("type") == "array":
            return f"a list{self._each(node.get('items'))}"
        if node.get("type") == "object":
            return self._mapping(node)
        bounds = [text.format(node[key]) for key, text in BOUNDS.items() if key in node]
        kind = KINDS.get(node.get("type", ""), "any value")
        return f"{kind}, {', '.join(bounds)}" if bounds else kind

    def _mapping(self, node: dict[str, Any]) -> str:
        if _is_distribution(node):
            return DISTRIBUTION
        fields = node.get("properties", {}).items()
        texts = [f"`{name}:` {' or '.join(self.alternatives(field)) or 'nothing'}" for name, field in fields]
        one = "one of " if node.get("maxProperties") == 1 else ""
        return f"a mapping with {one}{'; '.join(texts)}" if texts else "a mapping"

    def _each(self, items: Any) -> str:
        texts = self.alternatives(items) if isinstance(items, dict) else []
        return f", each {' or '.join(texts)}" if texts else ""


def _is_headed(name: str, node: dict[str, Any]) -> bool:
    """Return whether a definition has its own heading: a mapping with fields, or names with arguments."""
    if name.partition(".")[0] in ("choice", "searchable") or _is_distribution(node):
        return False
    named = [part for part in node.get("anyOf", ()) if part.get("maxProperties") == 1]
    return bool(node.get("properties")) or any(not _is_distribution(part) for part in named)


def _is_distribution(node: dict[str, Any]) -> bool:
    return node.get("maxProperties") == 1 and node.get("properties", {}).keys() <= DISTRIBUTIONS


def _title(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    return "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"
