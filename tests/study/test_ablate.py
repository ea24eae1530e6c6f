"""From the default to the winner of a search: trained, killed, and told of."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from hpsearch.analysis import NOT_JUDGED, AblationPath, analyze, to_json
from hpsearch.analysis.ablation import ablation_of, trace
from hpsearch.exceptions import HpsearchError
from hpsearch.report.dashboard.exhibition import exhibit
from hpsearch.report.html.reports import render_report
from hpsearch.report.words.ablation import path_plot, sentences
from hpsearch.scheduling.conclusion import conclude_search
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.optuna.storage import open_storage
from hpsearch.store.reading import read_ablation, read_parts, read_record
from hpsearch.store.record import StudyRecord
from hpsearch.store.resolved import Resolved, read_resolved, write_resolved
from hpsearch.study.ablation import Plan, outdated, plan_of, with_budget
from hpsearch.study.deletion import delete
from hpsearch.study.part import stored_part
from support.commands import ended, in_process, started, succeed, succeed_here, wait_until, write_study
from support.made_confirmations import confirmed

pytestmark = pytest.mark.slow

STUDY: dict[str, Any] = {
    "name": "a",
    "data": {"sklearn": "digits", "subset": 400, "rescale": "1/16"},
    "model": {
        "mlp": {
            "hidden": {"choice": [[16], [12]]},
            "activation": {"choice": ["elu", "tanh"]},
            "dropout": {"uniform": [0.1, 0.5]},
        }
    },
    "training": {"learning_rate": {"log_uniform": [3e-3, 1e-1]}, "epochs": 2, "batch_size": 32},
    "search": {"trials": 3, "sampler": "random"},
    "confirm": "none",
}
PLACES = ("activation", "dropout", "learning_rate")
DEFAULTS = {"activation": "relu", "dropout": 0.0, "learning_rate": 0.001}
RUNS = 3 * 7


def runs(directory: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Give every number of the runs but the seconds."""
    told = printed(capsys, "trials", "a", "--ablation", "--format", "json", "--out", directory)
    return [{name: value for name, value in one.items() if name != "seconds"} for one in json.loads(told)]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run a command that only reads in this process, and give what it prints."""
    assert in_process(*arguments) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("searched")
    write_study(directory / "a.yaml", STUDY)
    succeed_here("optimize", "a.yaml", cwd=directory)
    return directory


@pytest.fixture(scope="module")
def finished(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("ablated") / "b"
    shutil.copytree(searched, directory)
    told = succeed_here("ablate", "a.yaml", cwd=directory).stdout
    (directory / "printed").write_text(told, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def records(finished: Path) -> tuple[StudyRecord, StudyRecord]:
    files = StudyFiles(finished, "a")
    ablation = read_ablation(files)
    assert ablation is not None
    return read_record(files), ablation


@pytest.fixture(scope="module")
def path(records: tuple[StudyRecord, StudyRecord]) -> AblationPath:
    record, ablation = records
    assert record.best is not None
    return trace(record, ablation, record.best.number)


Values = dict[frozenset[str], dict[int, float]]


@pytest.fixture(scope="module")
def values(records: tuple[StudyRecord, StudyRecord]) -> Values:
    """Give what was trained by what it was: the places where its configuration is not the default."""
    found: Values = {}
    for one in records[1].trials:
        model, training = one.configuration.model, one.configuration.training
        own = {"activation": model.activation.name, "dropout": model.dropout}  # type: ignore[attr-defined]
        own["learning_rate"] = training.learning_rate
        made = frozenset(name for name in PLACES if own[name] != DEFAULTS[name])
        assert one.value is not None
        found.setdefault(made, {})[int(one.parameters["replicate"])] = one.value
    return found


def mean(values: dict[int, float]) -> float:
    return sum(values.values()) / len(values)


class TestPath:
    def test_it_begins_at_the_default_and_ends_at_the_winner(
        self, records: tuple[StudyRecord, StudyRecord], values: Values
    ) -> None:
        record, ablation = records
        assert record.best is not None
        assert len(ablation.trials) == RUNS
        assert len(values) == RUNS / 3
        (first, last) = (
            {one.configuration for one in ablation.trials if sides(one.parameters) == {side}}
            for side in ("default", "winner")
        )
        assert last == {record.best.configuration}
        (default,) = first
        told = default.dump()["model"]["mlp"]
        assert told["hidden"] == record.best.configuration.dump()["model"]["mlp"]["hidden"]
        assert values[frozenset()]
        assert values[frozenset(PLACES)]

    def test_all_meet_the_same_fresh_seeds(self, records: tuple[StudyRecord, StudyRecord]) -> None:
        record, ablation = records
        seeds: dict[int, set[int]] = {}
        for one in ablation.trials:
            seeds.setdefault(int(one.parameters["replicate"]), set()).add(one.seed)
        assert [len(own) for own in seeds.values()] == [1, 1, 1]
        fresh = set.union(*seeds.values())
        assert len(fresh) == 3
        assert not fresh & {trial.seed for trial in record.trials}

    def test_the_best_mean_of_each_round_is_taken(self, path: AblationPath, values: Values) -> None:
        made: frozenset[str] = frozenset()
        for step in path.changes:
            means = {name: mean(values[made | {name}]) for name in PLACES if name not in made}
            assert step.taken.change is not None
            assert step.taken.change.place == min(means, key=means.__getitem__)
            others = [one.change.place for one in step.others if one.change is not None]
            assert [step.taken.change.place, *others] == sorted(means, key=means.__getitem__)
            made |= {step.taken.change.place}
        assert made == frozenset(PLACES)

    def test_changes_say_from_what_to_what(
        self, records: tuple[StudyRecord, StudyRecord], path: AblationPath
    ) -> None:
        best = records[0].best
        assert best is not None
        changes = [step.taken.change for step in path.changes]
        assert {c.place: (c.old, c.new) for c in changes if c is not None} == {
            name: (DEFAULTS[name], best.parameters[name]) for name in PLACES
        }
        (kept,) = path.kept
        assert (kept.name, kept.value) == ("hidden", best.parameters["hidden"])
        assert (path.trial, path.current, path.runs, path.planned) == (best.number, True, RUNS, RUNS)

    def test_differences_are_those_of_scipy(self, path: AblationPath, values: Values) -> None:
        made: frozenset[str] = frozenset()
        for step in path.changes:
            for one in (step.taken, *step.others):
                assert one.change is not None
                assert one.standing is not None
                own, before = values[made | {one.change.place}], values[made]
                check(one.standing, own, before)
                alone = stats.t.interval(0.95, 2, mean(own), stats.sem(list(own.values())))
                assert (one.estimate.low, one.estimate.high) == pytest.approx(alone)
            made |= {step.taken.change.place}  # type: ignore[union-attr]
            if step.remaining is not None:
                check(step.remaining, values[made], values[frozenset(PLACES)])
        check(path.total, values[frozenset(PLACES)], values[frozenset()])

    def test_the_gain_is_carried_by_the_fewest_steps_behind_which_the_winner_is_not_better(
        self, path: AblationPath, values: Values
    ) -> None:
        made: set[str] = set()
        carried = len(PLACES)
        for count, step in enumerate(path.steps[:-1]):
            made |= {step.taken.change.place} if step.taken.change is not None else set()
            pair = paired(values[frozenset(made)], values[frozenset(PLACES)])
            if pair.confidence_interval(0.95).low <= 0:
                carried = count
                break
        assert path.carried == carried


def sides(parameters: Any) -> set[Any]:
    return {value for name, value in parameters.items() if name != "replicate"}


def paired(own: dict[int, float], other: dict[int, float]) -> Any:
    return stats.ttest_rel([own[n] for n in range(3)], [other[n] for n in range(3)])


def check(standing: Any, own: dict[int, float], other: dict[int, float]) -> None:
    """Hold a difference against SciPy's paired t test."""
    found, low_high = standing.difference.estimate, paired(own, other).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(low_high))
    assert found.mean == pytest.approx(mean(own) - mean(other))
    order = "cannot tell" if found.low <= 0 <= found.high else "better" if found.high < 0 else "worse"
    assert standing.order == order


def cells(text: str, name: str) -> list[list[Any]]:
    """Give the cells of a table as numbers where they are numbers, else as text; None for a dash."""
    body = text.split(f'<table id="{name}">')[1].split("</table>", maxsplit=1)[0].split("<tbody>")[1]
    rows = [re.findall(r"<t[hd]([^>]*)>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("<tr>")[1:]]
    return [[_cell(*one) for one in row] for row in rows]


def _cell(attributes: str, content: str) -> Any:
    exact = re.search(r'data-value="([^"]*)"', attributes)
    return float(exact[1]) if exact else None if content == "–" else html.unescape(content)


def numbers(tried: Any) -> list[Any]:
    """Give the cells that the JSON has for a configuration."""
    change, own = tried["change"], tried["estimate"]
    standing = tried["standing"] or {"difference": {"estimate": {}, "probability": None}, "order": None}
    difference = standing["difference"]
    return [
        *([change["place"], change["old"], change["new"]] if change else ["default", None, None]),
        *(own[key] for key in ("mean", "low", "high", "deviation", "count", "failed")),
        *(difference["estimate"].get(key) for key in ("mean", "low", "high")),
        difference["probability"],
        standing["order"],
    ]


class TestShown:
    def test_every_number_of_the_page_is_in_the_json(
        self, finished: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        told = json.loads(printed(capsys, "report", "a", "--format", "json", "--out", finished))["search"]
        text, steps = (finished / "reports" / "a.html").read_text("utf-8"), told["ablation"]["steps"]
        remaining = [s["remaining"] or {"difference": {"estimate": {}}, "order": None} for s in steps]
        behind = [
            [*(r["difference"]["estimate"].get(k) for k in ("mean", "low", "high")), r["order"]]
            for r in remaining
        ]
        expected = [[number, *numbers(step["taken"]), *behind[number]] for number, step in enumerate(steps)]
        assert cells(text, "steps") == expected
        others = [[number, *numbers(one)] for number, step in enumerate(steps) for one in step["others"]]
        assert cells(text, "beside") == others
        assert len(others) == 3

    def test_the_json_is_the_typed_result(
        self, records: tuple[StudyRecord, StudyRecord], path: AblationPath
    ) -> None:
        analysis = analyze(records[0], None, NOT_JUDGED, records[1])
        assert analysis.ablation == path
        assert (
            json.loads(json.dumps(to_json(analysis), allow_nan=False))["ablation"]["carried"] == path.carried
        )

    def test_the_terminal_and_the_page_say_the_same(self, finished: Path, path: AblationPath) -> None:
        shown = (finished / "printed").read_text(encoding="utf-8")
        assert "3 changes, 7 configurations from 3 seeds: 21 runs" in shown
        assert shown.index("21 runs") < shown.index("run    0")
        assert "not changed: hidden = " in shown
        page = html.unescape((finished / "reports" / "a.html").read_text(encoding="utf-8"))
        assert len(sentences(path, "a")) >= 2
        for sentence in sentences(path, "a"):
            assert sentence in shown
            assert sentence in page

    def test_the_figure_shows_the_steps_beside_the_winner(self, path: AblationPath, finished: Path) -> None:
        plot = path_plot(path)
        assert [row.mean for row in plot.rows] == [step.taken.estimate.mean for step in path.steps]
        assert plot.reference == path.steps[-1].taken.estimate.mean
        assert plot.rows[0].kind == "start"
        assert "Figure: steps" in (finished / "reports" / "a.html").read_text(encoding="utf-8")

    def test_without_an_ablation_the_page_tells_the_command(self, searched: Path) -> None:
        page = (searched / "reports" / "a.html").read_text(encoding="utf-8")
        assert "To run one: hpsearch ablate a.yaml" in page
        assert '<table id="steps">' not in page

    def test_every_file_is_whole_and_the_study_is_listed_once(
        self, finished: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        told = printed(capsys, "check", "a", "--out", finished)
        assert "DAMAGED" not in told
        assert str(Path("runs", "a", "ablate", "ticks.jsonl")) in told
        listed = printed(capsys, "list", "--out", finished).splitlines()
        assert [line.split()[:2] for line in listed[1:]] == [["a", "search"]]


@pytest.mark.long
def test_killed_in_the_middle_it_ends_the_same(
    searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed, directory = tmp_path / "undisturbed", tmp_path / "killed"
    shutil.copytree(searched, undisturbed)
    succeed("ablate", "a.yaml", cwd=undisturbed)
    shutil.copytree(searched, directory)
    with started("ablate", "a.yaml", cwd=directory) as process:
        wait_until(lambda: len(ended(directory / "runs" / "a" / "ablate")) >= 14, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert 14 <= len(ended(directory / "runs" / "a" / "ablate")) < RUNS
    told = succeed("ablate", "a.yaml", cwd=directory).stdout
    assert re.search(r"21 runs, 1\d of them done", told)
    assert runs(directory, capsys) == runs(undisturbed, capsys)


class Notes:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


class TestGoingOn:
    @pytest.fixture
    def copied(self, finished: Path, tmp_path: Path) -> StudyFiles:
        shutil.copytree(finished, tmp_path / "c")
        return StudyFiles(tmp_path / "c", "a")

    def part(self, files: StudyFiles) -> StudyFiles:
        return StudyFiles(files.out, files.name, PARTS["ablation"])

    def plan(self, files: StudyFiles, replicates: int = 3) -> Plan:
        return plan_of(conclude_search(read_record(files), *read_parts(files)), replicates)

    def stored(self, files: StudyFiles, display: Notes) -> Resolved | None:
        searched = read_resolved(files)
        assert searched is not None
        told = partial(outdated, self.plan(files))
        return stored_part(self.part(files), searched, None, told, display)  # type: ignore[arg-type]

    def test_the_winner_is_that_of_the_confirmation(
        self, copied: StudyFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = read_record(copied)
        assert record.best is not None
        assert self.plan(copied).trial == record.best.number
        confirmation = confirmed(record, finalists=2, replicates=3)
        worst_first = tuple(replace(run, value=-(run.value or 0.0)) for run in confirmation.trials)
        turned = replace(confirmation, trials=worst_first)
        monkeypatch.setattr("hpsearch.store.reading.read_confirmation", lambda _: turned)
        second = record.ranking[1]
        plan = self.plan(copied)
        assert plan.trial == second.number
        ablation = ablation_of(plan.spec)
        assert ablation.configuration(ablation.values(ablation.changes, 0)) == second.configuration

    def test_the_ablation_of_another_winner_is_removed(self, copied: StudyFiles) -> None:
        part, display = self.part(copied), Notes()
        stored = self.stored(copied, display)
        assert stored is not None
        assert display.told == []
        other = {"batch_size": stored.spec.training.batch_size + 1}
        training = stored.spec.training.model_copy(update=other)
        write_resolved(part, replace(stored, spec=stored.spec.model_copy(update={"training": training})))
        assert self.stored(copied, display) is None
        assert [told for told in display.told if "a new winner" in told]
        assert list(part.directory.iterdir()) == []

    def test_what_a_dying_process_left_of_another_is_removed(self, copied: StudyFiles) -> None:
        part = self.part(copied)
        part.study.unlink()
        part.study_copy.unlink()
        assert self.stored(copied, Notes()) is None
        assert list(part.directory.iterdir()) == []

    def test_other_replicates_have_a_budget_for_another_path(self, copied: StudyFiles) -> None:
        stored = read_resolved(self.part(copied))
        assert with_budget(self.plan(copied), stored).search.trials == RUNS
        assert with_budget(self.plan(copied, 5), stored).search.trials == RUNS + 5 * 7

    def test_a_path_to_an_earlier_winner_says_so(
        self, records: tuple[StudyRecord, StudyRecord], path: AblationPath
    ) -> None:
        record, ablation = records
        other = next(trial.number for trial in record.trials if trial.number != path.trial)
        stale = trace(record, ablation, other)
        assert (stale.trial, stale.current) == (path.trial, False)
        assert sentences(stale, "a")[0].startswith("The search has a new winner")
        assert "a new winner" not in " ".join(sentences(path, "a"))

    def test_a_part_of_the_runs_gives_a_part_of_the_path(
        self, records: tuple[StudyRecord, StudyRecord], path: AblationPath
    ) -> None:
        record, ablation = records
        half = replace(ablation, trials=ablation.trials[:15])
        part = trace(record, half, path.trial)
        assert [step.taken for step in part.steps] == [step.taken for step in path.steps[:2]]
        assert (part.total, part.carried, part.runs) == (None, None, 15)
        assert "15 of 21 runs have ended" in " ".join(sentences(part, "a"))
        text = render_report(analyze(record, None, NOT_JUDGED, half), record)
        assert len(cells(text, "steps")) == 2
        none = trace(record, replace(ablation, trials=()), path.trial)
        assert none.steps == ()

    def test_two_seeds_are_not_enough(
        self, records: tuple[StudyRecord, StudyRecord], path: AblationPath
    ) -> None:
        record, ablation = records
        assert ablation.spec.compare is not None
        compare = ablation.spec.compare.model_copy(update={"replicates": 2})
        spec = ablation.spec.model_copy(update={"compare": compare})
        few = trace(record, replace(ablation, spec=spec), path.trial)
        assert few.carried is None
        assert few.total is not None
        assert few.total.order == "not enough"
        assert "hpsearch ablate a.yaml --replicates 3" in " ".join(sentences(few, "a"))


Table = dict[frozenset[str], float | None]


def of(*places: str) -> frozenset[str]:
    return frozenset(places)


class TestSentences:
    """What is said of paths whose numbers are made up, each replicate off by its seed and a little more."""

    @pytest.fixture
    def told(self, records: tuple[StudyRecord, StudyRecord], path: AblationPath) -> Any:
        record, ablation = records
        experiment = ablation_of(ablation.spec)

        def tell(table: Table) -> tuple[AblationPath, str]:
            trials = []
            for count, (made, value) in enumerate(table.items()):
                for replicate in range(3):
                    more = 0.1 * replicate + 0.001 * ((count + replicate) % 3)
                    one = replace(
                        ablation.trials[0],
                        number=len(trials),
                        parameters=experiment.values(made, replicate),
                        value=None if value is None else value + more,
                    )
                    trials.append(one)
            made_up = trace(record, replace(ablation, trials=tuple(trials)), path.trial)
            return made_up, " ".join(sentences(made_up, "a"))

        return tell

    def table(self, **changed: float | None) -> Table:
        """Let the rate carry the gain, the activation do nothing and dropout harm, unless it is changed."""
        values: dict[str, float | None] = {
            "none": 1.0, "l": 0.4, "a": 1.0, "d": 1.2, "la": 0.4, "ld": 0.6, "ad": 1.2, "lad": 0.6, **changed
        }  # fmt: skip
        names = {"l": "learning_rate", "a": "activation", "d": "dropout"}
        return {of(*(names[one] for one in key if key != "none")): value for key, value in values.items()}

    def test_what_carries_the_gain_what_does_nothing_and_what_harms(self, told: Any) -> None:
        path, text = told(self.table())
        assert [step.taken.change.place for step in path.changes] == [
            "learning_rate",
            "activation",
            "dropout",
        ]
        assert path.carried == 1
        assert "val_loss goes from 1.101 to 0.701: -0.4" in text
        assert re.search(r"1 of 3 changes carries the gain: learning_rate \(0\.001 to \S+\)\. ", text)
        assert "No measurable effect at its position in the path: activation." in text
        assert "Made it worse at its position in the path: dropout." in text
        assert re.search(r"An intermediate step is better than the winner, the best being step [12] ", text)

    def test_it_takes_all(self, told: Any) -> None:
        path, text = told(self.table(la=0.3, lad=0.2))
        assert path.carried == 3
        assert "All changes are needed to match the winner: learning_rate" in text
        assert "An intermediate step" not in text
        assert "No measurable effect" not in text

    def test_nothing_is_gained(self, told: Any) -> None:
        path, text = told(dict.fromkeys(self.table(), 0.5))
        assert path.carried == 0
        assert "The winner cannot be told apart from the default." in text

    def test_the_default_is_better(self, told: Any) -> None:
        _, text = told(self.table(none=0.1))
        assert "The winner is worse than the default." in text

    def test_a_default_that_fails_is_the_worst(self, told: Any) -> None:
        path, text = told(self.table(none=None, a=None))
        assert path.steps[0].remaining.order == "worse"
        assert path.carried == 1
        assert "The default failed with 3 of 3 seeds." in text
        assert path.steps[1].others[-1].change.place == "activation"


class TestRefused:
    def test_without_a_search(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write_study(tmp_path / "a.yaml", STUDY)
        assert in_process("ablate", tmp_path / "a.yaml", "--out", tmp_path) == 2
        assert "start it with hpsearch optimize" in capsys.readouterr().err

    def test_without_a_finished_trial(self, searched: Path, tmp_path: Path) -> None:
        shutil.copytree(searched, tmp_path / "d")
        files = StudyFiles(tmp_path / "d", "a")
        for log in (files.ticks, files.ticks_copy):
            log.unlink()
        with pytest.raises(HpsearchError, match="continue with hpsearch optimize"):
            plan_of(conclude_search(read_record(files)), 3)

    def test_where_nothing_was_ablated(self, searched: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert in_process("trials", "a", "--ablation", "--out", searched) == 1
        assert "hpsearch ablate trains them" in capsys.readouterr().err


def test_the_dashboard_shows_it(finished: Path, path: AblationPath, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "f")
    files = StudyFiles(tmp_path / "f", "a")
    storage = open_storage(f"sqlite:///{files.database}")
    assert exhibit(files, storage, None) == []
    attributes = {study.study_name: study.system_attrs for study in storage.get_all_studies()}
    assert attributes.keys() == {"a", "a-ablate"}
    note = "".join(value for key, value in attributes["a-ablate"].items() if "note_str" in key)
    assert note.startswith("Not a search but an ablation: from the defaults")
    first = path.steps[1].taken.change
    assert first is not None
    assert first.place.replace("_", "\\_") in note
    names = [str(value) for key, value in attributes["a-ablate"].items() if "artifact" in key]
    assert any("steps.svg" in name for name in names)
    trials = storage.get_all_trials(storage.get_study_id_from_name("a-ablate"))
    assert {frozenset(sides(trial.params)) <= {"default", "winner"} for trial in trials} == {True}
    assert len(trials) == RUNS


def test_a_deleted_study_leaves_no_ablation(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "e")
    delete(StudyFiles(tmp_path / "e", "a"))
    assert not (tmp_path / "e" / "runs" / "a").exists()
