"""For how long, and how, a winner is trained once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import pytest

from hpsearch.analysis import analyze
from hpsearch.analysis.influence.influence import NOT_JUDGED
from hpsearch.report.words.prose import answer
from hpsearch.scheduling.conclusion import conclude_search
from hpsearch.scheduling.conclusion.refit import plan_refit
from hpsearch.scheduling.conclusion.verdict import judge_finalists, name_of
from hpsearch.spec.sections.study import read_configuration
from hpsearch.store.record import StudyRecord
from hpsearch.store.winner import Refit
from support import made_confirmations


@pytest.fixture
def record(synthetic: Any) -> StudyRecord:
    made: StudyRecord = synthetic.record_of(20)
    confirm = made.spec.confirm.model_copy(update={"refit": True})
    return replace(made, spec=made.spec.model_copy(update={"confirm": confirm}))


def changed(record: StudyRecord, best: list[int], **changes: Any) -> StudyRecord:
    """Confirm a record, and change the runs of its winner: their best epochs, and whatever else."""
    confirmation = made_confirmations.confirmed(record, finalists=2, replicates=len(best))
    verdict = judge_finalists(record, confirmation)
    assert verdict is not None
    name = f"trial {verdict.winner}"
    runs = [
        replace(run, best_epoch=best[int(run.parameters["replicate"])], **changes)
        if run.parameters["arm"] == name
        else run
        for run in confirmation.trials
    ]
    return replace(confirmation, trials=tuple(runs))


def planned(record: StudyRecord, confirmation: StudyRecord) -> Refit:
    verdict = judge_finalists(record, confirmation)
    assert verdict is not None
    found = plan_refit(record, confirmation, verdict)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("best", "epochs"), [([3, 9, 4], 4), ([3, 4, 9, 8], 6), ([7, 4, 5, 2], 5), ([1, 30, 30], 30)]
)
def test_it_takes_the_median_of_the_best_epochs_rounded_up(
    record: StudyRecord, best: list[int], epochs: int
) -> None:
    found = planned(record, changed(record, best))
    assert found.best_epochs == tuple(best)
    assert found.winner.epoch == epochs
    assert record.data is not None
    assert found.rows == record.data.train_rows + record.data.validation_rows
    assert found.drops == ()


def test_a_plateau_steps_down_where_keras_would(record: StudyRecord) -> None:
    curve = (1.0, 0.8, 0.81, 0.82, 0.79, 0.795, 0.9, 0.9, 0.9, 0.9, 0.5)
    schedule = {"reduce_on_plateau": {"factor": 0.4, "patience": 2, "cooldown": 1, "min_delta": 0.001}}
    raw = record.trials[0].configuration.dump()
    raw["training"] |= {"schedule": schedule, "learning_rate": 0.1}
    confirmation = changed(
        record, [9, 11, 10], configuration=read_configuration(raw), history={"val_loss": curve}
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", 0.4, 2, min_delta=0.001, cooldown=1)
    plateau.set_model(model)
    plateau.on_train_begin()
    rates = [float(model.optimizer.learning_rate)]
    for epoch, value in enumerate(curve[:9]):
        plateau.on_epoch_end(epoch, {"val_loss": value})
        rates.append(float(model.optimizer.learning_rate))
    found = planned(record, confirmation)
    assert found.winner.epoch == 10
    steps = [(n, rate / 0.1) for n, rate in enumerate(rates, 1) if n > 1 and rate != rates[n - 2]]
    assert len(steps) > 1
    assert [first for first, _ in found.drops] == [first for first, _ in steps]
    assert [factor for _, factor in found.drops] == pytest.approx([factor for _, factor in steps])


def test_what_was_done_stands_only_for_the_winner_of_which_it_was(record: StudyRecord) -> None:
    confirmation = changed(record, [3, 4, 5])
    verdict = judge_finalists(record, confirmation)
    assert verdict is not None
    plan = planned(record, confirmation)
    done = replace(record, refit=replace(plan, cause="it diverged"))
    assert conclude_search(done, confirmation).refit == done.refit
    assert "on all 1,437 rows failed: it diverged" in answer(analyze(done, confirmation, NOT_JUDGED))
    later = changed(record, [3, 9, 9])
    assert conclude_search(done, later).refit is None
    unwanted = record.spec.model_copy(
        update={"confirm": record.spec.confirm.model_copy(update={"refit": False})}
    )
    assert conclude_search(replace(done, spec=unwanted), confirmation).refit is None
    other = next(trial for trial in record.trials if name_of(trial) != f"trial {verdict.winner}")
    assert plan.winner.trial != other.number


def test_the_dashboard_names_the_model_that_was_saved(record: StudyRecord) -> None:
    pytest.importorskip("optuna_dashboard", reason="the package optuna-dashboard is not installed")
    from hpsearch.report.dashboard.part_notes import confirmation_note, confirmation_trial_notes

    confirmation = made_confirmations.confirmed(record, finalists=2, replicates=3)
    plan = planned(record, confirmation)
    kept = "its model is saved"
    for refit, of_replicate in ((None, True), (replace(plan, cause="the loss"), True), (plan, False)):
        search = analyze(replace(record, refit=refit), confirmation, NOT_JUDGED)
        note = confirmation_note(confirmation, search)
        assert ("The saved model is that of replicate" in note) == of_replicate
        assert (
            any(kept in told for told in confirmation_trial_notes(confirmation, search).values())
            == of_replicate
        )
        assert ("The saved model was refitted" in note) != of_replicate
