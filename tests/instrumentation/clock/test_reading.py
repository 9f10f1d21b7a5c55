"""The clocks that code reads, however it came to its function."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import threading
import time
import warnings
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from time import monotonic, perf_counter, sleep
from time import time as now
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_filibuster.instrumentation.clock.all import hold_clock
from flask_filibuster.instrumentation.clock.holding import Clocks
from flask_filibuster.instrumentation.clock.reading import StandIn
from tests.support.applications import tried
from tests.support.timing import SOON, in_view

LONG = 40.0
KEPT = {"clock": time.monotonic}
REAL = (time.time, time.sleep, time.monotonic, time.perf_counter, vars(datetime)["now"])


class Moment(datetime):
    """A subclass, as dates of libraries are."""


class Stopwatch:
    clock: ClassVar[Any] = time.monotonic

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.own = clock

    @staticmethod
    def fixed(clock: Callable[[], float] = time.time) -> float:
        return clock()


class Plain:
    """A base, which has the descriptor of its subclasses' attributes."""


class Watch(Plain):
    ticks: ClassVar[Any] = time.monotonic


WATCH = Stopwatch()
OTHER = Watch()
for _ in range(3):
    OTHER.ticks()  # By now Python knows where this is.


def closure() -> Callable[[], float]:
    clock = time.monotonic
    return lambda: clock()


INSIDE = closure()


def seconds_of(moment: datetime) -> float:
    return moment.timestamp()


CLOCKS: dict[str, Callable[[], float]] = {
    "time": lambda: time.time(),
    "time_ns": lambda: time.time_ns() / 1e9,
    "monotonic": lambda: time.monotonic(),
    "monotonic_ns": lambda: time.monotonic_ns() / 1e9,
    "perf_counter": lambda: time.perf_counter(),
    "perf_counter_ns": lambda: time.perf_counter_ns() / 1e9,
    "localtime": lambda: time.mktime(time.localtime()),
    "ctime": lambda: datetime.strptime(time.ctime(), "%a %b %d %H:%M:%S %Y").timestamp(),
    "strftime": lambda: float(time.strftime("%s")),
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
    "imported time": lambda: now(),
    "imported monotonic": lambda: monotonic(),
    "imported perf_counter": lambda: perf_counter(),
    "kept by a module": lambda: KEPT["clock"](),
    "kept by a class": lambda: WATCH.clock(),
    "kept by a subclass": lambda: OTHER.ticks(),
    "kept by an object": lambda: WATCH.own(),
    "kept by a default": Stopwatch.fixed,
    "kept by a closure": INSIDE,
    "datetime.now": lambda: seconds_of(datetime.now()),
    "datetime.now in a zone": lambda: seconds_of(datetime.now(timezone.utc)),
    "datetime.today": lambda: seconds_of(datetime.today()),
    "datetime of the module": lambda: seconds_of(dt.datetime.now()),
    "datetime of a subclass": lambda: seconds_of(Moment.now()),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks_agree_with_sleeps(name: str) -> None:
    clock = CLOCKS[name]

    def view() -> float:
        before = clock()
        sleep(LONG)
        return clock() - before

    assert in_view(view)[0] == pytest.approx(LONG, abs=SOON + 1)


def test_dates_of_tomorrow() -> None:
    def view() -> tuple[date, date, type, bool]:
        before = date.today()
        sleep(timedelta(days=2).total_seconds())
        found = Moment.now(timezone.utc)
        return before, date.today(), type(found), pickle.loads(pickle.dumps(found)) == found

    before, after, kind, is_same = in_view(view)[0]
    assert after - before == timedelta(days=2)
    assert kind is Moment
    assert is_same


def test_utcnow_has_no_zone() -> None:
    def view() -> datetime:
        sleep(LONG)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return datetime.utcnow()

    found = in_view(view)[0].replace(tzinfo=timezone.utc)
    assert found.timestamp() - time.time() == pytest.approx(LONG, abs=SOON)


def test_requests_of_an_execution_share_its_clock() -> None:
    first, second = in_view(lambda: sleep(LONG), lambda: time.time())
    assert first is None
    assert second - time.time() == pytest.approx(LONG, abs=SOON)


def test_executions_begin_with_real_time() -> None:
    in_view(lambda: sleep(LONG))
    assert in_view(time.time)[0] - time.time() == pytest.approx(0, abs=SOON)


class TestAnExploration:
    def test_restores_all_functions(self) -> None:
        in_view(lambda: sleep(1))
        found = (now, sleep, monotonic, perf_counter, vars(datetime)["now"])
        assert all(one is other for one, other in zip(found, REAL, strict=True))
        assert KEPT["clock"] is Stopwatch.clock is time.monotonic is REAL[2]
        assert WATCH.own is time.perf_counter

    def test_restores_what_was_copied_meanwhile(self) -> None:
        held: list[Any] = []
        in_view(lambda: held.append(type("Kept", (), {"clock": time.monotonic})))
        assert vars(held[0])["clock"] is REAL[2]

    def test_finds_what_was_made_before(self) -> None:
        watch = Stopwatch(clock=time.monotonic)

        def view() -> float:
            before = watch.own()
            sleep(LONG)
            return watch.own() - before

        assert in_view(view)[0] == pytest.approx(LONG, abs=SOON)

    def test_finds_what_comes_as_another_goes(self) -> None:
        """The number of references to the function stays the same."""

        def view() -> float:
            before = watch.own()
            sleep(LONG)
            return watch.own() - before

        watch, other = Stopwatch(clock=time.monotonic), Stopwatch(clock=float)
        in_view(view)
        watch.own, other.own = float, time.monotonic
        watch = other
        assert in_view(view)[0] == pytest.approx(LONG, abs=SOON)

    def test_finds_what_a_test_had_replaced_at_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As freezegun does, also in the first exploration of a process."""
        with monkeypatch.context() as replaced:
            replaced.setattr(time, "monotonic", lambda: 7.0)
            clocks = Clocks()
            clocks.hold().release()
        held = clocks.hold()
        try:
            assert isinstance(time.monotonic, StandIn)
        finally:
            held.release()
        assert time.monotonic is REAL[2]

    def test_keeps_what_a_test_has_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: 7.0)
        assert in_view(lambda: time.monotonic())[0] == 7.0

    def test_twice_at_once_restores_at_the_last_end(self) -> None:
        held = hold_clock()
        in_view(lambda: sleep(1))
        assert sleep is not REAL[1]
        for each in held:
            each.release()
            each.release() if each is held[0] else None
        assert sleep is REAL[1]

    def test_functions_look_like_themselves(self) -> None:
        held = hold_clock()
        try:
            seen = (
                repr(sleep),
                sleep.__name__,
                copy.copy(sleep),
                pickle.loads(pickle.dumps(sleep)),
            )
        finally:
            for each in held:
                each.release()
        assert seen[:2] == (repr(REAL[1]), "sleep")
        assert all(callable(each) for each in seen[2:])


@tried(20)
@given(
    sleeps=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=5),
    name=st.sampled_from(list(CLOCKS)),
)
def test_outside_frames_time_is_real(sleeps: list[float], name: str) -> None:
    """In a thread that is no execution's, and in the test itself."""
    clock, stop, outside = CLOCKS[name], threading.Event(), []

    def look() -> None:
        while not stop.wait(0.001):
            outside.append(clock())

    def view() -> float:
        for seconds in sleeps:
            sleep(seconds)
        return clock()

    began, before = REAL[3](), clock()
    library = threading.Thread(target=look)
    library.start()
    inside = in_view(view)[0]
    stop.set()
    library.join()
    outside.append(clock())
    really = REAL[3]() - began
    # Some clocks have whole seconds only.
    assert inside - before > sum(sleeps) - 1.01
    assert all(-1.01 < each - before < really + 1.01 for each in outside)
