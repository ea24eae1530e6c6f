"""Headless Chromium, spoken to through a pipe in its DevTools protocol."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Any, Self

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)


class Browser:
    """One Chromium with one page."""

    def __enter__(self) -> Self:
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self.out = os.pipe()
        self.into, theirs_out = os.pipe()
        found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
        browser = next(filter(None, found))

        def connect() -> None:
            # Chromium reads commands from descriptor 3 and writes to 4; these may be ends of our own pipes.
            first, second = (fcntl.fcntl(own, fcntl.F_DUPFD, 10) for own in (theirs_in, theirs_out))
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [browser, *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"],
            stderr=subprocess.DEVNULL,
            preexec_fn=connect,  # noqa: PLW1509 - this program has no threads
            close_fds=False,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.rest, self.events = 0, b"", []
        target = self.send("Target.createTarget", {"url": "about:blank"}, "")["targetId"]
        attach = {"targetId": target, "flatten": True}
        self.session = self.send("Target.attachToTarget", attach, "")["sessionId"]
        self.send("Page.enable")
        self.send("Performance.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.profile.cleanup()

    def send(
        self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """Send a command and wait for its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        session = self.session if session is None else session
        os.write(self.out, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            told = self._read()
            if told.get("id") == self.number:
                if "error" in told:
                    raise RuntimeError(told["error"]["message"])
                return dict(told["result"])
            self.events.append(told)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            self.rest += os.read(self.into, 1 << 20)
        told, _, self.rest = self.rest.partition(b"\0")
        return dict(json.loads(told))

    def open(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self.events.clear()
        self.send("Page.navigate", {"url": address})
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def ask(self, expression: str) -> Any:
        """Give the value of an expression in the page, or of the promise that it gives."""
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        told = self.send("Runtime.evaluate", asked)
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    def widen(self, width: int, height: int = 900) -> None:
        """Give the window a size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", size)

    def metrics(self) -> dict[str, float]:
        """Give what Chromium counts of a page since it was opened, such as `ScriptDuration` in seconds."""
        told = self.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in told}

    def settle(self, seconds: float) -> None:
        """Let the page be for a while."""
        time.sleep(seconds)
