"""Bugs that show when something takes long."""

from __future__ import annotations

import time

import requests
from flask import abort, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault
from tests.support.seeded.seed import System, seed, system, visit

PRICE = {"price": 3}


@seed("Timeout", max_latency=10)
def attempts_add_up(careful: bool) -> System:
    """Three attempts of ten seconds each, and a user who waits for all of them."""

    def page() -> ResponseReturnValue:
        for _ in range(1 if careful else 3):
            try:
                answer = requests.get("http://stock/7", timeout=1.5 if careful else 10)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
                break
            except requests.RequestException:
                pass
        abort(503)

    return system(page, stock=PRICE)


@seed(Fault.of("retry later", after=86_400), rare=True, max_latency=60)
def callee_decides_how_long_users_wait(careful: bool) -> System:
    """``Retry-After`` may be absurdly large."""

    def page() -> ResponseReturnValue:
        for _ in range(2):
            try:
                answer = requests.get("http://stock/7", timeout=2)  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                break
            wait = answer.headers.get("Retry-After", "")
            if not wait.isdigit() or (careful and int(wait) > 20):
                break
            time.sleep(int(wait))
        abort(503)

    return system(page, stock=PRICE)


@seed(Fault("Timeout"), rare=True)
def deadline_is_looked_at_too_late(careful: bool) -> System:
    """After the deadline there is no time left, and a negative timeout is refused."""

    def page() -> ResponseReturnValue:
        deadline = time.monotonic() + 4
        for _ in range(3):
            left = deadline - time.monotonic()
            if careful and left <= 0.1:
                break
            try:
                answer = requests.get("http://stock/7", timeout=min(3, left))  # BUG
                if answer.status_code == 200:
                    return jsonify(answer.json())
            except requests.RequestException:
                time.sleep(0.5)
        abort(503)

    return system(page, stock=PRICE)


@seed("answer late", rare=True)
def slow_answer_is_thrown_away(careful: bool) -> System:
    """A slow success is taken for a failure, and the order is sent again."""
    orders: list[int] = []

    def stock(path: str) -> ResponseReturnValue:
        orders.append(1)
        return jsonify(orders=len(orders))

    def page() -> ResponseReturnValue:
        for _ in range(1 if careful else 2):
            began = time.monotonic()
            try:
                answer = requests.put("http://stock/order", timeout=4)  # BUG
            except requests.RequestException:
                abort(503)
            if answer.status_code != 200:
                abort(503)
            if time.monotonic() - began < 1 or careful:
                return "ordered"
        return "ordered"

    def test() -> None:
        orders.clear()
        visit(method="POST")
        assert len(orders) <= 1, "ordered twice"

    return system(page, test=test, method="POST", stock=stock)
