"""Bugs that show when the callee has done its work and its answer is lost."""

from __future__ import annotations

import io

import requests
from flask import abort, jsonify, request
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault
from tests.support.seeded.seed import System, ask, seed, system, visit

LOST = Fault("Timeout", abort=False)


@seed(LOST)
def order_is_sent_twice(careful: bool) -> System:
    """A retry of a call that is not idempotent."""
    orders: list[str] = []

    def stock(path: str) -> ResponseReturnValue:
        key = request.headers.get("Idempotency-Key")
        if key is None or key not in orders:
            orders.append(key or "order")
        return jsonify(orders=len(orders))

    def page() -> ResponseReturnValue:
        headers = {"Idempotency-Key": "7"} if careful else {}
        for _ in range(2):
            try:
                answer = requests.post("http://stock/order", headers=headers, timeout=2)  # BUG
                if answer.status_code == 200:
                    return "ordered"
            except requests.RequestException:
                pass
        abort(503)

    def test() -> None:
        orders.clear()
        visit(method="POST")
        assert len(orders) <= 1, f"{len(orders)} orders"

    return system(page, test=test, method="POST", stock=stock)


@seed(LOST)
def paid_order_is_shown_as_unpaid(careful: bool) -> System:
    """Whether the money was taken is not known, and must be asked for."""
    paid: list[int] = []

    def payments(path: str) -> ResponseReturnValue:
        if path == "pay":
            paid.append(1)
        return jsonify(paid=len(paid))

    def page() -> ResponseReturnValue:
        try:
            if requests.post("http://payments/pay", timeout=2).status_code == 200:  # BUG
                return "paid"
        except requests.RequestException:
            pass
        if careful:
            found = ask("http://payments/state")
            if not isinstance(found, dict) or found.get("paid") != 0:
                return "we do not know yet"
        return "not paid"

    def test() -> None:
        paid.clear()
        told = visit(method="POST").text
        assert not (paid and told == "not paid"), "money was taken for an unpaid order"

    return system(page, test=test, method="POST", payments=payments)


@seed(LOST)
def reservation_is_kept_for_ever(careful: bool) -> System:
    """What was reserved without an answer is never released."""
    reserved: list[str] = []

    def stock(path: str) -> ResponseReturnValue:
        if path == "reserve":
            reserved.append("7")
        elif path == "release":
            reserved.clear()
        return jsonify(reserved=len(reserved))

    def page() -> ResponseReturnValue:
        try:
            answer = requests.post("http://stock/reserve", timeout=2)  # BUG
            if answer.ok if careful else answer.status_code == 200:
                return "reserved"
        except requests.RequestException:
            if careful:
                for _ in range(8):
                    if ask("http://stock/release", "POST") is not None:
                        break
        abort(503)

    def test() -> None:
        reserved.clear()
        answer = visit(method="POST")
        if answer.status_code != 200:
            assert not reserved, "reserved, and the user does not know"

    return system(page, test=test, method="POST", stock=stock)


@seed(503)
def retry_sends_what_is_left_of_a_file(careful: bool) -> System:
    """The first attempt has read the file to its end."""
    stored: list[int] = []

    def store(path: str) -> ResponseReturnValue:
        stored.append(len(request.get_data()))
        return jsonify(size=stored[-1])

    def page() -> ResponseReturnValue:
        file = io.BytesIO(b"x" * 5000)
        for _ in range(2):
            if careful:
                file.seek(0)
            try:
                answer = requests.put(  # BUG
                    "http://store/file", data=file, timeout=2, allow_redirects=not careful
                )
                if answer.status_code == 200:
                    return jsonify(stored=True)
            except requests.RequestException:
                pass
        abort(503)

    def test() -> None:
        stored.clear()
        if visit(method="POST").status_code == 200:
            assert stored[-1] == 5000, f"{stored[-1]} of 5000 bytes are stored"

    return system(page, test=test, method="POST", store=store)


@seed(LOST)
def refund_is_not_repeatable(careful: bool) -> System:
    """A compensation that is tried until it is confirmed gives money away."""
    account = [0]

    def payments(path: str) -> ResponseReturnValue:
        if path == "pay":
            account[0] -= 10
        elif path == "refund/all":
            account[0] = 0
        elif path == "refund":
            account[0] += 10
        return jsonify(account=account[0])

    def page() -> ResponseReturnValue:
        if ask("http://payments/pay", "POST") is None:
            for _ in range(8):
                if ask("http://payments/refund/all", "PUT") is not None:
                    break
            abort(503)
        if ask("http://shipping/send", "POST") is not None:
            return "sent"
        path = "refund/all" if careful else "refund"
        for _ in range(2):
            try:
                answer = requests.put(f"http://payments/{path}", timeout=2)  # BUG
                if answer.status_code == 200:
                    break
            except requests.RequestException:
                pass
        abort(503)

    def test() -> None:
        account[0] = 0
        answer = visit(method="POST")
        if answer.status_code != 200:
            assert account[0] <= 0, "more money came back than was taken"

    return system(page, test=test, method="POST", payments=payments, shipping={"sent": True})
