"""The clock of an execution."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol


class _Real(NamedTuple):
    time: Callable[[], float]
    monotonic: Callable[[], float]
    localtime: Callable[[float], time.struct_time]


REAL: Final = _Real(time.time, time.monotonic, time.localtime)
"""The real functions. freezegun puts others in the place of what is an attribute of a module."""


def real_seconds() -> float:
    """Seconds of a clock that nothing sets back or replaces.

    To be kept in place of ``time.monotonic``: each new reference to that is searched for.

    >>> real_seconds() <= real_seconds()
    True
    """
    return REAL.monotonic()


class Clock(Protocol):
    """Tells how long an execution has taken; time may be real or virtual."""

    def now(self) -> float:
        """Seconds since the execution began."""

    def stop(self) -> None:
        """The execution is over."""


class RealClock:
    """Real time.

    >>> RealClock().now() < 60
    True
    """

    def __init__(self) -> None:
        self._began = REAL.monotonic()

    def now(self) -> float:
        """Seconds since the execution began."""
        return REAL.monotonic() - self._began

    def stop(self) -> None:
        """Real time goes on."""
