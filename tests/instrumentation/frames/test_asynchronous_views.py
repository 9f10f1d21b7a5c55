"""Awaiting keeps the request; tasks belong to it."""

from __future__ import annotations

import asyncio

import requests
from asgiref.sync import sync_to_async
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from flask_filibuster.instrumentation.frames import current_frame
from tests.support.callers import service
from tests.support.observed import calls, get, observed, tree


class TestAsynchronousViews:
    def test_awaiting_keeps_the_request(self) -> None:
        async def view() -> str:
            frame = current_frame()
            get("before")
            await asyncio.sleep(0)
            assert current_frame() is frame
            return get("after")

        assert calls(service(view=view)) == ["before", "after"]  # type: ignore[arg-type]

    def test_tasks_and_their_threads_belong(self) -> None:
        async def task(name: str) -> None:
            get(f"{name}-direct")
            await asyncio.sleep(0)
            await asyncio.to_thread(get, f"{name}-thread")
            await asyncio.get_running_loop().run_in_executor(None, get, f"{name}-executor")
            await sync_to_async(get)(f"{name}-sensitive")
            await sync_to_async(get, thread_sensitive=False)(f"{name}-anywhere")

        async def view() -> str:
            await asyncio.gather(task("a"), task("b"))
            return get("end")

        expected = [
            f"{name}-{how}"
            for name in "ab"
            for how in ("direct", "thread", "executor", "sensitive", "anywhere")
        ]
        for _ in range(3):
            assert calls(service(view=view)) == [*expected, "end"]  # type: ignore[arg-type]

    def test_views_may_run_a_loop(self) -> None:
        async def work() -> None:
            await asyncio.gather(*(asyncio.to_thread(get, f"n{n}") for n in range(3)))

        def view() -> ResponseReturnValue:
            frame = current_frame()
            asyncio.run(work())
            assert current_frame() is frame
            return get("end")

        assert calls(service(view=view)) == ["n0", "n1", "n2", "end"]

    def test_interleaved_requests_do_not_mix(self) -> None:
        def view() -> ResponseReturnValue:
            name = request.args["name"]
            return get(f"{name}-1") + get(f"{name}-2")

        def test() -> None:
            async def both() -> None:
                await asyncio.gather(
                    *(
                        asyncio.to_thread(requests.get, f"http://svc/view?name={name}", timeout=2)
                        for name in "abc"
                    )
                )

            asyncio.run(both())

        for _ in range(3):
            execution = observed(service(view=view), test)
            assert tree(execution.trace) == [
                (f"view?name={name}", f"{name}-{n}") for name in "abc" for n in (1, 2)
            ]

    def test_asynchronous_hooks_and_generators_belong(self) -> None:
        app = Flask("svc")

        @app.before_request
        async def before() -> None:
            await asyncio.to_thread(get, "before")

        @app.get("/view")
        async def view() -> Response:
            return Response(get(f"piece-{n}") for n in range(2))

        @app.teardown_request
        async def teardown(error: BaseException | None) -> None:
            await asyncio.to_thread(get, "teardown")

        assert sorted(calls(app)) == ["before", "piece-0", "piece-1", "teardown"]
