"""Calls made at once have the same index every time."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
import requests
from asgiref.sync import sync_to_async
from flask import g, request
from flask.typing import ResponseReturnValue

from flask_filibuster import explore
from tests.support.callers import end_of, service
from tests.support.cases import sample
from tests.support.models import REFUSALS
from tests.support.observed import in_pool, leaf, observed


def in_small_pool(call: Callable[[int], None], count: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, range(count)))


def in_threads(call: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=call, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_threads_of_threads(call: Callable[[int], None], count: int) -> None:
    def both(n: int) -> None:
        in_threads(lambda m: call(2 * n + m), 2)

    in_pool(both, count // 2)


def in_loop_threads(call: Callable[[int], None], count: int) -> None:
    async def work() -> None:
        await asyncio.gather(*(asyncio.to_thread(call, n) for n in range(count)))

    asyncio.run(work())


def in_tasks(call: Callable[[int], None], count: int) -> None:
    """Tasks of two steps each, which overtake each other."""

    async def task(n: int) -> None:
        await asyncio.to_thread(call, 2 * n)
        await asyncio.sleep(random.random() / 1000)
        await asyncio.to_thread(call, 2 * n + 1)

    async def work() -> None:
        await asyncio.gather(*(task(n) for n in range(count // 2)))

    asyncio.run(work())


def in_sync_to_async(call: Callable[[int], None], count: int) -> None:
    async def work() -> None:
        anywhere = sync_to_async(call, thread_sensitive=False)
        await asyncio.gather(*(anywhere(n) for n in range(count)))

    asyncio.run(work())


def in_copied_contexts(call: Callable[[int], None], count: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(copy_context().run, call, n) for n in range(count)]:
            done.result()


FAN_OUTS = [
    in_copied_contexts,
    in_pool,
    in_small_pool,
    in_threads,
    in_threads_of_threads,
    in_loop_threads,
    in_tasks,
    in_sync_to_async,
]


class TestParallelCalls:
    @pytest.mark.slow
    @pytest.mark.parametrize("fan_out", sample(FAN_OUTS))
    @pytest.mark.parametrize("same", [True, False], ids=["same-url", "own-urls"])
    def test_have_the_same_index_every_time(
        self, fan_out: Callable[[Callable[[int], None], int], None], *, same: bool
    ) -> None:
        """Each execution fails exactly the call whose turn it is, though they overtake others."""
        failed: list[list[int]] = []
        count = 16 if fan_out is in_pool else 4

        def call(n: int) -> None:
            time.sleep(random.random() / 500)
            try:
                url = f"http://leaf/{'same' if same else n}"
                requests.post(url, json={"n": n}, timeout=5)
            except requests.ConnectionError:
                failed[-1].append(n)

        def view() -> ResponseReturnValue:
            failed.append([])
            fan_out(call, count)
            return "done"

        indexes: list[list[str]] = []
        for _ in range(2):
            result = explore(
                lambda: requests.get("http://svc/view", timeout=5).raise_for_status(),
                {"http://svc": service(view=view), "http://leaf": leaf()},
                REFUSALS,
                max_faults=1,
                check_determinism=False,
            )
            assert {each.verdict for each in result.executions} == {"passed"}, result.inconclusive
            assert failed == [[], *([n] for n in reversed(range(count)))]
            failed.clear()
            indexes += [
                [call.index for call in execution.trace.invocations]
                for execution in result.executions
            ]
        assert len(set(map(tuple, indexes))) == 1
        assert len(set(indexes[0])) == count

    @pytest.mark.slow
    def test_combinations_have_a_fixed_order(self) -> None:
        def call(n: int) -> None:
            time.sleep(random.random() / 500)
            end_of(lambda: requests.get(f"http://leaf/{n}", timeout=5))

        def view() -> ResponseReturnValue:
            in_pool(call, 4)
            return "done"

        orders = []
        for _ in range(2):
            result = explore(
                lambda: requests.get("http://svc/view", timeout=5).raise_for_status(),
                {"http://svc": service(view=view), "http://leaf": leaf()},
                REFUSALS,
                reduction="none",
            )
            assert {each.verdict for each in result.executions} == {"passed"}
            orders.append(
                [[planned.call.url[-1] for planned in each.faults] for each in result.executions]
            )
        assert orders[0] == orders[1]
        assert orders[0][:7] == [[], ["3"], ["2"], ["1"], ["0"], ["2", "3"], ["1", "3"]]
        assert len(orders[0]) == 2**4

    def test_of_the_test_keep_their_index(self) -> None:
        def test() -> None:
            def ask(n: int) -> None:
                time.sleep(random.random() / 500)
                requests.post("http://svc/view", json={"n": n}, timeout=5)

            in_pool(ask, 8)

        indexes = []
        for _ in range(3):
            bodies: dict[str, int] = {}

            def view(bodies: dict[str, int] = bodies) -> ResponseReturnValue:
                bodies[g.filibuster.execution_index] = request.get_json()["n"]
                return "done"

            execution = observed(service(view=view), test)
            assert [bodies[call.index] for call in execution.trace.requests] == list(range(8))
            indexes.append([call.index for call in execution.trace.requests])
        assert indexes[0] == indexes[1] == indexes[2]
