"""The page on probes: its sentences, its numbers, its figures."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import warnings
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from hpsearch.analysis import summarize
from hpsearch.report.figures import draw_depths, draw_histograms
from hpsearch.report.figures.curves import COLOURS
from hpsearch.report.figures.histograms import COLUMNS, TALLEST, shown_layers
from hpsearch.report.html.probe import probe_page
from hpsearch.report.html.reports import render_probe, write_probe
from hpsearch.training.probes.record import BINS, EDGES, HIGH, LOW
from support.made_probes import arm, layer, probe

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{1}{0}$ & {{ 7*7 }}",
    "한국어",
]


def rendered(made):
    return render_probe(made, tuple(map(summarize, made.arms)))


def texts_of(svg):
    return [text.text for text in ElementTree.fromstring(svg).iter("text")]


def grid(*initializers: str, activations=("relu", "tanh"), layers=3):
    made = [
        arm(*(layer(deviation=0.5**n) for n in range(layers)), initializer=initializer, activation=activation)
        for initializer in initializers
        for activation in activations
    ]
    return probe(*made)


def test_the_answer_says_what_was_measured_and_names_who_is_fine():
    fine, bad = arm(initializer="he_normal"), arm(layer(), layer(dead=0.5), initializer="zeros")
    made = probe(fine, bad)
    answer = probe_page(made, tuple(map(summarize, made.arms))).answer
    assert "2 arms with 2 hidden layers at initialization, before any training" in answer
    assert "120 rows" in answer
    assert "3 seeds" in answer
    assert answer.endswith("1 arm without a finding: he_normal with relu.")
    assert probe_page(probe(fine), (summarize(fine),)).answer.endswith("No arm has a finding.")
    assert probe_page(probe(bad), (summarize(bad),)).answer.endswith("Every arm has a finding.")


def test_the_table_has_a_row_for_each_arm_with_the_exact_numbers():
    first, last = (
        layer(deviation=0.123456, gradient_norm=0.001),
        layer(deviation=0.9, dead=0.5, saturated=0.25),
    )
    made = probe(arm(first, last, initializer="zeros", activation="tanh", batch_norm="before_activation"))
    page = probe_page(made, (summarize(made.arms[0]),))
    ((*cells, findings),) = page.arms.rows
    assert [cell.text for cell in cells[:2]] == ["zeros", "tanh, before_activation"]
    numbers = [float(cell.value) for cell in cells[2:]]
    assert numbers == [0.123456, 0.9, 0.9 / 0.123456, 0.5, 0.25, 0.001]
    assert findings.text == "dead units, saturation, vanishing gradient"
    told = [[cell.text for cell in row] for row in page.evidence.rows]
    assert [row[:3] for row in told] == [
        ["zeros", "tanh, before_activation", kind]
        for kind in ("dead units", "saturation", "vanishing gradient")
    ]
    assert "50 %" in told[0][3]
    assert probe_page(probe(), (summarize(arm()),)).evidence is None


def test_what_has_no_number_says_so():
    made = probe(arm(layer(), layer(deviation=math.inf, gradient_norm=0.0)))
    row = probe_page(made, (summarize(made.arms[0]),)).arms.rows[0]
    assert [cell.text for cell in row[3:8]] == ["overflow", "–", "0", "–", "–"]
    assert "overflow" in texts_of(draw_histograms(made.arms))


def test_the_page_is_one_file_with_three_figures_and_unique_ids():
    text = rendered(grid("zeros", "he_normal"))
    assert text.count("<svg ") == 3
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(identifiers)
    assert not re.search(r"""(href=["'](?!#)|url\((?!#)|@import|https?://|style=|src=)""", text)
    for tag in ("script", "style"):
        (inlined,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text


def test_the_shared_values_are_told_or_that_there_are_none():
    assert "Searched hyperparameters fixed in all arms" in rendered(probe())
    assert "dropout" in rendered(probe())
    assert "Nothing else in the network is searched" in rendered(probe(fixed={}))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_labels_are_text(name):
    made = probe(arm(initializer=name, activation=name), fixed={name: name}, versions={name: name})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = rendered(made)
    assert text.count("<script>") == 1
    assert "<img" not in text
    assert name in texts_of(draw_histograms(made.arms))


def test_the_same_probes_give_the_same_page(tmp_path):
    made = grid("zeros")
    write_probe(made, tuple(map(summarize, made.arms)), tmp_path / "reports" / "made-probe.html")
    assert (tmp_path / "reports" / "made-probe.html").read_text(encoding="utf-8") == rendered(made)


@pytest.mark.parametrize(("layers", "shown"), [(1, [0]), (3, [0, 1, 2]), (8, list(range(8)))])
def test_few_layers_are_all_shown(layers, shown):
    assert shown_layers(layers) == shown


def test_of_many_layers_evenly_spaced_ones_are_shown():
    shown = shown_layers(100)
    assert len(set(shown)) == COLUMNS
    assert (shown[0], shown[-1]) == (0, 99)
    assert max(after - before for before, after in pairwise(shown)) <= 15
    made = grid("zeros", layers=100)
    titles = [text for text in texts_of(draw_histograms(made.arms)) if text.startswith("layer")]
    assert titles == [f"layer {index + 1}" for index in shown]
    assert "Of 100 layers, 8 evenly spaced ones" in rendered(made)


def test_histograms_have_a_row_for_each_arm_and_the_same_axis_for_all():
    texts = texts_of(draw_histograms(grid("zeros", "he_normal").arms))
    assert [texts.count(name) for name in ("zeros", "he_normal", "relu", "tanh")] == [2, 2, 2, 2]
    assert [text for text in texts if text.startswith("layer")] == ["layer 1", "layer 2", "layer 3"]
    assert texts.count("25 % outside") == 4 * 3
    assert texts.count("-2") == texts.count("2") == 3


def test_a_bar_is_as_high_as_the_square_root_of_its_share(monkeypatch):
    drawn = []
    monkeypatch.setattr("matplotlib.axes.Axes.fill", lambda self, x, y, **_: drawn.append((x, y)))
    shares = [0.0] * BINS
    shares[30], shares[31] = 0.36, 0.64
    draw_histograms([arm(layer(histogram=tuple(shares)))])
    ((across, down),) = drawn
    pad = across[0]
    places = {round(LOW + (x - pad) / (1 - 2 * pad) * (HIGH - LOW), 6): set() for x in across}
    for x, y in zip(across, down, strict=True):
        places[round(LOW + (x - pad) / (1 - 2 * pad) * (HIGH - LOW), 6)].add(round((1 - y) / TALLEST, 6))
    assert places[round(EDGES[30], 6)] == {0.0, 0.6}
    assert places[round(EDGES[31], 6)] == {0.6, 0.8}
    assert places[round(EDGES[32], 6)] == {0.8, 0.0}


def test_depths_have_a_panel_for_each_activation_and_a_line_for_each_initializer():
    made = grid("zeros", "he_normal", "lecun_normal", activations=("relu", "tanh", "elu", "selu"))
    svg = draw_depths(made.arms, lambda one: one.deviation, "deviations", "deviation of activations")
    texts = texts_of(svg)
    for name in ("relu", "tanh", "elu", "selu", "zeros", "he_normal", "lecun_normal"):
        assert texts.count(name) == 1, name
    assert texts.count("deviation of activations") == 2, "for each row of panels"
    assert texts.count("hidden layer") == 3, "below each column"


def test_the_lines_lie_inside_their_panels_and_the_legend_below():
    """From 1 down to 0.0001 over four layers, twice: each line crosses its panel, one after the other."""
    made = grid("zeros", layers=4)
    values = {one: 10.0**-place for place, one in enumerate(made.arms[0].layers)}
    root = ElementTree.fromstring(draw_depths(made.arms, values.__getitem__, "deviations", "what"))
    paths = [path.get("d") for path in root.iter("path") if path.get("stroke") == COLOURS[0]]
    lines = [re.findall(r"[ML] ?([\d.]+) ([\d.]+)", path) for path in paths]
    first, second = [[(float(x), float(y)) for x, y in line] for line in lines if len(line) == 4]
    width, height = (float(size) for size in root.get("viewBox").split()[2:])
    for line in (first, second):
        across, down = zip(*line, strict=True)
        assert list(across) == sorted(across)
        assert list(down) == sorted(down)
        assert across[-1] - across[0] > width / 5
        assert down[-1] - down[0] > height / 4
    assert first[-1][0] < second[0][0] < second[-1][0] < width
    lowest = max(y for _, y in first)
    legend = next(text for text in root.iter("text") if text.text == "zeros")
    place = legend.get("y") or re.findall(r"translate\([\d.]+ ([\d.]+)\)", legend.get("transform"))[0]
    assert lowest < float(place) < height


@pytest.mark.parametrize(
    "values", [[0.0, 0.0], [math.inf, 1.0], [1e-45, 1e38], [1.0, 1.0], [5e-324, 1e308], [0.3, 0.31]]
)
def test_any_numbers_have_an_axis_that_can_be_drawn(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = draw_depths(
            [arm(*(layer(deviation=v) for v in values))], lambda one: one.deviation, "d", "what"
        )
    assert "NaN" not in svg
    assert ElementTree.fromstring(svg).get("aria-label").startswith("what by layer")
