"""Bugs of several tests that differ in names of services only are one bug; others stay several."""

from __future__ import annotations

import re

import pytest

from tests.support import suites
from tests.support.cases import sample
from tests.support.suites import Ran, Suite

suite = suites.suite

SHOP = """
    import requests
    from flask import Flask, current_app

    def get(host, path="users"):
        return requests.get(f"http://{host}/{path}", timeout=2).text

    def create_app(name="shop", host="users.test"):
        app = Flask(name)
        app.config["HOST"] = host

        @app.get("/user")
        def user():
            return get(current_app.config["HOST"])

        @app.get("/price")
        def price():
            return get(current_app.config["HOST"])

        @app.get("/orders")
        def orders():
            return get(current_app.config["HOST"], "orders")

        @app.get("/own")
        def own():
            host = current_app.config["HOST"]
            return requests.get(f"http://{host}/users", timeout=2).text

        @app.get("/both")
        def both():
            return "".join([get(host) for host in ("a.test", "b.test")])

        return app
"""
TEST = """
    import pytest, responses
    from shop import create_app

    @responses.activate
    @pytest.mark.parametrize(("page", "made"), CASES)
    def test_page(page, made):
        for host in ("users.test", "a.test", "b.test"):
            for path in ("users", "orders"):
                responses.get(f"http://{host}/{path}", body="fine")
        answer = create_app(**made).test_client().get(page)
        assert "fine" in answer.text
"""
A, B = {"host": "a.test"}, {"host": "b.test"}
ONE = {
    "names of the app": [("/user", {"name": "x"}), ("/user", {"name": "y"})],
    "hosts": [("/user", A), ("/user", B)],
}
SEVERAL = {
    "functions": [("/user", A), ("/price", B)],
    "paths": [("/user", A), ("/orders", B)],
    "lines": [("/user", A), ("/own", A)],
    "calls of one test": [("/both", {}), ("/user", A)],
}


def listed(suite: Suite, cases: list[tuple[str, dict[str, str]]]) -> Ran:
    suite.write(conftest="", shop=SHOP, test_it=TEST.replace("CASES", repr(cases)))
    return suite.again("--filibuster-all")


def errors(ran: Ran) -> list[str]:
    return re.findall(r"^  Unhandled (\w+) in", ran.output, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("case", ONE)
def test_only_names_differ(suite: Suite, case: str) -> None:
    ran = listed(suite, ONE[case])
    assert sorted(errors(ran)) == ["ConnectionError", "ReadTimeout"], ran.output
    assert ran.output.count("shown by 2 tests: ") == 2
    other = "y" if case == "names of the app" else "b.test"
    assert ran.output.count(f"\n  also with {other}, in other tests\n") == 2


@pytest.mark.slow
@pytest.mark.parametrize("case", sample(SEVERAL))
def test_causes_differ(suite: Suite, case: str) -> None:
    ran = listed(suite, SEVERAL[case])
    assert sorted(errors(ran)) == ["ConnectionError"] * 2 + ["ReadTimeout"] * 2, ran.output
    assert "in other tests" not in ran.output
