"""Checks values from the network; an invalid value is a ``WireError`` with its name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.errors import WireError

LONGEST = 16_384
"""Maximum length of a string, in characters; an execution index some 400 calls deep."""

OURS = "flask-filibuster"
"""Key of the extensions of the protocol."""

Word = TypeVar("Word", bound=str)

_LARGEST = 10**15
_DEEPEST = 450
_LONGEST_POSITION = 1000


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """A JSON object.

    :raises WireError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise WireError(f"{name} is not a JSON object")
    return value


def text_of(value: Any, name: str, *, most: int = LONGEST) -> str:
    """A string of limited length, with lone surrogates escaped so that it can be printed.

    :raises WireError: it is something else, or longer.
    """
    if not isinstance(value, str):
        raise WireError(f"{name} is not a string")
    if len(value) > most:
        raise WireError(f"{name} is longer than {most} characters")
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def any_text(value: Any, name: str) -> str:
    """A string of any length, unchanged: from a file or a trusted process.

    :raises WireError: it is something else.
    """
    if not isinstance(value, str):
        raise WireError(f"{name} is not a string")
    return value


def url_of(value: Any, name: str) -> str:
    """A URL, or a part of one, that can be parsed.

    :raises WireError: it is something else, or too long.
    """
    text = text_of(value, name)
    try:
        # The port is parsed only on access.
        _ = urlsplit(text).port
    except ValueError as error:
        raise WireError(f"{name} is not a URL: {error}") from error
    return text


def index_of(value: Any) -> ExecutionIndex:
    """The execution index of a call, of any form.

    :raises WireError: it is something else, empty (the test itself is no call), too long or too
        deep.
    """
    text = text_of(value, "execution_index")
    if text.count("[") > _DEEPEST:
        raise WireError(f"execution_index is deeper than {_DEEPEST} calls")
    if not text.strip("[] \t\r\n"):
        raise WireError("execution_index is empty")
    return ExecutionIndex.received(text)


def printable(text: str) -> str:
    """The text with control characters escaped, line ends included, for logs and terminals."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def words_of(value: Any, name: str, *, most: int = LONGEST) -> str:
    """A text to display: printable, and of limited length.

    :raises WireError: it is something else, or longer.
    """
    return printable(text_of(value, name, most=most))


def flag(value: Any, name: str) -> bool:
    """A truth value.

    :raises WireError: it is something else.
    """
    if not isinstance(value, bool):
        raise WireError(f"{name} is neither true nor false")
    return value


def scalar(value: Any, name: str) -> str | int | float | bool | None:
    """A string of limited length, a finite number, a boolean or ``None``.

    :raises WireError: it is something else.
    """
    if isinstance(value, str):
        return text_of(value, name)
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, int | float) or not -_LARGEST < value < _LARGEST:
        raise WireError(f"{name} is not a string, a number, a boolean or null")
    return value


def optional_text(value: Any, name: str) -> str | None:
    """A text, or ``None``.

    :raises WireError: it is something else.
    """
    return None if value is None else text_of(value, name)


def one_of(value: Any, words: Sequence[Word], name: str) -> Word:
    """One of a few words.

    :raises WireError: it is something else.
    """
    for word in words:
        if value == word:
            return word
    raise WireError(f"{name} must be one of {', '.join(words)}")


def texts(value: Any, name: str) -> list[str]:
    """The strings in a list; other elements are ignored.

    :raises WireError: it is not a list.
    """
    if not isinstance(value, list):
        raise WireError(f"{name} is not a list")
    return [text_of(each, name) for each in value if isinstance(each, str)]


def position_of(value: Any, name: str) -> tuple[tuple[int, ...], ...]:
    """The position of a call among the calls of its handler.

    :raises WireError: it is something else.
    """
    if not isinstance(value, list | tuple) or len(value) > _LONGEST_POSITION:
        raise WireError(f"{name} is not a list")
    position = []
    for step in value:
        if not isinstance(step, list | tuple) or len(step) not in (1, 2):
            raise WireError(f"{name} is not a list of lists of one or two numbers")
        position.append(tuple(integer(each, name) for each in step))
    return tuple(position)


def integer(value: Any, name: str) -> int:
    """A whole number, written as a number or as a string, depending on the implementation.

    :raises WireError: it is something else.
    """
    if isinstance(value, str) and len(value) <= 16:
        digits = value.strip().removeprefix("-")
        if digits.isascii() and digits.isdigit():
            return int(value)
    if type(value) is int and -_LARGEST < value < _LARGEST:
        return value
    raise WireError(f"{name} is not a whole number")


def number(value: Any, name: str) -> float:
    """A non-negative number of seconds, as a number or as a string.

    :raises WireError: it is something else.
    """
    if isinstance(value, str) and len(value) <= 32:
        try:
            value = float(value)
        except ValueError as error:
            raise WireError(f"{name} is not a number") from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError(f"{name} is not a number")
    if not 0 <= value < _LARGEST or not math.isfinite(value):
        raise WireError(f"{name} is not a non-negative number of seconds")
    return value
