"""How the features of rows are scaled before a network is trained on them."""

from __future__ import annotations

from typing import Annotated

from hpsearch.spec.study_file.parts import Component, OneOf, bare

SCALINGS: dict[str, type[Component]] = {
    name: bare(name) for name in ("none", "standard", "robust", "quantile")
}

FeatureScaling = Annotated[Component, OneOf("a scaling of features", SCALINGS)]
