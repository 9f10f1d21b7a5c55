"""A call belongs to the request on whose behalf it is made, whatever runs where."""

from __future__ import annotations

import asyncio
import functools
import gc
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
import requests
from asgiref.sync import sync_to_async
from flask import (
    Flask,
    Response,
    abort,
    copy_current_request_context,
    g,
    request,
    stream_with_context,
)
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from flask_filibuster import (
    FaultModel,
    Filibuster,
    explore,
    was_fault_injected,
    was_fault_injected_on,
)
from flask_filibuster.core.trace import Trace
from flask_filibuster.instrumentation.frames import (
    Frame,
    Scope,
    TestFrame,
    current_frame,
    current_scope,
)
from flask_filibuster.results.execution import Execution
from tests.support.callers import View, end_of, ok, service
from tests.support.cases import cases

NO_FAULTS = FaultModel(exceptions=(), default_statuses=())
REFUSALS = FaultModel(exceptions=("ConnectionError",), default_statuses=())


def get(path: str) -> str:
    """A call to the leaf."""
    return requests.get(f"http://leaf/{path}", timeout=2).text


def named(**views: View) -> Flask:
    return service(**views)


def leaf() -> Flask:
    """A service that answers everything with the path."""
    app = Flask("leaf")
    app.add_url_rule("/<path:path>", "path", lambda path: path, methods=["GET", "POST"])
    return app


def observed(app: Flask, test: Callable[[], object] | None = None, **more: Flask) -> Execution:
    """A fault-free execution in which the app's ``/view`` is requested."""

    def request_it() -> None:
        response = requests.get("http://svc/view", timeout=5)
        assert response.status_code < 500, response.text

    services = {f"http://{name}": each for name, each in more.items()}
    result = explore(
        test or request_it,
        {"http://svc": app, "http://leaf": leaf(), **services},
        NO_FAULTS,
        check_determinism=False,
    )
    (execution,) = result.executions
    assert execution.verdict == "passed", (execution.problems, execution.error)
    return execution


def tree(trace: Trace) -> list[tuple[str, str]]:
    """Each call: the path of the request that makes it, and the path called."""
    by_index = {call.index: call for call in (*trace.requests, *trace.invocations)}

    def path(url: str) -> str:
        return url.partition("://")[2].partition("/")[2]

    return [(path(by_index[call.index.parent].url), path(call.url)) for call in trace.invocations]


def calls(app: Flask, test: Callable[[], object] | None = None, **more: Flask) -> list[str]:
    """The paths that the handling of ``/view`` called, in the order of the program."""
    found = tree(observed(app, test, **more).trace)
    assert {caller for caller, _ in found} <= {"view"}
    return [path for _, path in found]


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
        assert texts == ["01", "-1", "0-", "--"]

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
        assert finding.site.file == __file__
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


def in_all_workers(pool: ThreadPoolExecutor, count: int, function: Callable[[], Any]) -> list[Any]:
    """What a function gives in each of a pool's threads."""
    together = threading.Barrier(count, timeout=5)

    def run() -> Any:
        together.wait()
        return function()

    return [done.result() for done in [pool.submit(run) for _ in range(count)]]


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


def in_pool(call: Callable[[int], None], count: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(call, range(count)))


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
    @pytest.mark.parametrize("fan_out", FAN_OUTS)
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
            assert failed == [[], *([n] for n in range(count))]
            failed.clear()
            indexes += [
                [call.index for call in execution.trace.invocations]
                for execution in result.executions
            ]
        assert len(set(map(tuple, indexes))) == 1
        assert len(set(indexes[0])) == count

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
        assert orders[0][:7] == [[], ["0"], ["1"], ["2"], ["3"], ["0", "1"], ["0", "2"]]
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
