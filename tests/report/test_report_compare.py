"""The page on a comparison: its sentences, its numbers, its figures, and its table on a terminal."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import time
import warnings
from dataclasses import replace
from functools import cache, cached_property
from io import StringIO
from xml.etree import ElementTree

import pytest
from rich.console import Console

from hpsearch.analysis import compare
from hpsearch.analysis.arms.optimism import Optimism
from hpsearch.cli.tables import comparison_lines, comparison_table
from hpsearch.report.figures import DotPlot, DotRow, Scale, draw_bands, draw_dots, draw_heat_map, fit_scale
from hpsearch.report.figures.comparison import (
    bands_of,
    differences_of,
    epochs_of,
    heat_of,
    means_of,
    shown_arms,
)
from hpsearch.report.figures.heat_map import STRONGEST
from hpsearch.report.html.comparison import compare_page, scale_of
from hpsearch.report.html.document import render
from hpsearch.report.html.reports import render_comparison, write_comparison
from hpsearch.report.words.comparison import limits_notes
from hpsearch.report.words.estimates import half_text, interval_text, mean_text, three_digits
from hpsearch.scheduling.racing.estimates import estimate
from hpsearch.store.record import StudyRecord
from hpsearch.training.decisions import Decisions
from support import made_comparisons as made

HE, GLOROT, ZEROS = "he_normal, relu", "glorot_uniform, relu", "zeros, relu"
CLAIMS = (
    {"says": "He is better than Glorot", "better": HE, "than": GLOROT},
    {"says": "Zeros learn", "arm": ZEROS, "between": [0, 1]},
)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{1}{0}$ & {{ 7*7 }} [bold]",
    "한국어 이름 🚀",
    "שלום עולם",
]


class Made:
    """A record with what is made of it, each made once for all tests."""

    def __init__(self, record: StudyRecord) -> None:
        self.record = record
        self.comparison = compare(record)

    @cached_property
    def page(self):
        return compare_page(self.comparison, self.record)

    @cached_property
    def text(self):
        return render(self.page)


@cache
def small():
    return Made(made.small(claims=CLAIMS, baseline=GLOROT))


@cache
def large():
    return Made(made.large(claims=CLAIMS, baseline=GLOROT))


def only(trials):
    """Stop the small comparison after so many trials."""
    return replace(small().record, trials=small().record.trials[:trials])


def page_of(record):
    return compare_page(compare(record), record)


def rendered(record):
    return render_comparison(compare(record), record)


def texts_of(svg):
    return [text.text for text in ElementTree.fromstring(svg).iter("text")]


def cells_of(table):
    """Give each row as a mapping from column to cell."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_answer_names_the_best_the_effect_and_the_claims():
    best = small().comparison.best
    answer = small().page.answer
    assert answer.startswith(
        f"6 arms, each trained from the same 5 seeds. “{HE}” has the best mean val_loss (lower is better)"
    )
    assert (
        f"(lower is better): {best.best.mean:.3f} (95 % interval {best.best.low:.3f} to {best.best.high:.3f})"
        in answer
    )
    assert "It differs significantly from every other arm." in answer
    shift = -best.standing.difference.estimate.mean
    assert f"Compared with the baseline “{GLOROT}”, it is lower by {shift:.3f}" in answer
    assert answer.endswith("Of 2 claims, 1 holds, 1 does not hold.")


@pytest.mark.slow
def test_the_answer_counts_ties_failures_and_what_is_not_finished():
    comparison = large().comparison
    answer = large().page.answer
    assert "26 runs of 330 failed" in answer
    assert f"{len(comparison.tied) - 1} other arms cannot be told apart from it" in answer
    assert f"“ and {len(comparison.tied) - 7} more.".replace("“", "”") in answer
    answer = page_of(only(8)).answer
    assert "Not finished: 8 of 30 runs have ended." in answer
    assert "Too few seeds to tell arms apart: that takes 3 for each arm." in answer
    assert answer.endswith("Of 2 claims, 2 have too few seeds.")
    assert "No run has ended yet." in page_of(only(0)).answer


def test_the_table_has_the_exact_numbers_of_every_arm_in_their_order():
    comparison = large().comparison
    rows = cells_of(large().page.arms)
    assert len(rows) == 66
    for row, arm in zip(rows, comparison.arms, strict=True):
        assert row["arm"].text == (f"{arm.name} (baseline)" if arm.name == GLOROT else arm.name)
        assert row["among the best"].text == ("yes" if arm.name in comparison.tied else "no")
        mean = row["mean val_loss"]
        assert (None if mean.value is None else float(mean.value)) == arm.best.mean
        assert int(row["failed"].value) == arm.best.failed
        assert int(row["seeds that reach it"].value) == arm.to_target.count
        if arm.standing is not None and arm.standing.difference.estimate.mean is not None:
            assert float(row["difference to baseline"].value) == arm.standing.difference.estimate.mean
    assert {row["mean val_loss"].text for row, arm in zip(rows, comparison.arms, strict=True)
            if arm.best.failed} == {"–"}  # fmt: skip


def test_columns_that_say_nothing_are_left_out():
    columns = small().page.arms.columns
    assert "failed" not in columns
    assert "seeds" not in columns
    assert "seconds per epoch" in columns
    shared = page_of(replace(only(20), decisions=Decisions(workers=2, width=1)))
    assert "seconds per epoch" not in shared.arms.columns
    assert "seeds" in shared.arms.columns


@pytest.mark.slow
def test_claims_have_their_verdicts_and_what_they_rest_on():
    first, second = cells_of(small().page.claims.table)
    found = small().comparison.claims[0].measured
    assert (first["claim"].text, first["verdict"].text) == ("He is better than Glorot", "holds")
    assert first["compared"].text == f"{HE} − {GLOROT}: val_loss at the best epoch"
    assert float(first["measured"].value) == found.mean
    assert first["95 % interval"].text == f"{found.low:.3f} to {found.high:.3f}"
    assert first["seeds"].text == "5"
    assert second["verdict"].text == "does not hold"
    assert second["compared"].text.endswith("between 0 and 1")
    assert page_of(made.small()).claims is None


def test_the_page_says_what_its_intervals_are_over():
    seeds, alone, optimism, epoch = large().page.limits
    assert "The intervals are over seeds" in seeds
    assert "split of one data set" in seeds
    assert "single mean or difference" in alone
    found = large().comparison.optimism
    assert f"has {found.held_out:.4g} instead of {found.reported:.4g}" in optimism
    assert "best epoch, which was chosen on the validation set" in epoch


def test_optimism_is_told_in_the_direction_of_the_metric():
    upwards = replace(small().comparison, minimize=False, optimism=Optimism(0.9, 0.8, (HE, HE, GLOROT)))
    told = limits_notes(upwards)[2]
    assert "has 0.8 instead of 0.9, which is worse by 0.1. Another arm is chosen in 1 of 3 cases." in told
    assert "which is not worse." in limits_notes(replace(upwards, minimize=True))[2]


def test_failures_are_listed_by_cause_and_arm():
    ((cause, runs, arms),) = large().page.failures.table.rows
    assert (cause.text, runs.value) == (made.FAILURE, "26")
    assert "“random_normal(stddev=1), tanh” (1 seed)" in arms.text
    assert small().page.failures is None


def test_dots_show_every_arm_with_its_mean_interval_and_seeds():
    comparison = large().comparison
    plot = means_of(comparison)
    assert plot.reference == comparison.by_name[GLOROT].best.mean
    for row, arm in zip(plot.rows, comparison.arms, strict=True):
        assert (row.mean, row.low, row.high) == (arm.best.mean, arm.best.low, arm.best.high)
        assert row.points == tuple(one.best for one in arm.replicates if not one.failed)
        assert row.kind == ("best" if arm.tied else "arm")
    assert plot.rows[-1].note == "5 of 5 failed"


def test_differences_are_shown_for_every_arm_but_the_baseline():
    comparison = small().comparison
    plot = differences_of(comparison)
    assert [row.label for row in plot.rows] == [a.name for a in comparison.arms if a.name != GLOROT]
    base = [one.best for one in comparison.by_name[GLOROT].replicates]
    for row in plot.rows:
        own = [one.best for one in comparison.by_name[row.label].replicates]
        assert row.points == pytest.approx([a - b for a, b in zip(own, base, strict=True)])
        assert row.kind == comparison.by_name[row.label].standing.order
    scale = plot.fit(minimize=True)
    assert scale.low <= 0 <= scale.high


def test_the_axis_holds_the_intervals_of_what_is_on_it_and_points_to_the_rest():
    rows = tuple(
        DotRow(f"{n}", "arm", 1 + n / 10, 0.9 + n / 10, 1.15 + n / 10, (1.3 + n / 10,), "") for n in range(5)
    )
    far = DotRow("far", "arm", 15.0, 14.0, 16.0, (15.0,), "15")
    scale = DotPlot((*rows, far), "what").fit(minimize=True)
    assert (scale.low, scale.high) == pytest.approx((0.9, 1.7))
    assert scale.outside == 1
    wide = replace(rows[0], low=-50.0, high=50.0)
    scale = DotPlot((wide, *rows[1:]), "what").fit(minimize=True)
    assert (scale.low, scale.high) == pytest.approx((0.6, 1.8))
    far = replace(far, mean=99.0)
    scale = DotPlot((*rows, far), "what").fit(minimize=True)
    assert scale.log
    assert (scale.low, scale.high) == pytest.approx((0.9, 99.0))


def test_marks_lie_where_their_values_are():
    rows = (
        DotRow("a", "best", 1.0, 0.5, 1.5, (0.8,), "one"),
        DotRow("b", "arm", 3.0, 2.5, 3.5, (), "three"),
        DotRow("c", "arm", 9.0, 8.0, 10.0, (), "nine"),
    )
    root = ElementTree.fromstring(draw_dots(DotPlot(rows, "what", 2.0, "here"), Scale(0, 4, False, 1), "d"))
    marks = {}
    for use in root.iter("use"):
        marks.setdefault(use.get("fill"), []).append((float(use.get("x")), float(use.get("y"))))
    ((_, _), (one, top)) = sorted(marks["#00835f"], key=lambda mark: mark[1])
    three, nine = sorted(marks["#1f7fc4"], key=lambda mark: mark[1])[1:]
    assert top < three[1] < nine[1], "rows from top to bottom"
    assert nine[0] == pytest.approx(three[0] + (three[0] - one) / 2, abs=0.1), "at the edge, 4"
    assert {"a", "b", "c", "one", "three", "nine", "here", "what"} <= set(
        texts_of(ElementTree.tostring(root))
    )


def test_the_heat_map_has_a_cell_for_each_combination_and_the_best_is_the_strongest():
    comparison = large().comparison
    heat = heat_of(comparison)
    assert (len(heat.rows), len(heat.columns)) == (11, 6)
    assert (heat.row_factor, heat.column_factor) == ("initializer", "activation")
    cells = {
        f"{row}, {column}": cell
        for row, own in zip(heat.rows, heat.cells, strict=True)
        for column, cell in zip(heat.columns, own, strict=True)
    }
    for arm in comparison.arms:
        cell = cells[arm.name]
        if arm.best.mean is None:
            assert (cell.text, cell.strength) == (f"{arm.best.failed} failed", None)
        else:
            assert float(cell.text) == pytest.approx(arm.best.mean, rel=5e-3)
            assert cell.best == arm.tied
    assert cells[comparison.arms[0].name].strength == 1
    assert cells["zeros, relu"].strength == 0 < cells["glorot_normal, tanh"].strength
    drawn = draw_heat_map(heat, "val_loss")
    assert sum(text in {cell.text for cell in cells.values()} for text in texts_of(drawn)) == 66
    opacities = [float(path.get("opacity")) for path in ElementTree.fromstring(drawn).iter("path")
                 if path.get("opacity")]  # fmt: skip
    assert max(opacities) == pytest.approx(STRONGEST)


@pytest.mark.slow
def test_an_interval_that_goes_on_beyond_the_axis_says_so_and_no_seed_is_lost():
    row = DotRow("a", "arm", 2.0, -3.0, 9.0, (1.0, 7.0), "two")
    inside = replace(row, low=1.0, high=3.0, points=(1.0, 3.0))
    uses = [
        len(
            list(
                ElementTree.fromstring(draw_dots(DotPlot((one,), "what"), Scale(0, 4, False, 0), "d")).iter(
                    "use"
                )
            )
        )
        for one in (inside, row)
    ]
    assert uses[1] == uses[0] + 2
    assert DotPlot((row,), "what").cut(Scale(0, 4, log=False, outside=0))
    assert not DotPlot((inside,), "what").cut(Scale(0, 4, log=False, outside=0))
    gone = replace(row, mean=8.0, low=7.0, high=9.0)
    texts = texts_of(draw_dots(DotPlot((gone,), "what"), Scale(0, 4, False, 1), "d"))
    assert "one seed" not in texts


def test_curves_that_diverge_do_not_flatten_the_others():
    spec = made.spec_of(["zeros", "ones", "he_normal"], ["relu"])
    record = made.record_of(
        spec, lambda arm, _: (1e30,) * 9 if arm.name == ZEROS else tuple(2 / (1 + e) for e in range(9))
    )
    comparison = compare(record)
    scale = scale_of(bands_of(comparison), minimize=True)
    assert scale.log
    assert scale.low == pytest.approx(2 / 9)
    assert scale.high == pytest.approx(20)
    assert scale.outside == 18, "the arm's own panel, and as the baseline"
    assert "drawn at its edge" in page_of(record).curves.note


def test_the_strength_of_a_cell_follows_the_axis():
    assert [Scale(1, 100, True, 0).share(v) for v in (1, 10, 100, 1000)] == pytest.approx([0, 0.5, 1, 1])
    assert [Scale(0, 4, False, 0).share(v) for v in (-1, 1, 4)] == pytest.approx([0, 0.25, 1])
    assert Scale(2, 2, False, 0).share(2) == 0


def test_only_two_factors_make_a_heat_map():
    spec = made.spec_of(["zeros", "he_normal"], ["relu", "tanh"], factors=["initializer"])
    record = made.record_of(spec, lambda arm, _: (2.0 - len(arm.name) / 100,))
    assert page_of(record).heat is None
    assert small().page.heat is not None


def test_of_many_arms_the_best_the_worst_and_the_baseline_have_curves():
    comparison = large().comparison
    shown = [arm.name for arm in shown_arms(comparison)]
    sound = [arm.name for arm in comparison.arms if arm.best.mean is not None]
    assert shown[:6] == sound[:6]
    assert GLOROT in shown
    assert sound[-1] in shown
    assert any(comparison.by_name[name].best.failed for name in shown)
    assert len(shown) == 9
    assert [arm.name for arm in shown_arms(small().comparison)] == [
        arm.name for arm in small().comparison.arms
    ]


def test_curves_have_the_numbers_of_the_bands_and_the_runs_that_failed():
    comparison = large().comparison
    plot = bands_of(comparison)
    panel = plot.panels[0]
    band = comparison.arms[0].validation
    assert (panel.validation.mean, panel.validation.low, panel.validation.common) == (band.mean, band.low, 20)
    failed = next(panel for panel in plot.panels if panel.failed)
    assert failed.note == "1 of 5 seeds failed"
    drawn = draw_bands(plot, fit_scale(plot.values, minimize=True))
    texts = texts_of(drawn)
    assert {"validation", "training", "baseline", "a seed that failed"} <= set(texts)
    assert "NaN" not in drawn


def test_epochs_are_shown_of_arms_that_reach_the_target():
    comparison = small().comparison
    rows = epochs_of(comparison).rows
    assert {row.label.removesuffix(" (baseline)") for row in rows} == {
        arm.name for arm in comparison.arms if arm.to_target.count
    }
    note = small().page.epochs.note
    assert f"a val_loss of {comparison.target.loss:.4g}, the lowest loss that at least half" in note
    assert "2 arms never reach it" in note


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "figures"), [(0, 0), (1, 4), (7, 5), (30, 5)])
def test_the_page_is_one_sound_file_however_far_the_comparison_is(trials, figures):
    record = only(trials)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = rendered(record)
    assert text.count("<svg ") == figures
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(identifiers)
    assert set(re.findall(r'aria-labelledby="([^"]+)"', text)) <= set(identifiers)
    assert not re.search(r"""(href=["'](?!#)|url\((?!#)|@import|https?://|style=|src=|NaN)""", text)
    for tag in ("script", "style"):
        (inlined,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name):
    arms = {name: {"training.epochs": 2}, "plain": {"training.epochs": 3}}
    claim = {"says": name, "better": name, "than": "plain"}
    spec = made.spec_of(
        ["zeros"], ["relu"], name="odd", factors=None, arms=arms, claims=[claim], baseline="plain"
    )
    record = made.record_of(spec, lambda arm, replicate: (1.0, 0.5 + len(arm.name) / 1000 + replicate / 100))
    failed = replace(record.trials[0], state="failed", value=None, best_epoch=None, cause=name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = rendered(replace(record, trials=(failed, *record.trials[1:])))
        drawn = draw_dots(means_of(compare(record)), Scale(0, 1, False, 0), "means")
    assert text.count("<script>") == 1
    assert "<img" not in text
    assert any(name in found for found in texts_of(drawn))
    console = Console(file=StringIO(), width=80)
    console.print(comparison_table(compare(record)))
    assert name.replace(" ", "")[:12] in console.file.getvalue().replace(" ", "")


@pytest.mark.slow
def test_the_largest_page_stays_small_and_quick_and_the_same(tmp_path):
    begun = time.process_time()
    path = tmp_path / "reports" / "made-compare.html"
    write_comparison(large().comparison, large().record, path)
    assert time.process_time() - begun < 30
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < 1_500_000
    assert text == large().text


@pytest.mark.parametrize(
    ("values", "mean", "interval", "half"),
    [
        ((0.3712, 0.3801, 0.3655), "0.372", "0.354 to 0.391", "0.372 ±0.018"),
        ((10.0, 12.0, 11.0), "11.0", "8.5 to 13.5", "11.0 ±2.5"),
        ((1000.0, 4000.0, 2500.0), "2500", "-1226 to 6226", "2500 ±3726"),
        ((0.5, 0.5, 0.5), "0.5", "0.5 to 0.5", "0.5 ±0"),
        ((0.25, 0.5), "0.375", "–", "0.375"),
        ((), "–", "–", "–"),
        ((None, 1.0, 1.0), "–", "–", "–"),
        ((1.0986123, 1.0986124, 1.0986122), "1.0986", "1.0986 to 1.0986", "1.0986 ±2.5e-7"),
        ((1e-9, 2e-9, 3e-9), "2e-9", "-4.841e-10 to 4.484e-9", "2e-9 ±2.5e-9"),
    ],
)
def test_numbers_have_the_digits_that_their_intervals_justify(values, mean, interval, half):
    found = estimate(dict(enumerate(values)))
    assert (mean_text(found), interval_text(found), half_text(found)) == (mean, interval, half)


def test_an_interval_that_a_bound_cuts_short_is_written_with_both_ends():
    found = estimate({0: 0.01, 1: 0.02, 2: 0.3}, within=(0.0, math.inf))
    assert half_text(found) == f"{mean_text(found)} ({interval_text(found)})"
    assert interval_text(found).startswith("0.00 to")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.37, "0.370"),
        (2.3114, "2.31"),
        (123.4, "123"),
        (1234.5, "1234"),
        (12345.6, "1.23e4"),
        (1e-5, "1e-5"),
        (0.0, "0.00"),
    ],
)
def test_cells_have_three_digits(value, text):
    assert three_digits(value) == text


def terminal(comparison, width):
    console = Console(file=StringIO(), width=width)
    console.print(comparison_table(comparison))
    return console.file.getvalue().splitlines()


def test_the_table_on_a_terminal_fits_and_says_who_is_best_and_who_failed():
    lines = terminal(large().comparison, 80)
    assert max(map(len, lines)) <= 80
    comparison = large().comparison
    assert sum(line.startswith("*") for line in lines) == len(comparison.tied)
    best = next(line for line in lines if line.startswith("*"))
    assert re.search(r"lecun_uniform, relu +0\.366 ±0\.012 +-0\.0290 ±0\.0072 +9\.60", best)
    assert any("5 of 5 failed" in line and "0 of 5" in line for line in lines)
    assert any(line.split()[-2:] == ["baseline", "12.6"] for line in lines)


def test_a_difference_that_may_be_none_is_called_so():
    spec = made.spec_of(["he_normal", "he_uniform"], ["relu"], baseline="he_uniform, relu")
    losses = iter([0.500, 0.501, 0.52, 0.53, 0.51, 0.505, 0.54, 0.542, 0.515, 0.513])
    record = made.record_of(spec, lambda _a, _r: (next(losses),))
    standing = compare(record).best.standing
    low, high = standing.difference.estimate.low, standing.difference.estimate.high
    assert low < 0 < high
    answer = page_of(record).answer
    assert answer.endswith(
        f"it differs by -0.0012 (95 % interval {low:.4f} to {high:.4f}), which may be chance."
    )
    assert "No arm can be told apart from it." in answer


def test_the_lines_on_a_terminal_tell_failures_and_claims():
    lines = comparison_lines(large().comparison)
    assert f"failed: 26 runs of 6 arms: {made.FAILURE}" in lines
    found = large().comparison.claims[0].measured
    half = (found.high - found.low) / 2
    assert lines[-2] == (
        f"holds: He is better than Glorot [{HE} − {GLOROT}: val_loss at the best epoch = "
        f"{found.mean:.3f} ±{half:.3f}]"
    )
    assert lines[-1].startswith(
        "does not hold: Zeros learn [zeros, relu: val_loss at the best epoch, between 0 and 1"
    )
    assert "* cannot be told apart" not in comparison_lines(compare(only(0)))[0]


def test_any_losses_can_be_drawn():
    spec = made.spec_of(["zeros", "he_normal"], ["relu"])
    levels = iter([0.0, 1e-45, 1e38, -1.0, 5.0] * 2)
    record = made.record_of(spec, lambda _a, _r: (next(levels),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = rendered(record)
    assert "NaN" not in text
    assert not math.isnan(compare(record).arms[0].best.mean)
