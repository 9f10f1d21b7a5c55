"""A service that calls others in threads and tasks, to be served by a process of its own.

The URLs that it calls are in the environment: ``LEAF_URL``, and ``MIDDLE_URL`` for what goes over a
second service. A leaf answers with what it was sent, so that a service can hand on which execution
index each of its calls had.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from flask import Flask, Response, abort, jsonify, request, stream_with_context
from flask.typing import ResponseReturnValue

from flask_filibuster import Filibuster
from flask_filibuster.instrumentation.frames import Frame

WIDTH = 16
MakeCall = Callable[[int], None]


def get(path: str) -> Any:
    """What the leaf says it was sent."""
    return requests.get(f"{os.environ['LEAF_URL']}/{path}", timeout=60).json()


def in_threads(call: MakeCall) -> None:
    threads = [threading.Thread(target=call, args=(n,)) for n in range(WIDTH)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_pool(call: MakeCall) -> None:
    with ThreadPoolExecutor(WIDTH) as pool:
        list(pool.map(call, range(WIDTH)))


def in_small_pool(call: MakeCall) -> None:
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(call, n) for n in range(WIDTH)]:
            done.result()


async def in_loop_threads(call: MakeCall) -> None:
    await asyncio.gather(*(asyncio.to_thread(call, n) for n in range(WIDTH)))


async def in_tasks(call: MakeCall) -> None:
    """Tasks of two calls each, which overtake each other."""

    async def task(n: int) -> None:
        await asyncio.to_thread(call, 2 * n)
        await asyncio.sleep(random.random() / 1000)
        await asyncio.to_thread(call, 2 * n + 1)

    await asyncio.gather(*(asyncio.create_task(task(n)) for n in range(WIDTH // 2)))


THREADED: dict[str, Callable[[MakeCall], None]] = {
    "threads": in_threads,
    "pool": in_pool,
    "small-pool": in_small_pool,
}
ASYNCHRONOUS: dict[str, Callable[[MakeCall], Awaitable[None]]] = {
    "loop-threads": in_loop_threads,
    "tasks": in_tasks,
}


class FannedOut:
    """The calls of one request, each made a little late, and what the leaf said to them."""

    def __init__(self, urls: str) -> None:
        self._same = urls == "same"
        self._said: dict[int, Any] = {}

    def call(self, n: int) -> None:
        time.sleep(random.random() / 500)
        self._said[n] = get("same" if self._same else f"own-{n}")

    def answer(self) -> ResponseReturnValue:
        """What was said, in the order of the program."""
        return jsonify([self._said[n] for n in range(WIDTH)])


def create_app(name: str = "front") -> Flask:
    """The service; before it is served, or forked, it handles one request."""
    app = Flask(name)
    app.config["FILIBUSTER_TIMEOUT"] = 60.0
    Filibuster(app, service_name=name)
    _add_fan_outs(app)
    _add_numbered(app)
    _add_endings(app)
    _add_streams(app)
    _add_teardowns(app)
    _add_left_behind(app)

    @app.get("/whoami")
    def whoami() -> ResponseReturnValue:
        return jsonify(get(f"pid-{os.getpid()}"), os.getpid())

    @app.get("/before-fork")
    def before_fork() -> ResponseReturnValue:
        return "fine"

    app.test_client().get("/before-fork")
    return app


def _add_fan_outs(app: Flask) -> None:
    @app.get("/threaded/<kind>/<urls>")
    def threaded(kind: str, urls: str) -> ResponseReturnValue:
        fanned_out = FannedOut(urls)
        THREADED[kind](fanned_out.call)
        return fanned_out.answer()

    @app.get("/asynchronous/<kind>/<urls>")
    async def asynchronous(kind: str, urls: str) -> ResponseReturnValue:
        fanned_out = FannedOut(urls)
        await ASYNCHRONOUS[kind](fanned_out.call)
        return fanned_out.answer()


def _add_numbered(app: Flask) -> None:
    @app.get("/numbered/<number>")
    def numbered(number: str) -> ResponseReturnValue:
        """Calls that all bear the number: one over another service, one in a thread, one more."""
        said = [requests.get(f"{os.environ['MIDDLE_URL']}/hop/{number}", timeout=60).json()]
        thread = threading.Thread(target=lambda: said.append(get(f"{number}/thread")))
        thread.start()
        thread.join()
        return jsonify([*said, get(f"{number}/last")])

    @app.get("/hop/<number>")
    def hop(number: str) -> ResponseReturnValue:
        return jsonify(get(f"{number}/below"))


POOL = ThreadPoolExecutor(4)


def _add_endings(app: Flask) -> None:
    """Requests that answer, in several ways, and that do not."""

    @app.get("/mixed/plain")
    def plain() -> ResponseReturnValue:
        return jsonify(get("plain"))

    @app.get("/mixed/crash")
    def crash() -> ResponseReturnValue:
        raise LookupError(get("crash")["path"])

    @app.get("/mixed/abort")
    def aborted() -> ResponseReturnValue:
        abort(503)

    @app.get("/mixed/pool")
    def pooled() -> ResponseReturnValue:
        return jsonify(POOL.submit(get, "pool").result())

    @app.get("/mixed/task")
    async def task() -> ResponseReturnValue:
        return jsonify(await asyncio.to_thread(get, "task"))


def _add_streams(app: Flask) -> None:
    """Requests that go on after they were torn down."""

    @app.get("/mixed/stream")
    def stream() -> ResponseReturnValue:
        return Response(stream_with_context(get("stream")["path"] for _ in range(2)))

    @app.get("/mixed/broken-stream")
    def broken_stream() -> ResponseReturnValue:
        def pieces() -> Iterator[str]:
            yield get("broken-stream")["path"]
            raise LookupError("in the middle of a stream")

        return Response(pieces())

    @app.get("/mixed/endless")
    def endless() -> ResponseReturnValue:
        """A stream that ends when the client does, and makes one more call then."""

        def pieces() -> Iterator[bytes]:
            try:
                while True:
                    yield b"x" * 65_536
            finally:
                get("after-endless")

        return Response(pieces())


def _add_teardowns(app: Flask) -> None:
    """Requests whose own teardown functions raise."""
    raising = threading.local()

    @app.get("/mixed/teardown-request")
    @app.get("/mixed/teardown-appcontext")
    @app.get("/mixed/teardown-both")
    def teardown() -> ResponseReturnValue:
        return jsonify(get("teardown"))

    @app.teardown_request
    def raise_in_request(error: BaseException | None) -> None:
        if request.path in ("/mixed/teardown-request", "/mixed/teardown-both"):
            raise LookupError("a teardown function of the application's own")

    @app.after_request
    def remember(response: Response) -> Response:
        paths = ("/mixed/teardown-appcontext", "/mixed/teardown-both")
        raising.failing = request.path in paths
        return response

    @app.teardown_appcontext
    def raise_in_appcontext(error: BaseException | None) -> None:
        if getattr(raising, "failing", False):
            raising.failing = False
            raise LookupError("another one")


def _add_left_behind(app: Flask) -> None:
    """A request that tells what others have left behind."""

    @app.get("/left-behind")
    def left_behind() -> ResponseReturnValue:
        gc.collect()
        said = [get("view"), POOL.submit(get, "pool").result()]
        thread = threading.Thread(target=lambda: said.append(get("thread")))
        thread.start()
        thread.join()
        return jsonify(
            thread=[os.getpid(), threading.get_ident()],
            frames=sum(type(each) is Frame for each in gc.get_objects()),
            said=said,
        )
