"""Well-written systems, larger than the twins of the seeds: nothing is to be found in them.

Each is a function that makes one; :data:`SYSTEMS` has them by name, and those of everyday shapes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from flask import Flask, abort, jsonify, request
from flask.typing import ResponseReturnValue

from flask_filibuster import was_fault_injected
from tests.support.seeded.everyday import EVERYDAY
from tests.support.seeded.seed import System, ask, system, visit

PRICE = {"price": 3}


def ask_again(
    url: str, method: str = "GET", *, times: int = 3, within: float = 60.0, **options: Any
) -> Any:
    """What a service answers, or ``None``: retries what another attempt may change, and waits."""
    deadline = time.monotonic() + within
    for attempt in range(times):
        wait = 0.2 * 2**attempt * (1 + random.Random(attempt).random())
        try:
            answer = requests.request(method, url, timeout=2, **options)
            if answer.status_code == 200:
                return answer.json()
            if answer.status_code not in (429, 500, 502, 503, 504):
                return None
            wait = max(wait, float(answer.headers.get("Retry-After", "0")))
        except (requests.RequestException, ValueError):
            pass
        if attempt == times - 1 or time.monotonic() + wait > deadline:
            break
        time.sleep(wait)
    return None


def page_of_parts() -> System:
    """Four parts, each of which the page can do without."""
    callees: dict[str, Any] = dict.fromkeys(("stock", "reviews", "ads", "weather"), PRICE)

    def page() -> ResponseReturnValue:
        return jsonify({name: ask(f"http://{name}/") for name in callees})

    return system(page, **callees)


def parts_at_the_same_time() -> System:
    """The same with a thread for each part."""
    callees: dict[str, Any] = dict.fromkeys(("stock", "reviews", "ads"), PRICE)

    def page() -> ResponseReturnValue:
        with ThreadPoolExecutor(3) as pool:
            return jsonify(list(pool.map(lambda name: ask(f"http://{name}/"), callees)))

    return system(page, **callees)


def retry_with_backoff() -> System:
    """Three attempts, exponential waits with jitter, and a limit of time."""

    def page() -> ResponseReturnValue:
        found = ask_again("http://stock/7", within=8)
        return ("", 503) if found is None else jsonify(found)

    return system(page, stock=PRICE)


def order_with_an_idempotency_key() -> System:
    """A retried order that the callee recognises."""
    orders: set[str] = set()

    def stock(path: str) -> ResponseReturnValue:
        orders.add(request.headers["Idempotency-Key"])
        return jsonify(orders=len(orders))

    def page() -> ResponseReturnValue:
        headers = {"Idempotency-Key": "order-7"}
        if ask_again("http://stock/order", "POST", headers=headers) is not None:
            return "ordered"
        return "we do not know yet", 202

    def test() -> None:
        orders.clear()
        visit(method="POST", fine=(202,))
        assert len(orders) <= 1

    return system(page, test=test, method="POST", stock=stock)


def saga_with_compensation() -> System:
    """Pay, reserve, send; what was done is undone, and what cannot be undone is told."""
    state = {"paid": False, "reserved": False}

    def bank(path: str) -> ResponseReturnValue:
        state["paid"] = path == "pay"
        return jsonify(state)

    def stock(path: str) -> ResponseReturnValue:
        state["reserved"] = path == "reserve"
        return jsonify(state)

    def undone(*urls: str) -> bool:
        return all([ask_again(url, "PUT", times=2) is not None for url in urls])

    def page() -> ResponseReturnValue:
        pay, reserve = "http://bank/refund", "http://stock/release"
        if ask("http://bank/pay", "PUT") is None:
            return ("", 503) if undone(pay) else ("look into it", 202)
        if ask("http://stock/reserve", "PUT") is None:
            return ("", 503) if undone(pay, reserve) else ("look into it", 202)
        return "ordered"

    def test() -> None:
        state.update(paid=False, reserved=False)
        answer = visit(method="POST", fine=(202, 503))
        if answer.status_code == 503:
            assert state == {"paid": False, "reserved": False}

    return system(page, test=test, method="POST", bank=bank, stock=stock)


def fallback_chain() -> System:
    """A service, its mirror, and a default."""

    def page() -> ResponseReturnValue:
        for url in ("http://stock/7", "http://mirror/7"):
            found = ask(url)
            if isinstance(found, dict) and isinstance(found.get("price"), int):
                return jsonify(price=found["price"])
        return jsonify(price=None)

    return system(page, stock=PRICE, mirror=PRICE)


def breaker_that_closes() -> System:
    """A circuit breaker with a time after which it tries again."""
    failures: list[float] = []

    def page() -> ResponseReturnValue:
        if len(failures) >= 2 and time.monotonic() - failures[-1] < 5:
            abort(503)
        found = ask("http://stock/7")
        if found is None:
            failures.append(time.monotonic())
            abort(503)
        failures.clear()
        return jsonify(found)

    def test() -> None:
        failures.clear()
        for _ in range(3):
            visit()

    return system(page, test=test, stock=PRICE)


def list_in_pages() -> System:
    """A list of pages that ends, whatever the pages say."""

    def shelf(path: str) -> ResponseReturnValue:
        number = int(request.args.get("page", "1"))
        return jsonify(items=[number], next=number + 1 if number < 3 else None)

    def page() -> ResponseReturnValue:
        items: list[object] = []
        number: object = 1
        for _ in range(5):
            found = ask(f"http://shelf/?page={number}")
            if not isinstance(found, dict) or not isinstance(found.get("items"), list):
                abort(503)
            items += found["items"]
            number = found.get("next")
            if type(number) is not int:
                break
        return jsonify(len(items))

    return system(page, shelf=shelf)


def budget_that_is_handed_on() -> System:
    """Each service tells its callee how much time is left."""
    basket = Flask("basket")

    @basket.get("/")
    def show() -> ResponseReturnValue:
        left = float(request.headers.get("X-Seconds-Left", "2"))
        try:
            answer = requests.get("http://prices/7", timeout=left / 2)
            return jsonify(answer.json()) if answer.status_code == 200 else ("", 503)
        except requests.RequestException:
            abort(503)

    def page() -> ResponseReturnValue:
        try:
            headers = {"X-Seconds-Left": "3"}
            answer = requests.get("http://basket/", headers=headers, timeout=4)
            return jsonify(answer.json()) if answer.status_code == 200 else ("", 503)
        except requests.RequestException:
            abort(503)

    made = system(page, prices=PRICE)
    return System({**made.services, "http://basket": basket}, made.test)


def answers_that_are_checked() -> System:
    """JSON whose every part is checked before it is used."""

    def page() -> ResponseReturnValue:
        found = ask("http://stock/7")
        if not isinstance(found, dict):
            abort(503)
        price, tags = found.get("price"), found.get("tags")
        if type(price) is not int or not 0 <= price < 10_000 or not isinstance(tags, list):
            abort(503)
        return jsonify(price=price * 2, tag=next((each for each in tags if each), None))

    def test() -> None:
        found = visit()
        if found.status_code == 200 and not was_fault_injected():
            assert found.json() == {"price": 6, "tag": "hot"}

    return system(page, test=test, stock={"price": 3, "tags": ["hot"]})


SYSTEMS: dict[str, Callable[[], System]] = {
    make.__name__.replace("_", " "): make
    for make in (
        page_of_parts,
        parts_at_the_same_time,
        retry_with_backoff,
        order_with_an_idempotency_key,
        saga_with_compensation,
        fallback_chain,
        breaker_that_closes,
        list_in_pages,
        budget_that_is_handed_on,
        answers_that_are_checked,
    )
} | EVERYDAY
