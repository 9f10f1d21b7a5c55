"""Two explorations at once do not mix."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from flask import Flask, g
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, explore
from flask_filibuster.instrumentation.frames import current_scope
from flask_filibuster.results.result import Result
from tests.support.callers import service
from tests.support.models import NO_FAULTS, REFUSALS


class TestTwoExplorationsAtOnce:
    @staticmethod
    def chain(greeting: str, meet: Callable[[], None]) -> dict[str, Flask]:
        front, back = Flask("front"), Flask("back")

        @front.get("/")
        def view() -> ResponseReturnValue:
            meet()
            try:
                text = requests.get("http://back/", timeout=1).text
            except requests.ConnectionError:
                text = "nobody"
            meet()
            return text

        @back.get("/")
        def answer() -> ResponseReturnValue:
            meet()
            return greeting

        return {"http://front": front, "http://back": back}

    def test_do_not_mix_under_equal_urls(self) -> None:
        def explored(greeting: str) -> tuple[list[str], Result]:
            answers: list[str] = []

            def test() -> None:
                answers.append(requests.get("http://front/", timeout=1).text)

            services = self.chain(greeting, Meeting(both))
            return answers, explore(test, services, REFUSALS, check_determinism=False)

        both = threading.Barrier(2, timeout=5)
        with ThreadPoolExecutor(2) as pool:
            found = [done.result() for done in [pool.submit(explored, each) for each in "AB"]]
        for greeting, (answers, result) in zip("AB", found, strict=True):
            assert {each.verdict for each in result.executions} == {"passed"}
            assert answers == [greeting, "nobody"]
            assert [len(each.trace.invocations) for each in result.executions] == [1, 1]

    @pytest.mark.slow
    def test_do_not_mix_in_shared_apps(self) -> None:
        calls = [0]
        lock = threading.Lock()

        def note() -> None:
            with lock:
                calls[0] += 1
            both()

        both = Meeting(threading.Barrier(2, timeout=5))
        services = self.chain("hello", note)

        def explored(faults: FaultModel) -> tuple[list[str], Result]:
            answers: list[str] = []

            def test() -> None:
                response = requests.get("http://front/", timeout=1)
                answers.append(f"{response.status_code} {response.text}")

            return answers, explore(test, services, faults, check_determinism=False)

        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(explored, REFUSALS)
            other = pool.submit(explored, NO_FAULTS)
            (answers, result), (plain_answers, plain) = one.result(), other.result()
        assert answers == ["200 hello", "200 nobody"]
        assert plain_answers == ["200 hello"]
        assert {each.verdict for each in result.executions} == {"passed"}
        assert {each.verdict for each in plain.executions} == {"passed"}
        for execution in (*result.executions, *plain.executions):
            assert len(execution.trace.invocations) == 1
            assert len(execution.trace.requests) == 1
        assert not any("filibuster" in app.extensions for app in services.values())

    @pytest.mark.slow
    def test_leave_outside_requests_alone(self) -> None:
        """Requests from outside of every exploration are none of its business."""
        stop = threading.Event()
        outside: list[tuple[str, Any]] = []

        def view() -> ResponseReturnValue:
            return f"{g.get('filibuster')}"

        app = service(view=view, hello=lambda: "hello")

        def ask() -> None:
            client = app.test_client()
            while not stop.is_set():
                outside.append((client.get("/view").text, current_scope()))

        with ThreadPoolExecutor(1) as pool, ExitStack() as ending:
            asking = pool.submit(ask)
            ending.callback(stop.set)  # The pool waits for it, also where an assertion fails.
            for _ in range(30):
                result = explore(
                    lambda: requests.get("http://svc/hello", timeout=1).raise_for_status(),
                    {"http://svc": app},
                    NO_FAULTS,
                )
                assert {each.verdict for each in result.executions} == {"passed"}
                assert len(result.executions[0].trace.requests) == 1
        asking.result()
        assert set(outside) == {("None", None)}


class Meeting:
    """Lets two threads wait for each other as often as both come."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self._barrier = barrier

    def __call__(self) -> None:
        try:
            self._barrier.wait(timeout=0.3)
        except threading.BrokenBarrierError:
            # The other one is through; what matters is that they were in there together.
            self._barrier.reset()
