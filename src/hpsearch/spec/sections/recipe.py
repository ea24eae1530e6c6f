"""The training that the paper of a model asks for, in the places that a study leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hpsearch.spec.sections.model import MODELS
from hpsearch.spec.sections.model_component import ModelComponent
from hpsearch.spec.study_file.distributions import Choice, alternatives

LENGTHS = ("epochs", "steps")


def with_recipe(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill the training section of a study, as it is written, with the recipe of its kind of model."""
    recipe = recipe_of(raw.get("model"))
    return {**raw, "training": _filled(raw.get("training"), recipe)} if recipe else raw


def recipe_of(model: Any) -> Mapping[str, Any]:
    """Return the recipe of a model section, as it is written or read.

    There is none where kinds of models are searched that have different recipes.
    """
    recipes = [MODELS[kind].recipe if kind in MODELS else {} for kind in _kinds(model)]
    return recipes[0] if recipes and all(recipe == recipes[0] for recipe in recipes) else {}


def _kinds(model: Any) -> Iterator[Any]:
    if isinstance(model, Choice):
        yield from (one.name for one in alternatives(model))
    elif isinstance(model, ModelComponent):
        yield model.name
    elif isinstance(model, Mapping) and isinstance(model.get("choice"), list):
        for option in model["choice"]:
            yield from _kinds(option)
    elif isinstance(model, Mapping):
        yield from model
    elif isinstance(model, str):
        yield model


def _filled(training: Any, recipe: Mapping[str, Any]) -> Any:
    """Fill what is left out, but no second length, and no second learning rate beside an optimizer's."""
    if training is None:
        return dict(recipe)
    if not isinstance(training, Mapping):
        return training
    if isinstance(training.get("choice"), list):
        return {"choice": [_filled(option, recipe) for option in training["choice"]]}
    given = {name: value for name, value in training.items() if value is not None}
    known = set(given)
    if known & set(LENGTHS):
        known |= set(LENGTHS)
    if _holds_rate(given.get("optimizer")):
        known.add("learning_rate")
    return {**{name: value for name, value in recipe.items() if name not in known}, **given}


def _holds_rate(optimizer: Any) -> bool:
    if isinstance(optimizer, Mapping):
        return optimizer.get("learning_rate") is not None or any(map(_holds_rate, optimizer.values()))
    if isinstance(optimizer, list):
        return any(map(_holds_rate, optimizer))
    return any(getattr(one, "learning_rate", None) is not None for one in alternatives(optimizer))
