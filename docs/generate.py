"""Fill the tables of docs/study_file.md from the spec.

Run `python docs/generate.py` after a change of the spec; a test fails while the page is behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hpsearch.spec.sections.activations import ACTIVATIONS, UNAVAILABLE
from hpsearch.spec.sections.cnn import POOLING
from hpsearch.spec.sections.embeddings import CATEGORY_EMBEDDINGS, NUMBER_EMBEDDINGS
from hpsearch.spec.sections.further_metrics import ALIASES, METRICS, UNAVAILABLE_METRICS, KerasMetric
from hpsearch.spec.sections.initializers import INITIALIZERS
from hpsearch.spec.sections.layer_kinds import CONSTRAINTS, REGULARIZERS, TABLE
from hpsearch.spec.sections.layered import BATCH_NORM, INPUT_BATCH_NORM
from hpsearch.spec.sections.losses import LOSSES, SHORT, TASKS, UNAVAILABLE_LOSSES, Loss
from hpsearch.spec.sections.model import LAYER_NORM
from hpsearch.spec.sections.objectives import MAXIMIZED, MINIMIZED
from hpsearch.spec.sections.optimizers import OPTIMIZERS, SHARED, OptimizerKind
from hpsearch.spec.sections.realmlp import RealMlp
from hpsearch.spec.sections.schedules import SCHEDULES, SHARE_SCHEDULES, Schedule
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.spec.sections.search import PRUNERS, SAMPLERS
from hpsearch.spec.sections.search import SCHEDULES as TRIAL_SCHEDULES
from hpsearch.spec.sections.tabm import Tabm
from hpsearch.spec.sections.training import CLIPPING
from hpsearch.spec.study_file.parts import Component, OneOf, label_of

PAGE = Path(__file__).with_name("study_file.md")

SIGNS = {"gt": "<", "ge": "≤", "lt": "<", "le": "≤"}

LARGE = 10**6
"""Upper bounds from here on only keep absurd numbers out, and are not told."""

ANY = "any value"
KINDS = {bool: "`true` or `false`", int: "a whole number", float: "a number", str: "a name", Any: ANY}

TABLES = {
    "activations": ACTIVATIONS,
    "initializers": INITIALIZERS,
    "regularizers": {name: REGULARIZERS[name] for name in REGULARIZERS},
    "constraints": {name: CONSTRAINTS[name] for name in CONSTRAINTS},
    "batch_norm": BATCH_NORM,
    "input_batch_norm": INPUT_BATCH_NORM,
    "recipes of tables": {"realmlp": RealMlp, "tabm": Tabm},
    "embeddings of numbers": NUMBER_EMBEDDINGS,
    "embeddings of categories": CATEGORY_EMBEDDINGS,
    "layer_norm": LAYER_NORM,
    "pooling": POOLING,
    "losses": {**LOSSES, **SHORT},
    "further metrics": {**METRICS, **ALIASES},
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "share schedules": SHARE_SCHEDULES,
    "clipping": CLIPPING,
    "samplers": SAMPLERS,
    "pruners": PRUNERS,
    "schedules of trials": TRIAL_SCHEDULES,
}


def main() -> None:
    """Write the page again, with new tables."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(page: str) -> str:
    """Fill each block between `<!-- NAME -->` and `<!-- end -->` with what the spec says."""
    blocks = {name: "\n".join(component_lines(table)) for name, table in TABLES.items()}
    blocks["layers"] = "\n".join(layer_lines())
    blocks["losses of tasks"] = "\n".join(task_lines(LOSSES, UNAVAILABLE_LOSSES))
    blocks["further metrics of tasks"] = "\n".join(task_lines(METRICS, UNAVAILABLE_METRICS))
    blocks["metrics"] = "\n".join(metric_lines())
    unavailable = [f"Not available: `{name}`, which {why}." for name, why in UNAVAILABLE.items()]
    blocks["unavailable"] = "\n".join(unavailable)
    for name, text in blocks.items():
        pattern = rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)"
        old = re.findall(pattern, page, re.DOTALL)
        if len(old) != 1:
            raise ValueError(f"{PAGE.name} has {len(old)} blocks called {name}")
        page = page.replace(f"<!-- {name} -->\n{old[0]}", f"<!-- {name} -->\n{text}\n")
    return page


def task_lines(table: dict[str, type[Component]], unavailable: dict[str, str]) -> Iterator[str]:
    """List losses or metrics by what they are for, and why others are not available."""
    for task in TASKS:
        named = [
            name
            for name, kind in table.items()
            if issubclass(kind, Loss | KerasMetric) and task in kind.tasks
        ]
        yield f"- for {task}: {_names(named)}"
    for name, why in unavailable.items():
        yield f"- not available: `{name}`, which {why}"


def metric_lines() -> Iterator[str]:
    """List the metrics by task and by the way in which they get better."""
    yield f"- for every task, smaller is better: {_names(MINIMIZED)}"
    yield f"- for classification, larger is better: {_names((*MAXIMIZED, *SCORERS['classification']))}"
    yield f"- for regression, larger is better: {_names(SCORERS['regression'])}"


def layer_lines() -> Iterator[str]:
    """List the layers with their arguments, and why the others are none of a list."""
    yield "| layer | arguments, those without a default first |"
    yield "| --- | --- |"
    for name, entry in TABLE["layers"].items():
        arguments = entry["arguments"].items()
        required = [argument for argument, told in arguments if len(told) == 1]
        others = [argument for argument, told in arguments if len(told) > 1]
        told = " and ".join(filter(None, (_names(required), ", ".join(others)))) or "none"
        yield f"| `{name}` | {told} |"
    yield ""
    yield f"Other names: {', '.join(f'`{name}` is `{kind}`' for name, kind in TABLE['aliases'].items())}."
    yield ""
    by_reason: dict[str, list[str]] = {}
    for name, reason in TABLE["unavailable"].items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield f"- not available: {_names(names)}, which {reason}"


def component_lines(table: dict[str, type[Component]]) -> Iterator[str]:
    """Give the names that take no arguments on one line, and a table of the others."""
    own = {name: arguments_of(kind) for name, kind in table.items()}
    plain = [name for name, kind in table.items() if not own[name] and name == kind.name]
    kinds = [kind for name, kind in table.items() if own[name] and name == kind.name]
    if plain:
        further = "further " if table[plain[0]].model_fields else ""
        yield f"Without {further}arguments: {_names(plain)}."
    aliases = [f"`{name}` is `{kind.name}`" for name, kind in table.items() if name != kind.name]
    if aliases:
        yield f"Other names: {', '.join(aliases)}."
    if plain:
        yield ""
    yield "| name | argument | value | default |"
    yield "| --- | --- | --- | --- |"
    for kind in kinds:
        yield from argument_rows(kind)


def arguments_of(kind: type[Component]) -> dict[str, Any]:
    """List the arguments of a component, but those of all of its kind, which are told of once."""
    of_all = {"warmup", "warmup_from"} if issubclass(kind, Schedule) else kind.unwritten & set(SHARED)
    told = of_all | ({"learning_rate"} if issubclass(kind, OptimizerKind) else set())
    names = sorted(kind.model_fields.keys() - told, key=list(kind.model_fields).index)
    return {name: kind.model_fields[name] for name in sorted(names, key=SHARED.__contains__)}


def argument_rows(kind: type[Component]) -> Iterator[str]:
    """Give a row for each argument of a component."""
    for index, (name, field) in enumerate(arguments_of(kind).items()):
        first = "" if index else f"`{kind.name}`"
        argument = "written without a name" if name == kind.scalar else f"`{name}`"
        default = "required" if field.is_required() else f"`{written(field.default)}`"
        yield f"| {first} | {argument} | {value_of(field.annotation, field.metadata)} | {default} |"


def written(value: Any) -> str:
    """Write a default as a study file would."""
    if value is None:
        return "none"
    if isinstance(value, Component) and value.scalar is not None:
        number = getattr(value, value.scalar)
        return f"{number:.4g}" if value.name == "share" else f"{{{value.name}: {number:g}}}"
    return label_of(value)


def value_of(kind: Any, metadata: list[Any]) -> str:
    """Say in words which values fit a type with its bounds."""
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        return value_of(inner, [*more, *metadata])
    if get_origin(kind) in (Union, UnionType):
        options = [option for option in get_args(kind) if option is not type(None)]
        texts = dict.fromkeys(value_of(option, metadata) for option in options)
        return ANY if ANY in texts else " or ".join(texts)
    if get_origin(kind) is tuple:
        return f"a list, each {value_of(get_args(kind)[0], [])}"
    if get_origin(kind) is Literal:
        return " or ".join(f"`{option}`" for option in get_args(kind))
    for item in metadata:
        if isinstance(item, OneOf):
            return item.what.partition(":")[0]
    return KINDS[kind] + _bounds(metadata)


def _bounds(metadata: list[Any]) -> str:
    items = [inner for item in metadata for inner in (item, *getattr(item, "metadata", ()))]
    found = {
        word: getattr(item, word) for item in items for word in SIGNS if getattr(item, word, None) is not None
    }
    if found.get("le", 0) >= LARGE:
        del found["le"]
    low = "".join(f"{found[word]:g} {SIGNS[word]} " for word in ("gt", "ge") if word in found)
    high = "".join(f" {SIGNS[word]} {found[word]:g}" for word in ("lt", "le") if word in found)
    return f", {low}x{high}" if low or high else ""


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    main()
