"""The command line: parse, call one function, print. Heavy libraries are imported only by what needs them."""

from hpsearch.cli import reading, running
from hpsearch.cli.app import app, main

__all__ = ["app", "main", "reading", "running"]
