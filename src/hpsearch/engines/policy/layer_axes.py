"""Whether rows can pass through the layers that a study file lists, by the numbers of their axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hpsearch.data import Dataset
from hpsearch.engines.policy.layer_sizes import MisfitError, Sizes, reshaped, shape_after
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Choice, Numeric, Sequential, StudySpec
from hpsearch.spec.sections.architecture import Shape
from hpsearch.spec.sections.embeddings import FeatureEmbedding
from hpsearch.spec.sections.layer_kinds import Layer
from hpsearch.spec.sections.sequential import Group, Repeat, Residual
from hpsearch.spec.study_file.distributions import alternatives
from hpsearch.spec.study_file.problems import dotted
from hpsearch.spec.study_file.source import Place

AXES = {
    1: "(features)",
    2: "(steps, features)",
    3: "(height, width, channels)",
    4: "(depth, height, width, channels)",
}

REPETITIONS = 8
"""Three repetitions tell what any number of them does to the number of axes, and so many to most sizes."""

ADVICE = {
    2: "put {reshape: {target_shape: [steps, features]}} before it",
    3: "put {reshape: {target_shape: [height, width, channels]}} before it",
}


@dataclass(frozen=True)
class LayerInput:
    """What a layer is given: rows with so many axes, and their sizes where something is known of them."""

    axes: int
    shape: Sizes | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if self.axes not in AXES:
            return f"{self.axes} axes"
        names = AXES[self.axes].strip("()").split(", ")
        sides = [str(side or name) for side, name in zip(self.sizes, names, strict=True)]
        return f"({', '.join(sides)}{',' if self.axes == 1 and None not in self.sizes else ''})"

    @property
    def sizes(self) -> Sizes:
        """Return the size of each axis."""
        return self.shape or (None,) * self.axes


def check_layers(spec: StudySpec, dataset: Dataset) -> None:
    """Check that rows can pass through every layer that a study lists.

    Raises UnsupportedError, with the first layer that they cannot pass.
    """
    for place, told in layer_problems(spec, dataset.features):
        raise UnsupportedError(f"{dotted(place)}: {told}")


def layer_problems(spec: StudySpec, features: Shape) -> Iterator[tuple[Place, str]]:
    """Iterate over the places of layers that rows of this shape cannot pass, and why."""
    for place, model in _models(spec.model, ("model",)):
        walk = _LayerWalk()
        written = place if isinstance(model.dump()[model.name], list) else (*place, "layers")
        ends = walk.through(model.layers, {LayerInput(len(features), features)}, written)
        for end in ends:
            if end.axes != 1 and not walk.problems:
                told = (
                    f"the output layer needs (features), and has {end} here: "
                    "end the layers in flatten, or in a global pooling"
                )
                walk.problems.append((place, told))
        yield from walk.problems


def _models(model: Any, place: Place) -> Iterator[tuple[Place, Sequential]]:
    if isinstance(model, Sequential):
        yield (*place, model.name), model
    elif isinstance(model, Choice):
        for index, option in enumerate(model.options):
            yield from _models(option, (*place, "choice", index))


class _LayerWalk:
    """Follows the rows through the layers; nothing given means that it is unknown."""

    def __init__(self) -> None:
        self.problems: list[tuple[Place, str]] = []

    def through(self, layers: Iterable[Any], given: set[LayerInput], place: Place) -> set[LayerInput]:
        for index, item in enumerate(layers):
            given = self._item(item, given, (*place, index))
        return given

    def _item(self, item: Any, given: set[LayerInput], place: Place) -> set[LayerInput]:
        if isinstance(item, Choice):
            options = [
                self._item(option, given, (*place, "choice", index))
                for index, option in enumerate(item.options)
            ]
            return _merged(*options) if all(options) else set()
        if isinstance(item, Repeat):
            return self._repeated(item, given, (*place, item.name, "layers"))
        if isinstance(item, Group):
            inner = self.through(item.layers, given, (*place, item.name))
            return self._added(given, inner, place) if isinstance(item, Residual) else inner
        return _merged(*(self._layer(item, one, place) for one in given))

    def _added(self, given: set[LayerInput], inner: set[LayerInput], place: Place) -> set[LayerInput]:
        beside = next(iter(given), None)
        wrong = {one for one in inner if beside is not None and not _may_equal(one, beside)}
        for one in wrong if len(given) == 1 else ():
            told = f"residual adds what has {one} to what has {beside}: its layers have to give "
            self.problems.append((place, told + "the shape that they are given"))
        return given

    def _repeated(self, item: Repeat, given: set[LayerInput], place: Place) -> set[LayerInput]:
        options = alternatives(item.times)
        least = min(int(one.low) if isinstance(one, Numeric) else one for one in options)
        most = max(int(one.high) if isinstance(one, Numeric) else one for one in options)
        ends = set(given) if least == 0 else set()
        for number in range(1, min(most, REPETITIONS) + 1):
            if number > least:  # sizes that only some trials have are told by these
                given = _of_any_size(given)
            given = self.through(item.layers, given, place)
            if number >= min(least, REPETITIONS):
                ends = _merged(ends, given)
        return ends if most <= REPETITIONS else _of_any_size(ends)

    def _layer(self, item: Any, given: LayerInput, place: Place) -> set[LayerInput]:
        if isinstance(item, FeatureEmbedding):
            return self._embedded(given, place)
        if item.name == "none" or not isinstance(item, Layer):
            return {given}
        try:
            found = _outputs(item, given)
        except MisfitError as failure:
            self.problems.append((place, f"{item.name} {failure}, and has {given} here"))
            return set()
        if found is None:
            needs = " or ".join(AXES.get(int(axes), f"{axes} axes") for axes in _taken(item))
            advice = "".join(f": {ADVICE[axes]}" for axes in (2, 3) if [str(axes)] == list(_taken(item)))
            if given.axes > 1 and not advice:
                advice = ": put flatten before it"
            self.problems.append((place, f"{item.name} needs {needs}, and has {given} here{advice}"))
            return set()
        return found

    def _embedded(self, given: LayerInput, place: Place) -> set[LayerInput]:
        if given.axes != 1:
            told = f"feature_embedding needs (features) of a table, and has {given} here"
            self.problems.append((place, told))
            return set()
        return {LayerInput(1)}


def _merged(*ends: set[LayerInput]) -> set[LayerInput]:
    """Join what several ways give; a shape that differs is not known."""
    found: dict[int, LayerInput] = {}
    for one in (one for end in ends for one in end):
        pairs = zip(one.sizes, found.get(one.axes, one).sizes, strict=True)
        found[one.axes] = replace(one, shape=tuple(side if side == other else None for side, other in pairs))
    return set(found.values())


def _of_any_size(ends: set[LayerInput]) -> set[LayerInput]:
    return {replace(one, shape=None) for one in ends}


def _may_equal(one: LayerInput, other: LayerInput) -> bool:
    if one != other:
        return False
    pairs = zip(one.sizes, other.sizes, strict=True)
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def _taken(layer: Layer) -> tuple[str, ...]:
    inner = getattr(layer, "layer", None)
    around = alternatives(inner)[0] if inner is not None else layer
    return tuple(around.told.get("axes", ()))


def _outputs(layer: Layer, given: LayerInput) -> set[LayerInput] | None:
    """Return what a layer makes of its inputs: None where it cannot take them, nothing where unknown."""
    if layer.name == "reshape":
        shapes = alternatives(layer.target_shape)  # type: ignore[attr-defined]  # a class that is made
        return _merged(*({_reshaped(shape, given)} for shape in shapes if isinstance(shape, tuple)))
    if layer.name == "flatten":
        known = [side for side in given.sizes if side is not None]
        return {LayerInput(1, (math.prod(known),) if len(known) == given.axes else None)}
    if layer.name in ("bidirectional", "spectral_normalization"):
        ends = [_outputs(inner, given) for inner in alternatives(layer.layer)]  # type: ignore[attr-defined]
        return None if None in ends else set().union(*(end for end in ends if end is not None))
    axes = layer.told.get("axes")
    if axes is None:
        return set()
    if str(given.axes) not in axes:
        return None
    shape = shape_after(layer, given.sizes)
    counts = {given.axes if kept == "all" else axes[str(given.axes)] + kept for kept in _kept(layer)}
    return {LayerInput(count, shape if shape and len(shape) == count else None) for count in counts}


def _reshaped(target: tuple[Any, ...], given: LayerInput) -> LayerInput:
    return LayerInput(len(target), reshaped(target, given.shape))


def _kept(layer: Layer) -> set[Any]:
    """Return what arguments keep of the axes: one for the steps, or all of them."""
    if hasattr(layer, "return_sequences"):
        return {int(bool(one)) for one in alternatives(layer.return_sequences)}
    if hasattr(layer, "keepdims"):
        return {"all" if one else 0 for one in alternatives(layer.keepdims)}
    return {0}
