"""How long a fault holds a call: a number of seconds, or an expression of the call's timeout.

Source: ``metadata.sleep`` of the Filibuster protocol. The expressions come from files and from the
network, so they are read by a pattern that knows two sums, and nothing is ever evaluated.
"""

from __future__ import annotations

import math
import re

from flask_filibuster.errors import FaultModelError

Timeouts = tuple[float | None, float | None]

_TERM = r"(?:\s*(?P<{0}sign>[+-])\s*(?P<{0}term>[0-9]{{1,9}}(?:\.[0-9]{{1,9}})?)\s*)?"
_EXPRESSION = re.compile(
    r"@expr\(\s*metadata\[(?P<quote>['\"])timeout(?P=quote)\]"
    + _TERM.format("inner")
    + r"\)"
    + _TERM.format("outer")
)


def check_sleep(sleep: float | str) -> None:
    """Check a sleep.

    :raises FaultModelError: it is neither seconds from 0 nor a sum with the call's timeout.
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
    """The seconds that a sleep comes to for a call.

    :param sleep: a checked sleep.
    :param timeout: the call's connect and read timeout; the read timeout counts where there is one.
    """
    if not isinstance(sleep, str):
        return float(sleep)
    match = _EXPRESSION.fullmatch(sleep.strip())
    own = timeout[1] if timeout[1] is not None else timeout[0]
    if match is None or own is None:
        return 0.0
    for part in ("inner", "outer"):
        if match[f"{part}term"]:
            own += float(match[f"{part}sign"] + match[f"{part}term"])
    return max(own, 0.0)
