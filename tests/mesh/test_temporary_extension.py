"""Apps without the extension have it while they are explored."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import Filibuster, explore
from flask_filibuster.config import Config
from flask_filibuster.extension import install
from tests.support.callers import ok, service
from tests.support.models import NO_FAULTS


class TestTheTemporaryExtension:
    @staticmethod
    def state(app: Flask) -> list[Any]:
        hooks: list[Any] = [
            app.before_request_funcs,
            app.after_request_funcs,
            app.teardown_request_funcs,
        ]
        return [
            *[{key: list(value) for key, value in each.items()} for each in hooks],
            [[id(value) for value in each.values()] for each in hooks],
            dict(app.extensions),
        ]

    @pytest.mark.parametrize("hooked", ["none", "empty", "some"])
    @pytest.mark.parametrize("used", [True, False], ids=["used", "new"])
    def test_is_removed_exactly(self, hooked: str, *, used: bool) -> None:
        app = service(ok=ok)
        if hooked == "empty":
            assert app.before_request_funcs[None] == []
        elif hooked == "some":
            app.before_request(lambda: None)
            app.after_request(lambda response: response)
            app.teardown_request(lambda error: None)
        if used:
            app.test_client().get("/ok")
        before = self.state(app)
        seen: list[bool] = []

        def test() -> None:
            assert requests.get("http://svc/ok", timeout=1).text == "fine"
            seen.append("filibuster" in app.extensions)

        result = explore(test, {"http://svc": app}, NO_FAULTS, check_determinism=False)
        assert not result.failures
        assert seen == [True]
        assert self.state(app) == before

    def test_is_removed_after_failures_and_interruptions(self) -> None:
        app = service(ok=ok)
        before = self.state(app)

        def fail() -> None:
            raise AssertionError

        def interrupt() -> None:
            raise KeyboardInterrupt

        explore(fail, {"http://svc": app})
        with pytest.raises(KeyboardInterrupt):
            explore(interrupt, {"http://svc": app})
        assert self.state(app) == before

    def test_is_removed_after_failed_set_up(self) -> None:
        """From the first apps, where a later one is set up wrongly."""
        good, bad = service(ok=ok), service(ok=ok)
        bad.config["FILIBUSTER_TIMEOUT"] = "soon"
        before = self.state(good)
        with pytest.raises(Exception, match="FILIBUSTER_TIMEOUT"):
            explore(lambda: None, {"http://good": good, "http://bad": bad})
        assert self.state(good) == before

    def test_leaves_later_hooks_in_place(self) -> None:
        app = service(ok=ok)

        def late() -> None:
            return

        def test() -> None:
            if late not in app.before_request_funcs[None]:
                app.before_request(late)

        explore(test, {"http://svc": app}, NO_FAULTS)
        assert app.before_request_funcs[None] == [late]
        assert None not in app.after_request_funcs

    def test_a_permanent_one_stays(self) -> None:
        app = service(ok=ok)
        Filibuster(app, service_name="mine")
        before = self.state(app)
        explore(lambda: requests.get("http://svc/ok", timeout=1), {"http://svc": app}, NO_FAULTS)
        assert self.state(app) == before

    def test_does_not_disturb_running_requests(self) -> None:
        ran: list[str] = []
        app = service(view=lambda: "fine")

        def first() -> None:
            ran.append("first")
            if len(ran) == 1:
                state.append(install(app, Config(), temporary=True))

        def second() -> None:
            ran.append("second")

        state: list[Any] = []
        app.before_request(first)
        app.before_request(second)
        assert app.test_client().get("/view").status_code == 200
        assert ran == ["first", "second"]
        state[0].disconnect()
        assert app.before_request_funcs[None] == [first, second]
