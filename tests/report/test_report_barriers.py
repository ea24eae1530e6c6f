"""Every kind of page against the rules of axe-core, by day on a desk and in the dark on a phone."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from hpsearch.analysis import NOT_JUDGED, analyze, compare, summarize
from hpsearch.report.html.reports import render_comparison, render_probe, render_report
from support import made_comparisons, made_confirmations, made_probes

AXE = Path(os.environ.get("AXE_CORE", Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"))


def search_page(synthetic):
    record = synthetic.record_of(60)
    return render_report(analyze(record, made_confirmations.confirmed(record)), record)


def long_page(synthetic):
    """Give a page whose ranking is longer than what stands in it at first, with rules of two causes."""
    some = synthetic.record_of(150)
    trials = tuple(
        synthetic.failed(trial) if trial.parameters["dropout"] > 0.3 else trial for trial in some.trials
    )
    record = replace(some, trials=trials)
    return render_report(analyze(record, influence=NOT_JUDGED), record)


def comparison_page(synthetic):
    record = made_comparisons.large(baseline="glorot_uniform, relu")
    return render_comparison(compare(record), record)


def probe_page(synthetic):
    probe = made_probes.probe(*(made_probes.arm(initializer=name) for name in ("zeros", "he_normal")))
    return render_probe(probe, tuple(map(summarize, probe.arms)))


@cache
def page_of(kind, synthetic):
    return kind(synthetic)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 375)])
@pytest.mark.parametrize("kind", [search_page, long_page, comparison_page, probe_page])
def test_axe_finds_no_barrier(visit, synthetic, unguarded, kind, scheme, width):
    if not AXE.exists():
        pytest.skip("axe-core is not here: npm install --no-save axe-core, or name it in AXE_CORE")
    script = AXE.read_text(encoding="utf-8").replace("</script", "<\\/script")
    open_page = unguarded(page_of(kind, synthetic)).replace("<details", "<details open")
    seen = visit(
        open_page.replace("</body>", f"<script>{script}</script></body>"),
        """
  const found = await view.axe.run(page, { resultTypes: ["violations"] });
  told({ rules: found.passes.length, violations: found.violations.map(
    (one) => [one.id, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 150))]) });""",
        width=width,
        scheme=scheme,
        budget=30_000,
    )
    assert seen["rules"] > 20
    assert seen["violations"] == []
