"""Applications with a bug that an outage finds, each with a twin that handles the outage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from requests import RequestException

Services: TypeAlias = dict[str, Flask]
Make = Callable[[bool], Services]

STOCK = "http://stock:5001"
SPARE = "http://spare:5002"


def _get(url: str) -> Any:
    answer = requests.get(url, timeout=5)
    answer.raise_for_status()
    return answer.json()


def _get_or_none(url: str) -> Any:
    try:
        return _get(url)
    except RequestException:
        return None


def _post(url: str) -> Any:
    answer = requests.post(url, json={}, timeout=5)
    answer.raise_for_status()
    return answer.json()


def _stock(name: str = "stock") -> Flask:
    stock = Flask(name)

    @stock.get("/items/<int:number>")
    def show(number: int) -> ResponseReturnValue:
        return jsonify(number=number, left=3)

    @stock.post("/reservations")
    def reserve() -> ResponseReturnValue:
        return jsonify(reserved=True), 201

    return stock


def unhandled_last_error(bug: bool) -> Services:
    """Three attempts; the error of the last one is handled by the twin only."""
    shop = Flask("shop")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        for _ in range(2 if bug else 3):
            found = _get_or_none(f"{STOCK}/items/1")
            if found is not None:
                return jsonify(found)
        return jsonify(_get(f"{STOCK}/items/1") if bug else {"left": "unknown"})

    return {"http://shop:5000": shop, STOCK: _stock()}


def fallback_down_too(bug: bool) -> Services:
    """A spare service stands in after three attempts, and may be down, too."""
    shop = Flask("shop")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        for _ in range(3):
            found = _get_or_none(f"{STOCK}/items/1")
            if found is not None:
                return jsonify(found)
        if bug:
            return jsonify(_get(f"{SPARE}/items/1"))
        return jsonify(_get_or_none(f"{SPARE}/items/1") or {"left": "unknown"})

    return {"http://shop:5000": shop, STOCK: _stock(), SPARE: _stock("spare")}


def breaker_stays_open(bug: bool) -> Services:
    """A breaker opens after three failures, and lets every fourth call through to try again."""
    shop = Flask("shop")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        failures, is_open = 0, False
        since: Any = 0
        left: list[Any] = []
        for number in range(1, 9):
            if is_open and (number - since) % 4:
                continue
            found = _get_or_none(f"{STOCK}/items/{number}")
            if found is None:
                failures += 1
                is_open, since = failures >= 3, number
                continue
            left.append(found["left"])
            # With the bug, a success leaves the breaker open, but forgets since when.
            failures, is_open = 0, is_open and bug
            since = None
        return jsonify(left)

    return {"http://shop:5000": shop, STOCK: _stock()}


def write_repeated(bug: bool) -> Services:
    """A reservation is made anew with each attempt to pay; there are two places."""
    shop, stock, payments = Flask("shop"), Flask("stock"), Flask("payments")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        reserved: list[str] = []
        for _ in range(3):
            try:
                if bug or not reserved:
                    reserved.append(_post(f"{STOCK}/reservations")["place"])
                _post("http://payments:5003/payments")
            except RequestException:
                continue
            first, second = [*reserved, "", ""][:2] if len(reserved) < 3 else reserved
            return jsonify(first=first, second=second)
        return jsonify(error="try again later"), 503

    @stock.post("/reservations")
    def reserve() -> ResponseReturnValue:
        return jsonify(place="A1"), 201

    @payments.post("/payments")
    def pay() -> ResponseReturnValue:
        return jsonify(paid=True), 201

    return {"http://shop:5000": shop, STOCK: stock, "http://payments:5003": payments}


def nothing_to_average(bug: bool) -> Services:
    """Several calls to one service; those that fail are left out of the average."""
    shop = Flask("shop")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        listed = [_get_or_none(f"{STOCK}/items/1")]
        listed += [_get_or_none(f"{STOCK}/items/{number}") for number in (2, 3)]
        found = [each["left"] for each in listed if each is not None]
        if not found and not bug:
            return jsonify(average=None)
        return jsonify(average=sum(found) / len(found))

    return {"http://shop:5000": shop, STOCK: _stock()}


def two_callers(bug: bool) -> Services:
    """Two services ask the same third one; the page needs the answer of either."""
    shop, prices = Flask("shop"), Flask("prices")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        known: dict[str, Any] = _get_or_none(f"{STOCK}/items/1") or {}
        price = _get_or_none("http://prices:5004/prices/1")
        if price is not None and price["left"] is not None:
            known["left"] = price["left"]
        if "left" not in known and not bug:
            return jsonify(left="unknown")
        return jsonify(left=known["left"])

    @prices.get("/prices/<int:number>")
    def show(number: int) -> ResponseReturnValue:
        stock = _get_or_none(f"{STOCK}/items/{number}")
        return jsonify(price=5, left=None if stock is None else stock["left"])

    return {"http://shop:5000": shop, "http://prices:5004": prices, STOCK: _stock()}


def endless_attempts(bug: bool) -> Services:
    """Attempts without a cap, and with one."""
    shop = Flask("shop")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        attempts = 0
        while bug or attempts < 4:
            attempts += 1
            found = _get_or_none(f"{STOCK}/items/1")
            if found is not None:
                return jsonify(found)
        return jsonify(left="unknown")

    return {"http://shop:5000": shop, STOCK: _stock()}
