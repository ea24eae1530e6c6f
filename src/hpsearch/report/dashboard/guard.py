"""Who is answered: browsers that were sent to this dashboard, and pages of its own.

A page from elsewhere reaches a server on the reader's machine in two ways: by a name that its owner points to
127.0.0.1 once the page is loaded, and by requests that the browser sends across sites. The first tells itself
by the header Host, the second by Origin and Sec-Fetch-Site.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

HEADERS = [("X-Frame-Options", "DENY"), ("Cross-Origin-Resource-Policy", "same-origin")]
"""A page from elsewhere may not show the dashboard in a frame, where clicks would be its reader's."""

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@,\s]+)(?::([0-9]{1,5}))?")


@dataclass(frozen=True)
class Address:
    """Where the dashboard listens: what `--host` says, and the port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as a browser takes it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"

    @property
    def is_local(self) -> bool:
        """Return whether only this machine can reach it."""
        address = _address(self.host)
        return self.host == "localhost" if address is None else address.is_loopback

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that are answered: no name of others, whatever address it points to."""
        own = (
            set()
            if self.is_local
            else {self.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
        )
        return frozenset({"localhost", *own})

    def is_meant_by(self, host: str) -> bool:
        """Return whether a header Host names this dashboard.

        An address in numbers cannot be pointed elsewhere: where others may reach it, any of them will do.
        """
        found = _HOST.fullmatch(host)
        if found is None or int(found[2] or 80) != self.port:
            return False
        name = found[1].strip("[]").lower()
        address = _address(name)
        if address is None:
            return name in self.names
        return address.is_loopback or not self.is_local


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


class Guard:
    """Answers in the place of an application where a request was not meant for it."""

    def __init__(self, app: WSGIApplication, address: Address) -> None:
        self.app, self.address = app, address

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        refused = self._refused(environ)
        if refused is not None:
            status, message = refused
            start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *HEADERS])
            return [f"{message}\n".encode()]

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, *HEADERS], *rest)

        return self.app(environ, start)

    def _refused(self, environ: WSGIEnvironment) -> tuple[str, str] | None:
        """Say why a request is refused; None where it is not."""
        host = environ.get("HTTP_HOST", "")
        if not self.address.is_meant_by(host):
            message = "this is not the address of the dashboard: use the one it printed when it started"
            return "421 Misdirected Request", f"{message}, or start it with --host to allow another name"
        if environ["REQUEST_METHOD"] not in SAFE:
            if not _comes_from(environ, f"http://{host}"):
                return "403 Forbidden", "only the dashboard's own pages may change studies"
        elif environ.get("HTTP_SEC_FETCH_SITE") in ("cross-site", "same-site") and not _is_a_link(environ):
            return "403 Forbidden", "only the dashboard's own pages may show its content"
        return None


def _comes_from(environ: WSGIEnvironment, own: str) -> bool:
    """Return whether a request says that a page of our own sent it; one that says nothing may be of any."""
    origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
    if origin is None and site is None:
        return False
    return origin in (None, own) and site in (None, "same-origin")


def _is_a_link(environ: WSGIEnvironment) -> bool:
    """Return whether a user opens a page in a window of its own."""
    mode, place = environ.get("HTTP_SEC_FETCH_MODE"), environ.get("HTTP_SEC_FETCH_DEST")
    return mode == "navigate" and place == "document"
