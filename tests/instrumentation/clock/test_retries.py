"""Libraries that retry, and those that move clocks, beside virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest
import requests
from flask import Flask
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from flask_filibuster import FaultModel, Result, explore
from tests.support.timing import SOON, in_view, taken

REFUSED = FaultModel(["ConnectionError"], default_statuses=())
URL = "http://leaf/"
DAY = datetime(2020, 5, 17, 12, tzinfo=timezone.utc)


def get() -> requests.Response:
    return requests.get(URL, timeout=1)


def by_tenacity() -> Callable[[], Any]:
    tenacity = pytest.importorskip("tenacity")
    retry = tenacity.retry(
        wait=tenacity.wait_exponential(max=60), stop=tenacity.stop_after_attempt(6), reraise=True
    )
    made: Callable[[], Any] = retry(get)
    return made


def by_backoff() -> Callable[[], Any]:
    backoff = pytest.importorskip("backoff")
    retry = backoff.on_exception(
        backoff.expo, requests.RequestException, max_tries=6, max_time=600, jitter=None
    )
    made: Callable[[], Any] = retry(get)
    return made


def by_stamina() -> Callable[[], Any]:
    stamina = pytest.importorskip("stamina")
    retry = stamina.retry(
        on=requests.RequestException, attempts=6, timeout=600, wait_initial=1, wait_max=16
    )
    made: Callable[[], Any] = retry(get)
    return made


def by_urllib3() -> Callable[[], Any]:
    def call() -> requests.Response:
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=Retry(5, backoff_factor=1)))
            return session.get(URL, timeout=1)

    return call


def until_a_deadline() -> Callable[[], Any]:
    def call() -> requests.Response:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with suppress(requests.RequestException):
                return get()
            time.sleep(5.5)
        return get()

    return call


def explored(call: Callable[[], Any]) -> Result:
    front, leaf = Flask("front"), Flask("leaf")
    leaf.add_url_rule("/", "view", lambda: "fine")

    @front.get("/")
    def view() -> tuple[str, int]:
        try:
            return call().text, 200
        except requests.RequestException:
            return "none", 503

    def test() -> None:
        assert front.test_client().get("/").status_code in (200, 503)

    return explore(test, {"http://front": front, URL: leaf}, REFUSED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "executions", "longest"),
    [
        (by_tenacity, 7, 1 + 2 + 4 + 8 + 16),
        (by_backoff, 7, 1 + 2 + 4 + 8 + 16),
        (by_stamina, 7, 16),
        (by_urllib3, 7, 2 + 4 + 8 + 16),
        (until_a_deadline, 8, 33),
    ],
)
def test_retries_cost_no_time(
    made: Callable[[], Callable[[], Any]], executions: int, longest: float
) -> None:
    began = time.perf_counter()
    result = explored(made())
    assert time.perf_counter() - began < longest
    assert result.ok
    assert len(result.executions) == executions
    worst = max(each.seconds for each in result.executions)
    # The delays of stamina are random; those of backoff and tenacity are not.
    assert worst >= longest - SOON
    assert made is by_stamina or worst < longest + SOON


# It looks at each attribute of each module.
@pytest.mark.slow
class TestFreezegun:
    @pytest.fixture(autouse=True)
    def freezegun(self) -> Any:
        return pytest.importorskip("freezegun")

    def test_may_have_begun_before(self, freezegun: Any) -> None:
        def view() -> float:
            time.sleep(60)
            return time.time()

        with freezegun.freeze_time(DAY):
            assert in_view(view)[0] == DAY.timestamp()

    def test_leaves_virtual_time_behind(self, freezegun: Any) -> None:
        def view() -> tuple[float, datetime]:
            before = time.monotonic()
            with freezegun.freeze_time(DAY):
                time.sleep(60)
                stopped = datetime.now(timezone.utc)
            time.sleep(60)
            return time.monotonic() - before, stopped

        took, stopped = in_view(view)[0]
        assert took >= 120
        assert stopped == DAY

    def test_ticks_with_virtual_time(self, freezegun: Any) -> None:
        def view() -> float:
            with freezegun.freeze_time(DAY, tick=True):
                time.sleep(60)
                return time.time() - DAY.timestamp()

        assert 60 <= in_view(view)[0] < 120


class TestTimeMachine:
    @pytest.fixture(autouse=True)
    def machine(self) -> Any:
        return pytest.importorskip("time_machine")

    def test_moves_the_clocks_of_a_view(self, machine: Any) -> None:
        def view() -> tuple[float, float]:
            with machine.travel(DAY):
                time.sleep(60)
                return time.time(), datetime.now(timezone.utc).timestamp()

        for seen in in_view(view)[0]:
            assert seen - DAY.timestamp() == pytest.approx(60, abs=SOON)

    @pytest.mark.parametrize("tick", [False, True])
    def test_may_have_begun_before(self, machine: Any, tick: bool) -> None:
        def view() -> float:
            time.sleep(60)
            return time.time()

        with machine.travel(DAY, tick=tick):
            seen = in_view(view)[0]
        assert seen - DAY.timestamp() == pytest.approx(60 if tick else 0, abs=SOON)

    def test_leaves_virtual_time_behind(self, machine: Any) -> None:
        def view() -> None:
            with machine.travel(DAY, tick=False):
                time.sleep(60)
            time.sleep(60)

        took, _ = taken(view)
        assert took == pytest.approx(120, abs=SOON)
        assert repr(type(time.sleep)) == repr(type(len))
