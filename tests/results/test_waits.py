"""How long users wait, and the judgements on it: by the exact times of virtual executions."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, Result, explore
from flask_filibuster.results.findings import SHORT_TIMEOUT, TOO_LONG
from flask_filibuster.results.oracles.waiting.too_long import TooLong

TIMEOUTS = FaultModel(["Timeout"], default_statuses=())
REFUSED = FaultModel(["ConnectionError"], default_statuses=())


def attempts(count: int, timeout: float, pause: float = 0) -> Callable[[], str]:
    def view() -> str:
        for _ in range(count):
            with suppress(requests.RequestException):
                return requests.get("http://reviews/", timeout=timeout).text
            time.sleep(pause)
        return "none"

    return view


def explored(view: Callable[[], str], model: FaultModel = TIMEOUTS, **options: Any) -> Result:
    """Explore a front that makes calls as this view does."""
    front, reviews = Flask("front"), Flask("reviews")
    front.add_url_rule("/", "view", view)
    reviews.add_url_rule("/", "view", lambda: "fine")

    def test() -> None:
        assert front.test_client().get("/").status_code == 200

    services = {"http://front": front, "http://reviews": reviews}
    return explore(test, services, model, **options)


def found(result: Result, kind: str) -> list[str]:
    return [each.message for each in result.findings if each.kind == kind]


class TestTheLongestWait:
    def test_has_its_faults_and_its_parts(self) -> None:
        (wait,) = explored(attempts(3, timeout=10, pause=2)).waits
        assert wait.seconds == pytest.approx(36, abs=1)
        assert len(wait.faults) == 3
        assert str(wait) == "front, GET /: 36 s: 3 calls to reviews x 10 s, 6 s besides calls"

    def test_is_in_the_report(self) -> None:
        assert "36 s: 3 calls to reviews x 10 s" in str(explored(attempts(3, 10, pause=2)))

    def test_is_none_to_speak_of_if_calls_fail_at_once(self) -> None:
        result = explored(attempts(2, timeout=10), REFUSED)
        assert "longest waits" not in str(result)
        assert result.waits[0].seconds < 1

    def test_times_are_kept_with_each_call(self) -> None:
        result = explored(attempts(2, timeout=10), max_faults=1)
        longest = max(result.executions, key=lambda each: each.seconds)
        first, second = longest.trace.invocations
        assert first.seconds == pytest.approx(10, abs=1)
        assert first.end is not None
        assert second.start >= first.end


class TestALimit:
    def test_makes_a_longer_wait_a_bug(self) -> None:
        result = explored(attempts(3, timeout=10, pause=2), max_latency=20)
        (bug,) = result.bugs
        assert len(bug.faults) == 2
        assert found(result, TOO_LONG) == [
            "front, GET /: 24 s: 3 calls to reviews x 10 s, 4 s besides calls; the limit is 20 s"
        ]

    def test_is_kept_by_shorter_timeouts(self) -> None:
        assert explored(attempts(3, timeout=1), max_latency=20).ok

    def test_is_off_by_default(self) -> None:
        assert explored(attempts(3, timeout=100)).ok
        assert not list(TooLong().look(None))  # type: ignore[arg-type]


def nested(inner: Callable[[float], object], limit: float) -> Result:
    """A front that waits so long for a middle, which gets that in a header and calls a back."""
    front, middle, back = Flask("front"), Flask("middle"), Flask("back")

    @front.get("/")
    def index() -> str:
        try:
            return requests.get("http://middle/", timeout=limit).text
        except requests.RequestException:
            return "none"

    @middle.get("/")
    def through() -> str:
        inner(limit)
        return "fine"

    back.add_url_rule("/", "view", lambda: "fine")

    def test() -> None:
        assert front.test_client().get("/").status_code == 200

    services = {"http://front": front, "http://middle": middle, "http://back": back}
    return explore(test, services, TIMEOUTS)


def twice(timeout: Callable[[], float]) -> None:
    for _ in range(2):
        left = timeout()
        if left <= 0:
            return
        try:
            requests.get("http://back/", timeout=left)
        except requests.RequestException:
            time.sleep(0.1)


def budget(limit: float) -> None:
    until = time.monotonic() + limit - 0.5
    twice(lambda: until - time.monotonic())


def budget_overdrawn(limit: float) -> None:
    until = time.monotonic() + 2 * limit
    twice(lambda: until - time.monotonic())


def backoff(_limit: float) -> None:
    twice(lambda: 1)
    time.sleep(30)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (lambda limit: twice(lambda: limit / 3), None),
        (lambda limit: twice(lambda: limit), "which may wait 10 s for its own calls"),
        (budget, None),
        (budget_overdrawn, "which may wait 10 s for its own calls"),
        (backoff, "which takes 3"),
    ],
    ids=["fits", "adds up", "budget", "budget overdrawn", "backoff"],
)
def test_timeouts_that_are_too_short(inner: Callable[[float], object], message: str | None) -> None:
    messages = found(nested(inner, 5), SHORT_TIMEOUT)
    assert len(messages) == (message is not None)
    assert all(each.partition(", ")[2].startswith(message or "?") for each in messages)
