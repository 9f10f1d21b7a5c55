"""The extension is set up once, and leaves the app's own alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, g, got_request_exception
from flask.typing import ResponseReturnValue

from flask_filibuster import Filibuster, explore, was_fault_injected, was_fault_injected_on
from flask_filibuster.config import Config
from flask_filibuster.errors import ConfigError, SetupError
from flask_filibuster.instrumentation.frames import Frame, current_scope
from tests.support.callers import LEAF, end_of, ended, ok, service
from tests.support.models import NO_FAULTS, REFUSALS


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
