"""Fill the tables of docs/textbook.md from comparisons that were run.

    python docs/generate_textbook.py [OUT]

`OUT` is where `hpsearch compare studies/textbook/NAME.yaml --out OUT` left its files: what is finished there
is stored in docs/textbook/ first. A test fails while the page is behind what is stored.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hpsearch.analysis import compare, plain
from hpsearch.analysis.arms.claims import JudgedClaim
from hpsearch.report.tables.comparison import compared, evidence
from hpsearch.report.words.estimates import interval_text, mean_text
from hpsearch.scheduling.racing.estimates import Estimate
from hpsearch.store.layout import PARTS, StudyFiles
from hpsearch.store.reading import read_record

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("textbook.md")
RESULTS = Path(__file__).with_name("textbook")

MANY = 12
"""From so many arms on, those of two factors are shown as a matrix."""

VERDICTS = ("holds", "does not hold", "cannot tell")

Result = Mapping[str, Any]


def main() -> None:
    """Store what was run, and write the page again."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, help="what `hpsearch compare --out` was given")
    options = parser.parse_args()
    if options.out is not None:
        store(options.out)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def store(out: Path) -> None:
    """Store the numbers of each comparison of the textbook that is finished, without its curves."""
    RESULTS.mkdir(exist_ok=True)
    for study in sorted((ROOT / "studies" / "textbook").glob("*.yaml")):
        files = StudyFiles(out, study.stem, PARTS["comparison"])
        if files.timing.exists():
            (RESULTS / f"{study.stem}.json").write_text(_lines(result_of(files)), encoding="utf-8")


def result_of(files: StudyFiles) -> dict[str, Any]:
    """Give the numbers of a comparison, its versions, and when and where it was run."""
    record = read_record(files)
    found = compare(record)
    fields = ("name", "values", "best", "final", "to_target", "tied")
    return {
        "date": datetime.fromtimestamp(files.timing.stat().st_mtime, UTC).date().isoformat(),
        "seconds": json.loads(files.timing.read_text())["seconds"],
        "versions": dict(record.versions),
        "machine": {name: record.machine[name] for name in ("python", "cores")},
        "replicates": found.runs.replicates,
        "metric": found.metric,
        "factors": list(found.factors),
        "target": found.target.loss,
        "arms": [rounded({field: plain(getattr(arm, field)) for field in fields}) for arm in found.arms],
        "claims": rounded(plain(found.claims)),
    }


def rounded(value: Any) -> Any:
    """Round every number to six significant digits."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _lines(result: Result) -> str:
    """Write JSON with a line for each field, and for each item of a list of mappings."""
    return "{\n" + ",\n".join(f'"{name}": {_line(value)}' for name, value in result.items()) + "\n}\n"


def _line(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n " + ",\n ".join(map(json.dumps, value)) + "\n]"
    return json.dumps(value)


def results() -> dict[str, Result]:
    """Read what is stored, by the names of the studies."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))
    }


def filled(page: str) -> str:
    """Fill each block between `<!-- NAME -->` and `<!-- end -->`."""
    stored = results()
    blocks = {name: "\n".join(study_lines(name, result)) for name, result in stored.items()}
    blocks["summary"] = "\n".join(summary_lines(stored))
    for name, text in blocks.items():
        head = f"<!-- {name} -->\n"
        page, count = re.subn(
            f"{head}.*?(?=<!-- end -->)", lambda _, new=head + text + "\n": new, page, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"{PAGE.name} has {count} blocks called {name}")
    return page


def summary_lines(stored: Mapping[str, Result]) -> Iterator[str]:
    """Give a row for each study with the number of its claims by verdict, and what they were run with."""
    rows = [[f"[{name}](#{name})", *_counts(result), _run(result)] for name, result in stored.items()]
    yield from table(["study", *VERDICTS, "run"], rows)
    yield ""
    yield from sorted({_versions(result) for result in stored.values()})


def _counts(result: Result) -> list[str]:
    counts = Counter(claim["verdict"] for claim in result["claims"])
    return [str(counts[verdict]) for verdict in VERDICTS]


def _run(result: Result) -> str:
    return f"{len(result['arms'])} arms, {result['replicates']} seeds of each"


def _versions(result: Result) -> str:
    packages = ", ".join(f"{package} {version}" for package, version in result["versions"].items())
    return f"{packages}; {result['machine']['cores']} cores, Python {result['machine']['python']}."


def study_lines(name: str, result: Result) -> Iterator[str]:
    """Give what was run, the claims with what was measured, and the arms."""
    yield f"`hpsearch compare studies/textbook/{name}.yaml`: {_run(result)}, {result['date']}."
    yield ""
    yield from claim_table([_claim(raw) for raw in result["claims"]])
    yield ""
    combined = [arm for arm in result["arms"] if len(arm["values"]) == 2]
    if len(combined) > MANY:
        yield from matrix(result, combined)
        yield ""
    listed = [arm for arm in result["arms"] if len(combined) <= MANY or arm not in combined]
    if listed:
        yield from arm_table(result, listed)


def _claim(raw: Mapping[str, Any]) -> JudgedClaim:
    return JudgedClaim(**{**raw, "measured": Estimate(**raw["measured"])})


def claim_table(claims: Sequence[JudgedClaim]) -> list[str]:
    """Give a row for each claim; what had no value stands in place of the interval."""
    columns = ["the textbook says", "compared", "measured", "95 % interval", "verdict"]
    return table(columns, [[c.says, compared(c), *_measured(c), f"**{c.verdict}**"] for c in claims])


def _measured(claim: JudgedClaim) -> tuple[str, str]:
    troubles = evidence(claim).partition("; ")[2]
    return mean_text(claim.measured), troubles or interval_text(claim.measured)


def arm_table(result: Result, arms: Sequence[Result]) -> list[str]:
    """Give a row for each arm, best first, those that cannot be told apart from the best in bold."""
    target = result["target"]
    columns = ["arm", f"{result['metric']} at the best epoch", "95 % interval", "at the last epoch"]
    columns += [] if target is None else [f"epochs to val_loss {target:.4g}"]
    return table(columns, [_arm(arm)[: len(columns)] for arm in arms])


def _arm(arm: Mapping[str, Any]) -> list[str]:
    best, final, to_target = (Estimate(**arm[field]) for field in ("best", "final", "to_target"))
    name = f"**{arm['name']}**" if arm["tied"] else arm["name"]
    failed = f"failed on {best.failed} of {best.failed + best.count} seeds" if best.failed else ""
    never = f"not reached by {to_target.failed}" if to_target.failed else ""
    return [
        name,
        mean_text(best),
        failed or interval_text(best),
        mean_text(final),
        never or mean_text(to_target),
    ]


def matrix(result: Result, arms: Sequence[Result]) -> list[str]:
    """Give the mean of each combination of two factors, the best of each column in bold."""
    first, second = result["factors"]
    means = {(arm["values"][first], arm["values"][second]): arm["best"]["mean"] for arm in arms}
    rows, columns = sorted({row for row, _ in means}), sorted({column for _, column in means})
    # What is compared so is a loss: less is better.
    best = {column: min(means[row, column] for row in rows) for column in columns}

    def written(row: str, column: str) -> str:
        mean = f"{means[row, column]:.4f}"
        return f"**{mean}**" if means[row, column] == best[column] else mean

    head = f"{result['metric']}: {first} by {second}"
    return table([head, *columns], [[row, *(written(row, column) for column in columns)] for row in rows])


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write a table in Markdown."""
    return [
        f"| {' | '.join(columns)} |",
        "| --- |" + " --- |" * (len(columns) - 1),
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


if __name__ == "__main__":
    main()
