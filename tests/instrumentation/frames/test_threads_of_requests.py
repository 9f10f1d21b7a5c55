"""Threads, pools and timers belong to the request that starts them."""

from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import copy_current_request_context, request
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, explore, was_fault_injected, was_fault_injected_on
from flask_filibuster.instrumentation.frames import current_frame, current_scope
from tests.support.callers import end_of, service
from tests.support.models import REFUSALS
from tests.support.observed import calls, get, in_all_workers, leaf, observed, tree


class TestThreads:
    def test_belong_to_the_request(self) -> None:
        class Own(threading.Thread):
            def run(self) -> None:
                get("subclass")

        def view() -> ResponseReturnValue:
            frame = current_frame()
            threads = [
                threading.Thread(target=get, args=("thread",)),
                threading.Timer(0.01, get, args=("timer",)),
                Own(),
            ]
            replaced = threading.Thread()
            replaced.run = lambda: get("replaced")  # type: ignore[method-assign,assignment]
            for thread in (*threads, replaced):
                thread.start()
                thread.join()
            assert current_frame() is frame
            return get("end")

        assert calls(service(view=view)) == ["thread", "timer", "subclass", "replaced", "end"]

    def test_are_threads_as_ever(self) -> None:
        seen: list[Any] = []

        def view() -> ResponseReturnValue:
            thread = threading.Thread(target=lambda: seen.append(vars(thread).keys()), name="mine")
            before = set(vars(thread))
            thread.start()
            with pytest.raises(RuntimeError, match="threads can only be started once"):
                thread.start()
            thread.join()
            seen.append((thread.name, "run" in vars(thread), set(vars(thread)) - before))
            return "done"

        observed(service(view=view))
        assert "run" not in seen[0]
        name, run, _ = seen[1]
        assert (name, run) == ("mine", False)

    def test_of_threads_belong_to_it_too(self) -> None:
        def nested(depth: int) -> None:
            get(f"depth-{depth}")
            if depth:
                thread = threading.Thread(target=nested, args=(depth - 1,))
                thread.start()
                thread.join()

        def view() -> ResponseReturnValue:
            nested(3)
            return "done"

        assert calls(service(view=view)) == ["depth-3", "depth-2", "depth-1", "depth-0"]

    def test_of_a_pool_follow_the_submitter(self) -> None:
        with ThreadPoolExecutor(2) as pool:

            def view() -> ResponseReturnValue:
                n = request.args["n"]
                for done in [pool.submit(get, f"{n}-{each}") for each in range(3)]:
                    done.result()
                list(pool.map(get, [f"{n}-map"]))
                return "done"

            def test() -> None:
                for n in range(3):
                    requests.get(f"http://svc/view?n={n}", timeout=2)

            execution = observed(service(view=view), test)
            assert in_all_workers(pool, 2, current_scope) == [None, None]
        assert tree(execution.trace) == [
            (f"view?n={n}", f"{n}-{each}") for n in range(3) for each in (0, 1, 2, "map")
        ]

    def test_of_a_lasting_pool_keep_nothing(self) -> None:
        """A pool that one request starts and others use."""
        pools: list[ThreadPoolExecutor] = []

        def view() -> ResponseReturnValue:
            if not pools:
                pools.append(ThreadPoolExecutor(1))
            return pools[0].submit(get, f"n{request.args['n']}").result()

        def test() -> None:
            for n in range(2):
                requests.get(f"http://svc/view?n={n}", timeout=2)

        execution = observed(service(view=view), test)
        assert tree(execution.trace) == [("view?n=0", "n0"), ("view?n=1", "n1")]
        assert pools[0].submit(current_scope).result() is None
        pools[0].shutdown()

    def test_of_nested_pools_keep_their_order(self) -> None:
        def outer(n: int) -> str:
            with ThreadPoolExecutor(2) as inner:
                return "".join(inner.map(get, [f"{n}-0", f"{n}-1"]))

        def view() -> ResponseReturnValue:
            with ThreadPoolExecutor(2) as pool:
                return "".join(pool.map(outer, range(2)))

        assert calls(service(view=view)) == ["0-0", "0-1", "1-0", "1-1"]

    def test_may_ask_what_was_injected(self) -> None:
        answers: list[tuple[bool, bool]] = []

        def ask() -> None:
            answers.append((was_fault_injected(), was_fault_injected_on("leaf")))

        def view() -> ResponseReturnValue:
            end_of(lambda: requests.get("http://leaf/x", timeout=2))
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
            return "done"

        explore(
            lambda: requests.get("http://svc/view", timeout=2),
            {"http://svc": service(view=view), "http://leaf": leaf()},
            REFUSALS,
            check_determinism=False,
        )
        assert answers == [(False, False), (True, True)]

    def test_may_copy_the_request_context(self) -> None:
        def view() -> ResponseReturnValue:
            @copy_current_request_context
            def copied() -> str:
                return get(f"copied-{request.path[1:]}")

            def work() -> None:
                # Flask tears the copied context down at the end of each of the two.
                copied()
                copied()
                get("after")

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            return get("end")

        assert calls(service(view=view)) == ["copied-view", "copied-view", "after", "end"]

    def test_outliving_the_request_are_awaited(self) -> None:
        def later() -> None:
            time.sleep(0.1)
            get("later")

        def view() -> ResponseReturnValue:
            threading.Thread(target=later, daemon=True).start()
            threading.Timer(0.05, get, args=("timer",)).start()
            pool = ThreadPoolExecutor(1)
            pool.submit(later)
            pool.shutdown(wait=False)
            return "at once"

        execution = observed(service(view=view))
        assert tree(execution.trace) == [("view", "later"), ("view", "timer"), ("view", "later")]
        assert all(call.outcome is not None for call in execution.trace.invocations)

    def test_chained_ones_are_awaited(self) -> None:
        def chain(n: int) -> None:
            time.sleep(0.02)
            if n:
                threading.Thread(target=chain, args=(n - 1,)).start()
            else:
                get("end of the chain")

        def view() -> ResponseReturnValue:
            threading.Thread(target=chain, args=(4,)).start()
            return "at once"

        assert calls(service(view=view)) == ["end%20of%20the%20chain"]

    @pytest.mark.slow
    def test_endless_ones_are_named_once(self) -> None:
        stop = threading.Event()

        def forever() -> None:
            stop.wait(20)

        def view() -> ResponseReturnValue:
            threading.Thread(target=forever, daemon=True).start()
            end_of(lambda: requests.get("http://leaf/x", timeout=1))
            return "done"

        app = service(view=view)
        app.config["FILIBUSTER_TIMEOUT"] = 1
        begun = time.monotonic()
        result = explore(
            lambda: requests.get("http://svc/view", timeout=2),
            {"http://svc": app, "http://leaf": leaf()},
            FaultModel(default_statuses=(500, 503)),
        )
        stop.set()
        assert len(result.executions) == 5
        assert 1 <= time.monotonic() - begun < 4
        (note,) = result.notes
        assert "outlived the test" in note
        assert "forever" in note

    def test_cancelled_task_is_not_awaited(self) -> None:
        def view() -> ResponseReturnValue:
            with ThreadPoolExecutor(1) as pool:
                blocked = threading.Event()
                first = pool.submit(blocked.wait, 5)
                second = pool.submit(get, "never")
                assert second.cancel()
                blocked.set()
                first.result()
            with pytest.raises(RuntimeError, match="after shutdown"):
                pool.submit(get, "never")
            return "done"

        begun = time.monotonic()
        assert calls(service(view=view)) == []
        assert time.monotonic() - begun < 4

    def test_of_the_test_make_its_requests(self) -> None:
        def test() -> None:
            with ThreadPoolExecutor(4) as pool:
                list(
                    pool.map(lambda n: requests.get(f"http://svc/view?n={n}", timeout=2), range(4))
                )

        app = service(view=lambda: get(f"n{request.args['n']}"))
        execution = observed(app, test)
        assert [call.index.depth for call in execution.trace.requests] == [1] * 4
        assert tree(execution.trace) == [(f"view?n={n}", f"n{n}") for n in range(4)]


def test_partials_and_objects_in_threads() -> None:
    class Worker:
        def __call__(self) -> str:
            return get("object")

    def view() -> ResponseReturnValue:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(functools.partial(functools.partial(get), "partial")).result()
            pool.submit(Worker()).result()
        return "done"

    assert calls(service(view=view)) == ["partial", "object"]
