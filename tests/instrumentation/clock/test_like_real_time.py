"""An exploration in virtual time finds what one in real time finds, in as many executions."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress

import pytest
import requests
from flask import Flask
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from flask_filibuster import FaultModel, Result, explore

MODEL = FaultModel(["ConnectionError"], default_statuses=[503])
URL = "http://leaf/"
BRIEF = 0.001
LATE = 0.5
SOON = 0.4


def ask(path: str = "") -> str:
    answer = requests.get(URL + path, timeout=1)
    answer.raise_for_status()
    return answer.text


def retried_by_urllib3() -> str:
    retry = Retry(2, backoff_factor=BRIEF, status_forcelist=(503,))
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retry))
        return session.get(URL, timeout=1).text


def retried_by_hand() -> str:
    for pause in (BRIEF, 2 * BRIEF):
        with suppress(requests.RequestException):
            return ask()
        time.sleep(pause)
    return "none"


def given_up_too_late() -> str:
    until = time.monotonic() + BRIEF
    for _ in range(2):
        with suppress(requests.RequestException):
            return ask()
        time.sleep(2 * BRIEF)
        if time.monotonic() > until:
            raise LookupError("too late")
    return "none"


def in_threads() -> str:
    def slowly(path: str) -> str:
        try:
            return ask(path)
        except requests.HTTPError:
            time.sleep(LATE)
            return "late"

    with ThreadPoolExecutor(2) as pool:
        first, second = [pool.submit(slowly, path) for path in ("a", "b")]
        try:
            return first.result(timeout=SOON) + second.result(timeout=SOON)
        except FutureTimeout:
            raise LookupError("too late") from None


def explored(call: Callable[[], str], *, virtual: bool) -> Result:
    front, leaf = Flask("front"), Flask("leaf")
    leaf.add_url_rule("/", "root", lambda: "fine")
    leaf.add_url_rule("/<path>", "path", lambda path: path)

    @front.get("/")
    def view() -> tuple[str, int]:
        try:
            return call(), 200
        except requests.RequestException:
            return "none", 503

    def test() -> None:
        assert front.test_client().get("/").status_code in (200, 503)

    return explore(test, {"http://front": front, URL: leaf}, MODEL, virtual_time=virtual)


def seen(result: Result) -> tuple[object, ...]:
    return (
        [(str(each.faults), each.verdict) for each in result.executions],
        [(str(each.faults), each.executions) for each in result.bugs],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "is_clean"),
    [
        (retried_by_urllib3, True),
        (retried_by_hand, True),
        (given_up_too_late, False),
        (in_threads, False),
    ],
)
def test_the_same_is_found(call: Callable[[], str], is_clean: bool) -> None:
    virtual, real = (explored(call, virtual=each) for each in (True, False))
    assert seen(virtual) == seen(real)
    assert virtual.ok is real.ok is is_clean
