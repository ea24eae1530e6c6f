"""URLs of Optuna storages: built from paths, and shown and kept without their passwords."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_SECRET = re.compile(r"passw|pwd|passphrase|secret|token|odbc_connect", re.IGNORECASE)
"""Names of settings in the query of a URL that hold a password."""

_IN_A_LIST = re.compile(r"(?:PWD|PASSWORD)=([^;]+)", re.IGNORECASE)
"""A password in a setting that is a list of settings itself, as ODBC has it."""

HIDDEN = "***"

MYSQL_PASSWORD = "MYSQL_PWD"  # noqa: S105 - the name of a variable

VARIABLES = ("PGPASSWORD", MYSQL_PASSWORD)
"""Variables of the environment that hold the password of a database."""


def url_of(path: Path) -> str:
    """Return the URL of a SQLite file, whatever letters are in its path."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string(hide_password=False)


def read_url(url: str) -> URL | None:
    """Read a URL; None where it is none, or where an `@` in the password makes two of it."""
    try:
        read = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return None if "@" in (read.host or "") else read


def shown(url: str) -> str:
    """Show a URL to people, without its password."""
    read = read_url(url)
    if read is not None:
        return without_password(url)
    before, mark, rest = url.rpartition("@")
    return f"{before.partition('://')[0]}://{HIDDEN}@{rest}" if mark else url


def without_password(url: str) -> str:
    """Return a URL without what must not be kept; nothing but its kind where it cannot be read."""
    read = read_url(url)
    if read is None:
        return f"{url.partition('://')[0]}://"
    open_ones = {name: value for name, value in read.query.items() if not _SECRET.search(name)}
    user = URL.create(read.drivername, read.username, None, read.host, read.port, read.database, open_ones)
    return user.render_as_string(hide_password=False)


def has_password(url: str) -> bool:
    """Return whether a URL holds a password, or cannot be read and may hold one."""
    read = read_url(url)
    return "@" in url if read is None else bool(read.password or any(map(_SECRET.search, read.query)))


def scrubbed(text: str, url: str) -> str:
    """Take the passwords of a URL, and of the environment, out of what a library says."""
    given = {os.environ.get(name, "") for name in VARIABLES} - {""}
    for secret in sorted(_secrets(url) | given, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(url: str) -> set[str]:
    """List the passwords of a URL, as they are and as they stand in it."""
    read = read_url(url)
    found = {url} if "@" in url else set()
    if read is None:
        user = url.partition("://")[2].rpartition("@")[0]
        secret = user.partition(":")[2]
        return (found | {user, secret, *secret.split("@")}) - {""}
    words = [read.password, *(value for name, value in read.query.items() if _SECRET.search(name))]
    for word in words:
        for one in (word,) if isinstance(word, str) else word or ():
            found |= {one, *_IN_A_LIST.findall(one)} - {""}
    quoted = re.match(r"[^:]+://[^:/@]*:([^@]*)@", url)
    return found | ({quoted[1]} if quoted and quoted[1] else set())
