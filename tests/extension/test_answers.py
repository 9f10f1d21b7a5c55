"""What is noted of the answers of an app."""

from __future__ import annotations

from collections.abc import Iterator

import requests
from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue

from flask_filibuster import explore
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.results.execution import Execution
from tests.support.callers import LEAF, ended, service
from tests.support.models import NO_FAULTS


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
