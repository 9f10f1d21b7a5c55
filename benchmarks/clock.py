"""What backoff costs in virtual time: an exploration with it, against one without, in real time.

The application retries three times, by ``Retry`` of urllib3 or by a loop of its own; in life, the
backoff alone would take 6 s in most executions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import requests
from flask import Flask
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from benchmarks.measure import Case, arguments, compare
from flask_filibuster import FaultModel, Result, explore

BACK = "http://back/"
MOST = 1.2
# None that is waited for in real time, as Retry-After is.
MODEL = FaultModel(["ConnectionError"], default_statuses=[503])


def by_retry(seconds: float) -> None:
    """Call with the retries of urllib3."""
    retry = Retry(3, backoff_factor=seconds, status_forcelist=(500, 503))
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.get(BACK, timeout=1)


def by_loop(seconds: float) -> None:
    """Call with retries of one's own."""
    for _ in range(3):
        with suppress(requests.RequestException):
            requests.get(BACK, timeout=1).raise_for_status()
            return
        time.sleep(seconds)
    raise requests.ConnectionError


def exploring(
    call: Callable[[float], None], seconds: float, *, virtual: bool = True
) -> Callable[[], Result]:
    """A function that explores an application which calls so, with this backoff."""
    front, back = Flask("front"), Flask("back")
    back.add_url_rule("/", "view", dict)

    @front.get("/")
    def view() -> tuple[dict[str, str], int]:
        try:
            call(seconds)
        except requests.RequestException:
            return {}, 503
        return {}, 200

    def test() -> None:
        assert front.test_client().get("/").status_code in (200, 503)

    services = {"http://front": front, BACK: back}
    return lambda: explore(test, services, MODEL, virtual_time=virtual)


def main() -> None:
    quick = arguments(__doc__).quick
    for name, call in (("urllib3's Retry", by_retry), ("a loop with time.sleep", by_loop)):
        cases = [
            Case("no backoff, real time", exploring(call, 0, virtual=False)),
            Case("no backoff", exploring(call, 0), most=MOST),
            Case("backoff of seconds", exploring(call, 1), most=MOST),
        ]
        title = f"Exploration of an application that retries by {name}"
        # The time of the day: a sleep takes no other.
        compare(title, cases, quick=quick, rounds=40, clock=time.perf_counter)


if __name__ == "__main__":
    main()
