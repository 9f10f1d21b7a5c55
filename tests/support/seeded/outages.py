"""Bugs that need a service to be down for good, or to come back."""

from __future__ import annotations

import requests
from flask import Flask, abort, jsonify
from flask.typing import ResponseReturnValue

from tests.support.seeded.seed import System, seed, system, visit

PRICE = {"price": 3}


@seed("ConnectionError")
def last_attempt_is_not_caught(careful: bool) -> System:
    def page() -> ResponseReturnValue:
        for attempt in range(3):
            try:
                answer = requests.get("http://stock/7", timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                if attempt == 2 and not careful:
                    raise
        abort(503)

    return system(page, stock=PRICE)


@seed("ConnectionError")
def error_of_no_attempt(careful: bool) -> System:
    """``error`` is unset if a status, and not an exception, ended the last attempt."""

    def page() -> ResponseReturnValue:
        answer = None
        for _ in range(4):
            try:
                answer = requests.get("http://stock/7", timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                pass
        if answer is None and careful:
            abort(503)
        abort(503 if answer.status_code != 404 else 404)  # type: ignore[union-attr]

    return system(page, stock=PRICE)


@seed("ConnectionError")
def all_parts_of_a_page_are_gone(careful: bool) -> System:
    """One service, three call sites; the page needs one of the parts."""

    def page() -> ResponseReturnValue:
        parts = []
        for part in (top, middle, bottom):
            try:
                answer = part()
                if answer.status_code == 200:
                    parts.append(answer.text)
            except requests.RequestException:
                pass
        if careful and not parts:
            abort(503)
        return jsonify(longest=max(parts, key=len))

    def top() -> requests.Response:
        return requests.get("http://parts/top", timeout=2)  # BUG

    def middle() -> requests.Response:
        return requests.get("http://parts/middle", timeout=2)  # BUG

    def bottom() -> requests.Response:
        return requests.get("http://parts/bottom", timeout=2)  # BUG

    return system(page, parts=PRICE)


@seed("ConnectionError")
def breaker_never_closes(careful: bool) -> System:
    """Two failures open it; the service is back, and nobody asks it."""
    failures = [0]

    def page() -> ResponseReturnValue:
        if failures[0] >= 2 and not careful:
            return jsonify(price=undefined)  # type: ignore[name-defined]  # noqa: F821
        try:
            answer = requests.get("http://stock/7", timeout=2)  # BUG
            if answer.status_code == 200:
                failures[0] = 0
                return jsonify(answer.json())
        except requests.RequestException:
            pass
        failures[0] += 1
        abort(503)

    def test() -> None:
        failures[0] = 0
        for _ in range(3):
            visit()

    return system(page, test=test, stock=PRICE)


@seed("ConnectionError")
def two_apps_share_what_is_down(careful: bool) -> System:
    """The shop and its basket both need the prices; the shop does not expect both to fail."""
    basket = Flask("basket")

    @basket.get("/")
    def show() -> ResponseReturnValue:
        try:
            answer = requests.get("http://prices/basket", timeout=2)  # BUG
            return jsonify(answer.json() if answer.status_code == 200 else None)
        except requests.RequestException:
            return jsonify(None)

    def page() -> ResponseReturnValue:
        own = total = None
        try:
            answer = requests.get("http://prices/page", timeout=2)  # BUG
            own = answer.json() if answer.status_code == 200 else None
        except requests.RequestException:
            pass
        try:
            answer = requests.get("http://basket/", timeout=5)
            if answer.status_code != 200:
                abort(503)
            total = answer.json()
        except requests.RequestException:
            abort(503)
        known = [each for each in (own, total) if each is not None]
        if careful and not known:
            abort(503)
        return jsonify(known[0])

    made = system(page, prices=PRICE)
    return System({**made.services, "http://basket": basket}, made.test)
