"""Tests that replace a part of requests are explored: calls of the stand-in are its calls."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any
from unittest import mock
from xmlrpc.client import ServerProxy

import flask
import pytest
import requests
import requests.adapters
from flask import Flask
from werkzeug.local import LocalProxy

from flask_filibuster import FaultModel, explore
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.standins.replacements import replacements
from flask_filibuster.results.result import Result
from tests.support import weather
from tests.support.cases import THOROUGH, sample
from tests.support.models import REFUSALS
from tests.support.replaced import FORMS, Fake, OwnReply, both, use_of

# Robust views are asked for twice: in daily work, each call fails in two ways only.
TWO_WAYS = None if THOROUGH else FaultModel(("ConnectionError",), default_statuses=(500,))
every_form = pytest.mark.parametrize("form", sample(FORMS))


def explored(
    test: Any, faults: FaultModel | None = None, unexplored: list[str] | None = None
) -> Result:
    client = weather.app.test_client()
    services = {"http://here": weather.app}
    return explore(lambda: test(client), services, faults, unexplored=unexplored)


def seen_in(result: Result) -> list[tuple[str, str, str]]:
    return [
        (each.operation, each.url, each.callsite.function if each.callsite else "")
        for each in result.executions[0].trace.invocations
    ]


class TestStandIns:
    @every_form
    def test_bug_is_found(self, form: str) -> None:
        def test(client: Any) -> None:
            with FORMS[form]():
                response = client.get(f"/fragile/{use_of(form)}")
                assert (response.status_code, response.json) == (200, {"n": 1})

        before = parts()
        result = explored(test)
        assert parts() == before
        function = f"by_{use_of(form).replace('-', '_')}"
        assert seen_in(result) == [("GET", weather.URL, function)]
        assert result.bugs
        assert len(result.executions) == 6

    @every_form
    def test_bug_is_found_in_form_begun_before(self, form: str) -> None:
        def test(client: Any) -> None:
            assert client.get(f"/fragile/{use_of(form)}").status_code == 200

        before = parts()
        with FORMS[form]():
            during = parts()
            result = explored(test, REFUSALS)
            assert parts() == during
        assert parts() == before
        assert len(result.executions[0].trace.invocations) == 1
        assert not result.executions[0].trace.invocations[0].outcome.failed  # type: ignore[union-attr]

    @pytest.mark.in_earnest
    @every_form
    def test_robust_view_is_no_false_alarm(self, form: str) -> None:
        def test(client: Any) -> None:
            with FORMS[form]() as taken:
                answer = client.get(f"/robust/{use_of(form)}").json
                assert taken() == 2
                # Each call has its own answer, or none: a fault does not shift them.
                assert answer[0] in (None, 1)
                assert answer[1] in (None, 2)

        result = explored(test, TWO_WAYS)
        assert result.ok, result
        assert not result.inconclusive
        assert max(len(each.faults) for each in result.executions) == 2


class TestBooks:
    def test_mock_stays_the_object_it_is(self) -> None:
        def test(client: Any) -> None:
            with mock.patch("requests.get", return_value=OwnReply(1)) as made:
                assert requests.get is made
                client.get("/robust/function")
                assert made.call_args_list == [mock.call(weather.URL, timeout=3)] * 2
                made.assert_called_with(weather.URL, timeout=3)

        result = explored(test)
        assert result.ok, result
        assert len(result.executions) > 6

    @pytest.mark.slow
    def test_books_of_parents_are_kept(self) -> None:
        def test(client: Any) -> None:
            with mock.patch("tests.support.weather.requests") as made:
                made.get.return_value.json.return_value = {"n": 1}
                client.get("/robust/function")
                calls = [each for each in made.mock_calls if each[0] == "get"]
                assert calls == [mock.call.get(weather.URL, timeout=3)] * 2
                assert made.method_calls == calls

        result = explored(test)
        assert result.ok, result
        assert len(result.executions) > 6

    def test_retry_gets_the_answer_that_a_fault_replaced(self) -> None:
        app = Flask("retrying")

        @app.get("/")
        def retrying() -> Any:
            for _ in range(3):
                try:
                    response = requests.get(weather.URL, timeout=3)
                    response.raise_for_status()
                    return {"n": response.json()["n"]}
                except requests.RequestException:  # noqa: PERF203 - it is a retry
                    continue
            return {"n": None}

        def test() -> None:
            with mock.patch("requests.get", side_effect=[OwnReply(1)]):
                assert app.test_client().get("/").json in ({"n": 1}, {"n": None})

        result = explore(test, {"http://here": app})
        assert result.ok, result
        assert max(len(each.faults) for each in result.executions) > 1

    def test_failure_that_a_test_mocks_is_the_outcome(self) -> None:
        def test(client: Any) -> None:
            with mock.patch("requests.get", side_effect=requests.Timeout) as made:
                assert client.get("/robust/function").json == [None, None]
                assert made.call_count == 2

        result = explored(test)
        assert not result.bugs
        outcomes = {each.outcome.key for each in result.executions[0].trace.invocations}  # type: ignore[union-attr]
        assert outcomes == {"Timeout"}

    def test_spy_is_one_call(self) -> None:
        def test(client: Any) -> None:
            with mock.patch("requests.get", wraps=requests.get) as made:
                client.get("/robust/function")
                assert made.call_count == 2

        app = Flask("weather")
        app.add_url_rule("/now", "now", lambda: {"n": 1})
        client = weather.app.test_client()
        services = {"http://here": weather.app, "http://weather.test": app}
        result = explore(lambda: test(client), services)
        assert result.ok, result
        assert seen_in(result) == [("GET", weather.URL, "by_function")] * 2

    @pytest.mark.slow
    def test_replaced_twice_and_restored_in_any_order(self) -> None:
        name = "tests.support.weather.imported_get"
        inner, outer = mock.patch(name, Fake()), mock.patch(name, Fake())

        def test(client: Any) -> None:
            outer.start()
            inner.start()
            client.get("/robust/name")
            outer.stop()
            inner.stop()
            outer_again.start()
            client.get("/robust/name")
            outer_again.stop()
            vars(weather)["imported_get"] = genuine  # unittest.mock leaves the outer fake.

        outer_again = mock.patch(name, Fake().function)
        genuine = vars(weather)["imported_get"]
        before = parts()
        result = explored(test)
        assert parts() == before
        assert result.ok, result
        assert len(result.executions[0].trace.invocations) == 4

    @pytest.mark.slow
    def test_two_kinds_of_replacing_are_nested(self) -> None:
        def test(client: Any) -> None:
            with pytest.MonkeyPatch.context() as monkeypatch:
                monkeypatch.setattr(requests, "get", Fake())
                with mock.patch("requests.get", side_effect=both()):
                    client.get("/robust/function")
                client.get("/robust/function")

        before = parts()
        result = explored(test)
        assert parts() == before
        assert len(result.executions[0].trace.invocations) == 4

    def test_stand_in_without_known_calls_is_named(self) -> None:
        def test(client: Any) -> None:
            with mock.patch.object(weather, "session", object()):
                client.get("/robust/function")

        with mock.patch("requests.get", return_value=OwnReply(1)):
            result = explored(test)
        (note,) = result.notes
        assert note == (
            "tests.support.weather.session is replaced, and its calls cannot fail: "
            "builtins.object makes its calls by unknown names"
        )
        assert result.weakens == (note,)
        assert result.gaps == ()

    @pytest.mark.parametrize("fine", [True, False])
    def test_such_a_stand_in_can_fail_the_result(self, *, fine: bool) -> None:
        def test(client: Any) -> None:
            with mock.patch.object(weather, "session", object()):
                client.get("/robust/function")

        unexplored = ["fail", *(["tests.support.weather.session"] if fine else [])]
        with mock.patch("requests.get", return_value=OwnReply(1)):
            result = explored(test, unexplored=unexplored)
        assert any("unknown names" in gap for gap in result.gaps) is not fine
        assert bool(result.weakens) is not fine

    def test_nothing_else_is_dressed(self) -> None:
        def test(client: Any) -> None:
            with mock.patch("json.loads") as made, mock.patch("requests.utils.quote", own):
                assert "__call__" not in vars(type(made))
                assert vars(requests.utils)["quote"] is own

        own = Fake()
        assert not explored(test).bugs

    @pytest.mark.parametrize("kind", ["flask-session", "lazy", "remote", "made-up"])
    def test_replaced_object_is_not_asked(self, kind: str) -> None:
        # Each answers a question with an error, with work, or with a request.
        asked: list[str] = []
        original: Any = {
            "flask-session": flask.session,
            "lazy": LocalProxy(lambda: asked.append("made")),
            "remote": ServerProxy("http://127.0.0.1:9/"),
            "made-up": MadeUp(asked),
        }[kind]
        holder = ModuleType("holder")
        vars(holder)["held"] = original

        def test(client: Any) -> None:
            with mock.patch.object(holder, "held", new=Fake()):
                client.get("/")
            with pytest.MonkeyPatch.context() as replacing:
                replacing.setattr(holder, "held", None)

        assert not explored(test).failures
        assert not asked

    def test_backport_is_followed(self) -> None:
        pytest.importorskip("mock")
        backport = import_module("mock")

        def test(client: Any) -> None:
            with backport.patch("requests.get", return_value=OwnReply(1)):
                assert client.get("/fragile/function").status_code == 200

        assert explored(test).bugs

    def test_asynchronous_mock_is_named(self) -> None:
        def test(client: Any) -> None:
            with mock.patch("requests.get", new_callable=mock.AsyncMock):
                client.get("/")

        (note,) = [each for each in explored(test).notes if "requests.get" in each]
        assert note.endswith("its calls cannot fail: an asynchronous mock is in its place")

    def test_nothing_is_followed_after_the_session(self) -> None:
        explored(lambda client: client.get("/"))
        assert Patch.of(vars(mock)["_patch"], "__enter__") is not None
        replacements().rest()
        assert Patch.of(vars(mock)["_patch"], "__enter__") is None
        assert Patch.of(pytest.MonkeyPatch, "setattr") is None


class MadeUp:
    """Whatever it is asked for, it has another one of itself."""

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def __getattr__(self, name: str) -> MadeUp:
        self._asked.append(name)
        return MadeUp(self._asked)

    def __call__(self) -> None:
        self._asked.append("called")


def parts() -> list[Any]:
    """What the forms replace."""
    owners = (requests, requests.api, requests.Session, requests.adapters.HTTPAdapter)
    names = ("get", "post", "request", "send", "Session", "__enter__")
    found = [vars(owner).get(name) for owner in owners for name in names]
    here = [vars(weather)[name] for name in ("requests", "imported_get", "session", "Session")]
    session = weather.session
    own = vars(session) if type(session) is requests.Session else {}
    # Older versions of pytest restore a method of an object by a bound method in the object.
    kept = [
        None if name in own and own[name] == bound(session, name) else own.get(name)
        for name in names
    ]
    return [*found, *here, *kept]


def bound(session: requests.Session, name: str) -> Any:
    """The method of a session as its class has it."""
    return getattr(requests.Session, name).__get__(session)


@pytest.fixture(autouse=True)
def clean_session() -> Iterator[None]:
    """No test leaves a method in the session, which would hide that of the class."""
    yield
    for name in ("get", "post", "request", "send"):
        vars(weather.session).pop(name, None)
