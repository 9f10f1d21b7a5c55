"""A call belongs to the request on whose behalf it is made."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from flask import Flask, Response, abort, g, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from flask_filibuster import Filibuster, explore
from flask_filibuster.instrumentation.frames import (
    Frame,
    Scope,
    TestFrame,
    current_frame,
    current_scope,
)
from tests.support.callers import ok, service
from tests.support.models import NO_FAULTS
from tests.support.observed import calls, get, leaf, observed, tree


class TestServices:
    def test_have_their_own_frames(self) -> None:
        frames: list[Frame | None] = []

        def note() -> Frame | None:
            frames.append(current_frame())
            return frames[-1]

        def front() -> ResponseReturnValue:
            mine = note()
            text = requests.get("http://middle/middle", timeout=2).text
            assert note() is mine
            return text

        def middle() -> ResponseReturnValue:
            note()
            return get("a") + get("b")

        execution = observed(service(view=front), middle=service(middle=middle))
        assert tree(execution.trace) == [("view", "middle"), ("middle", "a"), ("middle", "b")]
        outer, inner, outer_again = frames
        assert outer is outer_again
        assert outer is not None
        assert inner is not None
        assert (outer.service, inner.service) == ("svc", "middle")
        assert outer.request_id == inner.request_id
        assert inner.execution_index.parent == outer.execution_index
        assert dict(inner.origin_vclock) == {"svc": 1}

    def test_may_call_themselves(self) -> None:
        def view() -> ResponseReturnValue:
            depth = int(request.args.get("depth", 3))
            before = current_frame()
            text = get(f"leaf-{depth}")
            if depth:
                text += requests.get(f"http://svc/view?depth={depth - 1}", timeout=2).text
            assert current_frame() is before is g.filibuster
            return text

        execution = observed(service(view=view))
        assert tree(execution.trace) == [
            ("view", "leaf-3"),
            ("view", "view?depth=2"),
            ("view?depth=2", "leaf-2"),
            ("view?depth=2", "view?depth=1"),
            ("view?depth=1", "leaf-1"),
            ("view?depth=1", "view?depth=0"),
            ("view?depth=0", "leaf-0"),
        ]
        depths = [call.index.depth for call in execution.trace.invocations]
        assert depths == [2, 2, 3, 3, 4, 4, 5]

    def test_see_their_frame_in_g(self) -> None:
        seen: list[Any] = []

        def view() -> ResponseReturnValue:
            seen.append(g.filibuster)
            assert g.filibuster is current_frame()
            return "fine"

        app = service(view=view)
        Filibuster(app)
        observed(app)
        app.test_client().get("/view")
        frame, nothing = seen
        assert isinstance(frame, Frame)
        assert frame.app is app
        assert nothing is None
        assert "Frame of svc" in repr(frame) or "Frame of service" in repr(frame)


class TestHooks:
    def test_every_stage_belongs_to_its_request(self) -> None:
        app = Flask("svc")

        @app.before_request
        def before() -> None:
            get("before")

        @app.after_request
        def after(response: Response) -> Response:
            get("after")
            return response

        @app.teardown_request
        def teardown(error: BaseException | None) -> None:
            get("teardown")

        @app.errorhandler(418)
        def handle(error: Exception) -> ResponseReturnValue:
            return get("errorhandler")

        @app.get("/view")
        def view() -> ResponseReturnValue:
            get("view")
            abort(418)

        assert calls(app) == ["before", "view", "errorhandler", "after", "teardown"]

    def test_handlers_of_all_exceptions_belong_too(self) -> None:
        app = Flask("svc")

        @app.errorhandler(Exception)
        def handle(error: Exception) -> ResponseReturnValue:
            return get("errorhandler")

        @app.get("/view")
        def view() -> ResponseReturnValue:
            raise LookupError

        assert calls(app) == ["errorhandler"]

    def test_answering_hook_is_the_handling(self) -> None:
        app = Flask("svc")
        app.before_request(lambda: get("hook"))
        assert calls(app) == ["hook"]

    def test_each_request_has_its_own_teardown(self) -> None:
        app = service(view=lambda: get("view"))
        seen: list[str] = []

        @app.teardown_request
        def teardown(error: BaseException | None) -> None:
            frame = current_frame()
            seen.append(str(frame and frame.execution_index))

        def test() -> None:
            for _ in range(3):
                requests.get("http://svc/view", timeout=2)

        execution = observed(app, test)
        assert seen == [call.index for call in execution.trace.requests]
        assert len(set(seen)) == 3


class TestTestClients:
    def test_request_is_the_tests_own(self) -> None:
        app = service(view=lambda: get("a"))
        execution = observed(app, lambda: app.test_client().get("/view"))
        (own,) = execution.trace.requests
        assert own.outcome is not None
        assert (own.source, own.target, own.outcome.status) == ("", "svc", 200)
        assert own.index == '[["GET 80/view", 1]]'
        assert tree(execution.trace) == [("view", "a")]

    def test_requests_in_a_with_block(self) -> None:
        app = service(view=lambda: get(f"n{request.args['n']}"))
        scopes: list[Any] = []

        def test() -> None:
            scopes.append(current_scope())
            with app.test_client() as client:
                for n in range(3):
                    client.get(f"/view?n={n}")
                    scopes.append(current_scope())
                    requests.get("http://svc/view?n=direct", timeout=2)
                    scopes.append(current_scope())
            scopes.append(current_scope())

        execution = observed(app, test)
        assert [call.index.depth for call in execution.trace.requests] == [1] * 6
        assert tree(execution.trace) == [
            (f"view?n={n}", f"n{n}") for each in range(3) for n in (each, "direct")
        ]
        assert len(set(map(id, scopes))) == 1

    def test_redirect_is_a_second_request(self) -> None:
        app = service(view=lambda: Response(status=302, headers={"Location": "/end"}), end=ok)
        execution = observed(app, lambda: app.test_client().get("/view", follow_redirects=True))
        assert [call.url for call in execution.trace.requests] == [
            "http://localhost/view",
            "http://localhost/end",
        ]

    def test_raising_request_has_ended(self) -> None:
        def view() -> ResponseReturnValue:
            raise LookupError("through the client")

        app = service(view=view)
        app.testing = True

        def test() -> None:
            with pytest.raises(LookupError):
                app.test_client().get("/view")
            assert isinstance((current_scope() or Scope(None, None)).frame, TestFrame)

        execution = observed(app, test)
        (own,) = execution.trace.requests
        assert own.outcome is not None
        assert own.outcome.exception == "LookupError"

    def test_client_inside_a_view_is_nested(self) -> None:
        other = service(other=lambda: get("from-other"))

        def view() -> ResponseReturnValue:
            mine = current_frame()
            other.test_client().get("/other")
            assert current_frame() is mine
            return get("from-view")

        execution = observed(service(view=view), other=other)
        assert tree(execution.trace) == [("view", "from-other"), ("view", "from-view")]

    def test_streamed_answer_makes_its_calls(self) -> None:
        def view() -> ResponseReturnValue:
            return Response(get(f"piece-{n}") for n in range(2))

        def test() -> None:
            scope = current_scope()
            response = app.test_client().get("/view")
            for piece in response.iter_encoded():
                pieces.append(piece.decode())
                assert current_scope() is scope
            response.close()
            assert current_scope() is scope

        app = service(view=view)
        pieces: list[str] = []
        execution = observed(app, test)
        assert pieces == ["piece-0", "piece-1"]
        assert tree(execution.trace) == [("view", "piece-0"), ("view", "piece-1")]


class TestUnderPytestFlask:
    """pytest-flask pushes a context around the test, and Flask shares one g among its requests."""

    @pytest.fixture
    def app(self) -> Flask:
        app = service(view=self.view)
        Filibuster(app)
        return app

    seen: list[Any]

    def view(self) -> ResponseReturnValue:
        self.seen.append(g.filibuster)
        g.setdefault("requests", []).append(request.args["n"])
        if request.args["n"] != "outside":
            get(f"n{request.args['n']}")
        return ",".join(g.requests)

    def test_each_request_has_its_frame(self, app: Flask, client: FlaskClient) -> None:
        """In a g that the requests share."""
        self.seen = []
        g.filibuster = "left over"
        texts: list[str] = []

        def test() -> None:
            texts.extend(client.get(f"/view?n={n}").text for n in range(3))

        execution = observed(app, test)
        assert texts[-1] == "0,1,2"
        assert tree(execution.trace) == [(f"view?n={n}", f"n{n}") for n in range(3)]
        assert [frame.execution_index for frame in self.seen] == [
            call.index for call in execution.trace.requests
        ]
        client.get("/view?n=outside")
        assert self.seen[-1] is None
        assert g.filibuster is None


def test_hooks_by_hand_have_own_frames() -> None:
    app = service(view=lambda: get("a"))
    frames: list[Any] = []
    app.before_request(lambda: frames.append(current_frame()))

    def test() -> None:
        with app.test_request_context("/view"):
            for _ in range(2):
                app.preprocess_request()
                assert isinstance((current_scope() or Scope(None, None)).frame, TestFrame)
                app.do_teardown_request()
                app.do_teardown_request()
            assert app.full_dispatch_request().status_code == 200
        assert isinstance((current_scope() or Scope(None, None)).frame, TestFrame)

    services = {"http://svc": app, "http://leaf": leaf()}
    (execution, *_) = explore(test, services, NO_FAULTS, check_determinism=False).executions
    assert execution.verdict == "passed"
    assert len(set(frames)) == len(execution.trace.requests) == 3
    assert [call.source for call in execution.trace.invocations] == ["svc"]
