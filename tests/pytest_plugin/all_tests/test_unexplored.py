"""Unexplored calls of all tests: each in one line, with what to do about them in another."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.suites import Suite

suite = suites.suite

SHOP = """
    import socket
    import requests
    from flask import Flask

    app = Flask(__name__)

    def count(name):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(name, ("127.0.0.1", 8125))

    @app.get("/metrics/<int:number>")
    def metrics(number):
        for _ in range(number):
            count(b"page:1|c")
        count(b"end:1|c")
        return "fine"

    @app.get("/user/<int:number>")
    def user(number):
        metrics(number)
        try:
            return requests.get("http://users.test/", timeout=2).text
        except requests.RequestException:
            return "none"
"""
TESTS = """
    import pytest, responses
    from shop import app

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_metrics(number):
        assert app.test_client().get(f"/metrics/{number}").text == "fine"

    @responses.activate
    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_user(number):
        responses.get("http://users.test/", body="Ada")
        assert app.test_client().get(f"/user/{number}").text == "Ada"
"""
ADVICE = (
    "  If some need no test (metrics, logs), name those in the app's FILIBUSTER_UNEXPLORED = "
    "['127.0.0.1:8125'], or in pytest's key filibuster_unexplored"
)


@pytest.fixture
def shop(suite: Suite) -> Suite:
    suite.write(conftest="", shop=SHOP, test_it=TESTS)
    return suite


def test_counts_make_no_lines(shop: Suite) -> None:
    ran = shop.again("--filibuster-all")
    assert ran.code == 0, ran.output
    assert ran.output.count("datagram to") == 1
    assert (
        "  datagram to 127.0.0.1:8125, up to 3 times in a test, at shop.py:9, in count (6 tests: "
    ) in ran.output
    assert ran.output.count(ADVICE) == 1
    assert "Weak" not in ran.output
    assert "3 tests explored (18 executions), 0 without calls, 3 not explored" in ran.output


@pytest.mark.parametrize("where", ["option", "app"])
def test_fine_ones_are_no_calls(shop: Suite, where: str) -> None:
    options = ["-ofilibuster_unexplored=127.0.0.1:8125"] if where == "option" else []
    if where == "app":
        fine = '    app.config["FILIBUSTER_UNEXPLORED"] = ["127.0.0.1:8125"]\n'
        shop.write(shop=SHOP + fine)
    ran = shop.again("--filibuster-all", *options)
    assert ran.code == 0, ran.output
    assert "nexplored" not in ran.output
    assert "3 without calls, 0 not explored" in ran.output


def test_policy_may_demand_them(shop: Suite) -> None:
    ran = shop.again("--filibuster-all", "-ofilibuster_unexplored=fail")
    assert ran.code == 2, ran.output
    assert "not explored (unexplored calls: 3, unexplored calls only: 3)" in ran.output
    assert ran.output.count("datagram to") == 1
