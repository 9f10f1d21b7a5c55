"""Other instrumentation beside ours: explores a view, and prints what came of each way to call.

Run in a process of its own, as some of it can't be taken off::

    python -m tests.support.neighbours wrapt before
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import requests
from flask import Flask

from flask_filibuster import explore
from tests.support.forms import SEEN, Form, Forms

REQUIRED = {
    "elastic-apm": "elasticapm",
    "ddtrace": "ddtrace",
    "otel-flask": "opentelemetry.instrumentation.flask",
    "otel-requests": "opentelemetry.instrumentation.requests",
    "otel-threading": "opentelemetry.instrumentation.threading",
    "otel-urllib3": "opentelemetry.instrumentation.urllib3",
    "sentry": "sentry_sdk",
    "sentry-flask": "sentry_sdk",
    "wrapt": "wrapt",
}
"""What each neighbour has to import."""

NEIGHBOURS = Forms[Callable[[], str]]()
for _name, _needed in REQUIRED.items():
    NEIGHBOURS.add(Form(_name, f"`{_name}`", _name.strip, _needed))

ORDERS = ("before", "during", "between", "off-and-on", "off-during")
IMPOSSIBLE = {
    ("wrapt", "off-during"): "the wrapper is code of the application: a part of the places of calls"
}

PATCHED = (
    (threading.Thread, "start"),
    (threading.Thread, "run"),
    (ThreadPoolExecutor, "submit"),
    (requests.Session, "send"),
    (requests.adapters.HTTPAdapter, "send"),
)


class Neighbour:
    """Some instrumentation that goes on and off."""

    def __init__(self, name: str) -> None:
        self._on, self._off = getattr(self, "_" + name.replace("-", "_"))()

    def on(self) -> None:
        self._on()

    def off(self) -> None:
        self._off()

    def _sentry(self, **options: Any) -> Any:
        import sentry_sdk

        def off() -> None:
            sentry_sdk.get_global_scope().set_client(None)

        return lambda: sentry_sdk.init(dsn=None, **options), off

    def _sentry_flask(self) -> Any:
        from sentry_sdk.integrations.flask import FlaskIntegration

        return self._sentry(integrations=[FlaskIntegration()], traces_sample_rate=1.0)

    def _otel_flask(self) -> Any:
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        return self._instrumentor(FlaskInstrumentor())

    def _otel_requests(self) -> Any:
        from opentelemetry.instrumentation.requests import RequestsInstrumentor

        return self._instrumentor(RequestsInstrumentor())

    def _otel_threading(self) -> Any:
        from opentelemetry.instrumentation.threading import ThreadingInstrumentor

        return self._instrumentor(ThreadingInstrumentor())

    def _otel_urllib3(self) -> Any:
        from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

        return self._instrumentor(URLLib3Instrumentor())

    @staticmethod
    def _instrumentor(instrumentor: Any) -> Any:
        return instrumentor.instrument, instrumentor.uninstrument

    def _elastic_apm(self) -> Any:
        import elasticapm

        return elasticapm.instrument, elasticapm.uninstrument

    def _ddtrace(self) -> Any:
        import ddtrace
        from ddtrace.contrib.internal.futures.patch import unpatch as unpatch_futures
        from ddtrace.contrib.internal.requests.patch import unpatch as unpatch_requests

        def off() -> None:
            every: tuple[Any, ...] = (unpatch_futures, unpatch_requests)
            for unpatch in every:
                unpatch()

        return lambda: ddtrace.patch(futures=True, requests=True, flask=True, urllib3=True), off

    def _wrapt(self) -> Any:
        import wrapt

        def count(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            assert instance is not None
            return wrapped(*args, **kwargs)

        def on() -> None:
            for owner, name in PATCHED:
                wrapt.wrap_function_wrapper(owner, name, count)

        def off() -> None:
            for owner, name in PATCHED:
                top = vars(owner)[name]
                assert isinstance(top, wrapt.FunctionWrapper), (owner, name, top)
                setattr(owner, name, top.__wrapped__)

        return on, off


def in_thread(fetch: Callable[[], int]) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(fetch()))
    thread.start()
    thread.join()
    return found[0]


def in_timer(fetch: Callable[[], int]) -> int:
    found: list[int] = []
    timer = threading.Timer(0.001, lambda: found.append(fetch()))
    timer.start()
    timer.join()
    return found[0]


def in_own_thread(fetch: Callable[[], int]) -> int:
    class Own(threading.Thread):
        def run(self) -> None:
            self.found = fetch()

    own = Own()
    own.start()
    own.join()
    return own.found


def in_pool(fetch: Callable[[], int]) -> int:
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(fetch).result()


WAYS: dict[str, Callable[[Callable[[], int]], int]] = {
    "plain": lambda fetch: fetch(),
    "thread": in_thread,
    "timer": in_timer,
    "own": in_own_thread,
    "pool": in_pool,
}


class Tried:
    """A view, the neighbour, and when that goes on and off."""

    def __init__(self, neighbour: Neighbour, order: str) -> None:
        self._neighbour = neighbour
        self._order = order
        self._is_on = False
        self._toggled = 0

    def all(self) -> Iterator[dict[str, Any]]:
        if self._order in ("before", "off-and-on", "off-during"):
            self._switch(on=True)
        for way in WAYS:
            yield self._explored(way)
            if self._order == "between":
                self._switch(on=True)
            if self._order == "off-and-on":
                self._switch(on=not self._is_on)

    def _switch(self, *, on: bool) -> None:
        if on != self._is_on:
            self._is_on = on
            (self._neighbour.on if on else self._neighbour.off)()

    def _during(self) -> None:
        """In each execution, the neighbour may go on or off while our patches are in place."""
        if self._order == "during":
            self._switch(on=True)
        if self._order == "off-during":
            self._toggled += 1
            self._switch(on=self._toggled % 2 == 0)

    def _explored(self, way: str) -> dict[str, Any]:
        shop, stock = Flask("shop"), Flask("stock")

        @stock.get("/items")
        def items() -> dict[str, int]:
            return {"n": 3}

        def fetch() -> int:
            try:
                return requests.get("http://stock/items", timeout=1).status_code
            except requests.RequestException:
                return 0

        @shop.get("/")
        def page() -> dict[str, int]:
            return {"status": WAYS[way](fetch)}

        def test() -> None:
            self._during()
            assert shop.test_client().get("/").status_code == 200

        died: list[str] = []
        threading.excepthook = lambda hooked: died.append(repr(hooked.exc_value))
        services = {"http://shop": shop, "http://stock": stock}
        result = explore(test, services=services, faults="quick", max_executions=30)
        failed = {
            str(call.fault)
            for each in result.executions
            for call in each.trace.invocations
            if call.fault is not None
        }
        return {
            "way": way,
            "ok": result.ok,
            "executions": len(result.executions),
            "faults": len(failed),
            "inconclusive": [each.problems for each in result.inconclusive],
            "notes": list(result.notes),
            "died": died,
        }


def left() -> list[str]:
    """What of ours is still in place."""
    return [
        f"{owner.__name__}.{name}"
        for owner, name in (*PATCHED, (requests.Session, "get_adapter"))
        if "flask_filibuster" in str(getattr(vars(owner)[name], "__code__", ""))
    ]


def explored(name: str, order: str) -> dict[str, Any]:
    """What :func:`main` finds in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.neighbours", name, order],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "DD_TRACE_ENABLED": "false", "ELASTIC_APM_ENABLED": "false"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def verdict(found: dict[str, Any]) -> str:
    """What came of the call, in each way to make it.

    :raises AssertionError: it was not made to fail in each of three ways.
    """
    assert [each["way"] for each in found["ways"]] == list(WAYS)
    for each in found["ways"]:
        assert (each["ok"], each["executions"], each["died"]) == (True, 4, []), each
        assert (each["faults"], each["inconclusive"], each["notes"]) == (3, [], []), each
    return SEEN


def main(name: str, order: str) -> None:
    logging.disable(logging.CRITICAL)
    found = {"ways": list(Tried(Neighbour(name), order).all()), "left": left()}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(*sys.argv[1:])
