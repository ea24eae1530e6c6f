"""The baselines of a search: told at its end and in its report, kept, and made again where they are damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.commands import STUDY, here, write_study

pytestmark = pytest.mark.long


def test_a_search_tells_its_baselines_and_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPSEARCH_BASELINE", raising=False)
    write_study(tmp_path / "a.yaml", STUDY)
    first = here("optimize", "a.yaml", cwd=tmp_path)
    assert "baselines: class frequencies 1.09" in first.stdout + first.stderr
    kept = tmp_path / "runs" / "a" / "baselines.json"
    values = [one["value"] for one in json.loads(kept.read_text())["content"]["rows"]]
    assert "<h3>Baselines</h3>" in (tmp_path / "reports" / "a.html").read_text(encoding="utf-8")
    kept.write_text("{}", encoding="utf-8")
    here("optimize", "a.yaml", cwd=tmp_path)
    assert [one["value"] for one in json.loads(kept.read_text())["content"]["rows"]] == values


def test_a_study_may_go_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPSEARCH_BASELINE", raising=False)
    write_study(tmp_path / "a.yaml", {**STUDY, "baseline": "off"})
    found = here("optimize", "a.yaml", cwd=tmp_path)
    assert "baselines" not in found.stdout + found.stderr
    assert not (tmp_path / "runs" / "a" / "baselines.json").exists()
