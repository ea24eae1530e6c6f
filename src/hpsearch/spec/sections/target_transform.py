"""How the targets of a regression are transformed before a network is trained on them."""

from __future__ import annotations

from typing import Annotated

from hpsearch.spec.study_file.parts import Component, OneOf, bare

TARGET_TRANSFORMS: dict[str, type[Component]] = {
    name: bare(name) for name in ("none", "standard", "log", "power")
}

TargetTransform = Annotated[Component, OneOf("a transform of targets", TARGET_TRANSFORMS)]
