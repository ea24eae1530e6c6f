"""Fixtures: records made from a formula, and a page in a browser."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from support.browsers import CHROMIUM, FLAGS

SCHEMES = {"dark": 0, "light": 1}

FRAME = """<!DOCTYPE html><iframe style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe><script>
const frame = document.querySelector("iframe");
const told = (seen) => document.body.append(
  Object.assign(document.createElement("pre"), {{ id: "seen", textContent: JSON.stringify(seen) }}));
frame.onload = async () => {{
  const page = frame.contentDocument, view = frame.contentWindow;
  const all = (selector) => Array.from(page.querySelectorAll(selector));
  const shown = () => all("#trials tbody tr").filter((row) => !row.hidden).map((row) => Number(row.cells[1].dataset.value));
  {script}
}};
</script>"""


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """Open a page in a frame, run a script on it, and give what the script saw; nothing may be complained of."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    directory = tmp_path_factory.mktemp("browser")

    def run(text: str, script: str, width: int = 1440, scheme: str = "light", budget: int = 0) -> Any:
        path = directory / "page.html"
        path.write_text(FRAME.format(page=html.escape(text), script=script, width=width), encoding="utf-8")
        options = (
            f"--user-data-dir={directory / 'profile'}",
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
            "--window-size=1500,1000",
            *([f"--virtual-time-budget={budget}"] if budget else []),
        )
        command = [CHROMIUM, *FLAGS, *options, path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert "CONSOLE" not in done.stderr
        return json.loads(
            html.unescape(re.findall(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)[-1])
        )

    return run


@pytest.fixture(scope="session")
def unguarded() -> Callable[[str], str]:
    """Lift the policy of a page, so that a test can add to its script and change its style sheet."""
    return lambda text: re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
