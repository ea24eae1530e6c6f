"""What the figures of a comparison show."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.analysis.arms.arm_results import ArmResult
from hpsearch.analysis.arms.comparison import ComparisonResult
from hpsearch.analysis.arms.standing import Standing
from hpsearch.report.figures import (
    BandPanel,
    BandPlot,
    DotPlot,
    DotRow,
    DrawnBand,
    HeatCell,
    HeatMap,
    Scale,
    fit_scale,
)
from hpsearch.report.figures.dots import Kind
from hpsearch.report.figures.svg import clip_label
from hpsearch.report.words.estimates import mean_text, three_digits
from hpsearch.spec.space.parameter import Value

FEW = 9
"""Arms up to which each has a panel of learning curves."""

TOP, BOTTOM = 6, 2
"""With more arms, the number of best and worst arms that have one, in addition to the baseline."""


INSIDE = 0.25
"""Strength of the worst cell that is not far worse than all others."""


def means_of(comparison: ComparisonResult) -> DotPlot:
    """Show the metric of each arm at the best epoch."""
    rows = tuple(_mean_row(arm, comparison) for arm in _begun(comparison))
    baseline = comparison.by_name[comparison.baseline].best
    return DotPlot(rows, comparison.metric, baseline.mean, f"baseline: {mean_text(baseline)}")


def _begun(comparison: ComparisonResult) -> list[ArmResult]:
    return [arm for arm in comparison.arms if arm.ended]


def _label(arm: ArmResult, comparison: ComparisonResult) -> str:
    return f"{arm.name} (baseline)" if arm.name == comparison.baseline else arm.name


def _mean_row(arm: ArmResult, comparison: ComparisonResult) -> DotRow:
    points = tuple(one.best for one in arm.replicates if one.best is not None)
    note = f"{arm.best.failed} of {arm.ended} failed" if arm.best.failed else mean_text(arm.best)
    kind: Kind = "best" if arm.tied else "arm"
    return DotRow(_label(arm, comparison), kind, arm.best.mean, arm.best.low, arm.best.high, points, note)


def differences_of(comparison: ComparisonResult) -> DotPlot:
    """Show the paired difference of each arm to the baseline."""
    rows = tuple(
        _difference_row(arm, arm.standing, comparison)
        for arm in _begun(comparison)
        if arm.standing is not None
    )
    what = f"{comparison.metric}, difference to the baseline"
    return DotPlot(rows, what, 0.0, f"baseline: {clip_label(comparison.baseline)}", centred=True)


def _difference_row(arm: ArmResult, standing: Standing, comparison: ComparisonResult) -> DotRow:
    other = {one.replicate: one.best for one in comparison.by_name[comparison.baseline].replicates}
    pairs = [(one.best, other.get(one.replicate)) for one in arm.replicates]
    found = standing.difference.estimate
    return DotRow(
        label=arm.name,
        kind="cannot tell" if standing.order == "not enough" else standing.order,
        mean=found.mean,
        low=found.low,
        high=found.high,
        points=tuple(own - base for own, base in pairs if own is not None and base is not None),
        note=_difference_note(standing),
    )


def _difference_note(standing: Standing) -> str:
    if standing.failed or standing.others_failed:
        return f"{standing.failed} failed" if standing.failed else "the baseline failed"
    return mean_text(standing.difference.estimate)


def epochs_of(comparison: ComparisonResult) -> DotPlot:
    """Show the epochs to the target of each arm that reached it on a seed, the quickest first."""
    reached = [arm for arm in comparison.arms if arm.to_target.count]
    ordered = sorted(reached, key=lambda arm: (arm.to_target.failed, arm.to_target.mean or 0.0))
    return DotPlot(tuple(_epochs_row(arm, comparison) for arm in ordered), "epochs to the target loss")


def _epochs_row(arm: ArmResult, comparison: ComparisonResult) -> DotRow:
    found = arm.to_target
    points = tuple(float(one.to_target) for one in arm.replicates if one.to_target is not None)
    note = f"{found.count} of {arm.ended} reach it" if found.failed else mean_text(found)
    kind: Kind = "best" if arm.tied else "arm"
    return DotRow(_label(arm, comparison), kind, found.mean, found.low, found.high, points, note)


def heat_of(comparison: ComparisonResult) -> HeatMap | None:
    """Lay out the means by two factors, the one with more options downwards.

    None where there are fewer factors or more.
    """
    if len(comparison.factors) != 2:
        return None
    options = {factor: _options(comparison, factor) for factor in comparison.factors}
    down, across = sorted(comparison.factors, key=lambda factor: -len(options[factor]))
    found = {(arm.values.get(down), arm.values.get(across)): arm for arm in comparison.arms}
    means = [arm.best.mean for arm in found.values() if arm.values and arm.best.mean is not None]
    scale = fit_scale(means, minimize=comparison.minimize).around(means)
    cells = tuple(
        tuple(_cell(found.get((row, column)), scale, comparison) for column in options[across])
        for row in options[down]
    )
    names = [tuple(map(str, options[factor])) for factor in (down, across)]
    return HeatMap(names[0], names[1], down, across, cells)


def _options(comparison: ComparisonResult, factor: str) -> list[Value]:
    """List the options of a factor that some arm has, those of the best arms first."""
    return list(dict.fromkeys(arm.values[factor] for arm in comparison.arms if factor in arm.values))


def _cell(arm: ArmResult | None, scale: Scale, comparison: ComparisonResult) -> HeatCell | None:
    if arm is None:
        return None
    mean = arm.best.mean
    if mean is None:
        return HeatCell(f"{arm.best.failed} failed" if arm.best.failed else "", None, best=False)
    return HeatCell(three_digits(mean), _strength(mean, scale, minimize=comparison.minimize), arm.tied)


def _strength(mean: float, scale: Scale, *, minimize: bool) -> float:
    """Return the strength of a cell; those beyond the scale have none, and the others stay away from it."""
    if scale.place(mean) != mean:
        return 0.0
    strength = 1 - scale.share(mean) if minimize else scale.share(mean)
    return INSIDE + (1 - INSIDE) * strength if scale.outside else strength


def bands_of(comparison: ComparisonResult) -> BandPlot:
    """Show the learning curves of all arms; of many, those of the best, the baseline and the worst."""
    panels = tuple(_panel(arm, comparison) for arm in shown_arms(comparison))
    base = comparison.by_name[comparison.baseline].validation
    return BandPlot(panels, DrawnBand.of(base) if base.counts else None, comparison.metric)


def shown_arms(comparison: ComparisonResult) -> list[ArmResult]:
    """Choose the arms whose learning curves are drawn, in their order."""
    begun = _begun(comparison)
    if len(begun) <= FEW:
        return begun
    baseline = comparison.by_name[comparison.baseline]
    sound = [arm for arm in begun if arm.best.mean is not None]
    chosen = {arm.name for arm in (*sound[:TOP], baseline, *_worst(begun, sound))}
    return [arm for arm in begun if arm.name in chosen]


def _worst(begun: Sequence[ArmResult], sound: Sequence[ArmResult]) -> list[ArmResult]:
    """Return the worst arms with a mean, of which the last gives way to one that failed."""
    failed = [arm for arm in begun if arm.best.failed][:1]
    return [*sound[len(failed) - BOTTOM :], *failed]


def _panel(arm: ArmResult, comparison: ComparisonResult) -> BandPanel:
    curves = tuple(one.history.get(comparison.metric, ()) for one in arm.replicates if one.failed)
    text = f"{arm.best.failed} of {arm.ended} seeds failed" if arm.best.failed else mean_text(arm.best)
    note = f"{text}, baseline" if arm.name == comparison.baseline else text
    return BandPanel(arm.name, note, DrawnBand.of(arm.validation), DrawnBand.of(arm.training), curves)
