"""Drivers of database servers: which package one needs, and how long it may wait for its server."""

from __future__ import annotations

import os
from typing import Any

from hpsearch.store.optuna.urls import MYSQL_PASSWORD, read_url

PREFERRED = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
"""Packages that connect to a database where its URL names none."""

EXTRAS = {"psycopg": "postgresql", "pymysql": "mysql"}

WAITS = {
    "psycopg": {"connect_timeout": 5, "tcp_user_timeout": 10_000, "keepalives_idle": 10},
    "pymysql": {"connect_timeout": 5, "read_timeout": 30, "write_timeout": 30},
}
"""Without them a server whose machine is gone is waited for for minutes."""

MYSQL_FILE = "~/.my.cnf"

LOCK_SECONDS = 10.0
"""How long a SQLite file that is locked is waited for."""


def connectable(url: str) -> str:
    """Return a URL with the driver that is used where it names none."""
    kind, mark, rest = url.partition("://")
    return f"{kind}+{PREFERRED[kind]}{mark}{rest}" if kind in PREFERRED else url


def engine_arguments(url: str) -> dict[str, Any]:
    """Return how SQLAlchemy connects to a database: by its own files of passwords, and not for ever."""
    kind, _, driver = connectable(url).partition("://")[0].partition("+")
    if kind == "sqlite":
        return {"connect_args": {"timeout": LOCK_SECONDS}}
    # A connection from before a restart of the server is replaced, not used.
    return {"connect_args": {**WAITS.get(driver, {}), **_of_mysql(url, driver)}, "pool_pre_ping": True}


def _of_mysql(url: str, driver: str) -> dict[str, str]:
    read = read_url(url)
    if driver != "pymysql" or read is None or read.password or "read_default_file" in read.query:
        return {}
    password = os.environ.get(MYSQL_PASSWORD)
    return {"password": password} if password else {"read_default_file": MYSQL_FILE}


def missing(url: str) -> str:
    """Say what to install for a database whose driver is missing."""
    driver = connectable(url).partition("://")[0].partition("+")[2]
    if driver in EXTRAS:
        return f"it needs the package {driver}: pip install 'hpsearch[{EXTRAS[driver]}]'"
    return f"it needs the package {driver or 'of its database'}, which is not installed"
