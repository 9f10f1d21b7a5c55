"""The kind "raised": the call ends in an exception of its client's library."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.base import REQUESTS, FailingCall, Kind
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.errors import FaultModelError

PREFIX = "requests.exceptions."

# Only names: core does not import requests. TIMEOUTS apply only to calls with a timeout.
TIMEOUTS = frozenset({"Timeout", "ConnectTimeout", "ReadTimeout"})
EXCEPTIONS = TIMEOUTS | frozenset(
    {
        "RequestException",
        "ConnectionError",
        "ProxyError",
        "SSLError",
        "TooManyRedirects",
        "ChunkedEncodingError",
        "ContentDecodingError",
        "RetryError",
        "InvalidURL",
        "InvalidSchema",
        "InvalidProxyURL",
        "InvalidHeader",
        "UnrewindableBodyError",
    }
)
# These occur after the request was sent.
_AFTER_SENDING = frozenset(
    {
        "ReadTimeout",
        "TooManyRedirects",
        "ChunkedEncodingError",
        "ContentDecodingError",
        "RetryError",
    }
)
_BINARY = ("Content-Type", "application/octet-stream")
_BROKEN = MappingProxyType(
    {
        "ChunkedEncodingError": Answer(
            200, "OK", (_BINARY, ("Transfer-Encoding", "chunked")), is_broken=True
        ),
        "ContentDecodingError": Answer(
            200, "OK", (_BINARY, ("Content-Encoding", "gzip")), b"not compressed"
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Raised(Kind):
    """The call raises an exception.

    :ivar exception: its name; without its module if it belongs to ``requests.exceptions``.
    :ivar library: the library that defines it. Only services instrumented by other projects know
        exceptions of libraries other than ``requests``.
    :ivar details: further parameters for such a project, as names and values.
    :raises FaultModelError: no call to ``requests`` can end in an exception of that name.
    """

    name = "raised"
    rank = 10
    point = "before"

    exception: str
    library: str = REQUESTS
    details: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.library == REQUESTS:
            object.__setattr__(self, "exception", exception_name(self.exception))

    @property
    def outcome(self) -> Outcome:
        """The exception."""
        return Outcome(exception=self.exception)

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call has the timeout that the exception reports."""
        connect, read = call.timeout
        if self.exception == "ConnectTimeout":
            return connect is not None
        if self.exception == "ReadTimeout":
            return read is not None
        return self.exception != "Timeout" or call.timeout != (None, None)

    def is_sent(self, timeout: Timeouts) -> bool:
        """Whether a call meets the exception after its request was sent."""
        if self.library != REQUESTS:
            return False  # Unknown.
        if self.exception == "Timeout":
            return timeout[1] is not None
        return self.exception in _AFTER_SENDING

    def reply(self, asked: Asked) -> Answer | None:
        """The answer whose body raises the exception, while it is read.

        Libraries read it within the call, unless the caller asks for a stream.
        """
        if self.library != REQUESTS or asked.method == "HEAD":
            return None
        return _BROKEN.get(self.exception)

    def __str__(self) -> str:
        return f"raises {self.exception}"


def exception_name(name: str) -> str:
    """Check the name of an exception, with or without its module, and return it without.

    :raises FaultModelError: no call to ``requests`` can end in an exception of that name.
    """
    short = name.removeprefix(PREFIX)
    if short == "HTTPError":
        raise FaultModelError(
            "HTTPError is raised by raise_for_status(), not by a call; inject a status instead"
        )
    if short not in EXCEPTIONS:
        raise FaultModelError(
            f"{name!r} is not an exception of requests.exceptions that a call can meet; "
            f"known: {', '.join(sorted(EXCEPTIONS))}"
        )
    return short
