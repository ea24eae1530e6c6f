"""Where the numbers of one model, its optimizer and its loss stand, and what they are."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hpsearch.training.compiled.keras_model.number import Number
from hpsearch.training.compiled.keras_model.table import (
    HIDDEN,
    LAYERS,
    LOSSES,
    OPTIMIZERS,
    REGULARIZERS,
    Fed,
    is_lifted,
)

HIDDEN_NUMBER = float("nan")
"""What a configuration tells instead of a number that is fed."""

NO_SHARES: Mapping[str, float] = {}

_LOCK = threading.RLock()
"""Held while numbers are replaced: models may share a regularizer."""

Numbers = dict[str, Any]
"""The fed numbers of a member: each as `value` (n,) and, rounded once, 1 minus it as `rest` (n,)."""


@dataclass(frozen=True, eq=False)
class NumberPlace:
    """A number in the dictionary of an object."""

    holder: Any
    held: dict[str, Any]
    fed: Fed

    @property
    def identity(self) -> tuple[int, str]:
        return id(self.held), self.fed.attribute


class Places:
    """The places of the numbers that are fed, each once, and the `pattern` in which objects share them.

    `optimizer` and `loss` may be None. Numbers of a model that does not compute in float32 throughout stay.
    """

    def __init__(self, models: Iterable[keras.Model], optimizer: Any, losses: Iterable[Any]) -> None:
        models = tuple(models)
        single = all(map(_is_single, models))
        found = [*_of_models(models), *_of_optimizer(optimizer), *_of_losses(losses)] if single else []
        self.places = list({place.identity: place for place in found}.values())
        order = {place.identity: number for number, place in enumerate(self.places)}
        self.pattern = tuple(order[place.identity] for place in found)
        self._hidden = [
            (vars(layer), name)
            for layer in _layers(models)
            if single
            for name in HIDDEN.get(type(layer), ())
            if is_lifted(vars(layer)[name], float("inf"))
        ]
        self._hidden += [
            (repeats, place.fed.attribute)
            for place in self.places
            for repeats in _repeats(place)
            if repeats.get(place.fed.attribute) == place.held[place.fed.attribute]
        ]

    def numbers(self, shares: Mapping[str, float] = NO_SHARES) -> Numbers:
        """Return what a program is fed; `shares` are what rates of dropout and the like are multiplied by."""
        known = np.array(
            [
                float(place.held[place.fed.attribute]) * shares.get(place.fed.scheduled, 1.0)
                for place in self.places
            ],
            np.float64,
        )
        return {"value": known.astype(np.float32), "rest": (1 - known).astype(np.float32)}

    @contextmanager
    def put(self, numbers: Numbers) -> Iterator[None]:
        """Let Keras' code read traced numbers."""
        with _LOCK, _restored([(place.held, place.fed.attribute) for place in self.places]):
            calls = []
            try:
                for index, place in enumerate(self.places):
                    number = Number(numbers["value"][index], numbers["rest"][index], place.fed.bound)
                    place.held[place.fed.attribute] = number
                    if place.fed.call is not None:
                        place.held["call"] = place.fed.call(place.holder, number)
                        calls.append(place.held)
                yield
            finally:
                for held in calls:
                    del held["call"]

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Let configurations tell all but the numbers that are fed."""
        sites = [*((place.held, place.fed.attribute) for place in self.places), *self._hidden]
        with _LOCK, _restored(sites):
            for held, name in sites:
                held[name] = HIDDEN_NUMBER
            yield


@contextmanager
def _restored(sites: list[tuple[dict[str, Any], str]]) -> Iterator[None]:
    kept = [held[name] for held, name in sites]
    try:
        yield
    finally:
        for (held, name), value in zip(sites, kept, strict=True):
            held[name] = value


def _is_single(model: keras.Model) -> bool:
    kinds = {keras.backend.standardize_dtype(variable.dtype) for variable in model.variables}
    kinds |= {layer.compute_dtype for layer in _layers([model])}
    return not {kind for kind in kinds if "float" in str(kind)} - {"float32"}


def _layers(models: Iterable[keras.Model]) -> Iterator[Any]:
    for model in models:
        yield from model._flatten_layers()  # noqa: SLF001 - the nested layers have no other door


def _of_models(models: tuple[keras.Model, ...]) -> Iterator[NumberPlace]:
    for layer in _layers(models):
        yield from _of_objects([layer], LAYERS)
        yield from _of_objects([layer.activity_regularizer], REGULARIZERS)
    for model in models:
        regularizers = [getattr(variable, "regularizer", None) for variable in model.variables]
        yield from _of_objects(regularizers, REGULARIZERS)


def _of_optimizer(optimizer: Any) -> Iterator[NumberPlace]:
    yield from _of_objects([optimizer, getattr(optimizer, "rate_factors", None)], OPTIMIZERS)


def _of_objects(objects: Iterable[Any], table: dict[type, tuple[Fed, ...]]) -> Iterator[NumberPlace]:
    for holder in objects:
        for fed in table.get(type(holder), ()):
            held = vars(holder)
            if is_lifted(held.get(fed.attribute), fed.bound):
                yield NumberPlace(holder, held, fed)


def _of_losses(losses: Iterable[Any]) -> Iterator[NumberPlace]:
    for loss in losses:
        for fed in LOSSES.get(type(loss), ()):
            # What a loss computes with are the arguments of its function.
            held = vars(loss).get("_fn_kwargs", {})
            if is_lifted(held.get(fed.attribute), fed.bound):
                yield NumberPlace(loss, held, fed)


def _repeats(place: NumberPlace) -> Iterator[dict[str, Any]]:
    """Iterate over the dictionaries that repeat a number in the configuration alone."""
    if place.held is not vars(place.holder):
        yield vars(place.holder)
    told = getattr(place.holder, "_auto_config", None)
    if told is not None and "get_config" not in vars(type(place.holder)):
        yield told.config
