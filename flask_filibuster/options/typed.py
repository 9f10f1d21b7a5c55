"""Values as they are typed: the same checks for every kind of command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_filibuster.errors import ConfigError
from flask_filibuster.options.kinds import Kind

Refuse = Callable[[str], Exception]
"""Creates the error by which a command line refuses a value, from its message."""


def reader(kind: Kind, refuse: Refuse) -> Callable[[str], Any]:
    """The function that converts a typed text.

    >>> from flask_filibuster.options.kinds import URL
    >>> reader(URL, ValueError)("http://localhost:5005")
    'http://localhost:5005'

    :param kind: the type of the value.
    :param refuse: creates the error for a text that does not fit.
    """

    def read(text: str) -> Any:
        try:
            return kind.from_text("", text)
        except ConfigError as error:
            fits = error.expected.partition(", or None")[0]  # There is no None on a command line.
            raise refuse(f"{text!r} is not {fits}") from error

    read.__name__ = (kind.metavar or "text").lower()
    return read


def adds(refuse: Refuse) -> Callable[[str], str]:
    """The function that accepts what can be added to a list: ``module:name``.

    :param refuse: creates the error for a text that does not fit.
    """

    def read(text: str) -> str:
        if ":" not in text:
            raise refuse(f"{text!r} is not 'module:name'")
        return text

    return read


def switches_off(refuse: Refuse) -> Callable[[str], str]:
    """The function that accepts what can be switched off: a name.

    :param refuse: creates the error for a text that does not fit.
    """

    def read(text: str) -> str:
        if ":" in text:
            raise refuse(f"{text!r} is not the name of an oracle")
        return text

    return read
