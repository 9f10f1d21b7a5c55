"""The extension: set up once, checked at once, and nobody's business where nothing is explored."""

from __future__ import annotations

import itertools
import json
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from blinker import Signal
from flask import Blueprint, Flask, Response, g, got_request_exception, jsonify, request
from flask.typing import ResponseReturnValue
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_filibuster import (
    FaultModel,
    Filibuster,
    explore,
    signals,
    was_fault_injected,
    was_fault_injected_on,
)
from flask_filibuster.config import Config
from flask_filibuster.core import messages
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.errors import ConfigError, SetupError
from flask_filibuster.instrumentation.frames import Frame, current_scope
from flask_filibuster.protocol import headers as wire
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result
from flask_filibuster.server.embedded import EmbeddedServer
from tests.support.callers import LEAF, REFUSED, end_of, ended, ok, service, serving
from tests.support.cases import cases

NO_FAULTS = FaultModel(exceptions=(), default_statuses=())
REFUSALS = FaultModel(exceptions=("ConnectionError",), default_statuses=())


class TestSettingUp:
    def test_puts_itself_into_the_apps_extensions(self) -> None:
        app = Flask("one")
        Filibuster(app, service_name="users")
        state = app.extensions["filibuster"]
        assert state.app is app
        assert state.service_name == "users"
        assert state.config == Config(service_name="users")

    def test_registers_hooks_and_a_receiver(self) -> None:
        app = Flask("set-up")
        app.before_request(lambda: None)
        Filibuster(app)
        state = app.extensions["filibuster"]
        hooks: Any = app.before_request_funcs
        leaving: Any = app.teardown_request_funcs
        receivers: Any = got_request_exception.receivers_for(app)
        assert hooks[None][0].__self__ is state
        assert len(hooks[None]) == 2
        assert not app.after_request_funcs
        assert [each.__self__ for each in leaving[None]] == [state]
        assert [each.__self__ for each in receivers] == [state]
        state.disconnect()
        assert not app.teardown_request_funcs
        assert len(hooks[None]) == 1
        assert not list(got_request_exception.receivers_for(app))

    def test_a_temporary_one_leaves_no_hooks(self) -> None:
        app = service(ok=ok)
        explore(lambda: requests.get("http://svc/ok", timeout=1), {"http://svc": app}, NO_FAULTS)
        assert not app.before_request_funcs
        assert not app.after_request_funcs
        assert not app.teardown_request_funcs
        assert not list(got_request_exception.receivers_for(app))

    def test_twice_on_one_app_is_refused(self) -> None:
        app = Flask("twice")
        Filibuster(app)
        for again in (lambda: Filibuster(app), lambda: Filibuster().init_app(app)):
            with pytest.raises(SetupError, match="already set up on the Flask app 'twice'"):
                again()
        assert len(app.before_request_funcs[None]) == 1

    def test_one_extension_serves_many_apps(self) -> None:
        filibuster = Filibuster()

        def create_app(name: str, **config: Any) -> Flask:
            app = Flask(name)
            app.config.update(config)
            filibuster.init_app(app)
            return app

        first = create_app("first", FILIBUSTER_TIMEOUT=1)
        second = create_app("second", FILIBUSTER_TIMEOUT=2)
        states = [app.extensions["filibuster"] for app in (first, second)]
        assert [state.config.timeout for state in states] == [1.0, 2.0]
        assert [state.service_name for state in states] == ["first", "second"]

    def test_failed_set_up_can_be_repeated(self) -> None:
        """It leaves nothing behind."""
        app = Flask("again")
        app.config["FILIBUSTER_TIMEOUT"] = -1
        with pytest.raises(ConfigError):
            Filibuster(app)
        assert "filibuster" not in app.extensions
        assert None not in app.before_request_funcs
        app.config["FILIBUSTER_TIMEOUT"] = 1
        Filibuster(app)

    def test_is_possible_after_the_first_request(self) -> None:
        app = service(ok=ok)
        app.test_client().get("/ok")
        Filibuster(app)
        assert app.test_client().get("/ok").text == "fine"

    def test_surrounds_the_hooks_of_the_app(self) -> None:
        def note(given: Any = None) -> Any:
            scope = current_scope()
            seen.append(scope is not None and isinstance(scope.frame, Frame))
            shown.append(isinstance(g.filibuster, Frame))
            return given

        def add_hooks() -> None:
            app.before_request(lambda: note())
            app.after_request(lambda response: note(response))
            app.teardown_request(lambda error: note())

        seen: list[bool] = []
        shown: list[bool] = []
        app = service(ok=ok)
        add_hooks()
        Filibuster(app)
        add_hooks()
        explore(
            lambda: requests.get("http://svc/ok", timeout=1),
            {"http://svc": app},
            NO_FAULTS,
            check_determinism=False,
        )
        assert seen == shown == [True] * 6

    def test_name_is_argument_config_or_url(self) -> None:
        def reached(name: str | None, config: str | None) -> str:
            app = service(ok=ok)
            app.config["FILIBUSTER_SERVICE_NAME"] = config
            Filibuster(app, service_name=name)
            _, (seen,) = ended(
                lambda: requests.get("http://host/ok", timeout=1), {"http://host": app}
            )
            return seen.target

        assert reached("argument", "config") == "argument"
        assert reached(None, "config") == "config"
        assert reached(None, None) == "host"

    def test_app_without_url_keeps_its_name(self) -> None:
        app = service(ok=ok)
        Filibuster(app)
        assert app.extensions["filibuster"].service_name == "service"

    def test_public_names_and_types_are_there(self) -> None:
        import flask_filibuster

        assert flask_filibuster.__file__ is not None
        assert Path(flask_filibuster.__file__).with_name("py.typed").exists()
        assert "Filibuster" in flask_filibuster.__all__
        public = {name for name in dir(flask_filibuster) if not name.startswith("_")}
        assert public == set(flask_filibuster.__all__)
        assert "__version__" in dir(flask_filibuster)
        with pytest.raises(AttributeError, match="no attribute 'Filibusted'"):
            flask_filibuster.Filibusted  # noqa: B018 - that is the test


class TestConfig:
    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("ENABLED", 1, "True or False"),
            ("ENABLED", "false", "True or False"),
            ("ENABLED", None, "True or False"),
            ("SERVER_URL", "localhost:5005", "http://"),
            ("SERVER_URL", "ftp://x", "http://"),
            ("SERVER_URL", 5005, "http://"),
            ("SERVICE_NAME", "", "1 to 200 ASCII"),
            ("SERVICE_NAME", "two words", "1 to 200 ASCII"),
            ("SERVICE_NAME", "café", "1 to 200 ASCII"),
            ("SERVICE_NAME", "x" * 201, "1 to 200 ASCII"),
            ("SERVICE_NAME", 7, "1 to 200 ASCII"),
            ("INSTRUMENT_REQUESTS", "yes", "True or False"),
            ("TIMEOUT", 0, "at least 0.001"),
            ("TIMEOUT", -1, "at least 0.001"),
            ("TIMEOUT", "5", "number of seconds"),
            ("TIMEOUT", True, "number of seconds"),
            ("TIMEOUT", float("inf"), "number of seconds"),
            ("TIMEOUT", float("nan"), "number of seconds"),
            ("TIMEOUT", None, "number of seconds"),
            ("MAX_SLEEP", -0.1, "at least 0.0"),
            ("MAX_SLEEP", float("inf"), "number of seconds"),
            ("EXCLUDED_HOSTS", "localhost", "list of host names"),
            ("EXCLUDED_HOSTS", [1], "list of host names"),
            ("EXCLUDED_HOSTS", [""], "list of host names"),
            ("EXCLUDED_HOSTS", None, "list of host names"),
            ("ANALYSIS_FILE", 1, "path"),
            ("ANALYSIS_FILE", b"a.json", "path"),
            ("REDUCTION", "some", "'exact' or 'none'"),
            ("REDUCTION", None, "'exact' or 'none'"),
            ("REDUCTION", ["exact"], "'exact' or 'none'"),
            ("MAX_FAULTS", 0, "whole number from 1"),
            ("MAX_FAULTS", 1.0, "whole number from 1"),
            ("MAX_FAULTS", True, "whole number from 1"),
            ("MAX_EXECUTIONS", -1, "whole number from 1"),
            ("MAX_EXECUTIONS", "10", "whole number from 1"),
        ],
    )
    def test_bad_value_names_what_fits(self, key: str, value: Any, expected: str) -> None:
        app = Flask("app")
        app.config[f"FILIBUSTER_{key}"] = value
        with pytest.raises(ConfigError) as caught:
            Filibuster(app)
        message = str(caught.value)
        assert f"FILIBUSTER_{key} is {value!r}" in message
        assert expected in message
        assert (caught.value.key, caught.value.value) == (f"FILIBUSTER_{key}", value)

    @pytest.mark.parametrize(
        ("key", "value", "read"),
        [
            ("ENABLED", False, False),
            ("SERVER_URL", None, None),
            ("SERVICE_NAME", "users.v2", "users.v2"),
            ("SERVICE_NAME", None, None),
            ("INSTRUMENT_REQUESTS", False, False),
            ("TIMEOUT", 1, 1.0),
            ("MAX_SLEEP", 0, 0.0),
            ("EXCLUDED_HOSTS", ["A", "b"], ("a", "b")),
            ("EXCLUDED_HOSTS", (), ()),
            ("EXCLUDED_HOSTS", {"one"}, ("one",)),
            ("ANALYSIS_FILE", Path("a.json"), "a.json"),
            ("REDUCTION", "none", "none"),
            ("MAX_FAULTS", 1, 1),
            ("MAX_EXECUTIONS", None, None),
        ],
    )
    def test_a_good_value_is_read(self, key: str, value: Any, read: Any) -> None:
        app = Flask("app")
        app.config[f"FILIBUSTER_{key}"] = value
        Filibuster(app)
        assert getattr(app.extensions["filibuster"].config, key.lower()) == read

    def test_unknown_key_names_the_nearest(self) -> None:
        app = Flask("app")
        app.config["FILIBUSTER_TIMOUT"] = 5
        with pytest.raises(ConfigError, match=r"FILIBUSTER_TIMOUT.*FILIBUSTER_TIMEOUT"):
            Filibuster(app)

    def test_is_read_once(self) -> None:
        app = Flask("app")
        Filibuster(app)
        app.config["FILIBUSTER_TIMEOUT"] = "changed later"
        config = app.extensions["filibuster"].config
        assert config.timeout == 5.0
        with pytest.raises(AttributeError):
            config.timeout = 6.0

    def test_arguments_are_checked_like_keys(self) -> None:
        with pytest.raises(ConfigError, match="service_name is 'two words'"):
            Filibuster(Flask("app"), service_name="two words")
        with pytest.raises(ConfigError, match="server_url is 'nowhere'"):
            Filibuster(Flask("app"), server_url="nowhere")

    def test_apps_without_extension_are_checked(self) -> None:
        """By an exploration."""
        app = service(ok=ok)
        app.config["FILIBUSTER_MAX_SLEEP"] = "long"
        with pytest.raises(ConfigError, match="FILIBUSTER_MAX_SLEEP is 'long'"):
            explore(lambda: None, {"http://svc": app})

    @pytest.mark.parametrize("given", ["argument", "config", "environment"])
    def test_missing_server_is_warned_of_once(
        self, given: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        app, url = service(ok=ok), "http://127.0.0.1:1"
        if given == "config":
            app.config["FILIBUSTER_SERVER_URL"] = url
        if given == "environment":
            monkeypatch.setenv("FILIBUSTER_SERVER_URL", url)
        Filibuster(app, server_url=url if given == "argument" else None)
        try:
            with caplog.at_level("WARNING", "flask_filibuster"):
                assert [app.test_client().get("/ok").text for _ in range(3)] == ["fine"] * 3
        finally:
            app.extensions["filibuster"].disconnect()
        (warning,) = caplog.messages
        assert "without fault injection" in warning
        assert url in warning

    def test_disabled_it_registers_nothing(self) -> None:
        app = service(view=lambda: requests.get("http://leaf/ok", timeout=1).text)
        app.config["FILIBUSTER_ENABLED"] = False
        Filibuster(app)
        assert not any(
            functions
            for functions in (
                app.before_request_funcs,
                app.after_request_funcs,
                app.teardown_request_funcs,
            )
        )
        result = explore(
            lambda: requests.get("http://svc/view", timeout=1).raise_for_status(),
            {"http://svc": app, **LEAF},
            REFUSALS,
        )
        assert {each.verdict for each in result.executions} == {"passed"}
        assert result.executions[0].trace.invocations == ()
        assert not app.before_request_funcs


class TestWhatServicesMayAsk:
    def test_nothing_outside_an_execution(self) -> None:
        assert was_fault_injected() is False
        assert was_fault_injected_on("anything") is False

    def test_answers_in_test_and_services(self) -> None:
        told: list[tuple[str, bool, bool, bool]] = []

        def tell(who: str) -> None:
            told.append(
                (
                    who,
                    was_fault_injected(),
                    was_fault_injected_on("leaf"),
                    was_fault_injected_on("svc"),
                )
            )

        def view() -> ResponseReturnValue:
            tell("before")
            end_of(lambda: requests.get("http://leaf/ok", timeout=1))
            tell("after")
            return "done"

        def test() -> None:
            tell("test")
            requests.get("http://svc/view", timeout=1)

        services = {"http://svc": service(view=view), **LEAF}
        explore(test, services, REFUSALS, check_determinism=False)
        assert told == [
            *((who, False, False, False) for who in ("test", "before", "after")),
            *((who, True, True, False) for who in ("test", "before", "after")),
        ]
        assert was_fault_injected() is False

    def test_unreached_service_is_noted(self) -> None:
        result = explore(
            lambda: (was_fault_injected_on("laef"), requests.get("http://svc/ok", timeout=1)),
            {"http://svc": service(ok=ok)},
            NO_FAULTS,
        )
        assert any("'laef'" in note and "reached: svc" in note for note in result.notes)


@contextmanager
def received(signal: Signal) -> Iterator[list[tuple[Any, dict[str, Any]]]]:
    """What a signal sends, within the block."""
    sent: list[tuple[Any, dict[str, Any]]] = []

    def note(sender: Any, **arguments: Any) -> None:
        sent.append((sender, arguments))

    with signal.connected_to(note):
        yield sent


class TestSignals:
    def test_carry_their_documented_arguments(self) -> None:
        app = service(view=lambda: f"{end_of(lambda: requests.get('http://leaf/ok', timeout=1))}")
        with (
            received(signals.invocation_started) as started,
            received(signals.fault_injected) as injected,
            received(signals.invocation_completed) as completed,
            received(signals.request_received) as requested,
            received(signals.report_failed) as failed,
        ):
            explore(
                lambda: requests.get("http://svc/view", timeout=1),
                {"http://svc": app, **LEAF},
                REFUSALS,
                check_determinism=False,
            )
        assert [sender for sender, _ in started] == [app, app]
        for _, arguments in started:
            assert set(arguments) == {"frame", "invocation"}
            assert isinstance(arguments["frame"], Frame)
            assert isinstance(arguments["invocation"], messages.InvocationStarted)
            assert arguments["invocation"].url == "http://leaf/ok"
        ((sender, arguments),) = injected
        assert sender is app
        assert set(arguments) == {"frame", "invocation", "fault"}
        assert arguments["fault"] == REFUSED
        assert [arguments["outcome"].key for _, arguments in completed] == [
            "200",
            "ConnectionError",
        ]
        assert [arguments["fault"] for _, arguments in completed] == [None, REFUSED]
        assert all(
            set(arguments) == {"frame", "invocation", "outcome", "fault"}
            for _, arguments in completed
        )
        senders = [sender for sender, _ in requested]
        assert senders == [app, LEAF["http://leaf"], app]
        assert all(set(arguments) == {"frame"} for _, arguments in requested)
        assert failed == []

    def test_say_nothing_outside_of_an_exploration(self) -> None:
        app = service(ok=ok)
        Filibuster(app)
        with received(signals.request_received) as requested:
            app.test_client().get("/ok")
        assert requested == []

    def test_are_under_these_names(self) -> None:
        names = {
            name: getattr(signals, name).name
            for name in (
                "invocation_started",
                "fault_injected",
                "invocation_completed",
                "request_received",
                "report_failed",
            )
        }
        assert names == {name: f"filibuster-{name.replace('_', '-')}" for name in names}


class BrokenError(Exception):
    """What a server raises that has lost its mind."""


class TestAServerInTrouble:
    @staticmethod
    def explored(fault_free: list[str]) -> Result:
        """An exploration in which the application has nothing to complain about."""

        def view() -> ResponseReturnValue:
            end = end_of(lambda: requests.get("http://leaf/ok", timeout=1))
            return end.text if isinstance(end, requests.Response) else "-"

        def test() -> None:
            response = requests.get("http://svc/view", timeout=1)
            response.raise_for_status()
            fault_free.append(response.text)

        app = service(view=view)
        app.config["FILIBUSTER_TIMEOUT"] = 0.2
        return explore(test, {"http://svc": app, **LEAF}, REFUSALS)

    @pytest.mark.parametrize("method", ["create", "received", "completed", "answered"])
    def test_breaks_nothing_and_never_passes(
        self, method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(self: EmbeddedServer, message: Any) -> Any:
            raise BrokenError(method)

        monkeypatch.setattr(EmbeddedServer, method, broken)
        answers: list[str] = []
        with received(signals.report_failed) as failed, caplog.at_level(logging.ERROR):
            result = self.explored(answers)
        assert set(answers) == {"fine"}
        assert not result.ok
        assert [each.verdict for each in result.executions] == ["inconclusive"]
        assert any(method in problem for problem in result.executions[0].problems)
        for _, arguments in failed:
            assert set(arguments) == {"frame", "message", "error"}
            assert isinstance(arguments["frame"], Frame)
            assert isinstance(arguments["error"], BrokenError)
        kinds = {type(arguments["message"]).__name__ for _, arguments in failed}
        expected = {
            "create": "InvocationStarted",
            "received": "RequestReceived",
            "completed": "InvocationCompleted",
            "answered": "RequestAnswered",
        }
        assert kinds == {expected[method]}
        assert "could not report" in caplog.text

    def test_answers_no_and_never_passes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(self: EmbeddedServer, request_id: str, service: str | None = None) -> bool:
            raise BrokenError

        monkeypatch.setattr(EmbeddedServer, "fault_injected", broken)
        answers: list[str] = []
        app = service(view=lambda: f"{was_fault_injected()} {was_fault_injected_on('leaf')}")
        result = explore(
            lambda: answers.append(requests.get("http://svc/view", timeout=1).text),
            {"http://svc": app},
            REFUSALS,
        )
        assert answers == ["False False"] * 2, "what is inconclusive is run once more"
        assert [each.verdict for each in result.executions] == ["inconclusive"]
        assert "could not ask the Filibuster server" in result.executions[0].problems[0]

    @staticmethod
    def break_in(monkeypatch: pytest.MonkeyPatch, *executions: int) -> None:
        """Have the server miss what is to fail in some executions, numbered from 1."""
        create = EmbeddedServer.create
        asked = itertools.count(1)

        def broken_at_times(self: EmbeddedServer, message: Any) -> messages.Decision:
            if next(asked) in executions:
                raise BrokenError
            return create(self, message)

        monkeypatch.setattr(EmbeddedServer, "create", broken_at_times)

    def test_missing_twice_is_inconclusive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A planned fault."""
        self.break_in(monkeypatch, 3, 4)
        answers: list[str] = []
        result = self.explored(answers)
        assert [each.verdict for each in result.executions] == ["passed", "inconclusive"]
        assert answers == ["fine", "fine", "fine", "fine"]
        assert not result.ok
        problems = " ".join(result.executions[1].problems)
        assert "the call was not made" in problems

    def test_missing_once_is_retried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A planned fault."""
        self.break_in(monkeypatch, 3)
        answers: list[str] = []
        result = self.explored(answers)
        assert [each.verdict for each in result.executions] == ["passed", "passed"]
        assert answers == ["fine", "fine", "fine", "-"]
        assert {each.verdict for each in result.executions} == {"passed"}
        assert any("execution 2 was inconclusive on the first" in note for note in result.notes)

    def test_interrupting_is_not_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(self: EmbeddedServer, message: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(EmbeddedServer, "create", interrupted)
        with pytest.raises(KeyboardInterrupt):
            self.explored([])
        assert current_scope() is None


class TestTheEmbeddedServer:
    def test_late_calls_pass_through(self) -> None:
        """Calls of an execution that is over."""
        _, (call,) = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF)
        faults = FaultSet((PlannedFault(call, REFUSED),))
        server = EmbeddedServer()
        ids = [server.new_request_id(server.begin(faults, {})) for _ in range(2)]
        over, under_way = (server._executions[request_id] for request_id in ids)
        server.forget(over)

        def created(request_id: str) -> messages.Decision:
            index, clock = call.index, VectorClock()
            return server.create(
                messages.InvocationStarted(
                    request_id, index, "svc", "GET", call.url, None, (1, 1), clock, clock, ()
                )
            )

        assert created(ids[0]) == messages.Decision(-1)
        assert created(ids[1]) == messages.Decision(0, REFUSED)
        assert [server.fault_injected(each) for each in ids] == [False, True]
        late: list[tuple[Any, Any]] = [
            (server.received, messages.RequestReceived(ids[0], call.index, "leaf", "GET", "/ok")),
            (server.answered, messages.RequestAnswered(ids[0], call.index)),
            (server.injection_failed, messages.InjectionFailed(ids[0], call.index, "late")),
        ]
        for tell, message in late:
            tell(message)
        assert "the call was not made" in over.problems()[0]
        assert "the call did not end in time" in under_way.problems()[0]


LONG = 65_536
LONG_LINE = LONG - 100
PROTOCOL = (
    wire.REQUEST_ID,
    wire.EXECUTION_INDEX,
    wire.GENERATED_ID,
    wire.VCLOCK,
    wire.ORIGIN_VCLOCK,
    wire.FORCED_SLEEP,
    wire.INSTRUMENTATION,
)
PLAUSIBLE = {
    wire.REQUEST_ID: "3f0c8f3e-6f37-4d3c-8d3c-0c2a4b6d8e0f",
    wire.EXECUTION_INDEX: '[["68ae", 1]]',
    wire.GENERATED_ID: "0",
    wire.VCLOCK: '{"users": 1}',
    wire.ORIGIN_VCLOCK: '{"users": 1}',
    wire.FORCED_SLEEP: "3600",
    wire.INSTRUMENTATION: "true",
}
HOSTILE = {
    "empty": "",
    "space": " ",
    "huge": "x" * LONG,
    "huge-digits": "9" * LONG,
    "latin": "caf\xe9\xff",
    "wrong-json": '[["68ae", ',
    "wrong-type": '{"68ae": [1]}',
    "number": "3600",
    "negative": "-1",
    "infinite": "inf",
    "nan": "NaN",
    "null": "null",
    "deep-list": "[" * (LONG // 2) + "]" * (LONG // 2),
    "deep-object": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "true": "true",
    "injection": "0; import os",
}


@pytest.fixture(scope="module")
def idle() -> Flask:
    """An app with the extension, as it is left in production."""
    app = Flask("idle")
    Filibuster(app)

    @app.post("/<path:path>")
    @app.get("/<path:path>")
    def view(path: str) -> ResponseReturnValue:
        assert g.filibuster is None
        assert current_scope() is None
        own = {name: value for name, value in request.headers if "Filibuster" not in name}
        own.pop("Host")
        response = jsonify(path=path, own=own, body=request.get_data(as_text=True))
        response.headers["X-Own"] = "1"
        return response, 201

    return app


def told(app: Flask, headers: Mapping[str, str] | list[tuple[str, str]]) -> tuple[Any, ...]:
    """All there is to an answer."""
    begun = time.monotonic()
    response = app.test_client().post("/path?q=1", headers=headers, data="body")
    assert time.monotonic() - begun < 5
    assert response.status_code == 201
    return response.status, sorted(response.headers), response.data


def combinations() -> Iterator[Any]:
    for name in PROTOCOL:
        yield pytest.param({name: PLAUSIBLE[name]}, id=f"{name}-alone")
        rest = {key: value for key, value in PLAUSIBLE.items() if key != name}
        yield pytest.param(rest, id=f"all-but-{name}")
        for kind, value in HOSTILE.items():
            yield pytest.param({**PLAUSIBLE, name: value}, id=f"{name}-{kind}")
    yield pytest.param(PLAUSIBLE, id="all")
    for kind, value in HOSTILE.items():
        yield pytest.param(dict.fromkeys(PROTOCOL, value), id=f"all-{kind}")


some_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300)
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | some_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(some_text, inner, max_size=4),
    max_leaves=12,
).map(json.dumps)
headers_of_any_kind = st.dictionaries(
    st.sampled_from(PROTOCOL),
    some_text | json_like | st.sampled_from([*HOSTILE.values(), *PLAUSIBLE.values()]),
)


class TestHostileHeaders:
    @pytest.mark.parametrize("headers", list(combinations()))
    def test_change_nothing_where_nothing_is_explored(
        self, idle: Flask, headers: dict[str, str]
    ) -> None:
        assert told(idle, headers) == told(idle, {})

    @pytest.mark.slow
    @settings(max_examples=cases(150), deadline=None)
    @given(headers=headers_of_any_kind)
    def test_of_any_kind_change_nothing(self, idle: Flask, headers: dict[str, str]) -> None:
        """Where nothing is explored."""
        assert told(idle, headers) == told(idle, {})

    def test_given_twice_change_nothing(self, idle: Flask) -> None:
        """Where nothing is explored."""
        twice = [*PLAUSIBLE.items(), *PLAUSIBLE.items()]
        assert told(idle, twice) == told(idle, {})

    def test_change_nothing_over_a_real_socket(self, idle: Flask) -> None:
        def ask(url: str, headers: Mapping[str, str]) -> tuple[Any, ...]:
            begun = time.monotonic()
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            response = requests.post(f"{url}/path", headers=raw, data="body", timeout=5)
            assert time.monotonic() - begun < 5
            return (
                response.status_code,
                sorted(each for each in response.headers if each != "Date"),
                response.text,
            )

        with serving(idle) as url:
            plain = ask(url, {})
            assert plain[0] == 201
            assert ask(url, PLAUSIBLE) == plain
            for name, (kind, hostile) in itertools.product(PROTOCOL, HOSTILE.items()):
                # A line of 64 KiB is as much as Python's own server takes.
                value = hostile.strip()[:LONG_LINE]
                assert ask(url, {**PLAUSIBLE, name: value}) == plain, (name, kind)

    def test_of_strange_bytes_change_nothing(self, idle: Flask) -> None:
        with serving(idle) as url:
            answers = []
            for line in (
                b"X-Own: 1",
                *(name.encode() + b": \xff\xfe\x80\t\x01" for name in PROTOCOL),
            ):
                host, port = url.removeprefix("http://").split(":")
                with socket.create_connection((host, int(port)), timeout=5) as connection:
                    request_line = b"GET /path HTTP/1.0\r\nHost: x\r\n" + line + b"\r\n\r\n"
                    connection.sendall(request_line)
                    answer = b""
                    while piece := connection.recv(65_536):
                        answer += piece
                answers.append(answer.split(b"\r\n")[0])
            assert set(answers) == {b"HTTP/1.1 201 CREATED"}

    def test_from_outside_are_ordinary_traffic(self) -> None:
        """An outside client's requests are neither seen nor slept for, and touch no execution."""
        sniffed: list[dict[str, str]] = []
        outside: list[tuple[int, float, str]] = []

        def view() -> ResponseReturnValue:
            ours = {name: value for name, value in request.headers if "Filibuster" in name}
            if "outside" not in request.args:
                sniffed.append(ours)
                for headers in (ours, PLAUSIBLE, {**ours, wire.FORCED_SLEEP: "3600"}):
                    ask(headers)
                requests.get("http://leaf/ok", timeout=1)
            return f"{g.filibuster}" if "outside" in request.args else "done"

        def ask(headers: Mapping[str, str]) -> None:
            host, port = url.removeprefix("http://").split(":")
            begun = time.monotonic()
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                text = f"GET /view?outside=1 HTTP/1.0\r\nHost: x\r\n{lines}\r\n"
                connection.sendall(text.encode())
                answer = b""
                while piece := connection.recv(65_536):
                    answer += piece
            outside.append(
                (int(answer.split()[1]), time.monotonic() - begun, answer.split()[-1].decode())
            )

        app = service(view=view)
        with serving(app) as url:
            result = explore(
                lambda: requests.get("http://svc/view", timeout=5).raise_for_status(),
                {"http://svc": app, **LEAF},
                NO_FAULTS,
                check_determinism=False,
            )
        assert {each.verdict for each in result.executions} == {"passed"}, result.executions[
            0
        ].error
        (execution,) = result.executions
        assert execution.problems == ()
        assert len(execution.trace.requests) == 1
        assert len(execution.trace.invocations) == 1
        assert sniffed[0]
        assert len(outside) == 3
        for status, seconds, text in outside:
            assert status == 200
            assert seconds < 5
            assert text == "None"

    @pytest.mark.parametrize("kind", [*HOSTILE, "plausible"])
    def test_of_the_test_change_nothing(self, kind: str) -> None:
        value = HOSTILE.get(kind)
        sent = dict(PLAUSIBLE) if value is None else dict.fromkeys(PROTOCOL, value)
        del sent[wire.INSTRUMENTATION]  # By which it asks to be left alone.
        raw = {name: each.strip().encode("latin-1") for name, each in sent.items()}
        app = service(view=lambda: requests.get("http://leaf/ok", timeout=1).text)
        services = {"http://svc": app, **LEAF}

        def test() -> None:
            requests.get("http://svc/view", headers=raw, timeout=1).raise_for_status()
            app.test_client().get("/view", headers=sent)

        begun = time.monotonic()
        (execution,) = explore(test, services, NO_FAULTS).executions
        assert time.monotonic() - begun < 5
        assert execution.verdict == "passed", (execution.problems, execution.error)
        assert [call.index for call in execution.trace.requests] == [
            '[["GET 80/view", 1]]',
            '[["GET 80/view", 2]]',
        ]
        assert len(execution.trace.invocations) == 2


class TestReading:
    """Headers of a service that is called in this process, for which its caller vouches."""

    @pytest.mark.parametrize("name", [wire.VCLOCK, wire.GENERATED_ID, wire.FORCED_SLEEP])
    @pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
    def test_nonsense_counts_as_missing(self, name: str, value: str) -> None:
        place = {key: PLAUSIBLE[key] for key in (wire.REQUEST_ID, wire.EXECUTION_INDEX)}
        propagated = wire.read_headers({**place, name: value})
        assert propagated is not None
        assert propagated.index == PLAUSIBLE[wire.EXECUTION_INDEX]
        if value not in ("3600",):
            assert propagated.forced_sleep == 0.0
            assert propagated.generated_id is None
        assert dict(propagated.vclock) == {}

    @pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
    def test_no_index_is_no_place(self, value: str) -> None:
        assert wire.read_headers({**PLAUSIBLE, wire.EXECUTION_INDEX: value}) is None

    @pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
    def test_generated_id_marks_a_caller(self, value: str) -> None:
        """Where there is no request id."""
        fits = value in ("3600", "-1", "inf", "NaN", "null", "true")
        propagated = wire.read_headers({**PLAUSIBLE, wire.REQUEST_ID: value})
        assert propagated is not None
        assert propagated.request_id == (value if fits else "")
        unnumbered = {**PLAUSIBLE, wire.REQUEST_ID: value, wire.GENERATED_ID: ""}
        assert (wire.read_headers(unnumbered) is not None) is fits


class TestAnswers:
    def test_own_body_is_left_alone(self) -> None:
        """It cannot be made a list."""

        class Own(Response):
            implicit_sequence_conversion = False

        class Body:
            def __len__(self) -> int:
                return 2

            def __iter__(self) -> Iterator[bytes]:
                return iter([b"a", b"b"])

        def view() -> ResponseReturnValue:
            return Own(Body())

        end, (seen,) = ended(
            lambda: requests.get("http://leaf/view", timeout=1), {"http://leaf": service(view=view)}
        )
        assert end.text == "ab"
        assert seen.outcome == Outcome(status=200)

    def test_crash_has_line_and_answer(self) -> None:
        def view() -> ResponseReturnValue:
            raise LookupError("a bug")

        def run() -> Execution:
            app = service(view=view)
            return explore(
                lambda: requests.get("http://svc/view", timeout=1), {"http://svc": app}, NO_FAULTS
            ).executions[0]

        (handling,) = run().trace.handlings.values()
        assert handling.crash is not None
        assert handling.crash.error == "LookupError: a bug"
        assert handling.crash.site is not None
        assert handling.crash.site.file == __file__
        assert handling.crash.site.line == view.__code__.co_firstlineno + 1
        assert handling.answer is not None
        assert handling.answer.status == 500

    def test_blueprints_are_part_of_their_app(self) -> None:
        blueprint = Blueprint("part", __name__, url_prefix="/part")
        blueprint.add_url_rule(
            "/view", "view", lambda: requests.get("http://leaf/ok", timeout=1).text
        )
        app = Flask("whole")
        app.register_blueprint(blueprint)
        result = explore(
            lambda: requests.get("http://whole/part/view", timeout=1).raise_for_status(),
            {"http://whole": app, **LEAF},
            NO_FAULTS,
        )
        assert len(result.executions[0].trace.invocations) == 1
