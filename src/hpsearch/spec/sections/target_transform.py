"""How the targets of a regression are transformed before a network is trained on them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hpsearch.spec.study_file.parts import Component, OneOf, bare


class Power(Component):
    """The transform of Yeo and Johnson, with the most likely exponent where none is given."""

    name = "power"
    scalar = "exponent"
    exponent: Annotated[float, Field(ge=-2, le=4)] | None = None

    def dump(self) -> Any:
        return self.name if self.exponent is None else super().dump()


TARGET_TRANSFORMS: dict[str, type[Component]] = {
    **{name: bare(name) for name in ("none", "standard", "log")},
    Power.name: Power,
}

TargetTransform = Annotated[Component, OneOf("a transform of targets", TARGET_TRANSFORMS)]
