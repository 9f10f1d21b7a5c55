"""Bugs that show with an answer that the callee does not usually give."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import requests
from flask import abort, jsonify, request
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault
from tests.support.seeded.seed import System, seed, system, visit

ITEM = {"price": 3}
URL = "http://stock/7"


@seed(500)
def error_page_is_read_as_an_item(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        try:
            answer = requests.get(URL, timeout=2)  # BUG
        except requests.RequestException:
            abort(503)
        if careful and answer.status_code != 200:
            abort(503)
        try:
            return jsonify(answer.json())
        except ValueError:
            if careful:
                abort(503)
            raise

    return system(page, stock=ITEM)


@seed(404)
def missing_item_has_no_price(careful: bool) -> System:
    """The callee answers 404 with an error in JSON."""

    def stock(path: str) -> ResponseReturnValue:
        return (jsonify(ITEM), 200) if path == "7" else (jsonify(error="no item"), 404)

    def page() -> ResponseReturnValue:
        answer = None
        try:
            answer = requests.get(URL, timeout=2)  # BUG
            item = answer.json() if answer.status_code in (200, 404) else {"price": 0}
        except requests.RequestException:
            if answer is not None and answer.status_code == 404 and not careful:
                raise
            item = {"price": 0}
        if not isinstance(item, dict) or "price" not in item:
            item = {"price": 0}
        return jsonify(price=item["price"])

    def test() -> None:
        visit()

    return system(page, test=test, stock=stock)


@seed(500)
def server_error_is_handed_to_the_user(careful: bool) -> System:
    """``raise_for_status`` outside of the ``try``."""

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get(URL, timeout=2)  # BUG
            if careful:
                answer.raise_for_status()
        except requests.RequestException:
            abort(503)
        answer.raise_for_status()
        try:
            return jsonify(answer.json())
        except ValueError:
            abort(503)

    return system(page, stock=ITEM)


@seed("gateway page")
def gateway_does_not_speak_json(careful: bool) -> System:
    """The shop knows what the service answers by itself: 200 and 500."""

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get(URL, timeout=2)  # BUG
        except requests.RequestException:
            abort(503)
        if answer.status_code == 500 or (careful and answer.status_code >= 400):
            abort(503)
        try:
            return jsonify(answer.json())
        except ValueError:
            if answer.status_code >= 400:
                raise
            abort(503)

    return system(page, stock=ITEM)


@seed("gateway page")
def gateway_page_is_shown_as_a_review(careful: bool) -> System:
    """Whatever text arrives is shown."""

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://reviews/7", timeout=2)  # BUG
        except requests.RequestException:
            return "no reviews"
        if answer.status_code != 200 and (careful or answer.status_code < 502):
            return "no reviews"
        if careful and not answer.headers["Content-Type"].startswith("application/json"):
            return "no reviews"
        return answer.text

    def test() -> None:
        assert "<html" not in visit().text.lower(), "a page of a gateway in the page"

    return system(page, test=test, reviews={"text": "good"})


@seed("retry later")
def limit_without_a_time_to_wait(careful: bool) -> System:
    """Only the wait of a 503 is known; that of a 429 is taken for an item."""

    def page() -> ResponseReturnValue:
        try:
            answer = requests.get(URL, timeout=2)  # BUG
        except requests.RequestException:
            abort(503)
        if answer.status_code in (500, 502, 503, 504) or (careful and not answer.ok):
            abort(503)
        try:
            return jsonify(answer.json())
        except ValueError:
            if answer.status_code == 429:
                raise
            abort(503)

    return system(page, stock=ITEM)


@seed(Fault.of("retry later", after=2, form="date"), rare=True)
def time_to_wait_is_a_date(careful: bool) -> System:
    """``Retry-After`` may be seconds or a date (RFC 9110, section 10.2.3)."""

    def seconds(value: str) -> float:
        if careful and not value.isdigit():
            try:
                until = parsedate_to_datetime(value)
            except ValueError:
                return 0
            return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())
        return int(value)

    def page() -> ResponseReturnValue:
        for _ in range(2):
            try:
                answer = requests.get(URL, timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                break
            if "Retry-After" not in answer.headers:
                break
            if (wait := seconds(answer.headers["Retry-After"])) > 5:
                break
            time.sleep(wait)
        abort(503)

    return system(page, stock=ITEM)


@seed(Fault.of("retry later", after=-60, form="date"), rare=True)
def time_to_wait_is_over_already(careful: bool) -> System:
    """A date in the past is a negative time."""

    def seconds(value: str) -> float:
        if value.isdigit():
            return int(value)
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return 0
        left = (until - datetime.now(timezone.utc)).total_seconds()
        return max(0.0, left) if careful else left

    def page() -> ResponseReturnValue:
        for _ in range(2):
            try:
                answer = requests.get(URL, timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                break
            wait = seconds(answer.headers.get("Retry-After", "0"))
            if wait > 5:
                break
            time.sleep(wait)
        abort(503)

    return system(page, stock=ITEM)


@seed("credential expired", rare=True)
def expired_token_is_thrown_away(careful: bool) -> System:
    """And no other one is asked for."""

    def page() -> ResponseReturnValue:
        tokens = ["first", "second"] if careful else ["first"]
        for _ in range(2):
            headers = {"Authorization": f"Bearer {tokens[0]}"}
            try:
                answer = requests.get(URL, headers=headers, timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                break
            if answer.status_code == 401:
                tokens.pop(0)
        abort(503)

    return system(page, stock=ITEM)


@seed("redirected", rare=True)
def login_page_is_read_as_an_item(careful: bool) -> System:
    """requests follows the redirect, and the login page answers 200."""

    def page() -> ResponseReturnValue:
        answer = None
        try:
            answer = requests.get(URL, timeout=2)  # BUG
            return jsonify(answer.json()) if answer.status_code == 200 else ("", 503)
        except requests.RequestException:
            if answer is not None and answer.history and not careful:
                raise
            abort(503)

    return system(page, stock=ITEM)


@seed(Fault.of("redirected", to="itself"), rare=True)
def redirect_to_itself_is_not_caught(careful: bool) -> System:
    """``TooManyRedirects`` is neither a ``ConnectionError`` nor a ``Timeout``."""

    def page() -> ResponseReturnValue:
        known = (requests.ConnectionError, requests.Timeout, ValueError)
        broken = (
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        )
        try:
            answer = requests.get(URL, timeout=2)  # BUG
            return jsonify(answer.json())
        except requests.RequestException if careful else (*known, *broken):
            abort(503)

    return system(page, stock=ITEM)


@seed(500)
def one_item_takes_all_down(careful: bool) -> System:
    """A list of items of which one cannot be had."""

    def page() -> ResponseReturnValue:
        prices = []
        for number in (1, 2, 3):
            item = None
            try:
                answer = requests.get(f"http://stock/{number}", timeout=2)  # BUG
                if answer.status_code == 200:
                    item = answer.json()
                elif not careful:
                    raise LookupError(number)
            except requests.RequestException:
                pass
            if isinstance(item, dict) and isinstance(item.get("price"), int):
                prices.append(item["price"])
        return jsonify(prices)

    return system(page, stock=ITEM)


@seed(500)
def unknown_status_of_an_order(careful: bool) -> System:
    """What is not refused is shown as paid."""

    def page() -> ResponseReturnValue:
        found = None
        try:
            found = requests.get("http://payments/order", timeout=2).json()  # BUG
        except requests.RequestException:
            pass
        if not isinstance(found, dict):
            found = {}
        return jsonify(paid=found.get("paid") is True if careful else found.get("paid", True))

    def test() -> None:
        assert visit().json() == {"paid": False}, "an unpaid order is shown as paid"

    return system(page, test=test, payments={"paid": False})


@seed(Fault.of("redirected", to="same URL"), rare=True)
def redirected_order_is_only_looked_at(careful: bool) -> System:
    """After a 302, requests goes on with ``GET``, and without the order."""
    orders: list[int] = []

    def stock(path: str) -> ResponseReturnValue:
        if request.method == "POST":
            orders.append(1)
        return jsonify(orders=len(orders))

    def page() -> ResponseReturnValue:
        try:
            answer = requests.post("http://stock/orders", timeout=2)  # BUG
        except requests.RequestException:
            abort(503)
        if answer.status_code != 200 or (careful and answer.history):
            abort(503)
        return "ordered"

    def test() -> None:
        orders.clear()
        if visit(method="POST").status_code == 200:
            assert orders, "ordered, and the callee knows nothing of it"

    return system(page, test=test, method="POST", stock=stock)
