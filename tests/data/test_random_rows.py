"""A study on rows that are drawn is an ordinary study."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from rich.console import Console

from hpsearch.cli.progress import TerminalDisplay
from hpsearch.data import load_dataset
from hpsearch.exceptions import StudyMismatchError
from hpsearch.spec import load_study_file
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from support.commands import write_study

STUDY = {
    "name": "drawn",
    "data": {"random_normal": {"rows": 90, "features": 5, "classes": 3}, "standardize": True},
    "model": {"mlp": {"hidden": [4]}},
    "training": {"epochs": 2, "learning_rate": {"log_uniform": [1e-3, 1e-1]}},
    "search": {"trials": 2},
}


@pytest.mark.slow
def test_it_is_trained_its_model_kept_and_a_changed_draw_refused(tmp_path: Path) -> None:
    path = write_study(tmp_path / "study.yaml", STUDY)
    study = load_study_file(path)
    display = TerminalDisplay(2, "val_loss", quiet=True, console=Console())
    options = Options(out=tmp_path, engine="in_process")
    outcome, conclusion = optimize(study, options, display)
    assert outcome == "finished"
    best_trial = conclusion.record.best
    assert best_trial is not None
    rows = load_dataset(load_study_file(path).spec.data, tmp_path).raw(0, "validation")
    model = keras.saving.load_model(tmp_path / "runs" / "drawn" / "best.keras", safe_mode=True)
    assert model.evaluate(rows.x, rows.y, verbose=0)[0] == pytest.approx(best_trial.value, rel=1e-5)
    best = load_study_file(tmp_path / "runs" / "drawn" / "best.yaml").spec
    assert best.data == study.spec.data
    other = load_study_file(path, ["data.split_seed=1"])
    with pytest.raises(StudyMismatchError, match=r"data\.split_seed"):
        optimize(other, options, display)
