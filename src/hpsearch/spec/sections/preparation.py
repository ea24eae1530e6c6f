"""What a study may search of how its data are prepared."""

from __future__ import annotations

from hpsearch.spec.sections.scaling import SCALINGS, FeatureScaling
from hpsearch.spec.sections.target_transform import TARGET_TRANSFORMS, TargetTransform
from hpsearch.spec.study_file.parts import Component, Part


class Preparation(Part):
    """How features are scaled and targets transformed, as far as a study says so."""

    scaling: FeatureScaling | None = None
    target_transform: TargetTransform | None = None

    @property
    def said(self) -> dict[str, Component]:
        """Return what is said, by the names that it has in the data section."""
        return {name: value for name, value in self.items() if value is not None}


PLACES = {name: f"data.{name}" for name in Preparation.model_fields}
"""Where it stands in a study file: all of the data section that is searched."""

NUMERIC = (PLACES["scaling"],)
"""What no computation graph depends on; losses of transformed targets are told in their own units."""

KINDS = {"scaling": SCALINGS, "target_transform": TARGET_TRANSFORMS}
"""What may be said; an ablation begins with `none` of each."""
