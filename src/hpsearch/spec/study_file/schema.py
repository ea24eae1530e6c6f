"""The JSON Schema of study files, for editors that complete and check them."""

from __future__ import annotations

from typing import Any

from hpsearch.spec.sections.study import StudySpec
from hpsearch.spec.study_file.distributions import DEFINED, DEFINITION, SEARCHABLE

DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of study files in draft 7, which editors' YAML servers read."""
    components: dict[str, Any] = {}
    schema = _draft_7(StudySpec.model_json_schema(), components)
    schema["definitions"] = {**schema.get("definitions", {}), **components}
    schema["properties"]["data"] = {
        "anyOf": [{"type": "string", "pattern": "^(sklearn|keras|npz|csv):.+"}, schema["properties"]["data"]]
    }
    schema["required"].remove("training")  # the recipe of a model may give it
    return {"$schema": DRAFT_7, "title": "hpsearch study file", **schema}


def _said_elsewhere(key: str, value: Any) -> bool:
    """Return whether an entry says nothing new: a title from a field, a part or none as a default."""
    nothing = value is None or isinstance(value, dict)
    return (key == "title" and isinstance(value, str)) or (key == "default" and nothing)


def _draft_7(node: Any, components: dict[str, Any]) -> Any:
    """Rewrite what differs between draft 2020-12, which pydantic emits, and draft 7.

    What bears the name of a definition is written once, among `components`, and referred to.
    """
    if isinstance(node, list):
        return [_draft_7(item, components) for item in node]
    if not isinstance(node, dict):
        return node
    if DEFINITION in node:
        return _reference(node, components)
    rewritten = {
        key: _draft_7(value, components)
        for key, value in node.items()
        if key != "prefixItems" and not _said_elsewhere(key, value)
    }
    if "prefixItems" in node:
        rewritten["items"] = _draft_7(node["prefixItems"], components)
    if "$defs" in rewritten:
        rewritten["definitions"] = rewritten.pop("$defs")
    if not isinstance(rewritten.get("$ref"), str):
        return rewritten
    pointer = {"$ref": rewritten.pop("$ref").replace("#/$defs/", "#/definitions/")}
    # Draft 7 ignores everything beside a $ref, so a description or default there is moved outside.
    return {**rewritten, "allOf": [pointer]} if rewritten else pointer


def _reference(node: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Refer to what bears the name of a definition, which is written where it was not yet.

    The default of what may be searched stands beside the reference, for editors that show it.
    """
    name = node[DEFINITION]
    if name not in components:
        components[name] = {}  # first, because a definition may refer to itself
        full = {**DEFINED.get(name, {}), **node}
        own = {key: value for key, value in full.items() if key not in (DEFINITION, "title", "default")}
        components[name] = _draft_7(own, components)
    pointer = {"$ref": f"#/definitions/{name}"}
    default = node.get("default")
    told = name.startswith(f"{SEARCHABLE}.") and not _said_elsewhere("default", default)
    return {"default": default, "allOf": [pointer]} if told else pointer
