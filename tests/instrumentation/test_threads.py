"""The scope goes with the task: whoever runs it, and whenever that thread began."""

from __future__ import annotations

import _thread
import asyncio
import functools
import logging
import logging.handlers
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
import requests
from flask import Flask, request
from flask.typing import ResponseReturnValue

from flask_filibuster import Filibuster, Result, explore
from flask_filibuster.core.trace import Trace
from flask_filibuster.instrumentation.frames import current_scope
from flask_filibuster.instrumentation.threads.carried import outside
from tests.support.callers import service
from tests.support.cases import cases
from tests.support.models import REFUSALS

COUNT = 4

Call = Callable[[int], Any]


def get(path: str) -> str:
    """A call to the leaf, by code that does without it if need be."""
    try:
        return requests.get(f"http://leaf/{path}", timeout=2).text
    except requests.RequestException:
        return ""


def call(n: int) -> str:
    time.sleep(random.random() / 1000)  # Calls overtake each other.
    return get("same")


def explored(app: Flask, test: Callable[[], Any] | None = None, **options: Any) -> Result:
    leaf = Flask("leaf")
    leaf.add_url_rule("/<path:path>", "path", lambda path: path)

    def request_it() -> None:
        assert requests.get("http://svc/view", timeout=5).status_code == 200

    services = {"http://svc": app, "http://leaf": leaf}
    options = {"max_executions": cases(30, part=2), **options}
    return explore(test or request_it, services, REFUSALS, **options)


@pytest.fixture
def keeping() -> Iterator[str]:
    """URL of a server on a socket that keeps connections open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def view_of(fan_out: Callable[[Call, int], Any]) -> Flask:
    def view() -> ResponseReturnValue:
        get("first")
        fan_out(call, COUNT)
        return get("last")

    return service(view=view)


def paths(trace: Trace) -> list[str]:
    return [each.url.partition("leaf/")[2] for each in trace.invocations]


class Workers:
    """Threads that get functions from a queue, and end with the block."""

    def __init__(self, kind: Callable[[], Any], count: int = 2) -> None:
        self.queue = kind()
        self._numbers = iter(range(10**6))
        self._threads = [threading.Thread(target=self._work) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        for _ in self._threads:
            self.queue.put((10**6, next(self._numbers), None, None))
        for thread in self._threads:
            thread.join()

    def run(self, function: Callable[[], Any]) -> queue.SimpleQueue[Any]:
        """Put a function; its result comes in the queue that is returned."""
        result: queue.SimpleQueue[Any] = queue.SimpleQueue()
        number = next(self._numbers)
        self.queue.put((number, number, function, result))
        return result

    def _work(self) -> None:
        while True:
            _, _, function, result = self.queue.get()
            if function is None:
                return
            result.put(function())


class SetQueue(queue.Queue[Any]):
    """A known recipe: a queue over another collection."""

    def _init(self, maxsize: int) -> None:
        self.queue = {}

    def _put(self, item: Any) -> None:
        self.queue[item] = None

    def _get(self) -> Any:
        return self.queue.popitem()[0]


class CountingQueue(queue.Queue[Any]):
    """A subclass that adds something of its own."""

    gotten = 0

    def _get(self) -> Any:
        self.gotten += 1
        return super()._get()


KINDS = [queue.Queue, queue.LifoQueue, queue.PriorityQueue, SetQueue, CountingQueue]


class Loop:
    """An event loop in a thread of its own, with workers that get functions from a queue."""

    def __init__(self, made_by: str = "asyncio") -> None:
        self.loop: asyncio.AbstractEventLoop = pytest.importorskip(made_by).new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.queue: asyncio.Queue[Any] = self.run(self._begin())

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(5)

    def close(self) -> None:
        self.run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _begin(self) -> asyncio.Queue[Any]:
        items: asyncio.Queue[Any] = asyncio.Queue()
        self._workers = [asyncio.create_task(self._work(items)) for _ in range(2)]
        return items

    async def _end(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self, items: asyncio.Queue[Any]) -> None:
        while True:
            function, done = await items.get()
            done.set_result(await asyncio.to_thread(function))


@pytest.fixture(name="pool", scope="module")
def _pool() -> Iterator[ThreadPoolExecutor]:
    """A pool of the module, whose threads have begun."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(time.sleep, [0.01] * 3))
        yield pool


@pytest.fixture(name="threads", scope="module")
def _threads() -> Iterator[ThreadPool]:
    with ThreadPool(3) as threads:
        yield threads


@pytest.fixture(name="workers", scope="module", params=KINDS)
def _workers(request: pytest.FixtureRequest) -> Iterator[Workers]:
    workers = Workers(request.param)
    yield workers
    workers.close()


@pytest.fixture(name="loop", scope="module", params=["asyncio", "uvloop"])
def _loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    loop = Loop(request.param)
    yield loop
    loop.close()


def low_level(call: Call, count: int) -> None:
    ended = [threading.Event() for _ in range(count)]

    def run(n: int) -> None:
        call(n)
        ended[n].set()

    for n in range(count):
        _thread.start_new_thread(run, (n,))
    for each in ended:
        assert each.wait(5)


def timers(call: Call, count: int) -> None:
    every = [threading.Timer(0.001, call, (n,)) for n in range(count)]
    for timer in every:
        timer.start()
    for timer in every:
        timer.join()


def copied_contexts(call: Call, count: int) -> None:
    threads = [threading.Thread(target=copy_context().run, args=(call, n)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def own_workers(call: Call, count: int) -> None:
    """Threads of the view, which get its items: whichever is free takes the next."""
    workers = Workers(queue.Queue, 3)
    for result in [workers.run(functools.partial(call, n)) for n in range(count)]:
        result.get(timeout=5)
    workers.close()


def own_thread_pool(call: Call, count: int) -> None:
    with ThreadPool(3) as threads:
        threads.map(call, range(count))


def anyio_threads(call: Call, count: int) -> None:
    import anyio
    import anyio.to_thread

    async def both(n: int) -> None:
        await anyio.to_thread.run_sync(call, n)
        await anyio.to_thread.run_sync(call, n)

    async def all_of_them() -> None:
        async with anyio.create_task_group() as group:
            for n in range(count // 2):
                group.start_soon(both, n)

    anyio.run(all_of_them)


def trio_threads(call: Call, count: int) -> None:
    import trio

    async def all_of_them() -> None:
        for n in range(count):
            await trio.to_thread.run_sync(call, n)

    trio.run(all_of_them)


def fully_tested(app: Flask, count: int = COUNT, **options: Any) -> None:
    """Each call fails by itself, and each of the same calls is known in every execution."""
    result = explored(app, **options)
    assert result.ok
    assert not result.notes
    assert not result.inconclusive
    first = result.executions[0].trace
    assert paths(first) == ["first", *["same"] * count, "last"]
    alone = {
        next(iter(each.faults)).call.index for each in result.executions if len(each.faults) == 1
    }
    assert alone == {each.index for each in first.invocations}
    assert current_scope() is None


@pytest.mark.in_earnest
class TestEachTaskIsKnown:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "way",
        [
            anyio_threads,
            copied_contexts,
            low_level,
            own_thread_pool,
            own_workers,
            timers,
            trio_threads,
        ],
    )
    def test_in_threads_of_a_view(self, way: Callable[[Call, int], None]) -> None:
        if way in (anyio_threads, trio_threads):
            pytest.importorskip(way.__name__.partition("_")[0])
        fully_tested(view_of(way))

    @pytest.mark.slow
    def test_in_a_pool_of_the_module(self, pool: ThreadPoolExecutor) -> None:
        fully_tested(view_of(lambda call, count: list(pool.map(call, range(count)))))
        assert set(pool.map(lambda _: current_scope(), range(20))) == {None}

    @pytest.mark.slow
    @pytest.mark.parametrize("ended", [True, False], ids=["ended", "running"])
    def test_in_callbacks_of_futures(self, pool: ThreadPoolExecutor, *, ended: bool) -> None:
        def way(call: Call, count: int) -> None:
            called = [threading.Event() for _ in range(count)]

            def run(n: int) -> None:
                call(n)
                called[n].set()

            for n in range(count):
                future = pool.submit(time.sleep, 0 if ended else 0.01)
                if ended:
                    future.result()
                future.add_done_callback(functools.partial(lambda n, _: run(n), n))
            for each in called:
                assert each.wait(5)

        fully_tested(view_of(way))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "way",
        [
            lambda threads, call, count: [threads.apply(call, (n,)) for n in range(count)],
            lambda threads, call, count: [
                each.get(5) for each in [threads.apply_async(call, (n,)) for n in range(count)]
            ],
            lambda threads, call, count: threads.map(call, range(count)),
            lambda threads, call, count: threads.map(call, iter(range(count)), 3),
            lambda threads, call, count: threads.map_async(call, range(count)).get(5),
            lambda threads, call, count: threads.starmap(call, [(n,) for n in range(count)]),
            lambda threads, call, count: list(threads.imap(call, iter(range(count)))),
            lambda threads, call, count: list(threads.imap_unordered(call, range(count), 2)),
        ],
        ids=[
            "apply",
            "apply_async",
            "map",
            "chunks",
            "map_async",
            "starmap",
            "imap",
            "imap_unordered",
        ],
    )
    def test_in_a_multiprocessing_thread_pool(self, threads: ThreadPool, way: Any) -> None:
        fully_tested(view_of(functools.partial(way, threads)))
        assert set(threads.map(lambda _: current_scope(), range(20))) == {None}

    @pytest.mark.slow
    def test_in_workers_of_the_module(self, workers: Workers) -> None:
        def way(call: Call, count: int) -> None:
            for result in [workers.run(functools.partial(call, n)) for n in range(count)]:
                result.get(timeout=5)

        fully_tested(view_of(way))
        assert [workers.run(current_scope).get(timeout=5) for _ in range(10)] == [None] * 10

    @pytest.mark.parametrize("how", ["coroutines", "items"])
    def test_in_a_loop_of_the_module(self, loop: Loop, how: str) -> None:
        async def coroutines(call: Call, count: int) -> None:
            await asyncio.gather(*(asyncio.to_thread(call, n) for n in range(count)))

        async def items(call: Call, count: int) -> None:
            done = [loop.loop.create_future() for _ in range(count)]
            for n in range(count):
                loop.queue.put_nowait((functools.partial(call, n), done[n]))
            await asyncio.gather(*done)

        way = coroutines if how == "coroutines" else items
        fully_tested(view_of(lambda call, count: loop.run(way(call, count))))

    def test_in_what_a_loop_is_handed(self, loop: Loop) -> None:
        async def run(call: Call, n: int) -> None:
            await asyncio.to_thread(call, n)

        def way(call: Call, count: int) -> None:
            ends: list[Future[Any]] = [Future() for _ in range(count // 2)]

            def finish(n: int) -> None:
                ends[n].set_result(call(n))

            others = [
                asyncio.run_coroutine_threadsafe(run(call, n), loop.loop)
                for n in range(count // 2, count)
            ]
            for n in range(count // 2):
                loop.loop.call_soon_threadsafe(finish, n)
            for each in (*others, *ends):
                each.result(5)

        fully_tested(view_of(way))
        assert loop.run(asyncio.to_thread(current_scope)) is None

    def test_in_items_that_a_loop_is_handed(self, loop: Loop) -> None:
        def way(call: Call, count: int) -> None:
            ends: list[Future[Any]] = [Future() for _ in range(count)]
            for n in range(count):
                item = functools.partial(call, n), ends[n]
                loop.loop.call_soon_threadsafe(loop.queue.put_nowait, item)
            for each in ends:
                each.result(5)

        fully_tested(view_of(way))

    @pytest.mark.parametrize("whose", ["view", "module"])
    def test_in_scheduled_jobs(self, whose: str) -> None:
        background = pytest.importorskip("apscheduler.schedulers.background")
        schedulers: list[Any] = []
        if whose == "module":
            schedulers.append(background.BackgroundScheduler())
            schedulers[0].start()

        def way(call: Call, count: int) -> None:
            scheduler = schedulers[0] if schedulers else background.BackgroundScheduler()
            if not schedulers:
                scheduler.start()
            ended = [threading.Event() for _ in range(count)]

            def run(n: int) -> None:
                call(n)
                ended[n].set()

            for n in range(count):
                scheduler.add_job(run, args=(n,))
            for each in ended:
                assert each.wait(5)
            if not schedulers:
                time.sleep(0.05)  # It may be about to remove the last job, which shutdown removes.
                scheduler.shutdown()

        fully_tested(view_of(way))
        for scheduler in schedulers:
            scheduler.shutdown()


class TestQueues:
    @pytest.mark.slow
    def test_items_belong_to_their_givers(self) -> None:
        workers = Workers(queue.Queue, 1)

        def view() -> ResponseReturnValue:
            n = request.args["n"]
            return str(workers.run(lambda: get(f"of-{n}")).get(timeout=5))

        def test() -> None:
            for n in range(3):
                requests.get(f"http://svc/view?n={n}", timeout=5)

        result = explored(service(view=view), test)
        trace = result.executions[0].trace
        by_index = {each.index: each for each in trace.requests}
        found = [
            (by_index[each.index.parent].url[-3:], each.url[-4:]) for each in trace.invocations
        ]
        assert found == [(f"n={n}", f"of-{n}") for n in range(3)]
        workers.close()

    def test_a_late_worker_serves_later_requests(self) -> None:
        """A worker that the first request starts goes on with items of others."""
        every: list[Workers] = []

        def view() -> ResponseReturnValue:
            if not every:
                every.append(Workers(queue.Queue, 1))
            return str(every[0].run(lambda: get("by a worker")).get(timeout=5))

        app = service(view=view)
        app.config["FILIBUSTER_TIMEOUT"] = 0.2  # The worker outlives the test.
        result = explored(app)
        assert len(result.executions) == 2
        assert not result.inconclusive
        every[0].close()

    def test_results_leave_their_reader_alone(self) -> None:
        """A view that reads what its threads put makes its own calls afterwards."""

        def view() -> ResponseReturnValue:
            results: queue.Queue[str] = queue.Queue()
            threads = [
                threading.Thread(target=lambda n=n: results.put(get(f"part-{n}"))) for n in range(3)
            ]
            for thread in threads:
                thread.start()
            for _ in threads:
                results.get(timeout=5)
            return get("sum")

        result = explored(service(view=view))
        trace = result.executions[0].trace
        assert paths(trace) == ["part-0", "part-1", "part-2", "sum"]
        assert [len(each.position) for each in trace.invocations] == [2, 2, 2, 1]
        assert not result.inconclusive

    def test_unread_queue_is_not_awaited(self) -> None:
        unread: queue.Queue[str] = queue.Queue()

        def view() -> ResponseReturnValue:
            unread.put("an event")
            return get("something")

        begun = time.monotonic()
        assert not explored(service(view=view)).notes
        assert time.monotonic() - begun < 4

    @pytest.mark.slow
    def test_a_worker_is_waited_for(self) -> None:
        workers = Workers(queue.Queue, 1)

        def later() -> None:
            time.sleep(0.1)
            get("later")

        def view() -> ResponseReturnValue:
            workers.run(later)
            return "at once"

        result = explored(service(view=view))
        assert [paths(each.trace) for each in result.executions] == [["later"]] * 2
        assert not result.inconclusive
        workers.close()

    @pytest.mark.slow
    @pytest.mark.parametrize("waits", [True, False], ids=["joined", "not joined"])
    def test_an_idle_worker_is_not_awaited(self, *, waits: bool) -> None:
        """One that a request starts, and that waits for the next task for ever."""
        every: list[Workers] = []

        def later() -> str:
            time.sleep(0.05)
            return get("later")

        def view() -> ResponseReturnValue:
            if not every:
                every.append(Workers(queue.Queue, 2))
            result = every[0].run(later)
            return str(result.get(timeout=5)) if waits else "at once"

        begun = time.monotonic()
        result = explored(service(view=view))
        assert time.monotonic() - begun < 4
        assert [paths(each.trace) for each in result.executions] == [["later"]] * 2
        assert not result.inconclusive
        assert result.notes == ()
        every[0].close()

    def test_log_records_move_no_thread(self) -> None:
        """What a view logs when a call fails changes no name of a thread after it."""
        records: queue.Queue[Any] = queue.Queue()
        listener = logging.handlers.QueueListener(records)
        logger = logging.Logger("of a view")
        logger.addHandler(logging.handlers.QueueHandler(records))
        listener.start()

        def view() -> ResponseReturnValue:
            if not get("first"):
                logger.warning("the first call failed")
            thread = threading.Thread(target=get, args=("second",))
            thread.start()
            thread.join()
            return "done"

        result = explored(service(view=view))
        listener.stop()
        assert len(result.executions) == 4
        assert not result.notes

    def test_pools_of_connections_carry_nothing(self) -> None:
        """What a view takes and puts back is no task, for whoever takes it next."""
        pool: queue.Queue[object] = queue.LifoQueue()
        pool.put(object())
        seen: list[Any] = []

        def view() -> ResponseReturnValue:
            pool.put(pool.get())
            return get("something")

        def test() -> None:
            requests.get("http://svc/view", timeout=5)
            with outside():
                thread = threading.Thread(target=lambda: seen.append([pool.get(), current_scope()]))
                thread.start()
                thread.join()
            pool.put(object())

        explored(service(view=view), test, max_executions=1)
        assert seen[0][1] is None

    @pytest.mark.slow
    def test_kept_connections_are_no_tasks(self, keeping: str) -> None:
        """Nothing waits for the connections that threads of a view give back to urllib3."""
        session = requests.Session()

        def ask(n: int) -> str:
            try:
                return session.get(f"{keeping}/{n}", timeout=5).text
            except requests.RequestException:
                return ""

        def view() -> ResponseReturnValue:
            with ThreadPoolExecutor(4) as pool:
                return "".join(pool.map(ask, [1, 1, 1, 1]))

        begun = time.monotonic()
        result = explored(service(view=view), max_executions=3)
        session.close()
        assert len(result.executions) == 3
        assert not [each for each in result.notes if "outlived" in each]
        assert time.monotonic() - begun < 8

    def test_items_keep_their_identity(self) -> None:
        items: list[Any] = [None, 0, "text", object(), [], {}]
        got: list[Any] = []
        given: queue.Queue[Any] = queue.Queue()

        def worker() -> None:
            while len(got) < len(items):
                got.append(given.get())
                given.task_done()

        thread = threading.Thread(target=worker)
        thread.start()

        def view() -> ResponseReturnValue:
            for item in items:
                given.put(item)
            given.join()
            return get("something")

        explored(service(view=view), max_executions=1)
        thread.join()
        assert all(one is other for one, other in zip(items, got, strict=True))


class TestLoops:
    """Event loops of the module, in threads of their own."""

    @pytest.mark.slow
    @pytest.mark.parametrize("handed", ["coroutine", "callback"])
    def test_what_is_handed_is_waited_for(self, loop: Loop, handed: str) -> None:
        def later() -> None:
            time.sleep(0.1)
            get("later")

        def view() -> ResponseReturnValue:
            if handed == "coroutine":
                asyncio.run_coroutine_threadsafe(asyncio.to_thread(later), loop.loop)
            else:
                loop.loop.call_soon_threadsafe(later)
            return "at once"

        result = explored(service(view=view))
        assert [paths(each.trace) for each in result.executions] == [["later"]] * 2
        assert not result.inconclusive

    @pytest.mark.parametrize("ends", ["stopped", "cancelled"])
    def test_what_never_begins_is_not(self, ends: str) -> None:
        loop = asyncio.new_event_loop()

        def view() -> ResponseReturnValue:
            handle = loop.call_soon_threadsafe(get, "never")
            if ends == "cancelled":
                handle.cancel()
            else:
                loop.close()
                with pytest.raises(RuntimeError, match="closed"):
                    loop.call_soon_threadsafe(get, "never")
            return "at once"

        begun = time.monotonic()
        result = explored(service(view=view), max_executions=1)
        loop.close()
        assert time.monotonic() - begun < 4
        assert not any("still running" in each for each in result.notes)

    def test_what_wakes_a_loop_moves_no_thread(self, loop: Loop) -> None:
        """Whether a view cancels what it has handed over may depend on the time."""
        numbers = iter(range(100))

        def view() -> ResponseReturnValue:
            sleeping = asyncio.run_coroutine_threadsafe(asyncio.sleep(9), loop.loop)
            sleeping.cancel()
            for _ in range(next(numbers)):
                loop.loop.call_soon_threadsafe(loop.loop.create_future().cancel)
            thread = threading.Thread(target=get, args=("in a thread",))
            thread.start()
            thread.join()
            return "at once"

        result = explored(service(view=view))
        assert len(result.executions) == 2
        assert not result.inconclusive


class TestNothingStays:
    PATCHED = (
        (threading, "_start_new_thread"),
        (threading, "_start_joinable_thread"),
        (_thread, "start_new_thread"),
        (threading.Thread, "start"),
        (threading.Thread, "run"),
        (ThreadPoolExecutor, "submit"),
        (ThreadPool, "apply_async"),
        (queue.Queue, "get"),
        (queue.Queue, "_get"),
        (queue.LifoQueue, "_put"),
        (asyncio.Queue, "_get"),
        (asyncio.BaseEventLoop, "create_task"),
        (asyncio.BaseEventLoop, "call_soon_threadsafe"),
    )

    def now(self) -> list[Any]:
        return [(vars(owner).get(name), getattr(owner, name, None)) for owner, name in self.PATCHED]

    def test_after_an_exploration(self, pool: ThreadPoolExecutor) -> None:
        before = self.now()
        during: list[Any] = []

        def view() -> ResponseReturnValue:
            during.extend(self.now())
            return pool.submit(get, "something").result()

        explored(service(view=view))
        assert during[: len(before)] != before
        assert self.now() == before

    def test_of_an_idle_extension(self) -> None:
        before = self.now()
        app = service(view=lambda: "done")
        Filibuster(app)
        assert app.test_client().get("/view").status_code == 200
        assert self.now() == before

    def test_of_items_that_nobody_got(self) -> None:
        from flask_filibuster.instrumentation.patching import Patch
        from flask_filibuster.instrumentation.threads.holding import hold_patches

        held = hold_patches()
        followed: Any = Patch.of(queue.Queue, "get")
        unread: queue.Queue[int] = queue.Queue()

        def view() -> ResponseReturnValue:
            unread.put(1)
            return get("something")

        explored(service(view=view), max_executions=1)
        items = followed.wrap.__self__._items
        items[0] = object()
        for each in held:
            each.release()
        assert not items
