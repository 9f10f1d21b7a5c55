"""Bugs that show when JSON has another shape than expected."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import requests
from flask import abort, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault
from tests.support.seeded.seed import Seed, System, seed, system, visit

ITEM = {"name": "tea", "price": 3, "tags": ["hot", "green"], "state": "new"}
ITEMS = [{"id": 1, "price": 2}, {"id": 2, "price": 3}, {"id": 3, "price": 5}]
DEAR = 1000  # More than anything costs.


Read: TypeAlias = Callable[[Any], Any]


def reading(*faults: Fault | str, item: Any = None) -> Callable[[Read], Seed]:
    """A seed whose page reads one answer, as the decorated function does.

    :param faults: the faults that show the bug.
    :param item: what the callee answers.
    """

    def decorate(read: Read) -> Seed:
        def build(careful: bool) -> System:
            def page() -> ResponseReturnValue:
                try:
                    answer = requests.get("http://stock/7", timeout=2)  # BUG
                    if answer.status_code != 200:
                        abort(503)
                    found = answer.json()
                except requests.RequestException:
                    abort(503)
                if not careful:
                    return jsonify(read(found))
                try:
                    return jsonify(read(found))
                except (LookupError, TypeError, ValueError, AttributeError, struct.error):
                    abort(503)

            return system(page, stock=jsonable(item))

        build.__name__, build.__module__ = read.__name__, read.__module__
        return seed(*faults, rare=True)(build)

    return decorate


def jsonable(item: Any) -> Any:
    """An answer of a service; a function, as a view returns lists since Flask 2.2 only."""
    return lambda _: jsonify(ITEM if item is None else item)


@reading("key missing")
def key_is_taken_for_granted(item: Any) -> Any:
    return item["price"]


@reading("value null")
def null_is_calculated_with(item: Any) -> Any:
    return item.get("price", 0) * 2


@reading("value of another type")
def number_is_a_text(item: Any) -> Any:
    return sum([item.get("price", 0), 1])


@reading("empty list")
def first_of_an_empty_list(item: Any) -> Any:
    return item.get("tags", [""])[0]


@reading("extra nesting", item=ITEMS)
def list_is_wrapped(found: Any) -> Any:
    return [each["price"] for each in found]


@reading("unknown value")
def state_of_a_newer_version(item: Any) -> Any:
    return {"new": 1, "sold": 2}[item["state"]] if "state" in item else 0


@reading("huge number")
def number_does_not_fit(item: Any) -> Any:
    return len(struct.pack("<i", item.get("price", 0)))


@seed("duplicate item", rare=True)
def duplicate_is_charged_twice(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://cart/7", timeout=2)  # BUG
            found: Any = answer.json() if answer.status_code == 200 else None
            if careful:
                found = {each["id"]: each for each in found}.values()
                if any(each["price"] > DEAR for each in found):
                    abort(503)
            total = sum(each["price"] for each in found)
        except (requests.RequestException, TypeError, LookupError):
            abort(503)
        return jsonify(total=total)

    def test() -> None:
        answer = visit()
        if answer.status_code == 200:
            assert answer.json()["total"] <= 10, "an item is charged twice"

    return system(page, test=test, cart=lambda _: jsonify(ITEMS))


@seed("items out of order", rare=True)
def first_is_taken_for_the_cheapest(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://offers/7", timeout=2)  # BUG
            found = answer.json() if answer.status_code == 200 else []
            prices = [each["price"] for each in found]
            if careful and max(prices) > DEAR:
                abort(503)
            total = min(prices) if careful else prices[0]
        except (requests.RequestException, TypeError, LookupError, ValueError):
            abort(503)
        return jsonify(total=total)

    def test() -> None:
        answer = visit()
        if answer.status_code == 200:
            assert answer.json()["total"] == 2, "not the cheapest offer"

    return system(page, test=test, offers=lambda _: jsonify(ITEMS))
