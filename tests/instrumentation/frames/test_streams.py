"""Calls of a body that is being streamed belong to its request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue

from flask_filibuster import explore
from flask_filibuster.instrumentation.frames import Scope, TestFrame, current_frame, current_scope
from tests.support.callers import end_of, service
from tests.support.models import REFUSALS
from tests.support.observed import calls, get, leaf, observed, tree


class TestStreamedBodies:
    @pytest.mark.parametrize("context", [True, False], ids=["with-context", "without"])
    def test_generator_belongs_to_its_request(self, *, context: bool) -> None:
        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                yield get("first")
                for n in range(2):
                    yield requests.get(f"http://other/other?n={n}", timeout=2).text
                yield get("last")

            return Response(stream_with_context(body()) if context else body())

        other = service(other=lambda: get(f"below-{request.args['n']}"))
        execution = observed(service(view=view), other=other)
        assert tree(execution.trace) == [
            ("view", "first"),
            ("view", "other?n=0"),
            ("other?n=0", "below-0"),
            ("view", "other?n=1"),
            ("other?n=1", "below-1"),
            ("view", "last"),
        ]

    def test_interleaved_generators_do_not_mix(self) -> None:
        def view() -> ResponseReturnValue:
            name = request.args["name"]
            return Response(get(f"{name}-{n}") for n in range(3))

        def test() -> None:
            bodies = [
                requests.get(f"http://svc/view?name={name}", stream=True, timeout=2)
                for name in "ab"
            ]
            streams = [body.iter_content(None) for body in bodies]
            for _ in range(3):
                for stream in streams:
                    next(stream)
                    assert current_frame() is None
            for body in bodies:
                body.close()

        execution = observed(service(view=view), test)
        assert sorted(tree(execution.trace)) == [
            (f"view?name={name}", f"{name}-{n}") for name in "ab" for n in range(3)
        ]

    def test_closing_belongs_to_its_request(self) -> None:
        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                try:
                    yield "on and on"
                    yield "and on"
                finally:
                    get("closing")

            response = Response(body())
            response.call_on_close(lambda: get("closed"))
            return response

        def test() -> None:
            with requests.get("http://svc/view", stream=True, timeout=2) as response:
                next(response.iter_content(None))
            assert isinstance((current_scope() or Scope(None, None)).frame, TestFrame)

        assert calls(service(view=view), test)[:1] == ["closing"]

    def test_calls_of_generators_can_fail(self) -> None:
        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                for n in range(2):
                    end = end_of(lambda n=n: requests.get(f"http://leaf/{n}", timeout=2))  # type: ignore[misc]
                    yield end.text if isinstance(end, requests.Response) else "-"

            return Response(body())

        texts: list[str] = []
        result = explore(
            lambda: texts.append(requests.get("http://svc/view", timeout=2).text),
            {"http://svc": service(view=view), "http://leaf": leaf()},
            REFUSALS,
            check_determinism=False,
        )
        assert {each.verdict for each in result.executions} == {"passed"}
        assert texts == ["01", "0-", "-1", "--"]

    @pytest.mark.parametrize("by", ["requests", "client"])
    def test_uncaught_exception_of_generator_is_found(self, by: str) -> None:
        def view() -> ResponseReturnValue:
            return Response(get(f"piece-{n}") for n in range(2))

        def test() -> None:
            if by == "client":
                assert app.test_client().get("/view").text
            else:
                requests.get("http://svc/view", timeout=2).raise_for_status()

        app = service(view=view)
        result = explore(test, {"http://svc": app, "http://leaf": leaf()}, REFUSALS)
        assert [each.verdict for each in result.executions] == ["passed", "failed", "failed"]
        (finding,) = [each for each in result.findings if each.kind == "uncaught exception"]
        assert finding.site is not None
        assert finding.site.file == get.__code__.co_filename
        assert finding.executions == (2, 3)

    def test_raising_generator_leaves_no_frame(self) -> None:
        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                yield get("first")
                raise LookupError

            return Response(body())

        def test() -> None:
            for _ in range(2):
                with pytest.raises(requests.exceptions.ChunkedEncodingError):
                    requests.get("http://svc/view", timeout=2)
            assert isinstance((current_scope() or Scope(None, None)).frame, TestFrame)

        assert calls(service(view=view), test) == ["first", "first"]
