"""Unexplored calls of all tests: each in one line, with what to do about them in another."""

from __future__ import annotations

import re

import pytest

from flask_filibuster.errors import ConfigError
from flask_filibuster.options.kinds import UNEXPLORED
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_policy_may_demand_them(shop: Suite) -> None:
    ran = shop.again("--filibuster-all", "-ofilibuster_unexplored=fail")
    assert ran.code == 2, ran.output
    assert "not explored (unexplored calls: 3, unexplored calls only: 3)" in ran.output
    assert ran.output.count("datagram to") == 1


class TestWords:
    @pytest.mark.parametrize(
        ("word", "meant"),
        [
            *(("fial", "fail"), ("Fails", "fail"), ("failed", "fail"), ("fal", "fail")),
            *(("wran", "warn"), ("warning", "warn"), ("warnings", "warn")),
            ("statsd:8125, failure", "fail"),
        ],
    )
    def test_misspelt_policy_is_refused(self, word: str, meant: str) -> None:
        with pytest.raises(ConfigError, match=f"did you mean '{meant}'"):
            UNEXPLORED.from_text("unexplored", word)

    @pytest.mark.parametrize(
        "word", ["fail", "warn", "mail", "tail", "true", "statsd", "fail.test", "warn:80", "warden"]
    )
    def test_hosts_and_commands_stay(self, word: str) -> None:
        assert UNEXPLORED.from_text("unexplored", word) == (word,)


STAND_INS = """
    import smtplib
    from unittest.mock import patch
    import requests
    from flask import Flask

    app = Flask(__name__)
    session = requests.Session()

    def ask():
        smtplib.SMTP("mail.test").sendmail("a", "b", "c")
        return requests.get("http://users.test/", timeout=2).text

    @app.get("/careless")
    def careless():
        return ask()

    @app.get("/careful")
    def careful():
        try:
            return ask()
        except requests.RequestException:
            return "none"
"""
TEST_OF_STAND_INS = """
    import responses
    from unittest.mock import patch
    from shop import app

    @responses.activate
    def test_page():
        responses.get("http://users.test/", body="Ada")
        with patch("shop.session", object()), patch("smtplib.SMTP"):
            assert app.test_client().get("/PAGE").text == "Ada"
"""
UNKNOWN = "shop.session is replaced, and its calls cannot fail: builtins.object makes its calls by"


class TestStandIns:
    def ran(self, suite: Suite, page: str, *words: str) -> str:
        suite.write(conftest="", shop=STAND_INS)
        listed = "--filibuster-unexplored=" + ",".join(words)
        return suite.run(TEST_OF_STAND_INS.replace("PAGE", page), "--filibuster-all", listed).output

    @pytest.mark.slow
    @pytest.mark.parametrize("policy", ["fail", "warn"])
    def test_bugs_hide_none(self, suite: Suite, policy: str) -> None:
        output = self.ran(suite, "careless", policy)
        assert "2 bugs, so the exit code is 1: 1 test explored" in output
        assert f"Weak: {UNKNOWN}" in output
        assert "  call of smtplib.SMTP.sendmail, which the test replaces, at " in output

    @pytest.mark.slow
    def test_reason_is_unexplored_calls(self, suite: Suite) -> None:
        output = self.ran(suite, "careful", "fail")
        assert "Not explored, unexplored calls: 1 test: " in output
        assert f"  {UNKNOWN}" in output

    @pytest.mark.slow
    def test_class_includes_its_methods(self, suite: Suite) -> None:
        output = self.ran(suite, "careful", "fail", "smtplib.SMTP", "shop")
        assert "nothing found: 1 test explored" in output
        assert not re.search("smtplib|shop.session", output)
