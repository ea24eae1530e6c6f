"""Findings on histories that were made up: each kind where it should be, and nowhere else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from hpsearch.analysis import analyze, judge, to_json, total_failure
from hpsearch.analysis.findings import limits
from hpsearch.analysis.findings.finding import Kind
from hpsearch.analysis.findings.judgement import HOPELESS
from hpsearch.analysis.findings.why import REMEDIES
from hpsearch.analysis.probe import DEAD, EXPLODING_GRADIENT, LOOKS, SATURATED, VANISHING_GRADIENT
from hpsearch.data.summary import DataSummary
from hpsearch.report.html.reports import render_report
from hpsearch.scheduling.conclusion import learning
from hpsearch.scheduling.conclusion.learning import unexplained
from hpsearch.spec import Search, StudySpec, read_configuration
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.probes import read_probes, write_probes
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.training.probes.record import LayerProbe, LayerSample, TrainingProbe
from support.made_probes import layer

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")

CHANCE = 2.0
DATA = DataSummary(
    "sklearn:digits", "classification", (64,), 10, 100, 50, 0, 1, tuple("0123456789"), "f" * 64, CHANCE, 0.1
)


def spec(**training: Any) -> StudySpec:
    known = {"learning_rate": {"log_uniform": [1e-4, 1e-1]}, "epochs": 5, **training}
    return StudySpec.model_validate(
        {
            "name": "made",
            "data": "sklearn:digits",
            "model": {"mlp": {"hidden": [4, 4], "activation": {"choice": ["relu", "tanh"]}}},
            "training": known,
        }
    )


HEALTHY = ((1.5, 0.8, 0.5, 0.4, 0.39), (1.4, 0.8, 0.6, 0.5, 0.5))


def trial(
    number: int = 0,
    losses: Any = HEALTHY[0],
    val_losses: Any = HEALTHY[1],
    state: Any = "complete",
    **more: Any,
) -> TrialRecord:
    """Make a trial with these curves; accuracies stay at chance unless they are given."""
    epochs = len(val_losses)
    values = {"activation": "relu", "learning_rate": 0.003, **more.pop("parameters", {})}
    accuracy = more.pop("accuracy", (0.1,) * epochs)
    finite = [value for value in val_losses if value is not None]
    best = None if state == "failed" or not finite else min(finite)
    history = {
        "loss": tuple(losses),
        "val_loss": tuple(val_losses),
        "accuracy": accuracy,
        "val_accuracy": accuracy,
    }
    configuration = SearchSpace(more.pop("study", spec())).configuration(values)
    known = {"epochs": epochs, "best_epoch": None if best is None else list(val_losses).index(best) + 1}
    return TrialRecord(
        number, state, best, values, configuration, **known, seconds=1.0, seed=0, history=history, **more
    )


def record(*trials: TrialRecord, data: DataSummary | None = DATA, **more: Any) -> StudyRecord:
    return StudyRecord(more.pop("spec", spec()), data, trials, **more)


def found(*trials: TrialRecord, **more: Any) -> dict[str, Any]:
    return {finding.kind: finding for finding in judge(record(*trials, **more)).findings}


def many(**more: Any) -> list[TrialRecord]:
    """Make twelve healthy trials that differ in their values and in what they tried."""
    rates = [0.001 * (number + 1) for number in range(12)]
    return [
        trial(
            number,
            val_losses=(*HEALTHY[1][:4], 0.5 + 0.001 * number),
            parameters={"activation": ("relu", "tanh")[number % 2], "learning_rate": rate, **more},
        )
        for number, rate in enumerate(rates)
    ]


def test_a_healthy_study_has_no_finding() -> None:
    judgement = judge(record(*many()))
    assert judgement.findings == judgement.told == ()
    assert judgement.last_word is None


def test_without_a_trial_nothing_is_said() -> None:
    for empty in (record(), record(data=None), record(trial(state="running", val_losses=()))):
        assert judge(empty).findings == ()
        assert judge(empty).last_word is None


FLAT = ((2.05, 2.0, 1.99, 1.98, 1.99),) * 2


def test_what_never_left_the_level_of_chance_did_not_learn() -> None:
    finding = found(*many(), trial(12, *FLAT))["did not learn"]
    assert finding.trials == (12,)
    assert finding.evidence == {"loss": 1.98, "chance_loss": CHANCE}
    assert "1 trial did not learn: the loss never fell below 1.98" in finding.sentence


@pytest.mark.parametrize(
    "learned",
    [
        trial(losses=(2.0, 1.9, 1.8, 1.7, 1.6), val_losses=FLAT[0]),
        trial(losses=FLAT[0], val_losses=(2.0, 1.95, 1.89, 1.95, 2.0)),
        trial(0, *FLAT, accuracy=(0.1, 0.1, 0.1, 0.1, 0.3)),
        trial(0, (2.0, 2.0), (2.0, 2.0), state="pruned"),
    ],
    ids=["on its training rows", "on the others", "by its accuracy", "too short to tell"],
)
def test_what_left_it_in_any_way_is_no_such_trial(learned: TrialRecord) -> None:
    assert "did not learn" not in found(learned)


def test_without_the_level_of_chance_nothing_is_said_of_learning() -> None:
    old = replace(DATA, chance_loss=None, chance_accuracy=None)
    assert set(found(trial(0, *FLAT), data=old)) <= {"overfitting"}


def test_trials_are_grouped_and_explained_by_what_was_probed() -> None:
    dead, lost = [layer(symmetric=True)] * 2, [layer(gradient_norm=1e-9), layer()]
    probes: dict[int, tuple[LayerProbe, ...]] = {0: tuple(dead), 3: tuple(lost)}
    trials = [trial(n, *FLAT, parameters={"activation": ("relu", "tanh")[n // 3]}) for n in range(6)]
    findings = judge(record(*trials, first_probes=probes)).findings
    assert [(finding.trials, finding.evidence["cause"]) for finding in findings] == [
        ((0, 1, 2), "symmetry"),
        ((3, 4, 5), "vanishing gradient"),
    ]
    assert "3 trials did not learn" in findings[0].sentence
    assert "the gradient norm falls from 1 to 1e-9" in findings[1].sentence
    assert unexplained(record(*trials, first_probes=probes), 5) == []
    assert [one.number for one in unexplained(record(*trials), 5)] == [0, 3]
    assert [one.number for one in unexplained(record(*trials, first_probes={0: tuple(dead)}), 2)] == [3]
    assert unexplained(record(*trials), 0) == []


def test_a_loss_that_explodes_names_the_learning_rates() -> None:
    bad = [
        trial(n, (1e9, 40.0, 40.0), (13.0, 14.0, 13.0), parameters={"learning_rate": 0.09 + n / 1e4})
        for n in (12, 13)
    ]
    finding = found(*many(), *bad)["exploding loss"]
    assert finding.trials == (12, 13)
    assert finding.evidence["loss"] == 1e9
    assert "learning rates from 0.0912 to 0.0913" in finding.sentence
    assert "did not learn" not in found(*many(), *bad)
    spike = trial(losses=(1e9, 1.0, 0.9, 0.8, 0.8))
    assert "exploding loss" not in found(spike), "it recovered"


def exploding(number: int, rate: float, **more: Any) -> TrialRecord:
    return trial(number, (1e9, 40.0, 40.0), (13.0, 14.0, 13.0), parameters={"learning_rate": rate}, **more)


def test_a_loss_that_was_high_in_the_first_epoch_did_not_rise() -> None:
    finding = found(*many(), exploding(12, 0.09))["exploding loss"]
    assert (
        "it was 1e9 in the first epoch and at best 13, where a constant prediction has 2" in finding.sentence
    )
    rising = trial(12, (3.0, 50.0, 60.0), (3.0, 4.0, 5.0), parameters={"learning_rate": 0.09})
    assert "it rose to 60 and at best 3" in found(*many(), rising)["exploding loss"].sentence
    # One that is still falling only began there: longer steps, or more of them.
    falling = trial(12, (900.0, 600.0, 400.0), (800.0, 500.0, 300.0), parameters={"learning_rate": 0.0001})
    findings = found(*many(), falling)
    assert "exploding loss" not in findings
    assert "raise the learning rate, or train for longer" in findings["did not learn"].sentence
    once = trial(12, (900.0,), (800.0,), parameters={"learning_rate": 0.0001})
    assert "exploding loss" not in found(*many(), once), "of one epoch nothing is known"


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ((0.09, 0.1), "no trial with a learning rate up to 0.012 did: end the range there"),
        ((0.0115, 0.09), "lower the learning rate, or start from smaller weights"),
        ((0.006, 0.009), "a lower learning rate may help, or start from smaller weights"),
        (
            (0.0001, 0.0005),
            "trials with the same or a larger learning rate did better, so start from smaller weights",
        ),
    ],
    ids=["above all", "above most", "among them", "below all"],
)
def test_the_learning_rate_is_blamed_only_where_the_other_trials_speak_against_it(
    rates: tuple[float, float], told: str
) -> None:
    cause = "the training loss is not finite (epoch 2, step 7)"
    for kind in ("exploding loss", "diverged"):
        bad = [exploding(12 + place, rate) for place, rate in enumerate(rates)]
        if kind == "diverged":
            bad = [replace(one, state="failed", cause=cause, value=None) for one in bad]
        sentence = found(*many(), *bad)[kind].sentence
        assert sentence.endswith(told), sentence


def test_rates_of_another_optimizer_say_nothing() -> None:
    study = spec(optimizer={"choice": ["adam", "sgd"]})
    good = [
        replace(one, configuration=SearchSpace(study).configuration({**one.parameters, "optimizer": "adam"}))
        for one in many()
    ]
    values = {"learning_rate": 0.09, "optimizer": "sgd"}
    bad = trial(12, (1e9, 40.0, 40.0), (13.0, 14.0, 13.0), parameters=values, study=study)
    sentence = found(*good, bad, spec=study)["exploding loss"].sentence
    assert sentence.endswith("a lower learning rate may help, or clip the gradient"), sentence


def test_few_trials_end_no_range() -> None:
    sentence = found(*many()[:4], exploding(12, 0.09))["exploding loss"].sentence
    assert sentence.endswith("no trial with a learning rate up to 0.004 did: try lower ones")


def test_what_broke_before_any_step_is_not_blamed_on_the_learning_rate() -> None:
    cause = "the training loss is not finite (epoch 1, step 1)"
    bad = trial(12, (None,), (None,), state="failed", cause=cause, parameters={"learning_rate": 0.09})
    sentence = found(*many(), bad)["diverged"].sentence
    assert (
        "the initial weights or the data are the cause, not the learning rate; start from smaller" in sentence
    )
    assert "lower" not in sentence
    assert "clip" not in sentence
    assert sentence.count("learning rate") == 1


def test_what_others_of_the_network_learned_with_is_not_the_cause() -> None:
    dead = (layer(symmetric=True), layer(symmetric=True))
    lost = trial(12, *FLAT, parameters={"learning_rate": 1e-4})
    probed = {"first_probes": {12: dead}}
    assert found(lost, **probed)["did not learn"].evidence["cause"] == "symmetry"
    finding = found(*many(), lost, **probed)["did not learn"]
    assert "cause" not in finding.evidence
    assert "symmetry" not in finding.sentence


def test_what_diverged_says_where_and_from_which_learning_rate_on() -> None:
    cause = "the training loss is not finite (epoch 2, step 7)"
    bad = [
        trial(n, (1.0, None), (1.0, None), state="failed", cause=cause, parameters={"learning_rate": rate})
        for n, rate in ((12, 0.05), (13, 0.09))
    ]
    finding = found(*many(), *bad)["diverged"]
    assert finding.trials == (12, 13)
    assert finding.evidence == {"epoch": 2, "step": 7, "learning_rate": 0.05}
    assert f"2 trials diverged: {cause} in trial 12" in finding.sentence
    assert "no trial with a learning rate up to 0.012 did: end the range there" in finding.sentence
    odd = trial(14, (), (), state="failed", cause="ValueError: odd", parameters={"learning_rate": 0.1})
    assert set(found(*many(), *bad, odd)) == {"diverged", "failed"}
    assert "1 trial failed: ValueError: odd" in found(*many(), odd)["failed"].sentence


def test_what_failed_as_a_whole_is_told_with_its_cause() -> None:
    def bad(number: int, cause: str) -> TrialRecord:
        return trial(number, (None,), (None,), state="failed", cause=cause)

    odd, late = bad(0, "ValueError: odd"), bad(1, "val_loss is not finite (epoch 3)")
    running = trial(4, (), (), state="running")
    assert total_failure(record()) is None, "nothing has ended"
    assert total_failure(record(running)) is None
    assert total_failure(record(odd, running)) == "the only trial failed: ValueError: odd"
    assert total_failure(record(odd, trial(1))) is None, "one has a value"
    assert total_failure(record(odd, late, bad(2, "val_loss is not finite (epoch 9)"))) == (
        "every trial failed, 2 of 3 with this error: val_loss is not finite"
    )
    same = record(odd, bad(1, "ValueError: odd"), kind="confirmation")
    assert total_failure(same, "replicate of the finalists") == (
        "every replicate of the finalists failed with the same error: ValueError: odd"
    )


def test_overfitting_needs_both_curves() -> None:
    rising = (1.4, 0.6, 0.67, 0.68, 0.7)
    finding = found(trial(val_losses=rising))["overfitting"]
    assert finding.evidence == {"val_loss": 0.6, "epoch": 2, "last val_loss": 0.68, "trial": 0}
    assert (
        "val_loss was best in epoch 2, 0.6, and 0.68 in the median of the last 3 epochs" in finding.sentence
    )
    assert "the weights of the best epoch are kept" in finding.sentence
    assert "overfitting" not in found(trial(val_losses=(1.4, 0.6, 0.63, 0.65, 0.65))), "less than a tenth"
    assert "overfitting" not in found(trial(losses=(1.5, 0.5, 0.6, 0.6, 0.7), val_losses=rising))


@pytest.mark.parametrize(
    "val_losses",
    [(1.4, 0.8, 0.6, 0.6, 9.0), (1.4, 0.6, 0.6, 9.0, 0.6), (1.4, 0.8, 0.7, 0.6, 0.67)],
    ids=["the last epoch alone", "one bad epoch", "the best is among the last"],
)
def test_one_bad_epoch_is_no_overfitting(val_losses: tuple[float, ...]) -> None:
    assert "overfitting" not in found(trial(val_losses=val_losses))


def scored(metric: str, curve: tuple[float, ...], losses: Any = None, chance: float | None = None) -> Any:
    """Give the findings on one trial of a study with another metric, whose curve this is."""
    known = losses or (1.5, 0.8, 0.5, 0.4, 0.39)
    one = trial(losses=known, val_losses=(1.4, 0.6, 0.67, 0.68, 0.7))
    one = replace(one, value=max(curve), best_epoch=curve.index(max(curve)) + 1)
    one = replace(one, history={**one.history, metric: curve})
    study = spec().model_copy(update={"search": Search(metric=metric)})
    return found(one, spec=study, data=replace(DATA, chance=chance, constant="always 0"))


def test_overfitting_is_judged_by_the_metric_and_its_direction() -> None:
    # The loss on the validation rows rises in all of these, and that alone says nothing of a score.
    assert "overfitting" not in scored("val_accuracy", (0.5, 0.8, 0.85, 0.9, 0.91))
    worse = scored("val_accuracy", (0.5, 0.91, 0.8, 0.78, 0.79), chance=0.1)["overfitting"]
    assert worse.evidence == {"val_accuracy": 0.91, "epoch": 2, "last val_accuracy": 0.79, "trial": 0}
    assert "val_accuracy was best in epoch 2, 0.91, and 0.79 in the median" in worse.sentence
    # A score below 0 gets worse where it falls; one that rises gets better.
    assert "overfitting" in scored("neg_mean_squared_error", (-9.0, -1.0, -1.3, -1.4, -1.5))
    assert "overfitting" not in scored("neg_mean_squared_error", (-9.0, -1.5, -1.4, -1.3, -1.0))
    # Of what lies above the level of chance it is a tenth: 0.98 to 0.96 is half of the way back to 0.94.
    assert "overfitting" in scored("val_accuracy", (0.9, 0.98, 0.96, 0.96, 0.96), chance=0.94)
    assert "overfitting" not in scored("val_accuracy", (0.9, 0.98, 0.96, 0.96, 0.96), chance=0.5)


def test_a_score_near_0_is_no_share_of_itself() -> None:
    assert "budget too short" not in scored("r2", (0.0, 0.001, 0.001, 0.001, 0.002), chance=0.0)
    told = scored("r2", (0.0, 0.1, 0.2, 0.3, 0.4), chance=0.0)["budget too short"].sentence
    assert "r2 of trial 0 went from 0.3 to 0.4 in the last epoch of 5" in told


def test_underfitting_is_a_training_loss_that_stays_high_and_no_longer_falls() -> None:
    flat = (1.6, 1.3, 1.2, 1.2, 1.2)
    finding = found(trial(losses=flat, val_losses=flat))["underfitting"]
    assert finding.evidence == {"loss": 1.2, "chance_loss": CHANCE, "trial": 0}
    assert "60 %" in finding.sentence
    falling = (1.9, 1.7, 1.5, 1.3, 1.1)
    assert "underfitting" not in found(trial(losses=falling, val_losses=falling))
    assert "underfitting" not in found(trial(losses=flat, val_losses=tuple(1.2 * v for v in flat)))


def test_a_budget_is_too_short_for_the_best_trial_only() -> None:
    falling = trial(12, val_losses=(1.4, 0.8, 0.6, 0.5, 0.45))
    finding = found(*many(), falling)["budget too short"]
    assert finding.trials == (12,)
    assert finding.evidence["share"] == pytest.approx(0.1)
    assert (
        "1 trial was still getting better at the last epoch: val_loss of trial 12 went from 0.5 to 0.45 in the "
        "last epoch of 5; train for longer" in finding.sentence
    )
    worse = trial(12, val_losses=(1.4, 1.3, 1.2, 1.1, 0.9))
    assert "budget too short" not in found(*many(), worse)
    another = trial(13, val_losses=(1.4, 0.8, 0.6, 0.55, 0.5))
    sentence = found(*many(), falling, another)["budget too short"].sentence
    assert sentence.startswith("2 trials, the best among them, were still getting better")


def test_the_best_trials_at_one_end_of_a_range_ask_for_a_wider_one() -> None:
    rates = [0.09, 0.08, 0.07, *(0.001 * (n + 1) for n in range(9))]
    trials = [
        replace(one, parameters={**one.parameters, "learning_rate": rate})
        for one, rate in zip(many(), rates, strict=True)
    ]
    finding = found(*trials)["edge of the range"]
    assert finding.trials == (0, 1, 2)
    assert finding.evidence == {"parameter": "learning_rate", "best": 0.09, "end": 0.1}
    assert "upper end of its range, 0.0001 to 0.1 (best: 0.09)" in finding.sentence
    assert "edge of the range" not in found(*trials[:9]), "too few trials"
    one_inside = [trials[0], replace(trials[1], parameters={**trials[1].parameters, "learning_rate": 0.01})]
    assert "edge of the range" not in found(*one_inside, *trials[2:])


@pytest.mark.parametrize(("high", "needed"), [(16, 10), (32, 5), (160, 3)])
def test_of_a_range_of_few_values_more_of_the_best_trials_must_lie_at_an_end(high: int, needed: int) -> None:
    """By chance that happens as seldom as with three trials in a tenth: 0.5 ** 10, 0.25 ** 5 < 0.1 ** 3."""
    study = StudySpec.model_validate(
        {
            "name": "made",
            "data": "sklearn:digits",
            "model": {"mlp": {"hidden": [{"int": [8, high, 8]}]}},
            "training": {"epochs": 5},
        }
    )
    for count in (needed - 1, needed):
        trials = [
            replace(one, parameters={"hidden.0": high if one.number < count else 8})
            for one in (*many(), *(replace(each, number=each.number + 12) for each in many()))
        ]
        trials = [replace(one, value=0.4 + 0.001 * one.number) for one in trials]
        assert ("edge of the range" in found(*trials, spec=study)) is (count == needed)


def test_an_end_that_cannot_be_moved_is_no_finding() -> None:
    raw = spec().model_copy(
        update={
            "model": StudySpec.model_validate(
                {
                    "name": "m",
                    "data": "sklearn:digits",
                    "training": {"epochs": 1},
                    "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.0, 0.5]}}},
                }
            ).model
        }
    )
    trials = [
        replace(
            one, parameters={"dropout": 0.001 * one.number, "learning_rate": one.parameters["learning_rate"]}
        )
        for one in many()
    ]
    assert "edge of the range" not in found(*trials, spec=raw)


def test_an_option_that_nobody_tried_is_named() -> None:
    finding = found(*many(activation="tanh"))["never tried"]
    assert finding.sentence == "activation: none of 12 trials tried relu"
    assert finding.trials == ()
    assert "never tried" not in found(*many(activation="tanh")[:9])


def test_the_verdict_is_what_happened_where_no_trial_is_of_use() -> None:
    cause = "the training loss is not finite (epoch 1, step 3)"
    bad = trial(1, (None,), (None,), state="failed", cause=cause, parameters={"learning_rate": 0.1})
    verdict = judge(record(trial(0, *FLAT), bad)).last_word
    assert verdict is not None
    assert "1 trial diverged: the training loss is not finite (epoch 1, step 3)" in verdict
    assert "1 trial did not learn" in verdict
    assert judge(record(trial(0, *FLAT), bad, trial(2))).last_word is None


def test_told_is_what_concerns_the_best_trial_or_many() -> None:
    one, several = [trial(12, *FLAT)], [trial(n, *FLAT) for n in (12, 13, 14, 15)]
    assert judge(record(*many(), *one)).told == ()
    assert [finding.kind for finding in judge(record(*many(), *several)).told] == ["did not learn"]


def sample(name: str, gradient: float | None = 1.0, **more: Any) -> LayerSample:
    return LayerSample(name, gradient, 1.0, **{"deviation": 0.5, "dead": 0.0, "saturated": None, **more})


def looked_into(
    *layers: LayerSample, clipped: bool | None = None, number: int = 0, **more: Any
) -> TrialRecord:
    """Make a healthy trial that was looked into twice, the second time with these hidden layers."""
    output = LayerSample("output", 1.0, 1.0)
    probes = {
        1: (sample("hidden_1"), sample("hidden_2")),
        5: layers or (sample("hidden_1"), sample("hidden_2")),
    }
    made = {epoch: TrainingProbe((*hidden, output), clipped) for epoch, hidden in probes.items()}
    return replace(trial(number, **more), probes=made)


def test_healthy_networks_that_were_looked_into_have_no_finding() -> None:
    assert found(looked_into()) == {}


def test_what_the_last_probe_saw_is_told_of_the_worst_trial() -> None:
    some = looked_into(sample("hidden_1"), sample("hidden_2", dead=0.25))
    most = looked_into(sample("hidden_1", dead=0.8), sample("hidden_2", saturated=0.3), number=1)
    findings = found(some, most)
    assert set(findings) == {"dead units", "saturation"}
    assert findings["dead units"].trials == (0, 1)
    assert findings["dead units"].evidence == {"trial": 1, "worst": 0.8}
    assert "seen in 2 trials: 80 % of the units in hidden_1" in findings["dead units"].sentence
    assert findings["saturation"].trials == (1,)
    assert found(looked_into(sample("hidden_1", dead=0.2), sample("hidden_2", saturated=0.2))) == {}
    failing = replace(most, state="failed", cause="ValueError: odd")
    assert set(found(failing)) == {"failed"}


@pytest.mark.parametrize(
    ("first", "kind"),
    [(0.009, "vanishing gradient"), (101.0, "exploding gradient"), (0.02, None), (99.0, None)],
)
def test_a_gradient_is_lost_or_explodes_in_every_probe(first: float, kind: str | None) -> None:
    once = looked_into(sample("hidden_1", first), sample("hidden_2"))
    assert found(once) == {}, "not in the first probe"
    always = replace(once, probes={5: once.probes[5]})
    assert set(found(always)) == ({kind} if kind else set())
    single = replace(
        once, probes={5: TrainingProbe((sample("hidden_1", first), LayerSample("output", 1.0, 1.0)))}
    )
    assert found(single) == {}, "one hidden layer has no depth"


@pytest.mark.parametrize(
    ("position", "deviation", "is_found"),
    [("before_activation", 0.009, True), ("before_activation", 0.02, False), ("none", 0.009, False)],
)
def test_a_batch_normalization_collapses(position: str, deviation: float, is_found: bool) -> None:
    one = looked_into(sample("hidden_1"), sample("hidden_2", deviation=deviation))
    raw = {**one.configuration.dump(), "model": {"mlp": {"hidden": [4, 4], "batch_norm": position}}}
    one = replace(one, configuration=read_configuration(raw))
    assert ("collapsed batch norm" in found(one)) is is_found


@pytest.mark.parametrize(
    ("clipped", "kind"), [(True, "clipping always active"), (False, "clipping never active"), (None, None)]
)
def test_clipping_that_is_always_or_never_active(clipped: bool | None, kind: str | None) -> None:
    study = spec(clipping={"clipnorm": 0.25})
    one = looked_into(clipped=clipped, study=study)
    assert set(found(one, spec=study)) == ({kind} if kind else set())
    if kind is not None:
        assert "the threshold of 0.25" in found(one, spec=study)[kind].sentence
        mixed = {**one.probes, 3: replace(one.probes[5], clipped=not clipped)}
        assert found(replace(one, probes=mixed), spec=study) == {}
        assert found(replace(one, probes={5: one.probes[5]}), spec=study) == {}, "one probe is too few"


def test_what_diverged_tells_the_layer_and_the_gradients() -> None:
    cause = "the training loss is not finite (epoch 2, step 7, first in layer hidden_2)"
    layers = (sample("hidden_1", 3e6), sample("hidden_2", 5e4), LayerSample("output", None, 1.0))
    bad = trial(0, (1.0, None), (1.0, None), state="failed", cause=cause)
    finding = found(replace(bad, probes={2: TrainingProbe(layers, None, "hidden_2")}))["diverged"]
    assert finding.evidence == {
        "layer": "hidden_2",
        "epoch": 2,
        "step": 7,
        "learning_rate": 0.003,
        "gradient norm, hidden_1": 3e6,
        "gradient norm, hidden_2": 5e4,
    }
    assert "the largest gradient of the previous step was in hidden_1, with norm 3e6" in finding.sentence


@pytest.mark.slow
def test_every_finding_stands_in_the_report_and_in_json() -> None:
    made = record(*many(), trial(12, *FLAT), trial(13, val_losses=(1.4, 0.6, 0.67, 0.68, 0.7)))
    findings = judge(made).findings
    assert [finding.kind for finding in findings] == ["did not learn", "overfitting"]
    text = render_report(analyze(made), made)
    plain = json.loads(json.dumps(to_json(analyze(made)), allow_nan=False))
    for finding, told in zip(findings, plain["judgement"]["findings"], strict=True):
        assert finding.sentence in text
        assert (told["kind"], told["trials"]) == (finding.kind, list(finding.trials))
        assert told["evidence"] == finding.evidence
    healthy = record(*many())
    assert "No problems were found in the trials" in render_report(analyze(healthy), healthy)
    hopeless = record(trial(0, *FLAT))
    assert "No trial learned. 1 trial did not learn" in render_report(analyze(hopeless), hopeless)


def test_probes_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "probes.npz"
    probes = {
        3: (layer(saturated=0.5), layer(mean=float("inf"), deviation=float("inf")), layer(symmetric=True))
    }
    write_probes(path, probes)
    assert read_probes(path) == probes
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.warns(RuntimeWarning, match="is not used: damaged"):
        assert read_probes(path) == {}
    assert read_probes(tmp_path / "none.npz") == {}


def test_the_page_on_findings_gives_every_kind_and_every_limit() -> None:
    known = {name: value for name, value in {**vars(limits), **vars(learning)}.items() if name.isupper()}
    told = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|$", PAGE, re.MULTILINE))
    assert {name: float(value) for name, value in told.items()} == known
    kinds = re.findall(r"^\| ([a-z ]+) \| .", PAGE, re.MULTILINE)
    assert set(kinds) - {"finding", "limit"} == set(get_args(Kind))
    assert set(HOPELESS) < set(get_args(Kind))
    words = set(re.findall(r"`([A-Z_]+)`", PAGE))
    assert words == set(known)
    assert {"0.01", "100"} == {f"{VANISHING_GRADIENT:g}", f"{EXPLODING_GRADIENT:g}"}
    assert DEAD == SATURATED == 0.25
    assert set(REMEDIES) == set(LOOKS)
    causes = re.sub(r"\s+", " ", PAGE.partition("reported as the cause: ")[2]).partition(".")[0]
    assert causes.split(", ") == list(REMEDIES)
