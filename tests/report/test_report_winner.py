"""The looks at the test set and the insides of the winner in the page: figures, tables, sentences."""

from __future__ import annotations

import re
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from hpsearch.analysis import analyze, judge_influence
from hpsearch.report.figures import draw_confusion, draw_residuals
from hpsearch.report.html.reports import render_report, render_search
from hpsearch.report.html.study import study_page
from hpsearch.store.results import StudyResults
from hpsearch.store.winner import (
    ErrorAnalysis,
    HeldOutEvaluation,
    HeldOutEvaluations,
    WinnerName,
    read_error_analysis,
    read_held_out,
    write_error_analysis,
    write_held_out,
)
from hpsearch.training.evaluation import Evaluation, Residuals
from hpsearch.training.measure import Measure

WINNER = WinnerName(3, 1, 7, 4)
COUNTS = ((8, 2, 0), (0, 5, 0), (1, 3, 1))
LABELS = ("ant", "bee", "<cat>")
CONFUSED = ErrorAnalysis(WINNER, LABELS, Evaluation("validation", 20, (), COUNTS, None))
PAIRS = ((1.0, 1.5), (2.0, 1.0), (4.0, 4.0))
LOSS = Measure("loss", 0.25, 0.125, 0.5, "normal")
LOOK = HeldOutEvaluation(
    "2026-01-02T03:04:05+00:00", WINNER, "ab", Evaluation("test", 20, (LOSS,), COUNTS, None)
)


def insides_of_numbers() -> ErrorAnalysis:
    residuals = Residuals((0.0, 0.5, 1.0), (-1.0, 0.0, 0.5), PAIRS)
    return ErrorAnalysis(WINNER, (), Evaluation("test", 3, (), None, residuals))


def test_each_count_stands_in_the_confusion_matrix():
    drawn = ElementTree.fromstring(draw_confusion(COUNTS, LABELS))
    texts = [text.text for text in drawn.iter("text")]
    filled = [count for row in COUNTS for count in row if count]
    assert [int(text) for text in texts if re.fullmatch(r"\d+", text)] == filled
    assert {*LABELS, "true", "predicted"} <= set(texts)
    shades = [float(path.get("fill-opacity") or path.get("opacity")) for path in drawn.iter("path")
              if path.get("fill") == "#1f7fc4"]  # fmt: skip
    shares = [count / sum(row) for row in COUNTS for count in row if count]
    assert np.argsort(shades, kind="stable").tolist() == np.argsort(shares, kind="stable").tolist()
    assert "style=" not in draw_confusion(COUNTS, LABELS)


@pytest.mark.slow
def test_a_matrix_of_fifty_classes_is_drawn_without_counts():
    counts = np.full((50, 50), 3).tolist()
    drawn = ElementTree.fromstring(draw_confusion(counts, [f"class {n}" for n in range(50)]))
    assert "3" not in [text.text for text in drawn.iter("text")]
    assert sum(path.get("fill") == "#1f7fc4" for path in drawn.iter("path")) == 2500


def test_each_pair_has_a_dot():
    drawn = ElementTree.fromstring(draw_residuals(PAIRS))
    dots = [use for use in drawn.iter("use") if use.get("fill") == "#1f7fc4"]
    assert len(dots) == 3
    across = [float(dot.get("x")) for dot in dots]
    assert (across[1] - across[0]) * 2 == pytest.approx(across[2] - across[1], abs=0.1)
    draw_residuals([(1.0, 1.0)])


@pytest.mark.slow
def test_the_page_has_a_section_for_the_insides(synthetic):
    record = synthetic.record_of(9)
    influence = judge_influence(record)
    for insides, said in ((CONFUSED, "20 rows of the validation set, on which it was chosen"),
                          (insides_of_numbers(), "3 rows of the test set. Residuals are")):  # fmt: skip
        seen = replace(record, insides=insides)
        page = study_page(analyze(seen, None, influence), seen)
        assert "replicate 1 of trial 3" in page.mistakes.note
        assert said in page.mistakes.note
        assert page.mistakes.figure is not None
    assert study_page(analyze(record, None, influence), record).mistakes is None


def test_classes_are_told_with_what_they_are_taken_for(synthetic):
    record = replace(synthetic.record_of(9), insides=CONFUSED)
    page = study_page(analyze(record, None, judge_influence(record)), record)
    rows = [[cell.text for cell in row] for row in page.mistakes.table.rows]
    assert rows == [
        ["ant", "10", "8", "0.8", "bee", "2"],
        ["bee", "5", "5", "1", "–", "0"],
        ["<cat>", "5", "1", "0.2", "bee", "3"],
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("count", "said"), [(1, "evaluated once."), (2, "evaluated 2 times: this score is")])
def test_the_looks_are_counted(synthetic, count, said):
    record = replace(synthetic.record_of(9), looks=HeldOutEvaluations((LOOK,) * count))
    analysis = analyze(record, None, judge_influence(record))
    page = study_page(analysis, record)
    assert said in page.looks.note
    assert len(page.looks.table.rows) == count
    text = render_report(analysis, record)
    assert "2026-01-02 03:04:05 UTC" in text
    assert 'data-value="0.125"' in text
    assert (
        '<h2><span id="sure-title">Confidence and replicates</span> <small>How sure is it?</small></h2>'
        in text
    )


@pytest.mark.slow
def test_a_page_laid_out_before_the_evaluation_is_the_same_after_it(synthetic):
    record = synthetic.record_of(9)
    influence = judge_influence(record)
    number = analyze(record, None, influence).winner.number
    look = replace(LOOK, winner=replace(LOOK.winner, trial=number))
    seen = replace(record, looks=HeldOutEvaluations((look,)), insides=CONFUSED)
    saving = Future[StudyResults]()
    saving.set_result(StudyResults(seen))
    whole = render_report(analyze(seen, None, influence), seen)
    assert render_search(analyze(record, None, influence), record, saving) == whole
    assert render_report(analyze(record, None, influence), record) != whole


def test_files_read_back_and_odd_ones_do_not(tmp_path: Path):
    path = tmp_path / "insides.json"
    for insides in (CONFUSED, insides_of_numbers()):
        write_error_analysis(path, insides)
        assert read_error_analysis(path) == insides
    write_held_out(path, HeldOutEvaluations((LOOK,)))
    assert read_held_out(path) == HeldOutEvaluations((LOOK,))
    with pytest.warns(RuntimeWarning, match="is not used: damaged"):
        assert read_error_analysis(path) is None
    path.write_bytes(path.read_bytes().replace(b"0.25", b"1e99"))
    with pytest.warns(RuntimeWarning, match="is not used: damaged"):
        assert read_held_out(path) == HeldOutEvaluations(lost=True)
    assert read_held_out(tmp_path / "none.json") == HeldOutEvaluations()


def test_records_whose_parts_do_not_fit_are_refused():
    for counts, labels in (
        (COUNTS, LABELS[:2]),
        (((1, 2), (3,)), LABELS[:2]),
        (((1, -2), (3, 4)), LABELS[:2]),
    ):
        with pytest.raises(ValueError, match="does not fit the labels"):
            ErrorAnalysis(WINNER, labels, Evaluation("test", 3, (), counts, None))
    with pytest.raises(ValueError, match="is no measure"):
        replace(LOSS, name="\x1b[2J")
    with pytest.raises(ValueError, match="isoformat"):
        replace(LOOK, date="today")
