"""A model that `build(hp)` of the user's own file builds, by Keras Tuner's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from hpsearch.spec.sections.own_model import OwnModel, Scalar
from hpsearch.spec.study_file.distributions import Choice, Numeric, Searchable, problem
from hpsearch.spec.study_file.parts import MAX_ITEMS, Part, as_tuple, label_of

Parents = tuple[tuple[str, tuple[Any, ...]], ...]
"""Names of hyperparameters, and the values that each must have one of."""


def _parents(raw: Any) -> Parents:
    if isinstance(raw, tuple):
        return raw
    if not isinstance(raw, dict) or not all(isinstance(one, list) and one for one in raw.values()):
        raise problem("hyperparameters, each with a list of values")
    return tuple((str(name), tuple(values)) for name, values in raw.items())


class Hyperparameter(Part):
    """What `build` asks of `hp` under a name.

    It is searched, or fixed, where each of its parents (`when`) has one of some values. A mirrored one is
    `low + high - value`, where the distribution is that of `value`.
    """

    name: str
    value: Searchable[Scalar]
    default: Scalar | None = None
    when: Annotated[Parents, PlainValidator(_parents)] = ()
    mirrored: bool = False

    @property
    def parameter_name(self) -> str:
        """Return by which name the search has it."""
        if self.mirrored and isinstance(self.value, Numeric):
            return f"{self.value.low + self.value.high:g} - {self.name}"
        return self.name

    unwritten = frozenset({"when", "mirrored"})

    def dump(self) -> Any:
        when = {"when": {name: list(values) for name, values in self.when}} if self.when else {}
        return {**super().dump(), **when}

    def option_label(self) -> str:
        return f"{self.name}={label_of(self.value)}"

    def is_given(self, values: dict[str, Any]) -> bool:
        """Return whether its parents have values under which there is one of it."""
        return all(name in values and values[name] in allowed for name, allowed in self.when)


Hyperparameters = Annotated[
    tuple[Hyperparameter, ...],
    BeforeValidator(as_tuple),
    WithJsonSchema({"type": "array", "maxItems": MAX_ITEMS}),
]


class KerasTunerModel(OwnModel):
    """A model by `build(hp)`: a function, or a class or an object with a method of that name.

    `hyperparameters` are those that are searched, by default what running it finds when a study begins.
    """

    name = "keras_tuner"
    worded: ClassVar = "file"
    hyperparameters: Hyperparameters | None = None

    @model_validator(mode="before")
    @classmethod
    def _function_may_stand_behind_the_file(cls, raw: Any) -> Any:
        """Split `my_model.py:build`."""
        if isinstance(raw, dict) and "function" not in raw and isinstance(raw.get("file"), str):
            file, _, function = raw["file"].rpartition(":")
            if file and function.isidentifier():
                return {**raw, "file": file, "function": function}
        return raw


def unexplored(model: Any) -> Iterator[KerasTunerModel]:
    """Iterate over the models of a study whose hyperparameters are not known before they are run."""
    for option in model.options if isinstance(model, Choice) else (model,):
        if isinstance(option, Choice):
            yield from unexplored(option)
        elif isinstance(option, KerasTunerModel) and option.hyperparameters is None:
            yield option


def explored(model: Any, known: Any) -> Any:
    """Return a model section with the hyperparameters that are known of its models.

    Args:
        model: The section.
        known: The same section, with hyperparameters.
    """
    if isinstance(model, Choice) and isinstance(known, Choice) and len(model.options) == len(known.options):
        options = tuple(explored(*both) for both in zip(model.options, known.options, strict=True))
        return Choice(options, model.shared)
    both = isinstance(model, KerasTunerModel) and isinstance(known, KerasTunerModel)
    # Where the file lies may have changed: what it holds has a fingerprint.
    if both and model.function == known.function and model.hyperparameters is None:
        return model.model_copy(update={"hyperparameters": known.hyperparameters})
    return model
