"""Code of an app that a test runs outside any request: commands, jobs, hooks by hand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import click
import pytest
import requests
from flask import Flask
from flask.cli import with_appcontext

from flask_filibuster import explore
from flask_filibuster.errors import ForeignHostError
from flask_filibuster.results.findings import UNCAUGHT
from flask_filibuster.results.result import Result
from tests.support.callers import service
from tests.support.models import REFUSALS

Hand = Callable[[Callable[[], object]], None]
CALLEE = {"http://callee:1": service(way=lambda: "fine", other=lambda: "fine")}


def call() -> int:
    return requests.get("http://callee:1/way", timeout=1).status_code


def careful() -> int:
    try:
        return call()
    except requests.RequestException:
        return 0


def explored(test: Callable[[], object], **services: Flask) -> Result:
    named = {f"http://{name}:2": app for name, app in services.items()}
    return explore(test, {**CALLEE, **named}, REFUSALS)


def check(result: Result, source: str, *shown: str) -> None:
    """The call is one of the app, below a request of the test that is shown like this."""
    assert not result.inconclusive, [each.problems for each in result.inconclusive]
    traces = [each.trace for each in result.executions]
    assert {each.source for trace in traces for each in trace.invocations} == {source}
    assert any(each.fault for trace in traces for each in trace.invocations)
    handlings = traces[0].handlings.values()
    assert [f"{each.method} {each.path}" for each in handlings if each.service == source] == [
        *shown
    ]


class TestCommands:
    def app(self, action: Callable[[], object]) -> Flask:
        app = Flask("caller")

        @app.cli.command("go")
        def go() -> None:
            action()

        @app.cli.command("bare", with_appcontext=False)
        def bare() -> None:
            action()

        return app

    def test_a_failing_one_is_a_bug(self) -> None:
        app = self.app(call)

        def test() -> None:
            assert app.test_cli_runner().invoke(args=["go"]).exit_code == 0

        result = explored(test)
        check(result, "caller", "CLI /go")
        assert len(result.failures) == 1

    def test_a_careful_one_is_none(self) -> None:
        app = self.app(careful)

        def test() -> None:
            assert app.test_cli_runner().invoke(args=["go"]).exit_code == 0

        result = explored(test)
        check(result, "caller", "CLI /go")
        assert result.ok, str(result)

    def test_without_an_app_context(self) -> None:
        app = self.app(call)
        check(explored(lambda: app.test_cli_runner().invoke(args=["bare"])), "caller", "CLI /bare")

    def test_a_command_that_is_passed(self) -> None:
        @click.command("other")
        @with_appcontext
        def other() -> None:
            call()

        app = self.app(call)
        check(explored(lambda: app.test_cli_runner().invoke(other)), "caller", "CLI /other")

    def test_each_has_its_own_frame(self) -> None:
        app = self.app(careful)

        def test() -> None:
            for _ in range(2):
                app.test_cli_runner().invoke(args=["go"])
            requests.get("http://callee:1/other", timeout=1)

        result = explored(test)
        check(result, "caller", "CLI /go", "CLI /go")
        assert [each.url for each in result.executions[0].trace.requests] == [
            "go",
            "go",
            "http://callee:1/other",
        ]


class TestJobs:
    def test_in_an_app_context(self) -> None:
        app = Flask("caller")

        def test() -> None:
            with app.app_context():
                assert careful() in (0, 200)

        result = explored(test)
        check(result, "caller", "JOB /caller")
        assert result.ok, str(result)

    def test_a_failing_one_is_a_bug(self) -> None:
        app = Flask("caller")

        def test() -> None:
            with app.app_context():
                call()

        result = explored(test)
        check(result, "caller", "JOB /caller")
        assert len(result.failures) == 1
        assert not result.notes

    @pytest.mark.parametrize("where", ["here", "in a thread"])
    def test_in_a_greenlet(self, where: str) -> None:
        greenlet = pytest.importorskip("greenlet").greenlet
        app = Flask("caller")

        def work() -> None:
            if where == "here":
                greenlet(careful).switch()
            else:
                in_thread(lambda: greenlet(careful).switch())

        def test() -> None:
            with app.app_context():
                work()

        result = explored(test)
        if where == "here":
            check(result, "caller", "JOB /caller")
        else:  # Greenlets are followed in the main thread only.
            (seen,) = result.unexplored
            assert seen.target == "callee:1"

    def test_in_a_thread(self) -> None:
        app = Flask("caller")

        def work() -> None:
            with app.app_context():
                careful()

        def test() -> None:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()

        check(explored(test), "caller", "JOB /caller")

    def test_of_a_registered_app_has_its_name(self) -> None:
        app = Flask("caller")

        def test() -> None:
            with app.app_context():
                call()

        check(explored(test, front=app), "front", "JOB /caller")

    def test_in_a_request_context(self) -> None:
        app = Flask("caller")

        def test() -> None:
            with app.test_request_context("/view"):
                call()

        check(explored(test), "caller", "JOB /caller")

    def test_in_a_request_that_was_never_left(self) -> None:
        app, other = Flask("caller"), Flask("other")
        other.before_request(lambda: None)

        def before() -> None:
            with other.test_request_context("/") as left:
                kept.append(left)
                other.preprocess_request()
                careful()

        def test() -> None:
            with app.app_context():
                careful()
                careful()

        kept: list[Any] = []
        explored(before)
        kept[-1].push()
        try:
            check(explored(test), "caller", "JOB /caller")
        finally:
            kept[-1].pop()


def test_explorations_have_the_same_calls() -> None:
    """Whatever ran before in this process, and on whatever stack."""
    app = Flask("caller")
    app.cli.command("go")(careful)
    app.before_request(lambda: None)

    def test() -> None:
        app.test_cli_runner().invoke(args=["go"])
        with app.app_context():
            careful()
        with app.test_request_context("/view"):
            app.preprocess_request()
            careful()

    def deeper() -> Result:
        return explored(test)

    first, second = explored(test), deeper()
    named = [
        {call.index for call in each.executions[0].trace.invocations} for each in (first, second)
    ]
    assert len(named[0]) == 3
    assert named[0] == named[1]
    assert first.ok, str(first)
    assert second.ok, str(second)


def in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def in_pool(function: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function).result()


def in_loop(function: Callable[[], object]) -> None:
    async def run() -> None:
        await asyncio.to_thread(function)

    asyncio.run(run())


@pytest.fixture(name="loop", scope="module")
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of the module, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


HANDS = ("in_thread", "in_pool", "in_loop", "coroutine", "to_thread", "callback", "timer")


@pytest.fixture(name="hand", params=HANDS)
def _hand(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Hand:
    """Runs a function elsewhere, and waits for it."""

    async def run(function: Callable[[], object]) -> None:
        function()

    def coroutine(function: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(run(function), loop).result(5)

    def to_thread(function: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(asyncio.to_thread(function), loop).result(5)

    def callback(function: Callable[[], object]) -> None:
        ended: Future[object] = Future()
        loop.call_soon_threadsafe(lambda: ended.set_result(function()))
        ended.result(5)

    def timer(function: Callable[[], object]) -> None:
        ended: Future[object] = Future()
        call_later = loop.call_later
        loop.call_soon_threadsafe(call_later, 0.001, lambda: ended.set_result(function()))
        ended.result(5)

    ways: list[Hand] = [in_thread, in_pool, in_loop, coroutine, to_thread, callback, timer]
    return ways[HANDS.index(request.param)]


class TestThreadsOfCommandsAndJobs:
    """Threads have no contexts of their own."""

    def test_of_a_command(self, hand: Hand) -> None:
        app = Flask("caller")
        app.cli.command("go")(lambda: hand(careful))

        def test() -> None:
            assert app.test_cli_runner().invoke(args=["go"]).exit_code == 0

        result = explored(test)
        check(result, "caller", "CLI /go")
        assert result.ok, str(result)

    def test_of_a_job(self, hand: Hand) -> None:
        app = Flask("caller")

        def work() -> None:
            hand(lambda: in_thread(careful))
            in_thread(lambda: hand(careful))

        def test() -> None:
            with app.app_context():
                work()

        result = explored(test)
        check(result, "caller", "JOB /caller")
        assert len(result.executions[0].trace.invocations) == 2

    def test_that_request_the_app(self, hand: Hand) -> None:
        app = service(view=lambda: str(careful()))

        def work() -> None:
            hand(lambda: requests.get("http://front:2/view", timeout=1).raise_for_status())

        def test() -> None:
            with app.app_context():
                work()

        result = explored(test, front=app)
        assert result.ok, str(result)
        assert [each.url for each in result.executions[0].trace.invocations] == [
            "http://callee:1/way"
        ]


class TestUnexplored:
    """What leaves the process, and is no call of a client."""

    def test_of_a_command_is_named(self) -> None:
        app = Flask("caller")
        app.cli.command("go")(lambda: subprocess.run(["true"], check=True))
        (seen,) = explored(lambda: app.test_cli_runner().invoke(args=["go"])).unexplored
        assert (seen.target, seen.callsite and seen.callsite.file) == ("true", __file__)

    def test_of_a_job_is_named(self) -> None:
        app = Flask("caller")

        def work() -> None:
            subprocess.run(["true"], check=True)

        def test() -> None:
            with app.app_context():
                work()

        (seen,) = explored(test).unexplored
        assert seen.target == "true"

    def test_of_a_thread_of_a_job_is_named(self, hand: Hand) -> None:
        app = Flask("caller")

        def work() -> None:
            hand(lambda: subprocess.run(["true"], check=True))

        def test() -> None:
            with app.app_context():
                work()

        (seen,) = explored(test).unexplored
        assert seen.target == "true"

    def test_of_a_thread_of_a_command_is_named(self, hand: Hand) -> None:
        app = Flask("caller")
        app.cli.command("go")(lambda: hand(lambda: subprocess.run(["true"], check=True)))
        (seen,) = explored(lambda: app.test_cli_runner().invoke(args=["go"])).unexplored
        assert seen.target == "true"

    def test_of_the_test_is_not(self) -> None:
        app = Flask("caller")

        def test() -> None:
            with app.app_context():
                subprocess.run(["true"], check=True)

        assert explored(test).unexplored == ()

    def test_foreign_host_of_a_command_is_stopped(self) -> None:
        app = Flask("caller")

        @app.cli.command("go")
        def go() -> None:
            requests.get("http://192.0.2.1/way", timeout=1)

        with pytest.raises(ForeignHostError, match=r"http://192\.0\.2\.1/way"):
            explored(lambda: app.test_cli_runner().invoke(args=["go"]))


class TestRequestsOfTheTest:
    def test_that_it_sends_itself(self) -> None:
        app = Flask("caller")

        def test() -> None:
            with app.app_context():
                assert requests.get("http://callee:1/way", timeout=1).ok

        assert explored(test).executions[0].trace.invocations == ()

    def test_that_reach_the_app_itself(self) -> None:
        app = service(view=lambda: str(careful()))

        def helper() -> None:
            assert requests.get("http://front:2/view", timeout=1).ok

        def test() -> None:
            with app.app_context():
                helper()

        result = explored(test, front=app)
        check(result, "front", "GET /view")
        assert result.ok, str(result)

    def test_in_a_context_of_a_fixture(self) -> None:
        app = Flask("caller")

        def helper() -> None:
            assert requests.get("http://callee:1/way", timeout=1).ok

        with app.app_context():
            result = explored(lambda: helper())
        assert result.executions[0].trace.invocations == ()


class TestByHand:
    def test_a_whole_request(self) -> None:
        app = Flask("caller")
        app.add_url_rule("/view", "view", lambda: str(careful()))

        def test() -> None:
            with app.test_request_context("/view"):
                assert app.full_dispatch_request().status_code == 200

        result = explored(test)
        check(result, "caller", "GET /view")
        assert result.ok, str(result)

    def test_the_hooks_before_a_request(self) -> None:
        app = Flask("caller")

        @app.before_request
        def hook() -> None:
            careful()

        def test() -> None:
            with app.test_request_context("/view"):
                assert app.preprocess_request() is None

        result = explored(test)
        check(result, "caller", "GET /view")
        assert result.ok, str(result)

    def test_a_view_after_them(self) -> None:
        app = Flask("caller")
        app.before_request(lambda: None)

        def view() -> int:
            return careful()

        def test() -> None:
            with app.test_request_context("/view"):
                app.preprocess_request()
                view()

        check(explored(test), "caller", "GET /view")


def leaving(*, careful_view: bool) -> Flask:
    """An app that gives up by sys.exit() where a call fails, unless it is careful."""
    app = Flask("leaving")

    @app.get("/")
    def index() -> str:
        try:
            return str(call())
        except requests.RequestException:
            if careful_view:
                return "0"
            sys.exit(3)

    return app


@pytest.mark.parametrize("named", [True, False], ids=["service", "unknown app"])
def test_exit_of_a_view_is_uncaught(*, named: bool) -> None:
    app = leaving(careful_view=False)
    services = {"leaving": app} if named else {}
    result = explored(lambda: app.test_client().get("/"), **services)
    (finding,) = (each for each in result.findings if each.kind == UNCAUGHT)
    assert finding.message.startswith("Unhandled SystemExit in leaving, GET /: 3")
    assert finding.site is not None
    assert finding.site.file == __file__


def test_careful_view_has_no_finding() -> None:
    app = leaving(careful_view=True)
    result = explored(lambda: app.test_client().get("/"))
    assert not [each for each in result.findings if each.broken]
