"""A whole answer in the place of the callee's, and the request that it answers."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

# Statuses whose answers have no body (RFC 9110, section 6.4.1).
BODILESS = frozenset({204, 205, 304})


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that an answer is for.

    :ivar method: its method, upper case.
    :ivar url: its URL.
    :ivar now: the time of the answer, in seconds since the epoch.
    """

    method: str
    url: str
    now: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    >>> plain_answer(503).body
    b'503 Service Unavailable'

    :ivar status: its status.
    :ivar reason: its reason phrase.
    :ivar headers: names and values, without ``Content-Length``.
    :ivar body: its content, encoded as the headers say. A ``HEAD`` gets the headers only.
    :ivar is_broken: whether the connection is closed after these bytes, before the body is
        complete.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_broken: bool = False


def plain_answer(status: int) -> Answer:
    """The answer with a status and a line of plain text."""
    reason = reason_of(status)
    content = b"" if status in BODILESS else f"{status} {reason}".rstrip().encode()
    return Answer(status, reason, (("Content-Type", "text/plain; charset=utf-8"),), content)


def reason_of(status: int) -> str:
    """The reason phrase of a status (RFC 9110, section 15), empty for an unregistered one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
