"""Faults: one way for a call to fail."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts, check_sleep, seconds_of
from flask_filibuster.errors import FaultModelError

REQUESTS = "requests"
PREFIX = "requests.exceptions."

# The names only: core does not import requests. Those of TIMEOUTS need a timeout to come about.
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


@dataclass(frozen=True, slots=True)
class Fault:
    """One way for a call to fail.

    :ivar exception: name of the exception of ``requests.exceptions`` that is raised, or
    :ivar status: the HTTP status that is answered; exactly one of the two.
    :ivar abort: ``True``: the call is not made. ``False``: it is made first, so that the callee
        does its work and the answer is lost.
    :ivar sleep: seconds that the call is held before it fails, or an expression of its timeout,
        like ``@expr(metadata['timeout'])+0.001``. A call that is made is held by its callee. Either
        side waits no longer than its ``FILIBUSTER_MAX_SLEEP``.
    :ivar library: whose exception it is. Those of others than ``requests`` can be planned for
        services that are instrumented by other projects, which know them.
    :ivar details: what else such a project wants to be told of it, as names and values.
    :raises FaultModelError: the name, the status or the expression cannot be injected.
    """

    exception: str | None = None
    status: int | None = None
    abort: bool = True
    sleep: float | str = 0.0
    library: str = REQUESTS
    details: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if (self.exception is None) == (self.status is None):
            raise FaultModelError("a fault has either an exception or a status")
        if self.exception is not None and self.library == REQUESTS:
            object.__setattr__(self, "exception", exception_name(self.exception))
        if self.exception is None and not _is_status(self.status):
            raise FaultModelError(
                f"cannot answer with status {self.status!r}; it must be a number from 200 to 599"
            )
        check_sleep(self.sleep)

    @property
    def outcome(self) -> Outcome:
        """What the caller sees."""
        asked = ("" if self.abort else "lost", f"held {self.sleep}" if self.sleep else "")
        return Outcome(
            status=self.status,
            exception=self.exception,
            variant=" ".join(filter(None, asked)),
        )

    def seconds(self, timeout: Timeouts) -> float:
        """How long a call with these timeouts is held."""
        return seconds_of(self.sleep, timeout)

    def fits_timeout(self, timeout: Timeouts) -> bool:
        """Whether this can happen to a call with these connect and read timeouts (seconds).

        A call without a timeout never times out.
        """
        connect, read = timeout
        if isinstance(self.sleep, str) and timeout == (None, None):
            return False
        if self.exception == "ConnectTimeout":
            return connect is not None
        if self.exception == "ReadTimeout":
            return read is not None
        if self.exception == "Timeout":
            return timeout != (None, None)
        return True

    def __str__(self) -> str:
        if self.exception is not None:
            text = f"raises {self.exception}"
        else:
            text = f"answers {self.status} {reason_of(self.status or 0)}".rstrip()
        if self.sleep:
            text = f"{text}, held for {self.sleep} s"
        return text if self.abort else f"{text}, after the call was made (its answer is lost)"


def _is_status(status: object) -> bool:
    return type(status) is int and 200 <= status <= 599


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


def reason_of(status: int) -> str:
    """The reason phrase of a status (RFC 9110, section 15), empty for an unregistered one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
