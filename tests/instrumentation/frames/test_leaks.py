"""Nothing of a request stays when it is over."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask, Response, abort, g, request, stream_with_context

from flask_filibuster import FaultModel, explore
from flask_filibuster.instrumentation.frames import Frame, Scope, TestFrame, current_scope
from tests.support.callers import end_of
from tests.support.cases import cases
from tests.support.observed import in_all_workers


class TestNothingLeaks:
    @pytest.mark.slow
    @pytest.mark.in_earnest
    def test_mixed_requests_leave_no_frame(self) -> None:
        others = frames_alive()
        stray: list[Any] = []
        pool = ThreadPoolExecutor(3)
        mixed = Mixed(pool)
        client = mixed.front.test_client()

        def idle(kind: str) -> None:
            """A request without headers, outside of every exploration."""
            mixed.handled += 1
            text = client.get(f"/idle?kind={kind}").text
            if text != "None None None" or current_scope() is not None:
                stray.append((kind, text, current_scope()))

        def test() -> None:
            for n in range(18):
                kind = KINDS[n % len(KINDS)]
                mixed.handled += 1
                if n % 2:
                    requests.get(f"http://front/{kind}", timeout=5)
                else:
                    client.get(f"/{kind}")
                scope = current_scope()
                if scope is None or not isinstance(scope.frame, TestFrame):
                    stray.append((kind, scope))

        while mixed.handled < cases(10_000, part=10):
            explore(
                test,
                mixed.services,
                FaultModel(exceptions=("ConnectionError",), default_statuses=(503,)),
                max_executions=4,
            )
            for n in range(400):
                idle(KINDS[n % len(KINDS)])
            if in_all_workers(pool, 3, current_scope) != [None, None, None]:
                stray.append("a worker has a scope")
        assert stray == []
        assert current_scope() is None
        assert in_all_workers(pool, 3, current_scope) == [None, None, None]
        known = set(map(id, others))
        assert [each for each in frames_alive() if id(each) not in known] == []
        pool.shutdown()


def frames_alive() -> list[Any]:
    gc.collect()
    # Not by isinstance: dead proxies, which others leave behind, bear no question.
    return [each for each in gc.get_objects() if type(each) in (Frame, TestFrame, Scope)]


KINDS = ["plain", "failing", "raising", "streaming", "nested", "threaded", "task", "tasks"]


class Mixed:
    """A front service with a view for every way to handle a request; they call one other."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.handled = 0
        self.front, back = Flask("front"), Flask("back")
        for kind in (*KINDS, "idle"):
            self.front.add_url_rule(f"/{kind}", kind, getattr(self, kind))
        self.front.logger.disabled = True
        back.add_url_rule("/", "answer", lambda: "back")
        self.services = {"http://front": self.front, "http://back": back}

    def call(self) -> str:
        self.handled += 1
        end = end_of(lambda: requests.get("http://back/", timeout=5))
        return end.text if isinstance(end, requests.Response) else "-"

    def plain(self) -> str:
        return "plain"

    def failing(self) -> str:
        abort(500)

    def raising(self) -> str:
        raise LookupError(self.call())

    def streaming(self) -> Response:
        return Response(stream_with_context(self.call() for _ in range(2)))

    def nested(self) -> str:
        self.handled += 1
        return requests.get("http://front/threaded", timeout=5).text + self.call()

    def threaded(self) -> str:
        thread = threading.Thread(target=self.call)
        thread.start()
        done = self.pool.submit(self.call)
        thread.join()
        return done.result()

    async def task(self) -> str:
        return self.call()

    async def tasks(self) -> str:
        return "".join(await asyncio.gather(*(asyncio.to_thread(self.call) for _ in range(2))))

    def idle(self) -> str:
        submitted = request.args["kind"] == "plain"
        in_pool = self.pool.submit(current_scope).result() if submitted else None
        return f"{g.get('filibuster')} {current_scope()} {in_pool}"
