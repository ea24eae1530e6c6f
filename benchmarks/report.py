"""How large the report of a search is, how long it takes to write, and how soon it can be used in a browser.

    python benchmarks/report.py [--trials 1000 10000] [--repeats 5]

The searches have ten parameters and made-up learning curves; writing includes the whole analysis. The page is
opened in headless Chromium, which tells in milliseconds when something was painted first, when the document
was ready, and when its scripts had run and the first view was laid out and drawn (usable); how much of its
time went into scripts, layout and styles; and what a brush costs. The medians go to
`benchmarks/results/report.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from browser import Browser

from hpsearch.analysis import analyze
from hpsearch.analysis.influence.influence import judge_influence
from hpsearch.data.summary import DataSummary
from hpsearch.report.html.reports import render_report
from hpsearch.spec import Numeric, StudySpec
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.record import StudyRecord, TrialRecord

RESULTS = Path(__file__).parent / "results" / "report.json"

STUDY = {
    "name": "many",
    "data": "sklearn:digits",
    "model": {
        "mlp": {
            "hidden": [64, 32],
            "initializer": {"choice": ["glorot_uniform", "he_normal", "lecun_normal"]},
            "activation": {"choice": ["relu", "tanh", "selu"]},
            "batch_norm": {"choice": ["none", "before_activation", "after_activation"]},
            "dropout": {"uniform": [0.0, 0.5]},
            "l1": {"log_uniform": [1e-7, 1e-3]},
            "l2": {"log_uniform": [1e-7, 1e-2]},
        }
    },
    "training": {
        "learning_rate": {"log_uniform": [1e-4, 1e-1]},
        "schedule": {"choice": ["constant", {"exponential": {"rate": {"uniform": [0.8, 1.0]}}}]},
        "clipping": {"choice": ["none", {"clipvalue": 0.5}]},
        "epochs": 30,
    },
    "search": {"metric": "val_loss"},
}
"""Ten parameters, one of them conditional."""

DATA = DataSummary(
    "sklearn:digits", "classification", (64,), 10, 1149, 288, 360, 1, tuple("0123456789"), "0" * 64
)

USABLE = """new Promise((done) => requestAnimationFrame(() => setTimeout(() => {
  const [opened] = performance.getEntriesByType("navigation"), now = performance.now();
  const paints = (list) => {
    const painted = list.getEntriesByName("first-contentful-paint")[0]?.startTime;
    if (painted) done({ ready: opened.domContentLoadedEventEnd, painted, usable: Math.max(now, painted) });
  };
  new PerformanceObserver(paints).observe({ type: "paint", buffered: true });
})))"""

BRUSH = """new Promise((done) => {
  document.getElementById("parallel").scrollIntoView();
  requestAnimationFrame(() => setTimeout(() => {
    const field = document.querySelector("[data-axis='1']");
    const top = field.ownerSVGElement.getBoundingClientRect().top, begun = performance.now();
    for (const [kind, y] of [["down", 60], ["move", 200], ["up", 200]]) {
      field.dispatchEvent(new PointerEvent(`pointer${kind}`, { clientY: top + y, bubbles: true }));
    }
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
  }));
})"""

COUNTED = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")


def record_of(trials: int) -> StudyRecord:
    """Make the record of a search."""
    spec = StudySpec.model_validate({**STUDY, "search": {**STUDY["search"], "trials": trials}})
    space = SearchSpace(spec)
    return StudyRecord(spec, DATA, tuple(_trial(space, number) for number in range(trials)))


def _trial(space: SearchSpace, number: int) -> TrialRecord:
    draw, values = random.Random(number), {}  # noqa: S311 - no secret

    def choose(parameter: Parameter) -> Value:
        values[parameter.name] = _drawn(parameter, draw)
        return values[parameter.name]

    configuration = space.configure(choose)
    if draw.random() < 0.03:
        cause = "the training loss is not finite (epoch 2, step 7, first in layer hidden_2)"
        return TrialRecord(number, "failed", None, values, configuration, 2, None, 0.2, number, cause)
    floor = 0.07 + 0.1 * (math.log10(values["learning_rate"]) + 2.6) ** 2 + abs(draw.gauss(0, 0.02))
    curve = tuple(floor + 2.2 * math.exp(-epoch / 4) + abs(draw.gauss(0, 0.01)) for epoch in range(30))
    history = {"loss": curve, "val_loss": curve}
    best = min(curve)
    known = (30, curve.index(best) + 1, 0.25, number, None, history)
    return TrialRecord(number, "complete", best, values, configuration, *known)


def _drawn(parameter: Parameter, draw: random.Random) -> Value:
    distribution = parameter.distribution
    if not isinstance(distribution, Numeric):
        return draw.choice(parameter.options)
    if distribution.log:
        return math.exp(draw.uniform(math.log(distribution.low), math.log(distribution.high)))
    return draw.uniform(distribution.low, distribution.high)


def written(trials: int) -> tuple[str, dict[str, float]]:
    """Write a report; give it, its size in bytes and the seconds that its parts took."""
    record = record_of(trials)
    begun = time.perf_counter()
    influence = judge_influence(record)
    judged = time.perf_counter()
    analysis = analyze(record, influence=influence)
    analyzed = time.perf_counter()
    text = render_report(analysis, record)
    return text, {
        "bytes": len(text.encode()),
        "what_mattered_seconds": round(judged - begun, 2),
        "other_analysis_seconds": round(analyzed - judged, 2),
        "render_seconds": round(time.perf_counter() - analyzed, 2),
    }


def opened(browser: Browser, page: Path, width: int) -> dict[str, float]:
    """Open a page once; give milliseconds."""
    browser.widen(width)
    browser.open("about:blank")
    before = browser.metrics()
    browser.open(page.as_uri())
    told = dict(browser.ask(USABLE))
    after = browser.metrics()
    told |= {name: 1_000 * (after[name] - before[name]) for name in COUNTED}
    return {**told, "brushed": browser.ask(BRUSH)}


def opening(text: str, width: int, repeats: int) -> dict[str, Any]:
    """Open a page several times; give medians of milliseconds."""
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        page = Path(folder) / "page.html"
        page.write_text(text, encoding="utf-8")
        opened(browser, page, width)
        seen = [opened(browser, page, width) for _ in range(repeats)]
    return {name: round(statistics.median(one[name] for one in seen)) for name in seen[0]}


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--page", type=Path, help="only open this page")
    options = parser.parse_args()
    if options.page:
        text = options.page.read_text(encoding="utf-8")
        print(json.dumps({w: opening(text, w, options.repeats) for w in (375, 1440)}, indent=1))
        return
    figures = {}
    for trials in options.trials:
        text, told = written(trials)
        opens = {f"{width} px": opening(text, width, options.repeats) for width in (375, 1440)}
        figures[f"{trials} trials"] = {**told, **opens}
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
