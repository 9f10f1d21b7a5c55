"""Threads: each gets a function, runs it somewhere, waits for it, and returns what it returned."""

from __future__ import annotations

import _thread
import asyncio
import atexit
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from importlib import import_module
from multiprocessing.pool import ThreadPool
from typing import Any

from flask import copy_current_request_context, has_request_context, request

from tests.support.forms import Forms
from tests.support.forms.clients import in_loop

_COPIED = "tests.copied"

Call = Callable[[], Any]
Run = Callable[[Call], Any]
THREADS: Forms[Run] = Forms()
form = THREADS.form


def _into(future: Future[Any], call: Call) -> Call:
    """The function, whose result goes into a future."""

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            future.set_exception(error)

    return run


def _handed(start: Callable[[Call], Any], call: Call) -> Any:
    future: Future[Any] = Future()
    start(_into(future, call))
    return future.result(timeout=10)


def _joined(start: Callable[[Call], threading.Thread], call: Call) -> Any:
    future: Future[Any] = Future()
    thread = start(_into(future, call))
    thread.start()
    thread.join()
    return future.result(timeout=0)


@form("the thread of the request")
def same(call: Call) -> Any:
    return call()


@form("`threading.Thread`")
def thread(call: Call) -> Any:
    return _joined(lambda run: threading.Thread(target=run), call)


@form("a subclass of `Thread`")
def subclass(call: Call) -> Any:
    class Own(threading.Thread):
        def __init__(self, run: Call) -> None:
            super().__init__()
            self._own = run

        def run(self) -> None:
            self._own()

    return _joined(Own, call)


@form("a thread in a thread")
def thread_in_thread(call: Call) -> Any:
    return thread(lambda: thread(call))


@form("a thread with a copied context")
def copied_context(call: Call) -> Any:
    context = copy_context()
    return _joined(lambda run: threading.Thread(target=context.run, args=(run,)), call)


@form("`copy_current_request_context`")
def copied_request(call: Call) -> Any:
    # Code that runs while a context is pushed (sessions, converters) would copy copies for ever.
    if not has_request_context() or request.environ.get(_COPIED):
        return thread(call)
    request.environ[_COPIED] = True
    return _joined(lambda run: threading.Thread(target=copy_current_request_context(run)), call)


@form("`threading.Timer`")
def timer(call: Call) -> Any:
    return _joined(lambda run: threading.Timer(0.001, run), call)


@form("`_thread.start_new_thread`")
def low_level(call: Call) -> Any:
    return _handed(lambda run: _thread.start_new_thread(run, ()), call)


@form("a `ThreadPoolExecutor` of the view")
def own_executor(call: Call) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


@cache
def _executor() -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(2)
    pool.submit(int).result()
    return pool


@form("a `ThreadPoolExecutor` of the module")
def executor(call: Call) -> Any:
    return _executor().submit(call).result()


@form("`Executor.map`")
def executor_map(call: Call) -> Any:
    return next(iter(_executor().map(lambda _: call(), [0])))


@form("callbacks of a future")
def done_callback(call: Call) -> Any:
    def after(run: Call) -> None:
        _executor().submit(int).add_done_callback(lambda _: run())

    return _handed(after, call)


@cache
def _threads() -> ThreadPool:
    threads = ThreadPool(2)
    atexit.register(threads.terminate)  # Otherwise Python complains of it at its end.
    return threads


@form("a `ThreadPool` of the module")
def thread_pool(call: Call) -> Any:
    return _threads().apply(call)


class _Workers:
    """A thread that gets functions from a queue."""

    def __init__(self, made: Any) -> None:
        self.queue = made
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self.queue.get()()


@cache
def _workers(kind: Callable[[], Any]) -> _Workers:
    return _Workers(kind())


@form("a worker fed by a `queue.Queue`")
def worker(call: Call) -> Any:
    return _handed(_workers(queue.Queue).queue.put, call)


@form("a worker fed by a `queue.LifoQueue`")
def lifo_worker(call: Call) -> Any:
    return _handed(_workers(queue.LifoQueue).queue.put, call)


@form("a worker fed by a `queue.SimpleQueue`")
def simple_worker(call: Call) -> Any:
    return _handed(_workers(queue.SimpleQueue).queue.put, call)


class _Posted:
    """A thread that waits for an event, and runs what was left for it."""

    def __init__(self) -> None:
        self._left: list[Call] = []
        self._event = threading.Event()
        threading.Thread(target=self._work, daemon=True).start()

    def put(self, run: Call) -> None:
        self._left.append(run)
        self._event.set()

    def _work(self) -> None:
        while self._event.wait():
            self._event.clear()
            self._left.pop()()


@cache
def _posted() -> _Posted:
    return _Posted()


@form("a worker woken by an `Event`")
def event_worker(call: Call) -> Any:
    return _handed(_posted().put, call)


@form("`asyncio.to_thread`")
def to_thread(call: Call) -> Any:
    return in_loop(lambda: _to_thread(call))


async def _to_thread(call: Call) -> Any:
    return await asyncio.to_thread(call)


@form("`run_in_executor`")
def run_in_executor(call: Call) -> Any:
    async def run() -> Any:
        return await asyncio.get_running_loop().run_in_executor(_executor(), call)

    return in_loop(run)


@form("a task of `asyncio`")
def task(call: Call) -> Any:
    async def run() -> Any:
        async def inner() -> Any:
            return call()

        return await asyncio.create_task(inner())

    return in_loop(run)


@cache
def _loop(made_by: str = "asyncio") -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = import_module(made_by).new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


@form("an event loop of the module")
def loop_of_module(call: Call) -> Any:
    return asyncio.run_coroutine_threadsafe(_to_thread(call), _loop()).result(10)


@form("`loop.call_soon_threadsafe`")
def called_soon(call: Call) -> Any:
    return _handed(_loop().call_soon_threadsafe, call)


@form("an event loop of uvloop", "uvloop")
def loop_of_uvloop(call: Call) -> Any:
    return asyncio.run_coroutine_threadsafe(_to_thread(call), _loop("uvloop")).result(10)


@form("`anyio.to_thread`", "anyio")
def anyio_thread(call: Call) -> Any:
    async def run() -> Any:
        return await import_module("anyio.to_thread").run_sync(call)

    return import_module("anyio").run(run)


@form("`trio.to_thread`", "trio")
def trio_thread(call: Call) -> Any:
    trio = import_module("trio")

    async def run() -> Any:
        return await trio.to_thread.run_sync(call)

    return trio.run(run)


@form("a greenlet of gevent", "gevent")
def gevent_greenlet(call: Call) -> Any:
    return import_module("gevent").spawn(call).get()


@form("gevent's thread pool", "gevent")
def gevent_threads(call: Call) -> Any:
    return import_module("gevent").get_hub().threadpool.spawn(call).get()


@form("a bare greenlet", "greenlet")
def bare_greenlet(call: Call) -> Any:
    return import_module("greenlet").greenlet(call).switch()


@form("a job of APScheduler", "apscheduler")
def scheduled(call: Call) -> Any:
    scheduler = import_module("apscheduler.schedulers.background").BackgroundScheduler()
    scheduler.start()
    try:
        return _handed(scheduler.add_job, call)
    finally:
        scheduler.shutdown()
