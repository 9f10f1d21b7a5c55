"""Views that make calls in greenlets, run in a process of its own that gevent or eventlet patches.

::

    python -m tests.support.greenlets gevent pool
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if sys.argv[1] == "gevent":
        from gevent import monkey

        monkey.patch_all()
    else:
        import eventlet

        eventlet.monkey_patch()

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from flask import Flask

from flask_filibuster import FaultModel, explore
from flask_filibuster.instrumentation.frames import current_scope

COUNT = 3

Call = Callable[[int], Any]


def spawned(call: Call) -> None:
    import gevent

    gevent.joinall([gevent.spawn(call, n) for n in range(COUNT)], raise_error=True)


def spawned_later(call: Call) -> None:
    import gevent

    gevent.joinall([gevent.spawn_later(0.001, call, n) for n in range(COUNT)], raise_error=True)


def pool(call: Call) -> None:
    from gevent.pool import Pool

    list(Pool(2).imap(call, range(COUNT)))


def unordered(call: Call) -> None:
    from gevent.pool import Pool

    list(Pool(2).imap_unordered(call, range(COUNT)))


def group(call: Call) -> None:
    from gevent.pool import Group

    Group().map(call, range(COUNT))


def native(call: Call) -> None:
    """Threads of the system."""
    from gevent import get_hub

    for result in [get_hub().threadpool.spawn(call, n) for n in range(COUNT)]:
        result.get()


def raw(call: Call) -> None:
    from greenlet import greenlet

    for n in range(COUNT):
        greenlet(call).switch(n)


def threads(call: Call) -> None:
    every = [threading.Thread(target=call, args=(n,)) for n in range(COUNT)]
    for thread in every:
        thread.start()
    for thread in every:
        thread.join()


def executor(call: Call) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, range(COUNT)))


def green_threads(call: Call) -> None:
    import eventlet

    for each in [eventlet.spawn(call, n) for n in range(COUNT)]:
        each.wait()


def green_pool(call: Call) -> None:
    from eventlet.greenpool import GreenPool

    list(GreenPool(2).imap(call, range(COUNT)))


def green_pool_without_results(call: Call) -> None:
    from eventlet.greenpool import GreenPool

    pool = GreenPool(2)
    for n in range(COUNT):
        pool.spawn_n(call, n)
    pool.waitall()


def system_threads(call: Call) -> None:
    from eventlet import tpool

    for n in range(COUNT):
        tpool.execute(call, n)


BOTH = {"threads": threads, "executor": executor}
WAYS: dict[str, dict[str, Callable[[Call], None]]] = {
    "gevent": {
        **BOTH,
        "raw": raw,
        "spawned": spawned,
        "spawned-later": spawned_later,
        "pool": pool,
        "unordered": unordered,
        "group": group,
        "native": native,
    },
    "eventlet": {
        **BOTH,
        "spawned": green_threads,
        "pool": green_pool,
        "without-results": green_pool_without_results,
        "system-threads": system_threads,
    },
}


def grequests_map() -> None:
    import grequests

    grequests.map(grequests.get(f"http://stock/items/{n}", timeout=1) for n in range(COUNT))


def main(library: str, way: str) -> None:
    logging.disable(logging.CRITICAL)
    shop, stock = Flask("shop"), Flask("stock")

    @stock.get("/items/<int:n>")
    def items(n: int) -> dict[str, int]:
        time.sleep(0.001 * (COUNT - n))
        return {"n": n}

    def call(n: int) -> int:
        try:
            return requests.get(f"http://stock/items/{n}", timeout=1).status_code
        except requests.RequestException:
            return 0

    @shop.get("/")
    def page() -> str:
        if way == "grequests":
            grequests_map()
        else:
            WAYS[library][way](call)
        return "done"

    def test() -> None:
        assert shop.test_client().get("/").status_code == 200

    services = {"http://shop": shop, "http://stock": stock}
    model = FaultModel(exceptions=("ConnectionError",), default_statuses=())
    result = explore(test, services, model)
    found = {
        "ok": result.ok,
        "calls": [each.url[-1] for each in result.executions[0].trace.invocations],
        "failed": [sorted(fault.call.url[-1] for fault in e.faults) for e in result.executions],
        "inconclusive": [each.problems for each in result.inconclusive],
        "notes": result.notes,
        "left": current_scope() is not None,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
