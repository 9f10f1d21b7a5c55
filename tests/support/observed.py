"""One fault-free execution, and the calls that its requests made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from flask import Flask

from flask_filibuster import explore
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.execution import Execution
from tests.support.models import NO_FAULTS


def get(path: str) -> str:
    """A call to the leaf."""
    return requests.get(f"http://leaf/{path}", timeout=2).text


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


def in_all_workers(pool: ThreadPoolExecutor, count: int, function: Callable[[], Any]) -> list[Any]:
    """What a function gives in each of a pool's threads."""
    together = threading.Barrier(count, timeout=5)

    def run() -> Any:
        together.wait()
        return function()

    return [done.result() for done in [pool.submit(run) for _ in range(count)]]


def in_pool(call: Callable[[int], None], count: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(call, range(count)))
