"""Sleeps and waits in frames: as long as in life, but nobody really waits."""

from __future__ import annotations

import _thread
import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest

from flask_filibuster.instrumentation.clock.here import clock_here
from tests.support.timing import SOON, in_view, lasting, taken


def fan_out(workers: int) -> Callable[[], Any]:
    def fan() -> Any:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(time.sleep, (10, 50, 30)))

    return fan


def woken() -> bool:
    event = threading.Event()
    threading.Timer(30, event.set).start()
    return event.wait(90)


def too_late() -> bool:
    event = threading.Event()
    later = threading.Timer(90, event.set)
    later.start()
    is_set = event.wait(30)
    later.cancel()
    return is_set


def nothing_put() -> str:
    try:
        return str(queue.Queue[str]().get(timeout=40))
    except queue.Empty:
        return "empty"


def handed_over() -> str:
    items: queue.Queue[str] = queue.Queue()

    def worker() -> None:
        for item in ("a", "b"):
            time.sleep(20)
            items.put(item)

    threading.Thread(target=worker).start()
    return items.get(timeout=30) + items.get(timeout=30)


def late_result() -> str:
    with ThreadPoolExecutor() as pool:
        future = pool.submit(time.sleep, 50)
        try:
            future.result(timeout=20)
        except FutureTimeout:
            return "late"
    return "in time"


def in_order() -> list[int]:
    with ThreadPoolExecutor() as pool:
        futures = {pool.submit(time.sleep, n): n for n in (30, 10, 20)}
        return [futures[each] for each in as_completed(futures, timeout=60)]


def joined() -> bool:
    thread = threading.Thread(target=time.sleep, args=(40,))
    thread.start()
    thread.join(15)
    alive = thread.is_alive()
    thread.join()
    return alive


def due_while_another_works() -> bool:
    thread = threading.Thread(target=time.sleep, args=(20.02,))
    thread.start()
    time.sleep(20)
    until = time.monotonic() + 0.04
    while time.monotonic() < until:
        pass
    thread.join()
    return thread.is_alive()


def due_while_a_lock_is_held() -> bool:
    lock = threading.Lock()

    def hold() -> None:
        with lock:
            time.sleep(20.02)

    thread = threading.Thread(target=hold)
    thread.start()
    time.sleep(20)
    with lock:
        return True


def item_that_nobody_takes() -> str:
    items: queue.Queue[str] = queue.Queue()
    worker = threading.Thread(target=lambda: items.get(timeout=10))
    items.put("first")
    worker.start()
    worker.join()
    items.put("second")
    time.sleep(30)
    return items.get()


def item_of_a_busy_worker() -> int:
    items: queue.Queue[int] = queue.Queue()
    done: list[int] = []

    def work() -> None:
        for item in iter(items.get, 0):
            time.sleep(item)
            done.append(item)

    worker = threading.Thread(target=work)
    worker.start()
    for item in (20, 30, 0):
        items.put(item)
    worker.join()
    return sum(done)


def called_back() -> list[str]:
    done: list[str] = []
    with ThreadPoolExecutor() as pool:
        future = pool.submit(time.sleep, 30)
        future.add_done_callback(lambda _: done.append("later"))
        future.result()
    future.add_done_callback(lambda _: done.append("at once"))
    time.sleep(20)
    return done


def condition() -> bool:
    changed, values = threading.Condition(), [0]

    def change() -> None:
        time.sleep(25)
        with changed:
            values[0] = 1
            changed.notify_all()

    threading.Thread(target=change).start()
    with changed:
        return changed.wait_for(lambda: values[0] == 1, timeout=60)


def semaphore() -> bool:
    return threading.Semaphore(0).acquire(timeout=12)


def pool_of_threads() -> Any:
    with ThreadPool(3) as pool:
        return pool.map_async(time.sleep, (10, 20)).get(timeout=60)


def tasks() -> Any:
    async def both() -> None:
        await asyncio.gather(asyncio.sleep(10), asyncio.sleep(30))

    return asyncio.run(both())


def task_too_late() -> str:
    async def waits() -> str:
        try:
            await asyncio.wait_for(asyncio.sleep(60), timeout=20)
        except asyncio.TimeoutError:
            return "late"
        return "in time"

    return asyncio.run(waits())


def task_in_thread() -> str:
    async def waits() -> str:
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.run_in_executor(None, time.sleep, 10), timeout=20)
        try:
            await asyncio.wait_for(loop.run_in_executor(None, time.sleep, 50), timeout=20)
        except asyncio.TimeoutError:
            return "late"
        return "in time"

    return asyncio.run(waits())


@pytest.mark.parametrize(
    ("wait", "seconds", "result"),
    [
        (lambda: time.sleep(3600), 3600, None),
        (lambda: time.sleep(0), 0, None),
        (fan_out(3), 50, [None] * 3),
        (fan_out(1), 90, [None] * 3),
        (woken, 30, True),
        (too_late, 30, False),
        (nothing_put, 40, "empty"),
        (handed_over, 40, "ab"),
        (late_result, 50, "late"),
        (in_order, 30, [10, 20, 30]),
        (joined, 40, True),
        (due_while_another_works, 20, False),
        (due_while_a_lock_is_held, 20, True),
        (item_that_nobody_takes, 30, "second"),
        (item_of_a_busy_worker, 50, 50),
        (called_back, 50, ["later", "at once"]),
        (condition, 25, True),
        (semaphore, 12, False),
        (pool_of_threads, 20, [None] * 2),
        (tasks, 30, None),
        (task_too_late, 20, "late"),
        (task_in_thread, 60, "late"),
    ],
)
def test_waits_are_over_at_once(wait: Callable[[], Any], seconds: float, result: object) -> None:
    took, seen = taken(wait)
    assert seen == result
    assert took == pytest.approx(seconds, abs=SOON)


@contextmanager
def a_worker(does: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """A thread of no execution, which does something when it is told to."""
    told = threading.Event()

    def run() -> None:
        told.wait()
        does()

    thread = threading.Thread(target=run)
    thread.start()
    yield told.set
    thread.join()


class TestRealWork:
    def test_of_a_thread_outside_is_waited_for(self) -> None:
        done = threading.Event()

        def work() -> None:
            time.sleep(0.05)
            done.set()

        def view() -> bool:
            tell()
            return done.wait(30)

        with a_worker(work) as tell:
            took, is_set = taken(view)
        assert is_set
        assert took < SOON

    def test_of_another_thread_holds_the_clock(self) -> None:
        def work() -> None:
            until = time.thread_time() + 0.02
            while time.thread_time() < until:
                pass
            ended.append(time.monotonic())

        def view() -> float:
            thread = threading.Thread(target=work)
            thread.start()
            began = time.monotonic()
            time.sleep(0.01)
            time.sleep(30)
            thread.join()
            return ended[0] - began

        ended: list[float] = []
        assert in_view(view)[0] < SOON

    def test_takes_time_by_the_clock_of_the_frame(self) -> None:
        def view() -> float:
            before = time.process_time()
            time.sleep(5)
            until = time.process_time() + 0.02
            while time.process_time() < until:
                pass
            return time.process_time() - before

        took, worked = taken(view)
        assert took >= 5 + min(worked, 0.02)

    def test_of_a_worker_ends_with_it(self) -> None:
        items: queue.Queue[str] = queue.Queue()
        worker = threading.Thread(target=items.get)

        def view() -> None:
            items.put("the last item")
            worker.join(60)
            time.sleep(300)

        worker.start()
        took, _ = taken(view)
        assert took == pytest.approx(300, abs=5)

    def test_of_a_process_is_waited_for(self) -> None:
        import subprocess
        import sys

        def view() -> int:
            child = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
            return child.wait(timeout=20)

        took, code = taken(view)
        assert code == 0
        assert took < 15

    def test_of_a_process_may_be_polled(self) -> None:
        import subprocess
        import sys

        def view() -> bool:
            child = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
            for _ in range(200):
                if child.poll() is not None:
                    return True
                time.sleep(0.1)
            return False

        assert in_view(view) == [True]


class TestThreadsThatOutliveTheirRequest:
    def test_get_as_long_as_they_are_waited_for(self) -> None:
        beats: list[float] = []
        over: list[bool] = []

        def heart() -> None:
            while not over:
                time.sleep(0.2)
                beats.append(time.monotonic())

        def view() -> threading.Thread:
            thread = threading.Thread(target=heart)
            thread.start()
            return thread

        (thread,) = in_view(view, settle=0.7)
        assert 3 <= len(beats) < 20
        over.append(True)
        thread.join()  # While it works, the waits of other tests are real.


def test_real_time_on_request() -> None:
    took, _ = in_view(lasting(lambda: time.sleep(0.02)), is_virtual=False)[0]
    assert took < SOON


def test_real_time_where_greenlets_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As gevent and eventlet replace them."""
    monkeypatch.setattr(threading, "get_ident", lambda: _thread.get_ident())
    clocks = in_view(clock_here)
    assert clocks == [None]


def test_outside_frames_nobody_skips() -> None:
    began = time.perf_counter()
    in_view(lambda: time.sleep(5000))
    assert time.perf_counter() - began < 1000
