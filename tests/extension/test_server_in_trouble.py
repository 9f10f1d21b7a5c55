"""A server in trouble breaks nothing, and nothing passes."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest
import requests
from flask.typing import ResponseReturnValue

from flask_filibuster import explore, signals, was_fault_injected, was_fault_injected_on
from flask_filibuster.core import messages
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.instrumentation.frames import Frame, current_scope
from flask_filibuster.results.result import Result
from flask_filibuster.server.embedded import EmbeddedServer
from tests.support.callers import LEAF, REFUSED, end_of, ended, service
from tests.support.extended import received
from tests.support.models import REFUSALS


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
