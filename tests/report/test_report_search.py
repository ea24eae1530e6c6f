"""The page on a search: its numbers are those of the JSON, its sections those of a person's questions."""

from __future__ import annotations

import html
import json
import re
import time
from dataclasses import replace

import pytest

from hpsearch.analysis import NOT_JUDGED, analyze, to_json
from hpsearch.report.figures.parallel import MOST_ROWS, parallel_of
from hpsearch.report.figures.study import finalists_of, fit_finalists, fit_winner, winner_of
from hpsearch.report.html.reports import render_report
from hpsearch.report.html.study import study_page
from hpsearch.report.words.plan import begun_words, obstacle_words
from hpsearch.scheduling.conclusion.confirmation_plan import ConfirmationPlan
from hpsearch.spec import read_configuration
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluation, HeldOutEvaluations, WinnerName
from hpsearch.training.evaluation import Evaluation
from hpsearch.training.measure import Measure
from support import made_confirmations
from support.made_hostile import HOSTILE, made_hostile

TRIALS = 120


@pytest.fixture(scope="module")
def confirmed(synthetic):
    """Give a search with failures, pruned trials and finalists, and its analysis."""
    record = synthetic.record_of(TRIALS)
    return record, analyze(record, made_confirmations.confirmed(record))


@pytest.fixture(scope="module")
def text(confirmed):
    record, analysis = confirmed
    return render_report(analysis, record)


@pytest.fixture(scope="module")
def told(confirmed):
    """Give the analysis as other programs read it."""
    return json.loads(json.dumps(to_json(confirmed[1]), allow_nan=False))


def rows_of(text, name):
    """Give the cells of a table as numbers where they are numbers, else as text; None for a dash."""
    if f'<table id="{name}-more">' in text:
        return [*rows_of(text.replace(f'<table id="{name}-more">', ""), name), *rows_of(text, f"{name}-more")]
    body = text.split(f'<table id="{name}">')[1].split("</table>")[0].split("<tbody>")[1]
    found = []
    for row in body.split("<tr>")[1:]:
        cells = re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", row, re.DOTALL)
        found.append([cell_of(*cell) for cell in cells])
    return found


def cell_of(attributes, content):
    exact = re.search(r'data-value="([^"]*)"', attributes)
    if exact:
        return float(exact[1])
    return None if content == "–" else html.unescape(content)


@pytest.mark.slow
def test_every_number_of_the_ranking_is_in_the_json(text, told):
    names = [row["name"] for row in told["importance"]["parameters"]]
    keys = ("rank", "number", "state", "value", "best_epoch", "epochs", "seconds")
    expected = [
        [*(one[key] for key in keys), *(one["parameters"].get(name) for name in names), one["cause"]]
        for one in told["ranking"]
    ]
    assert rows_of(text, "trials") == expected
    assert len(expected) == TRIALS


def test_every_number_of_the_finalists_is_in_the_json(text, told):
    rows = rows_of(text, "finalists")
    for row, one in zip(rows, told["verdict"]["conclusion"]["standings"], strict=True):
        own = [one["estimate"][key] for key in ("mean", "low", "high", "deviation", "count", "failed")]
        other = one["difference"] or {"estimate": {}, "probability": None}
        difference = [other["estimate"].get(key) for key in ("mean", "low", "high")]
        assert row[:11] == [one["name"], *own, *difference, other["probability"]]


def test_every_number_about_what_mattered_is_in_the_json(text, told):
    known = [one for one in told["importance"]["parameters"] if one["doubt"] is None]
    doubted = [one for one in told["importance"]["parameters"] if one["doubt"] is not None]
    shares = [[one["name"], one["share"], one["low"], one["high"], one["trials"]] for one in known]
    shares += [[one["name"], None, None, None, one["trials"]] for one in doubted]
    assert [row[:5] for row in rows_of(text, "shares")] == shares
    for one in doubted:
        assert f"{one['name']} ({one['doubt']})" in text
    pairs = [list(one.values()) for one in told["effects"]["interactions"]]
    assert rows_of(text, "pairs") == pairs
    effects = {one["name"]: one for one in told["effects"]["parameters"]}
    for name, *cells in rows_of(text, "effects"):
        levels = [list(one.values()) for one in effects[name]["levels"]]
        best, worst = min(levels, key=lambda level: level[1]), max(levels, key=lambda level: level[1])
        assert cells[:10] == [*best[:5], *worst[:4], effects[name]["trials"]]


def test_every_number_of_the_course_and_the_winner_is_in_the_json(text, told):
    keys = ("planned", "complete", "pruned", "failed", "saved_by_pruning", "saved_by_stopping")
    spent = [count for _, count in rows_of(text, "spent")]
    assert spent == [told["spending"][key] for key in (*keys, "lost_to_failures")]
    keys = ("replicate", "seed", "best", "final", "best_epoch", "epochs", "cause")
    assert rows_of(text, "runs") == [[one[key] for key in keys] for one in told["winner"]["replicates"]]
    causes = [
        [one["cause"], len(one["numbers"]), one["first_epoch"], one["last_epoch"]] for one in told["failures"]
    ]
    assert [row[:4] for row in rows_of(text, "causes")] == causes
    found = [[f["kind"], f["sentence"], len(f["trials"])] for f in told["judgement"]["findings"]]
    assert [row[:3] for row in rows_of(text, "found")] == found
    changes = [list(one.values()) for one in told["next_study"]["changes"]]
    assert changes == (rows_of(text, "changes") if changes else [])
    assert dict(rows_of(text, "origin"))["seed"] == told["seed"]
    assert dict(rows_of(text, "data"))["training rows"] == told["data"]["train_rows"]


def test_sections_stand_in_the_order_of_the_questions(text):
    order = ["best", "sure", "ranking", "mattered", "course", "wrong", "inside", "next", "provenance"]
    assert re.findall(r'<section id="([^"]+)"', text) == order
    assert re.findall(r'<li><a href="#([^"]+)"', text) == order[1:]


@pytest.mark.slow
def test_the_facts_name_the_winner_its_interval_its_ties_and_what_mattered(confirmed):
    record, analysis = confirmed
    facts = study_page(analysis, record).facts
    conclusion = analysis.verdict.conclusion
    winner, score, mean, ties = facts.facts
    assert winner.value == conclusion.winner == f"trial {analysis.winner.number}"
    assert score.value == f"{conclusion.cross_validated_score.mean:.4g}"
    assert (
        f"{conclusion.cross_validated_score.low:.4g} to {conclusion.cross_validated_score.high:.4g}"
        in score.note
    )
    assert (score.term, mean.term) == ("Cross-validated val_loss", "Mean over seeds")
    own = conclusion.standings[0].estimate
    assert conclusion.standings[0].name == conclusion.winner
    assert mean.value == f"{own.mean:.4g}"
    assert mean.note == f"95 % interval {own.low:.4g} to {own.high:.4g}, {own.count} fresh seeds"
    assert ties.value == f"{len(conclusion.ties) - 1} of 4 others"
    assert [row.name for row in facts.mattered] == [row.name for row in analysis.importance.told[:3]]


def test_what_is_advised_names_the_study_file() -> None:
    plan = ConfirmationPlan(5, 5, 5, 25, 1, 1, 0.2, 3.2, 8)
    command = "hpsearch confirm 'my study.yaml' --set confirm.share=3.2 covers all"
    assert obstacle_words(plan, "my study").endswith(f"; {command}")
    assert begun_words(replace(plan, runs=8, first=4), "my study").endswith(f"; {command}")


@pytest.mark.slow
def test_a_search_without_confirmation_promises_no_interval(synthetic):
    record = synthetic.record_of(12)
    page = study_page(analyze(record, influence=NOT_JUDGED), record)
    assert "no interval" in page.facts.facts[1].note
    assert page.sure.note.endswith("hpsearch confirm digits.yaml --set confirm.share=2.7")
    longer = synthetic.record_of(40)
    note = study_page(analyze(longer, influence=NOT_JUDGED), longer).sure.note
    assert note.endswith("hpsearch confirm digits.yaml")
    assert page.inside.note.startswith(f"The learning curve of trial {record.best.number} in the search")


def test_the_winner_is_shown_by_its_replicates(confirmed):
    _, analysis = confirmed
    assert analysis.winner.confirmed
    values = analysis.verdict.values[analysis.verdict.conclusion.winner]
    assert {one.replicate: one.best for one in analysis.winner.replicates} == values
    assert read_configuration(analysis.winner.configuration)
    plot = winner_of(analysis.winner, "val_loss")
    curves = [one.history["val_loss"] for one in analysis.winner.replicates]
    assert plot.panels[0].validation.mean[4] == pytest.approx(sum(c[4] for c in curves) / len(curves))
    trained = [value for value in plot.panels[0].training.mean if value is not None]
    assert fit_winner(plot, minimize=True).place(min(trained)) == min(trained)
    assert plot.panels[0].note == f"{len(values)} fresh seeds"


def test_finalists_are_drawn_beside_the_best_score_of_the_search(confirmed):
    _, analysis = confirmed
    plot = finalists_of(analysis, analysis.verdict)
    assert plot.reference == analysis.best.value
    assert [row.kind for row in plot.rows].count("winner") == 1
    scale = fit_finalists(plot, minimize=True)
    ends = [end for row in plot.rows for end in (row.low, row.high) if end is not None]
    assert scale.place(min(ends)) == min(ends)
    assert scale.place(max(ends)) == max(ends)
    tied = {row.label for row in plot.rows if row.kind in ("winner", "tied")}
    assert tied == set(analysis.verdict.conclusion.ties)


def test_epochs_that_were_not_trained_are_counted(synthetic):
    record = synthetic.record_of(40)
    spending = analyze(record, influence=NOT_JUDGED).spending
    pruned = [trial for trial in record.trials if trial.state == "pruned"]
    assert spending.planned == 40 * 30
    assert spending.saved_by_pruning == sum(30 - trial.epochs for trial in pruned)
    left = spending.saved_by_pruning + spending.saved_by_stopping + spending.lost_to_failures
    assert spending.trained + left == spending.planned
    assert spending.trained == sum(trial.epochs for trial in record.trials)


def test_axes_hold_the_searched_ranges_and_every_value(confirmed):
    record, analysis = confirmed
    parallel = parallel_of(analysis, record.parameters)
    by_name = {axis.name: index for index, axis in enumerate(parallel.axes)}
    rate = parallel.axes[by_name["learning_rate"]]
    assert (rate.low, rate.high, rate.log, rate.absent) == (1e-4, 1e-1, True, None)
    assert parallel.axes[by_name["schedule.cosine.warmup"]].absent == "not active"
    assert parallel.axes[0].name == "val_loss"
    for place, number in enumerate(parallel.numbers):
        trial = record.trials[number]
        assert parallel.values[by_name["learning_rate"]][place] == trial.parameters["learning_rate"]
        assert parallel.values[by_name["schedule.cosine.warmup"]][place] == trial.parameters.get(
            "schedule.cosine.warmup"
        )
        axis = parallel.axes[by_name["schedule"]]
        assert axis.options[parallel.values[by_name["schedule"]][place]] == trial.parameters["schedule"]


@pytest.mark.slow
def test_the_data_of_the_script_are_json_whatever_names_contain(synthetic):
    record, analysis = made_hostile(synthetic, 30)
    text = render_report(analysis, record)
    embedded = re.findall(r'<script type="application/json" id="explored">(.*?)</script>', text, re.DOTALL)
    assert len(embedded) == 1
    assert not set("<>&") & set(embedded[0])
    told = json.loads(embedded[0])
    assert HOSTILE in [option for axis in told["axes"] for option in axis["options"]]
    assert text.count("<script") == 4


@pytest.mark.slow
def test_a_large_search_is_sampled_and_says_so(synthetic):
    record = synthetic.record_of(20)
    many = tuple(
        replace(trial, number=number)
        for number, trial in zip(range(MOST_ROWS + 500), record.trials * 200, strict=False)
    )
    record = replace(record, trials=many)
    analysis = analyze(record, influence=NOT_JUDGED)
    started = time.process_time()
    page = study_page(analysis, record)
    assert len(page.ranking.table.rows) == len(page.parallel.numbers) == MOST_ROWS
    assert "Of 2,500 trials, the best 1,000 and an even sample of 1,000 of the others" in page.ranking.note
    assert [cells[0].value for cells in page.ranking.table.rows[:1000]] == [
        str(rank) for rank in range(1, 1001)
    ]
    assert "The marks are an even sample of 2,000 of 2,500 trials" in page.progress.note
    assert time.process_time() - started < 20


@pytest.mark.slow
def test_what_the_test_part_says_is_in_the_json_and_among_the_facts(confirmed):
    record, _ = confirmed
    name = WinnerName(record.best.number, None, 1, 5)
    measures = (
        Measure("accuracy", 0.97, 0.95, 0.98, "wilson", 0.53),
        Measure("loss", 0.1, 0.08, 0.12, "normal"),
    )
    evaluation = Evaluation("test", 60, measures, ((30, 2), (1, 27)), None)
    looks = HeldOutEvaluations((HeldOutEvaluation("2026-01-01T00:00:00+00:00", name, "ab" * 32, evaluation),))
    insides = ErrorAnalysis(name, ("ham", "spam"), evaluation)
    record = replace(record, looks=looks, insides=insides)
    analysis = analyze(record, influence=NOT_JUDGED)
    text, told = render_report(analysis, record), to_json(analysis)
    assert told["looks"]["looks"][0]["evaluation"]["rows"] == 60
    assert told["insides"]["evaluation"]["confusion"] == [[30, 2], [1, 27]]
    shown = [[row[5], *row[6:]] for row in rows_of(text, "looks")]
    seen = told["looks"]["looks"][0]["evaluation"]["measures"]
    names = ("name", "value", "low", "high", "chance")
    assert shown == [[one[name] for name in names] for one in seen]
    assert [row[:3] for row in rows_of(text, "mistakes")] == [["ham", 32, 30], ["spam", 28, 27]]
    fact = study_page(analysis, record).facts.facts[-1]
    # The study's metric is val_loss, wherever its measure stands in the list.
    assert (fact.term, fact.value) == ("loss on the test set", "0.1")
    assert fact.note == "95 % interval 0.08 to 0.12, evaluated once"
    fact = study_page(replace(analysis, metric="val_accuracy"), record).facts.facts[-1]
    assert (fact.term, fact.value) == ("accuracy on the test set", "0.97")
    assert fact.note == "95 % interval 0.95 to 0.98, constant prediction: 0.53, evaluated once"
