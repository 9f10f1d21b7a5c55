"""Seeded bugs in how answers are read, and their clean twins, by the kind of fault that shows them.

Each pair of views does the same; the test of both is the same, too.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from flask import Flask, jsonify

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.results.result import Result
from tests.support.cases import sample

ITEMS = [{"id": 1, "price": 3}, {"id": 2, "price": 4}]
STATES = {"paid": "thank you", "open": "please pay"}


@dataclass
class World:
    """What the services of one exploration have done."""

    charged: list[int] = field(default_factory=list)
    stored: bytes | None = None
    took: float = 0.0

    def is_whole(self) -> bool:
        """Whether nothing is stored, or a whole answer."""
        return self.stored is None or self.stored.endswith(b"\n")


def order(**options: Any) -> requests.Response:
    return requests.get("http://stock/order", timeout=0.5, **options)


# The seeded bugs.


def reads_the_price(_: World) -> Any:
    return str(order().json()["total"] * 2)


def names_the_state(_: World) -> Any:
    return STATES[order().json()["state"]]


def takes_the_first(_: World) -> Any:
    return str(order().json()["items"][0]["id"])


def takes_the_last(_: World) -> Any:
    newest: int = order().json()["items"][-1]["id"]
    assert newest == 2, f"{newest} is not the newest item"
    return str(newest)


def charges_each(world: World) -> Any:
    for item in order().json()["items"]:
        world.charged.append(item["id"])
    return "charged"


def packs_the_price(_: World) -> Any:
    return struct.pack("q", order().json()["total"])


def parses_all(_: World) -> Any:
    response = order()
    response.raise_for_status()
    return str(len(response.json()))


def expects_a_refusal(_: World) -> Any:
    try:
        return str(len(order().content))
    except (requests.ConnectionError, requests.Timeout):
        return "down", 503


def decodes(_: World) -> Any:
    return order().content.decode()


def asks_the_type(_: World) -> Any:
    response = order()
    return response.text if "json" in response.headers["Content-Type"] else ("odd", 503)


def believes_any_success(_: World) -> Any:
    response = requests.post("http://stock/pay", timeout=0.5)
    assert not response.ok or response.status_code == 200, "paid, says the shop, and nobody did"
    return "paid" if response.ok else ("not paid", 503)


def stores_as_it_comes(world: World) -> Any:
    world.stored = b""
    try:
        for piece in order(stream=True).iter_content(16):
            world.stored += piece
    except requests.RequestException:
        return "down", 503
    return "stored"


def expects_timeouts_only(_: World) -> Any:
    try:
        return str(len(order(stream=True).content))
    except requests.Timeout:
        return "down", 503


def waits_for_all(world: World) -> Any:
    began = time.monotonic()
    for _ in order(stream=True).iter_content(8):
        pass
    world.took = time.monotonic() - began
    return "read"


# Their clean twins.


def _document() -> Any:
    try:
        response = order()
        return response.json() if response.status_code == 200 else None
    except (requests.RequestException, ValueError):
        return None


def reads_it_carefully(_: World) -> Any:
    document = _document()
    total = document.get("total") if isinstance(document, dict) else None
    if not isinstance(total, int) or isinstance(total, bool) or total >= 2**31:
        return "no total", 503
    return struct.pack("q", total * 2)


def knows_other_states(_: World) -> Any:
    document = _document()
    return STATES.get(document["state"], "on its way") if document else ("down", 503)


def has_no_first(_: World) -> Any:
    document = _document()
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list) or not items:
        return "nothing", 404
    ids = [each.get("id") for each in items if isinstance(each, dict)]
    return str(max((each for each in ids if isinstance(each, int)), default=0))


def charges_each_once(world: World) -> Any:
    document = _document() or {"items": []}
    world.charged.extend({item["id"] for item in document["items"]})
    return "charged"


def handles_all(_: World) -> Any:
    try:
        return order().content.decode()
    except (requests.RequestException, ValueError):
        return "down", 503


def asks_for_a_type(_: World) -> Any:
    response = order()
    is_json = "json" in response.headers.get("Content-Type", "")
    return response.text if is_json else ("odd", 503)


def believes_one_success(_: World) -> Any:
    response = requests.post("http://stock/pay", timeout=0.5)
    return "paid" if response.status_code == 200 else ("not known", 503)


def stores_all_or_nothing(world: World) -> Any:
    try:
        world.stored = b"".join(order(stream=True).iter_content(16))
    except requests.RequestException:
        return "down", 503
    return "stored"


def handles_all_of_a_stream(_: World) -> Any:
    try:
        return str(len(order(stream=True).content))
    except requests.RequestException:
        return "down", 503


def waits_for_a_while(world: World) -> Any:
    began = time.monotonic()
    for _ in order(stream=True).iter_content(8):
        if time.monotonic() - began > 0.04:
            break
    world.took = time.monotonic() - began
    return "read"


View = Callable[[World], Any]
_FIRST = (takes_the_first, has_no_first)
_ALL = (parses_all, handles_all)
PAIRS: dict[str, tuple[Fault, View, View]] = {
    "key missing": (Fault.of("key missing"), reads_the_price, reads_it_carefully),
    "value null": (Fault.of("value null"), reads_the_price, reads_it_carefully),
    "other type": (Fault.of("value of another type"), packs_the_price, reads_it_carefully),
    "huge number": (Fault.of("huge number"), packs_the_price, reads_it_carefully),
    "extra nesting": (Fault.of("extra nesting"), reads_the_price, reads_it_carefully),
    "in a list": (Fault.of("extra nesting", inside="list"), *_FIRST),
    "empty list": (Fault.of("empty list"), *_FIRST),
    "first item without id": (Fault.of("key missing", at="/items/*/id"), *_FIRST),
    "unknown value": (Fault.of("unknown value"), names_the_state, knows_other_states),
    "duplicate": (Fault.of("duplicate item"), charges_each, charges_each_once),
    "out of order": (Fault.of("items out of order"), takes_the_last, has_no_first),
    "HTML": (Fault.of("HTML page"), *_ALL),
    "empty": (Fault.of("empty body"), *_ALL),
    "not JSON": (Fault.of("not JSON"), *_ALL),
    "204": (Fault.of("other success", status=204), *_ALL),
    "202": (Fault.of("other success", status=202), believes_any_success, believes_one_success),
    "no type": (Fault.of("content type", to=""), asks_the_type, asks_for_a_type),
    "not gzip": (Fault.of("not decodable"), expects_a_refusal, handles_all),
    "charset": (Fault.of("not decodable", encoding="charset"), decodes, handles_all),
    "half a file": (Fault.of("body cut short"), stores_as_it_comes, stores_all_or_nothing),
    "last byte": (
        Fault.of("body cut short", at="last byte"),
        stores_as_it_comes,
        stores_all_or_nothing,
    ),
}
TAKING_TIME: dict[str, tuple[Fault, View, View]] = {
    "stalled": (Fault.of("body stalled"), expects_timeouts_only, handles_all_of_a_stream),
    "drips": (Fault.of("body drips", drips=9, pause=0.02), waits_for_all, waits_for_a_while),
}


def explored(view: View, fault: Fault) -> Result:
    front, stock, world = Flask("front"), Flask("stock"), World()
    front.add_url_rule("/", "view", lambda: view(world))
    document = {"items": ITEMS, "state": "paid", "total": 7}
    stock.add_url_rule("/order", "order", lambda: jsonify(document))
    stock.add_url_rule("/pay", "pay", lambda: jsonify(paid=True), methods=["POST"])

    def test() -> None:
        world.charged.clear()
        world.stored, world.took = None, 0.0
        response = requests.get("http://front/", timeout=3)
        assert response.status_code in (200, 404, 503)
        assert len(world.charged) == len(set(world.charged)), "charged twice"
        assert world.is_whole(), "half a file"
        assert world.took < 0.15, "too long"

    model = FaultModel((), default_statuses=(), faults=[fault])
    services = {"http://front": front, "http://stock": stock}
    return explore(test, services, model, check_determinism=False)


@pytest.mark.parametrize("name", sample(PAIRS))
def test_only_the_bug_is_found(name: str) -> None:
    fault, buggy, clean = PAIRS[name]
    found = explored(buggy, fault)
    assert found.bugs, found
    assert all(len(bug.faults) == 1 for bug in found.bugs)
    nothing = explored(clean, fault)
    assert not nothing.bugs, nothing
    assert len(nothing.executions) > 1
    assert nothing.ok


@pytest.mark.slow
@pytest.mark.parametrize("name", TAKING_TIME)
def test_only_the_slow_bug_is_found(name: str) -> None:
    fault, buggy, clean = TAKING_TIME[name]
    assert explored(buggy, fault).bugs
    assert explored(clean, fault).ok
