"""What probes saw inside the networks while they were trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hpsearch.analysis.findings.finding import Kind, StudyFinding, counted, numbers_of, spoken
from hpsearch.analysis.findings.limits import COLLAPSED
from hpsearch.analysis.probe import DEAD, EXPLODING_GRADIENT, SATURATED, VANISHING_GRADIENT
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.training.probes.record import LayerSample, TrainingProbe


@dataclass(frozen=True)
class Seen:
    """What was seen in one trial: how bad it is, and the words for it."""

    badness: float
    words: str


Look = Callable[[TrialRecord, list[TrainingProbe]], Seen | None]


def probed(record: StudyRecord) -> Iterator[StudyFinding]:
    """Find every kind of trouble in the probes of the trials, one finding for each kind."""
    for kind, look in LOOKS.items():
        seen = [(trial, found) for trial in record.trials if (found := _look(look, trial)) is not None]
        if seen:
            worst, found = max(seen, key=lambda pair: pair[1].badness)
            trials = [trial for trial, _ in seen]
            sentence = f"seen in {counted(trials)}: {found.words} of trial {worst.number}"
            evidence: dict[str, Value] = {"trial": worst.number, "worst": found.badness}
            yield StudyFinding(kind, sentence, numbers_of(trials), evidence)


def _look(look: Look, trial: TrialRecord) -> Seen | None:
    """Look at the probes of a trial, unless it failed: what is seen then is what ended it."""
    probes = [probe for _, probe in sorted(trial.probes.items())]
    return look(trial, probes) if probes and trial.state in ("complete", "pruned") else None


def hidden_of(probe: TrainingProbe) -> tuple[LayerSample, ...]:
    """List the hidden layers of a probe: the last layer is the output."""
    return probe.layers[:-1]


def _gradient_ratio(probe: TrainingProbe) -> float | None:
    """Divide the gradient norm of the first hidden layer by that of the last."""
    layers = hidden_of(probe)
    if len(layers) < 2:
        return None
    first, last = layers[0], layers[-1]
    if first.gradient_norm is None or not last.gradient_norm:
        return None
    return first.gradient_norm / last.gradient_norm


def _ratios(probes: list[TrainingProbe]) -> list[float]:
    """List the ratios of every probe; empty where one has none."""
    found = [_gradient_ratio(probe) for probe in probes]
    known = [ratio for ratio in found if ratio is not None]
    return known if len(known) == len(found) else []


def _vanishing_gradient(_: TrialRecord, probes: list[TrainingProbe]) -> Seen | None:
    ratios = _ratios(probes)
    if not ratios or max(ratios) >= VANISHING_GRADIENT:
        return None
    told = f"the gradient norm of the first hidden layer is at most {spoken(max(ratios))} times that of the"
    return Seen(-max(ratios), f"{told} last, in every probe")


def _exploding_gradient(_: TrialRecord, probes: list[TrainingProbe]) -> Seen | None:
    ratios = _ratios(probes)
    if not ratios or min(ratios) <= EXPLODING_GRADIENT:
        return None
    told = f"the gradient norm of the first hidden layer is at least {spoken(min(ratios))} times that of the"
    return Seen(min(ratios), f"{told} last, in every probe")


def _worst(probe: TrainingProbe, share: Callable[[LayerSample], float | None]) -> tuple[float, str]:
    """Return the largest share over the hidden layers, and the name of its layer; 0 where there are none."""
    shares = ((share(layer) or 0.0, layer.name) for layer in hidden_of(probe))
    return max(shares, key=lambda pair: pair[0], default=(0.0, ""))


def _dead_units(_: TrialRecord, probes: list[TrainingProbe]) -> Seen | None:
    share, name = _worst(probes[-1], lambda layer: layer.dead)
    if share < DEAD:
        return None
    return Seen(share, f"{100 * share:.0f} % of the units in {name} are 0 for every row in the last probe")


def _saturation(_: TrialRecord, probes: list[TrainingProbe]) -> Seen | None:
    share, name = _worst(probes[-1], lambda layer: layer.saturated)
    if share < SATURATED:
        return None
    told = f"{100 * share:.0f} % of the activations in {name} are saturated"
    return Seen(share, f"{told} in the last probe")


def _collapsed_batch_norm(trial: TrialRecord, probes: list[TrainingProbe]) -> Seen | None:
    model = trial.configuration.model
    layers = hidden_of(probes[-1])
    normalized = [
        (layer.deviation, layer.name)
        for index, layer in enumerate(layers)
        if model.normalizes_kernel(index) and layer.deviation is not None
    ]
    deviation, name = min(normalized, default=(math.inf, ""))
    if deviation >= COLLAPSED:
        return None
    told = (
        f"after batch normalization, the activations in {name} have a standard deviation of only "
        f"{spoken(deviation)}"
    )
    return Seen(-deviation, f"{told} in the last probe")


def _clipping(*, active: bool, told: str) -> Look:
    """Look for trials in every probe of which clipping was active, or in none."""

    def look(trial: TrialRecord, probes: list[TrainingProbe]) -> Seen | None:
        if len(probes) < 2 or any(probe.clipped is not active for probe in probes):
            return None
        threshold: float = trial.configuration.training.clipping.threshold  # type: ignore[attr-defined]
        return Seen(-threshold if active else threshold, f"the threshold of {spoken(threshold)} {told}")

    return look


LOOKS: dict[Kind, Look] = {
    "vanishing gradient": _vanishing_gradient,
    "exploding gradient": _exploding_gradient,
    "dead units": _dead_units,
    "saturation": _saturation,
    "collapsed batch norm": _collapsed_batch_norm,
    "clipping always active": _clipping(active=True, told="clipped the gradient in every probe"),
    "clipping never active": _clipping(active=False, told="did not clip the gradient in any probe"),
}
"""Each kind with the function that looks for it in one trial."""
