"""Bugs that need more than one fault."""

from __future__ import annotations

import requests
from flask import abort, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault
from tests.support.seeded.seed import System, ask, seed, system, visit

PRICE = {"price": 3}


@seed("ConnectionError")
def fallback_has_no_fallback(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        try:
            found = requests.get("http://stock/7", timeout=2)  # BUG
            found.raise_for_status()
            return jsonify(found.json())
        except requests.RequestException:
            pass
        try:
            found = requests.get("http://mirror/7", timeout=2)  # BUG
            return jsonify(found.json()) if found.status_code == 200 else ("", 503)
        except requests.RequestException:
            if careful:
                abort(503)
            raise

    return system(page, stock=PRICE, mirror=PRICE)


@seed("ConnectionError")
def mean_of_no_prices(careful: bool) -> System:
    """Division by zero if all three shops are down."""

    def page() -> ResponseReturnValue:
        prices: list[int] = []
        for name in ("stock", "mirror", "outlet"):
            try:
                answer = requests.get(f"http://{name}/7", timeout=2)  # BUG
                if answer.status_code == 200:
                    prices.append(int(answer.json()["price"]))
            except (requests.RequestException, LookupError, TypeError, ValueError):
                pass
        if careful and not prices:
            abort(503)
        return jsonify(mean=sum(prices) / len(prices))

    return system(page, stock=PRICE, mirror=PRICE, outlet=PRICE)


@seed("ConnectionError", Fault(status=500))
def report_of_two_failures_mixes_them_up(careful: bool) -> System:
    """The handler knows one kind of failure for each service, and not both at once."""

    def page() -> ResponseReturnValue:
        failed: dict[str, int | None] = {}
        for name in ("reviews", "ads"):
            try:
                failed[name] = requests.get(f"http://{name}/", timeout=2).status_code  # BUG
            except requests.RequestException:
                failed[name] = None
        codes = [each for each in failed.values() if each != 200]
        if len(codes) == 2 and not careful:
            return jsonify(worst=max(code for code in codes if code is not None))
        return jsonify(failed=len(codes))

    return system(page, reviews=PRICE, ads=PRICE)


@seed("ConnectionError")
def compensation_fails(careful: bool) -> System:
    """Paid, not shipped, and not refunded: with nothing left that remembers it."""
    paid: list[int] = []

    def payments(path: str) -> ResponseReturnValue:
        if path == "pay":
            paid.append(1)
        elif path == "refund":
            paid.clear()
        return jsonify(paid=len(paid))

    def page() -> ResponseReturnValue:
        if ask("http://payments/pay", "POST") is None:
            return "we do not know yet", 202
        try:
            if requests.post("http://shipping/send", timeout=2).status_code == 200:  # BUG
                return "sent"
        except requests.RequestException:
            pass
        try:
            url = "http://payments/refund"
            answer = requests.post(url, timeout=2, allow_redirects=not careful)  # BUG
            if answer.status_code == 200:
                return "refunded", 202
        except requests.RequestException:
            pass
        return ("we do not know yet" if careful else "not ordered"), 202

    def test() -> None:
        paid.clear()
        answer = visit(method="POST", fine=(202, 503))
        if answer.text in ("not ordered", "refunded"):
            assert not paid, "the money is gone"

    return system(page, test=test, method="POST", payments=payments, shipping={"sent": True})


@seed("ConnectionError")
def two_tiers_down_are_one_too_many(careful: bool) -> System:
    """The service below answers for its own failure; the shop does not know that answer."""
    from flask import Flask

    basket = Flask("basket")

    @basket.get("/")
    def show() -> ResponseReturnValue:
        prices = ask("http://prices/7")
        try:
            requests.get("http://rates/eur", timeout=2).raise_for_status()  # BUG
            rates = True
        except requests.RequestException:
            rates = False
        if prices is None and not rates:
            return jsonify(None)
        return jsonify(prices=prices, rates=rates)

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://basket/", timeout=5)
            if answer.status_code != 200:
                abort(503)
            found = answer.json()
        except requests.RequestException:
            abort(503)
        if not isinstance(found, dict) and (careful or found is not None):
            abort(503)
        return jsonify(found.get("rates"))  # type: ignore[union-attr]

    made = system(page, prices=PRICE, rates=PRICE)
    return System({**made.services, "http://basket": basket}, made.test)
