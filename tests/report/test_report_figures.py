"""Figures: their axes as numbers, and what the drawing leaves in the page."""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from hpsearch.analysis import LearningCurve, LearningCurves, ParameterImportance, ProgressPoint, analyze
from hpsearch.report.figures import draw_curves, draw_importance, draw_progress, fit_scale
from hpsearch.report.words.numbers import exact, short


def test_a_wide_positive_range_is_logarithmic():
    scale = fit_scale([0.01, 0.1, 5.0], minimize=True)
    assert (scale.low, scale.high, scale.log, scale.outside) == (0.01, 5.0, True, 0)


def test_far_outliers_on_the_worse_side_are_drawn_at_the_edge():
    scale = fit_scale([0.9, 0.8, 0.7, -1e9], minimize=False)
    assert not scale.log
    assert scale.outside == 1
    assert scale.place(-1e9) == scale.low > -10
    assert scale.high == 0.9


@pytest.mark.parametrize("values", [[], [0.0], [1.0, 1.0], [-1e308, 1e308], [5e-324, 1e308]])
@pytest.mark.parametrize("minimize", [True, False])
def test_any_values_have_a_finite_scale_that_can_be_drawn(values, minimize):
    scale = fit_scale(values, minimize=minimize)
    assert math.isfinite(scale.low)
    assert math.isfinite(scale.high)
    points = [ProgressPoint(number, "complete", value, value) for number, value in enumerate(values)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "NaN" not in draw_progress(points, scale, "val_loss")


def test_each_finished_trial_has_a_mark(synthetic):
    analysis = analyze(synthetic.record_of(30))
    values = [point.value for point in analysis.progress if point.value is not None]
    drawn = ElementTree.fromstring(
        draw_progress(analysis.progress, fit_scale(values, minimize=True), "val_loss")
    )
    colours = [use.get("fill") for use in drawn.iter("use")]
    legend = 1
    assert colours.count("#a67c00") == analysis.counts.pruned + legend
    assert colours.count("#1f7fc4") == analysis.counts.complete + legend


def test_curves_with_gaps_and_single_points_are_drawn():
    gap = LearningCurve(0, 0.5, (1, 2, 3), (0.7, None, 0.5))
    point = LearningCurve(1, 0.6, (1,), (0.6,))
    curves = LearningCurves((gap, point), (), 0, thinned=False)
    drawn = ElementTree.fromstring(draw_curves(curves, fit_scale([0.5, 0.7], minimize=True), "val_loss"))
    assert [text.text for text in drawn.iter("text")][-2:] == ["0: 0.5", "1: 0.6"]


def test_labels_are_text_without_formulas_and_follow_the_colour_of_the_page():
    drawn = draw_importance(
        [ParameterImportance("$x^2$ <b>", 0.75, "", 3), ParameterImportance("y", 0.25, "", 3)]
    )
    root = ElementTree.fromstring(drawn)
    assert "$x^2$ <b>" in [text.text for text in root.iter("text")]
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "currentColor" in drawn
    assert "style=" not in drawn


def places(path):
    """Give how far to the right each point of a path lies."""
    return [float(place) for place in re.findall(r"[ML] *([\d.]+)", path)]


def test_intervals_are_drawn_on_their_bars():
    rows = [
        ParameterImportance("sure", 0.5, "", 9, 0.4, 0.7),
        ParameterImportance("unknown", 0.25, "", 9),
    ]
    with_one, without = (
        draw_importance(rows),
        draw_importance([replace(row, low=None, high=None) for row in rows]),
    )
    paths = [
        [path for path in ElementTree.fromstring(drawn).iter("path") if path.get("stroke") == "currentColor"]
        for drawn in (with_one, without)
    ]
    assert len(paths[0]) > len(paths[1])
    (line,) = [p.get("d") for p in paths[0] if p.get("stroke-width") == "1.1"]
    start, end = places(line)
    scale = (end - start) / 0.3
    texts = {t.text: t for t in ElementTree.fromstring(with_one).iter("text")}
    assert {"0.5", "0.25"} <= set(texts)
    (bar, _) = [
        p.get("d") for p in ElementTree.fromstring(with_one).iter("path") if p.get("fill") == "#1f7fc4"
    ]
    left, right, *_ = places(bar)
    assert (right - left) / scale == pytest.approx(0.5, abs=0.01)
    assert (start - left) / scale == pytest.approx(0.4, abs=0.01)


def test_no_axis_shows_a_formula():
    points = [ProgressPoint(n, "complete", 10.0**-n, 10.0**-n) for n in range(6)]
    drawn = draw_progress(points, fit_scale([p.value for p in points], minimize=True), "val_loss")
    assert "$" not in drawn


def test_drawing_ignores_and_keeps_the_settings_of_the_user(synthetic):
    points = analyze(synthetic.record_of(12)).progress
    scale = fit_scale([0.1, 0.5], minimize=True)
    plain = draw_progress(points, scale, "val_loss")
    with mpl.rc_context({"font.size": 30, "text.color": "red"}):
        assert draw_progress(points, scale, "val_loss") == plain
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (1e-7, "1e-7"),
        (12345.678, "1.235e4"),
        (1e120, "1e120"),
        (64, "64"),
        (True, "true"),
        (None, "–"),
        ("tanh", "tanh"),
    ],
)
def test_numbers_are_short_for_people(value, text):
    assert short(value) == text


def test_numbers_are_exact_for_programs():
    assert float(exact(0.1 + 0.2)) == 0.1 + 0.2
    assert exact(3) == "3"
    assert exact(True) is exact("tanh") is exact(None) is None
