"""Whom the dashboard answers: real requests to the real server, as browsers send them."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("optuna_dashboard", reason="the package optuna-dashboard is not installed")

from hpsearch.report.dashboard import serving
from hpsearch.report.dashboard.guard import Address
from hpsearch.store.layout import StudyFiles
from support.commands import STUDY, started, succeed_here, write_study

pytestmark = pytest.mark.slow

STUDIES, FIRST = "/api/studies", "/api/studies/1"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("guarded")
    write_study(directory / "study.yaml", {**STUDY, "confirm": "none"})
    succeed_here("optimize", "study.yaml", "--quiet", cwd=directory)
    return directory


@pytest.fixture(scope="module")
def port(out: Path) -> Iterator[int]:
    with serving.opened(StudyFiles(out, "a"), "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[int, str, dict[str, str]]:
    """Send a request with these headers and no others; PORT in them is that of the server."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    content = (body or "").encode()
    for name, value in {"Content-Length": str(len(content)), **headers}.items():
        connection.putheader(name, value.replace("PORT", str(port)))
    connection.endheaders(content)
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    return answer.status, told, dict(answer.getheaders())


OWN = {"Host": "127.0.0.1:PORT"}


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT", "127.0.0.2:PORT"]
    )
    def test_its_own_names_are_answered(self, host: str, port: int) -> None:
        status, told, _ = ask(port, "GET", STUDIES, {"Host": host})
        assert status == 200
        assert [study["study_name"] for study in json.loads(told)["study_summaries"]] == ["a"]

    @pytest.mark.parametrize(
        "host",
        ["evil.example:PORT", "evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:PORT", "localhost.evil.example:PORT",
         "10.0.0.1:PORT", "2130706433:PORT", "0.0.0.0:PORT", "evil.example@127.0.0.1:PORT", "127.0.0.1:PORT,evil.example", "[::1", ""],
    )  # fmt: skip
    def test_other_names_are_not(self, host: str, port: int) -> None:
        for method, path in (("GET", STUDIES), ("GET", "/dashboard"), ("DELETE", FIRST)):
            status, told, _ = ask(port, method, path, {"Host": host, "Origin": f"http://{host}"})
            assert status == 421
            assert "study" not in told
        assert ask(port, "GET", STUDIES, OWN)[1].count('"study_name": "a"') == 1

    def test_a_request_without_a_name_is_not_answered(self, port: int) -> None:
        assert ask(port, "DELETE", FIRST, {"Origin": "http://127.0.0.1:PORT"})[0] == 421


class TestOrigins:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "https://127.0.0.1:PORT"},
            {"Origin": "http://127.0.0.1:1"},
            {"Origin": "http://localhost:PORT"},
            {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
            {},
            {"Referer": "http://127.0.0.1:PORT/dashboard"},
        ],
        ids=str,
    )
    def test_writes_from_elsewhere_are_refused(self, headers: dict[str, str], port: int) -> None:
        for method, path in (
            ("DELETE", FIRST),
            ("PUT", f"{FIRST}/note"),
            ("POST", STUDIES),
            ("PATCH", FIRST),
        ):
            assert ask(port, method, path, {**OWN, **headers}, "{}")[0] == 403
        assert ask(port, "GET", STUDIES, OWN)[1].count('"study_name": "a"') == 1

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://127.0.0.1:PORT"},
            {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "same-origin"},
        ],
        ids=str,
    )
    def test_its_own_pages_may_write(self, headers: dict[str, str], port: int) -> None:
        _, told, _ = ask(port, "GET", FIRST, OWN)
        version = json.loads(told)["note"]["version"]
        body = json.dumps({"body": "mine", "version": version + 1})
        sent = {**OWN, **headers, "Content-Type": "application/json"}
        assert ask(port, "PUT", f"{FIRST}/note", sent, body)[0] == 204
        assert json.loads(ask(port, "GET", FIRST, OWN)[1])["note"]["body"] == "mine"

    def test_pages_from_elsewhere_may_link_to_it_but_not_show_it(self, port: int) -> None:
        away = {**OWN, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        status, _, headers = ask(port, "GET", "/dashboard", {**away, "Sec-Fetch-Dest": "document"})
        assert (status, headers["X-Frame-Options"]) == (200, "DENY")
        assert ask(port, "GET", "/dashboard", {**away, "Sec-Fetch-Dest": "iframe"})[0] == 403
        assert (
            ask(port, "GET", STUDIES, {**OWN, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"})[0]
            == 403
        )


@pytest.mark.parametrize(
    ("host", "name", "meant"),
    [
        ("127.0.0.1", "192.168.1.5:8080", False),
        ("0.0.0.0", "192.168.1.5:8080", True),  # noqa: S104 - only asked
        ("::", "[fe80::1]:8080", True),
        ("0.0.0.0", f"{socket.gethostname()}:8080", True),  # noqa: S104 - the same
        ("0.0.0.0", "evil.example:8080", False),  # noqa: S104 - the same
        ("machine.example", "machine.example:8080", True),
        ("machine.example", "machine.example:80", False),
        ("machine.example", "other.example:8080", False),
    ],
)
def test_what_host_says_is_answered_too(host: str, name: str, meant: bool) -> None:
    assert Address(host, 8080).is_meant_by(name) is meant


def test_the_command_tells_an_address_that_answers(out: Path) -> None:
    with started("dashboard", "a", "--port", "0", cwd=out) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found is not None, line
        assert ask(int(found[1]), "GET", STUDIES, OWN)[0] == 200
        refused = {"Host": "evil.example", "Origin": "http://evil.example"}
        assert ask(int(found[1]), "DELETE", FIRST, refused)[0] == 421
