"""TOML files."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from flask_filibuster.errors import SetupError


class NoParserError(SetupError):
    """Python 3.10 has no parser for TOML, and none is installed."""


def parsed(text: str, source: str) -> dict[str, Any]:
    """The content of a TOML file.

    :param text: its text.
    :param source: its name in errors.
    :raises NoParserError: there is no parser.
    :raises SetupError: it is not TOML.
    """
    for name in ("tomllib", "tomli"):  # That of Python 3.11 and later, and one to install.
        try:
            parser: Any = import_module(name)
        except ImportError:
            continue
        try:
            content: dict[str, Any] = parser.loads(text)
        except ValueError as error:
            raise SetupError(f"cannot read {source}: {error}") from error
        return content
    raise NoParserError(f"cannot read {source}: Python 3.10 has no TOML parser; pip install tomli")
