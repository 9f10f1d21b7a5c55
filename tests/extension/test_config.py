"""The configuration of an app is checked at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import Filibuster, explore
from flask_filibuster.errors import ConfigError
from tests.support.callers import LEAF, ok, service
from tests.support.models import REFUSALS


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
