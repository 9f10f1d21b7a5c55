"""Every place in an app from which a call can be made: seen, failed, and a call of that app."""

from __future__ import annotations

import contextlib
import logging
import threading
from contextvars import copy_context
from importlib.metadata import version
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from flask_filibuster import Filibuster, explore
from flask_filibuster.results.result import Result
from tests.support.callers import service
from tests.support.cases import sample
from tests.support.forms.places import PLACES, Call, Place
from tests.support.models import REFUSALS

CALLEE = {"http://callee:1": service(way=lambda: "fine", other=lambda: "fine")}

IN_THE_CLIENT = ("a_response_class",)
# A test gets to these without a request, or without its whole answer.
OUTSIDE = ("a_command", "a_job", "a_preprocessed_request", "an_abandoned_stream")
# Before version 3, Flask does some of its work again when a test client enters and leaves a kept
# context. Calls made there are calls of a job.
FLASK = int(version("flask").partition(".")[0])
AGAIN = (
    "a_converter",
    "teardown_request",
    "the_signal_request_tearing_down",
    "teardown_appcontext",
    "the_signal_appcontext_tearing_down",
    "the_signal_appcontext_popped",
)


def way() -> int:
    return requests.get("http://callee:1/way", timeout=1).status_code


def careful() -> int:
    try:
        return way()
    except requests.RequestException:
        return 0


def made(name: str, call: Call) -> Place:
    app = Flask("caller")
    app.secret_key = "no secret"
    app.add_url_rule("/", "index", lambda: "fine")
    return PLACES[name].make(app, call) or Place(app)


def check(result: Result, source: str) -> None:
    """Each call that was made is one of the app, and failed once."""
    assert not result.inconclusive, [each.problems for each in result.inconclusive]
    traces = [each.trace for each in result.executions]
    calls = [call for each in traces for call in each.invocations if "way" in call.url]
    assert {call.source for call in calls} == {source}
    assert any(call.fault for call in calls)
    assert not [call for each in traces for call in each.requests if "way" in call.url]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def explored(*given: Any) -> Result:
    """No other test then runs in a context whose beginning raised, which Flask does not leave."""
    return copy_context().run(explore, *given)


@pytest.mark.parametrize(
    "name", sample(each.name for each in PLACES.every if each.name not in OUTSIDE)
)
class TestPlaces:
    def test_over_the_network(self, name: str) -> None:
        place = made(name, way)

        def test() -> None:
            with contextlib.suppress(requests.RequestException):
                assert requests.get(f"http://caller:2{place.path}", timeout=5).content

        services = {**CALLEE, "http://caller:2": place.app}
        check(explored(test, services, REFUSALS), place.source)

    def test_by_the_client_of_an_unknown_app(self, name: str) -> None:
        if name in IN_THE_CLIENT:
            pytest.skip("the test client makes an object of that class, too, for the test")
        place = made(name, way)

        def test() -> None:
            response = place.app.test_client().get(place.path)
            assert response.data
            response.close()

        check(explored(test, CALLEE, REFUSALS), place.source)

    def test_in_a_kept_context(self, name: str) -> None:
        if name == "the_signal_appcontext_pushed":
            pytest.skip("Flask never leaves an app context whose receiver raised")
        if FLASK < 3 and name in AGAIN:
            pytest.skip("this version of Flask does it again, outside the request")
        if name in IN_THE_CLIENT:
            pytest.skip("the test client makes an object of that class, too, for the test")
        place = made(name, way)

        def test() -> None:
            with place.app.test_client() as client:
                response = client.get(place.path)
                requests.get("http://callee:1/other", timeout=1)
                assert response.data
                response.close()

        result = explored(test, CALLEE, REFUSALS)
        check(result, place.source)
        own = [call.url for call in result.executions[0].trace.requests]
        assert own[-1] == "http://callee:1/other"

    def test_with_a_careful_call(self, name: str) -> None:
        if name in IN_THE_CLIENT:
            pytest.skip("the test client makes an object of that class, too, for the test")
        place = made(name, careful)

        def test() -> None:
            response = place.app.test_client().get(place.path)
            if name != "the_signal_got_request_exception":
                assert response.status_code == 200
            assert response.data
            response.close()

        result = explored(test, CALLEE, REFUSALS)
        check(result, place.source)
        assert not result.failures
        if name != "the_signal_got_request_exception":
            assert result.ok, str(result)


class TestBelowAPlainApp:
    """A service that is no Flask app, but has some inside."""

    def explored(self, path: str) -> Result:
        main, sub = Flask("main"), Flask("sub")
        for app in (main, sub):
            app.add_url_rule("/view", "view", lambda: str(way()))
        Filibuster(sub)
        dispatcher = DispatcherMiddleware(main, {"/sub": sub})
        services = {**CALLEE, "http://front:2": lambda *given: dispatcher(*given)}
        return explore(lambda: requests.get(f"http://front:2{path}", timeout=5), services, REFUSALS)

    def test_the_app_at_its_root_has_its_name(self) -> None:
        check(self.explored("/view"), "front")

    def test_an_app_below_is_its_own_service(self) -> None:
        result = self.explored("/sub/view")
        check(result, "sub")
        assert result.executions[0].trace.requests[0].target == "sub"


class TestServersOfTheTest:
    """Apps that a test serves by itself, from a thread, over a socket."""

    @pytest.mark.slow
    def test_calls_that_reach_them_are_no_requests_of_the_test(self) -> None:
        stub = Flask("stub")
        stub.add_url_rule("/way", "way", lambda: "fine")
        app = Flask("caller")

        def test() -> None:
            server = make_server("127.0.0.1", 0, stub, threaded=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            url = f"http://127.0.0.1:{server.port}/way"
            app.view_functions["view"] = lambda: requests.get(url, timeout=5).text
            try:
                assert app.test_client().get("/view").status_code < 600
            finally:
                server.shutdown()
                server.server_close()
                thread.join()

        app.add_url_rule("/view", "view", lambda: "")
        trace = explore(test, {}, REFUSALS, max_executions=1).executions[0].trace
        assert [each.url for each in trace.requests] == ["http://localhost/view"]
        assert [each.target for each in trace.invocations] == ["stub"]
