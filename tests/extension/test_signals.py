"""What the signals say, and when."""

from __future__ import annotations

import requests

from flask_filibuster import Filibuster, explore, signals
from flask_filibuster.core import messages
from flask_filibuster.instrumentation.frames import Frame
from tests.support.callers import LEAF, REFUSED, end_of, ok, service
from tests.support.extended import received
from tests.support.models import REFUSALS


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
