"""The parts of URLs that vary between executions, replaced before calls are compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from flask_filibuster.core.urls import from_port_on

NAMES = ("uuid", "number", "date")
VARIES = "<varies>"
# A regular expression has at least one of these; a plain string would never vary.
_SPECIAL = frozenset(r"\^$.*+?{}[]()|")


@dataclass(frozen=True, slots=True)
class UrlPattern:
    """A part of URLs that varies, and its replacement in the signatures of calls.

    :ivar regex: matches the part, in a path with its query.
    :ivar replacement: the replacement, as ``re.sub`` takes it.
    """

    regex: re.Pattern[str]
    replacement: str

    @classmethod
    def read(cls, entry: object) -> UrlPattern:
        """The pattern that an entry of the configuration describes.

        :param entry: a name out of :data:`NAMES`, a regular expression, or a pair of one of these
            and its replacement.
        :raises ValueError: it is something else, or invalid.
        """
        match entry:
            case str() if entry in _BUILT_IN:
                return cls(_built_in(entry), f"<{entry}>")
            case str() if not _SPECIAL.isdisjoint(entry):
                return cls(_compiled(entry), VARIES)
            case [str(regex), str(replacement)]:
                compiled = _built_in(regex) if regex in _BUILT_IN else _compiled(regex)
                return _checked(cls(compiled, replacement))
            case str():
                raise ValueError(f"{entry!r} is neither a built-in name nor a regular expression")
            case _:
                raise ValueError(f"{entry!r} is neither a string nor a pair of strings")


def url_in_signature(url: str, patterns: Iterable[UrlPattern]) -> str:
    """The URL from the port on, the same in every execution: ``5003/bookings/<uuid>``.

    :param url: the URL called.
    :param patterns: the varying parts of path and query, in the order of replacement; they don't
        see the port.
    """
    text = from_port_on(url)
    if not patterns:
        return text
    port, slash, rest = text.partition("/")
    varying = slash + rest
    for pattern in patterns:
        varying = pattern.regex.sub(pattern.replacement, varying)
    return port + varying


@lru_cache(maxsize=1024)
def request_in_signature(url: str, patterns: tuple[UrlPattern, ...] = ()) -> str:
    """The URL of a request of the test from the port on: ``80/orders/<id>?state=<varies>``.

    A test may draw values at random. Its requests are told apart by method, path and order, so the
    values in the query and whatever looks like an id in the path make no difference.

    >>> request_in_signature("http://shop/orders/17?state=xyz&debug")
    '80/orders/<id>?state=<varies>&debug'

    :param url: the URL requested.
    :param patterns: as for :func:`url_in_signature`.
    """
    path, mark, query = url_in_signature(url, patterns).partition("?")
    port, *segments = path.split("/")
    path = "/".join([port, *("<id>" if _id().fullmatch(each) else each for each in segments)])
    if not mark:
        return path
    named = (each.partition("=") for each in query.split("&"))
    return f"{path}?{'&'.join(f'{name}={VARIES}' if value else name for name, _, value in named)}"


@lru_cache(maxsize=1)
def _id() -> re.Pattern[str]:
    """A number, a UUID, digits in hexadecimal, a token; not a word or a slug."""
    return re.compile(_ID, re.ASCII | re.VERBOSE)


def _compiled(regex: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{regex!r} is not a regular expression: {error}") from error
    if compiled.search("") is not None:
        raise ValueError(f"{regex!r} matches the empty string, so it matches everywhere")
    return compiled


def _checked(pattern: UrlPattern) -> UrlPattern:
    try:
        pattern.regex.sub(pattern.replacement, "")
    except (re.error, IndexError) as error:
        raise ValueError(f"the replacement {pattern.replacement!r} is invalid: {error}") from error
    return pattern


# An escape such as %7B or %3A ends in a letter or digit that belongs to the preceding text.
_ESCAPE = "(?<=%[0-9a-f]{2})"
_COLON = "(?::|%3a)"
_DAY = "(?:0[1-9]|[12][0-9]|3[01])"
_MONTH = "(?:0[1-9]|1[0-2])"
_HOUR = "(?:[01][0-9]|2[0-4])"
_MINUTE = "[0-5][0-9]"
_SECOND = "[0-6][0-9](?:[.,][0-9]+)?"
_ZONE = f"(?:z|(?:[-+ ]|%2b|%20){_HOUR}(?:{_COLON}?{_MINUTE})?)"
_TIME = f"{_HOUR}(?:{_COLON}{_MINUTE}(?:{_COLON}{_SECOND})?)?{_ZONE}?(?![0-9a-z])"
# From 2001 to 2065, in seconds or in milliseconds.
_TIMESTAMP = r"[12][0-9]{9}(?:[0-9]{3}|\.[0-9]+)?"
# All of a segment of the path, or of a value of the query.
_WHOLE = "(?<=[/?&=;]){}(?=[/?&;]|\\Z)"

_UUID = f"""
    (?: (?<![0-9a-z]) | {_ESCAPE} )
    (?: [0-9a-f]{{8}} (?:-[0-9a-f]{{4}}){{3}} -[0-9a-f]{{12}} | [0-9a-f]{{32}} )
    (?![0-9a-z])
"""
_DATE = f"""
    (?: (?<![0-9]) | {_ESCAPE} )
    (?: [0-9]{{4}}-{_MONTH}-{_DAY} (?: (?:[t +]|%20) {_TIME} )?
      | [0-9]{{4}}{_MONTH}{_DAY} t {_HOUR}{_MINUTE} (?:[0-6][0-9](?:\\.[0-9]+)?)? z?
    ) (?![0-9])
    | {_WHOLE.format(_TIMESTAMP)}
"""
_ID = """
    -?[0-9]+ (?:\\.[0-9]+)?
  | [0-9a-fA-F]{8} (?:-[0-9a-fA-F]{4}){3} -[0-9a-fA-F]{12}
  | (?=.*[0-9]) (?: [0-9a-f]{8,} | [0-9A-F]{8,} | [0-9a-z]{16,} | [0-9A-Z]{16,} )
  | (?=.*[a-z]) (?=.*[A-Z]) [0-9A-Za-z_-]{16,}
"""
_NO_FLAGS = re.RegexFlag(0)  # re.NOFLAG, from Python 3.11 on
_FLAGS = re.ASCII | re.IGNORECASE | re.VERBOSE

_BUILT_IN: Mapping[str, tuple[str, re.RegexFlag]] = {
    "uuid": (_UUID, _FLAGS),
    "number": (_WHOLE.format("[0-9]+"), _NO_FLAGS),
    "date": (_DATE, _FLAGS),
}


def _built_in(name: str) -> re.Pattern[str]:
    # On demand: every app imports this module, few use these patterns, and compiling is slow.
    return re.compile(*_BUILT_IN[name])
