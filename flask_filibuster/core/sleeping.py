"""How long a fault holds a call: a number of seconds, or an expression of the call's timeout.

Source: ``metadata.sleep`` of the Filibuster protocol. The expressions come from files and from the
network, so a pattern for two forms of sums reads them, and nothing is evaluated.
"""

from __future__ import annotations

import math
import re

from flask_filibuster.errors import FaultModelError

Timeouts = tuple[float | None, float | None]

JUST = 0.5
"""A hold is "just past" a timeout if the excess is at most this fraction of the timeout."""

_TERM = r"(?:\s*(?P<{0}sign>[+-])\s*(?P<{0}term>[0-9]{{1,9}}(?:\.[0-9]{{1,9}})?)\s*)?"
_EXPRESSION = re.compile(
    r"@expr\(\s*metadata\[(?P<quote>['\"])timeout(?P=quote)\]"
    + _TERM.format("inner")
    + r"\)"
    + _TERM.format("outer")
)


def check_sleep(sleep: float | str) -> None:
    """Check a sleep.

    :raises FaultModelError: it is neither a number of seconds nor a sum with the call's timeout.
    """
    if isinstance(sleep, str):
        fits = _EXPRESSION.fullmatch(sleep.strip()) is not None
    else:
        fits = not isinstance(sleep, bool) and math.isfinite(sleep) and sleep >= 0
    if not fits:
        raise FaultModelError(
            f"cannot sleep for {sleep!r}; it must be seconds, or an expression like "
            "\"@expr(metadata['timeout'])+0.001\""
        )


def seconds_of(sleep: float | str, timeout: Timeouts) -> float:
    """The length of a sleep for a call, in seconds.

    :param sleep: a checked sleep.
    :param timeout: the call's connect and read timeout; the read timeout counts if there is one.
    """
    if not isinstance(sleep, str):
        return float(sleep)
    own = _own(timeout)
    return 0.0 if own is None else max(own + _beyond(sleep), 0.0)


def time_until(failure: str | None, exception: str | None, timeout: Timeouts) -> float:
    """Seconds that a call waits before it ends in a timeout; 0: it ends in something else.

    >>> time_until("connect timeout", None, (3.0, 10.0)), time_until(None, "ReadTimeout", (3, 10))
    (3.0, 10)
    >>> time_until(None, "ConnectionError", (3.0, 10.0)), time_until(None, "Timeout", (None, None))
    (0.0, 0.0)

    :param failure: what happens in the network, if that is known.
    :param exception: the exception that the caller sees otherwise.
    :param timeout: the call's connect and read timeout.
    """
    if failure is None:
        if not (exception or "").removesuffix("Exception").endswith("Timeout"):
            return 0.0
        failure = "connect timeout" if (exception or "").endswith("ConnectTimeout") else "timeout"
    if not failure.endswith("timeout"):
        return 0.0
    seconds = timeout[0] if failure == "connect timeout" else _own(timeout)
    return 0.0 if seconds is None else seconds


def held_in_words(sleep: float | str, timeout: Timeouts) -> str:
    """A hold in words.

    >>> held_in_words("@expr(metadata['timeout'])+0.001", (None, 2.0))
    'held 2.001 s, just past its timeout of 2 s'
    >>> held_in_words("@expr(metadata['timeout'])+0.001", (None, None))
    'held until 0.001 s past its timeout'

    :param sleep: a checked sleep.
    :param timeout: the call's timeouts, if known.
    """
    if not isinstance(sleep, str):
        return f"held {sleep:g} s"
    beyond, own = _beyond(sleep), _own(timeout)
    if own is None:
        if not beyond:
            return "held for its timeout"
        return f"held until {abs(beyond):g} s {'past' if beyond > 0 else 'before'} its timeout"
    seconds = max(own + beyond, 0.0)
    if seconds == own:
        return f"held {seconds:.9g} s, its timeout"
    where = "within" if seconds < own else "just past" if beyond <= JUST * own else "past"
    return f"held {seconds:.9g} s, {where} its timeout of {own:g} s"


def late_in_words(sleep: float | str) -> str:
    """The delay of an answer in words.

    >>> late_in_words("@expr(metadata['timeout'])-0.001")
    'answers 0.001 s before the timeout of the call'

    :param sleep: a checked sleep.
    """
    if not isinstance(sleep, str):
        return f"answers {sleep:g} s late"
    beyond = _beyond(sleep)
    where = f"{abs(beyond):g} s {'after' if beyond > 0 else 'before'}" if beyond else "at"
    return f"answers {where} the timeout of the call"


def _own(timeout: Timeouts) -> float | None:
    return timeout[1] if timeout[1] is not None else timeout[0]


def _beyond(expression: str) -> float:
    """How many seconds an expression adds to the call's own timeout."""
    match = _EXPRESSION.fullmatch(expression.strip())
    if match is None:
        return 0.0
    return sum(
        float(match[f"{part}sign"] + match[f"{part}term"])
        for part in ("inner", "outer")
        if match[f"{part}term"]
    )
