"""Bugs that show before a call reaches its callee."""

from __future__ import annotations

import requests
from flask import abort, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import was_fault_injected_on
from tests.support.seeded.seed import System, ask, seed, system, visit

ITEM = {"price": 3}


@seed("ConnectionError")
def refused_connection_is_not_caught(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        caught = requests.RequestException if careful else (requests.Timeout, ValueError)
        try:
            return jsonify(requests.get("http://stock/7", timeout=2).json())  # BUG
        except caught:
            abort(503)

    return system(page, stock=ITEM)


@seed("ConnectionError")
def failures_without_a_response(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        try:
            answer = requests.get("http://stock/7", timeout=2)  # BUG
            answer.raise_for_status()
            return jsonify(answer.json())
        except requests.RequestException as error:
            if careful and (error.response is None or error.response.is_redirect):
                abort(503)
            abort(503 if error.response.status_code >= 400 else 404)  # type: ignore[union-attr]

    return system(page, stock=ITEM)


@seed("certificate not trusted", rare=True)
def untrusted_certificate_is_no_refusal(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        try:
            return jsonify(requests.get("https://stock/7", timeout=2).json())  # BUG
        except requests.exceptions.SSLError:
            if careful:
                abort(503)
            raise
        except requests.RequestException:
            abort(503)

    made = system(page, stock=ITEM)
    return System({**made.services, "https://stock": made.services["http://stock"]}, made.test)


@seed("ConnectTimeout", rare=True)
def connecting_takes_too_long(careful: bool) -> System:
    """A ``ConnectTimeout`` is a ``ConnectionError`` and a ``Timeout``: the order matters."""

    def page() -> ResponseReturnValue:
        try:
            return jsonify(requests.get("http://stock/7", timeout=2).json())  # BUG
        except requests.exceptions.ConnectTimeout as error:
            if careful:
                abort(503)
            return jsonify(error.response.text)  # type: ignore[union-attr]
        except requests.RequestException:
            abort(503)

    return system(page, stock=ITEM)


@seed("ConnectionError")
def unneeded_call_takes_the_page_down(careful: bool) -> System:
    """An audit log that nobody waits for."""

    def page() -> ResponseReturnValue:
        item = ask("http://stock/7")
        try:
            requests.post("http://audit/seen", json={}, timeout=2)  # BUG
        except requests.RequestException:
            if not careful:
                abort(503)
        return jsonify(item) if item else ("", 503)

    def test() -> None:
        visit(fine=(503,) if was_fault_injected_on("stock") else ())

    return system(page, test=test, stock=ITEM, audit={})


@seed("ConnectionError")
def cached_item_is_no_item(careful: bool) -> System:
    """A fallback that was never filled."""

    def page() -> ResponseReturnValue:
        cache: dict[str, object] = {}
        try:
            answer = requests.get("http://stock/7", timeout=2)  # BUG
            cache["7"] = answer.json()
        except requests.RequestException:
            if careful and "7" not in cache:
                abort(503)
        return jsonify(cache["7"])

    return system(page, stock=ITEM)
