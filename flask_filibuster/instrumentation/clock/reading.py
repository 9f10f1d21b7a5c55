"""What stands in for the functions of ``time``, wherever a module, a default or an object has one.

No function, but an object that can be called: kept by a class, a function would be a method.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Container, Iterator
from datetime import timedelta
from typing import Any

from flask_filibuster.core.clocks.clock import REAL
from flask_filibuster.instrumentation.clock.here import clock_here

# The longest sleep that Python accepts, in seconds: its time is in 64 bits of nanoseconds.
_MOST = 9e9
# They wait for processes, whose time is real.
_OF_PROCESSES = ("subprocess", "multiprocessing")
_CLOCKS = ("CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW")


class StandIn:
    """Stands in for one function of ``time``.

    :param real: the function.
    :ivar real: the same.
    """

    # Not in the dictionary, where it would itself be a place of the function.
    __slots__ = ("__dict__", "real")

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real = real
        self.__name__ = self.__qualname__ = real.__name__
        self.__module__ = "time"
        self.__doc__ = real.__doc__

    def __call__(self, *args: Any) -> Any:
        """Call the function itself; the subclasses differ in a frame."""
        return self.real(*args)

    def __repr__(self) -> str:
        return repr(self.real)

    def __reduce__(self) -> tuple[Any, ...]:
        return _function, (self.__name__,)


def _function(name: str) -> Any:
    """What a copy of a stand-in is, in this or in another process."""
    return getattr(time, name)


class _Seconds(StandIn):
    """``monotonic`` and ``perf_counter``."""

    def __call__(self) -> float:
        clock = clock_here()
        now: float = self.real()
        return now if clock is None else now + clock.skipped


class _Nanoseconds(StandIn):
    def __call__(self) -> int:
        clock = clock_here()
        now: int = self.real()
        return now if clock is None else now + round(clock.skipped * 1e9)


class _WallSeconds(StandIn):
    """``time``, which time-machine may have stopped."""

    def __call__(self) -> float:
        now: float = self.real()
        return now + skipped()


class _WallNanoseconds(StandIn):
    def __call__(self) -> int:
        now: int = self.real()
        return now + round(skipped() * 1e9)


class _OfClock(StandIn):
    """``clock_gettime``, but of clocks of processors."""

    def __init__(self, real: Callable[..., Any]) -> None:
        super().__init__(real)
        self._factor = 1e9 if real.__name__.endswith("_ns") else 1.0

    def __call__(self, clock: Any) -> Any:
        now = self.real(clock)
        if clock not in [getattr(time, name, None) for name in _CLOCKS]:
            return now
        more = skipped() * self._factor
        return now + (more if isinstance(now, float) else round(more))


class _BrokenDown(StandIn):
    """``localtime``, ``gmtime`` and ``ctime``, of now by default."""

    def __call__(self, secs: float | None = None, /) -> Any:
        more = 0.0 if secs is not None else skipped()
        return self.real(REAL.time() + more) if more else self.real(secs)


class _Formatted(StandIn):
    """``asctime`` and ``strftime``, of now by default."""

    def __call__(self, *args: Any) -> Any:
        more = skipped() if len(args) == (self.__name__ == "strftime") else 0.0
        return self.real(*args, REAL.localtime(REAL.time() + more)) if more else self.real(*args)


class _Sleep(StandIn):
    def __call__(self, seconds: Any, /) -> None:
        clock = clock_here()
        is_real = clock is None or not isinstance(seconds, float | int) or not 0 < seconds < _MOST
        if clock is None or is_real or _caller().partition(".")[0] in _OF_PROCESSES:
            self.real(seconds)
        else:
            clock.sleep(seconds)


def _caller() -> str:
    return str(sys._getframe(2).f_globals.get("__name__", ""))  # noqa: SLF001 - inspect is slower


_KINDS: tuple[tuple[type[StandIn], tuple[str, ...]], ...] = (
    (_Seconds, ("monotonic", "perf_counter")),
    (_Nanoseconds, ("monotonic_ns", "perf_counter_ns")),
    (_WallSeconds, ("time",)),
    (_WallNanoseconds, ("time_ns",)),
    (_OfClock, ("clock_gettime", "clock_gettime_ns")),
    (_BrokenDown, ("localtime", "gmtime", "ctime")),
    (_Formatted, ("asctime", "strftime")),
    (_Sleep, ("sleep",)),
)


def stand_ins(known: Container[str] = ()) -> Iterator[StandIn]:
    """One stand-in for each function of ``time`` that reads a clock or waits.

    :param known: names of functions that have one already.
    """
    for kind, names in _KINDS:
        for name in names:
            real = None if name in known else getattr(time, name, None)
            # What a test or a library has replaced already is its own.
            if type(real) is type(time.sleep) and getattr(real, "__module__", "") == "time":
                yield kind(real)


def skipped() -> float:
    """How much later it is for the running code than really, by the clocks of the day."""
    clock = clock_here()
    return 0.0 if clock is None or not clock.skipped or _is_stopped() else clock.skipped


def later() -> timedelta | None:
    """:func:`skipped`, for dates; ``None``: nothing."""
    seconds = skipped()
    return timedelta(seconds=seconds) if seconds else None


def _is_stopped() -> bool:
    """Whether time-machine has stopped the clocks; those of freezegun are its own functions."""
    machine: Any = sys.modules.get("time_machine")
    journeys: Any = getattr(machine, "traveller_stack", getattr(machine, "coordinates_stack", ()))
    return bool(journeys) and not getattr(journeys[-1], "_tick", True)
