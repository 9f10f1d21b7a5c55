"""The last line of all tests agrees with what the lines above it say, of marked tests, too."""

from __future__ import annotations

import re

import pytest

from tests.support import suites
from tests.support.cases import sample
from tests.support.suites import Ran, Suite

suite = suites.suite

SHOP = """
    import requests
    from flask import Flask

    app = Flask(__name__)

    @app.get("/careless")
    def careless():
        return requests.get("http://users.test/", timeout=2).text

    @app.get("/careful")
    def careful():
        try:
            return requests.get("http://users.test/", timeout=2).text
        except requests.RequestException:
            return "none"
"""
TEST = """
    import os, signal
    import pytest, responses
    from shop import app

    made = []

    @pytest.mark.filibuster
    @responses.activate
    def test_page():
        made.append("one")
        if len(made) == STOP:
            os.kill(os.getpid(), signal.SIGINT)
        responses.get("http://users.test/", body="Ada")
        assert app.test_client().get("/PAGE").status_code == 200
"""


@pytest.fixture
def shop(suite: Suite) -> Suite:
    suite.write(conftest="", shop=SHOP)
    return suite


def run(shop: Suite, page: str, *arguments: str, stop: int = 0, marked: bool = True) -> Ran:
    source = TEST.replace("PAGE", page).replace("STOP", str(stop))
    if not marked:
        source = source.replace("    @pytest.mark.filibuster\n", "")
    return shop.run(source, "--filibuster-all", *arguments)


def last_line(ran: Ran) -> str:
    found = re.search(r"^.*tests? explored \(.*$", ran.output, re.MULTILINE)
    assert found is not None, ran.output
    return found[0]


class TestMarked:
    @pytest.mark.slow
    def test_failures_are_counted(self, shop: Suite) -> None:
        ran = run(shop, "careless")
        assert ran.code == 1
        assert "test_it.py::test_page: 6 executions: 2 bugs" in ran.output
        assert last_line(ran) == (
            "2 failures of marked tests: 0 tests explored (6 executions), 1 by the mark, "
            "0 without calls, 0 not explored"
        )

    @pytest.mark.slow
    def test_failed_one_is_no_exploration(self, shop: Suite) -> None:
        ran = run(shop, "other")
        assert ran.code == 1
        assert last_line(ran).startswith("nothing proved, no test could be explored: 0 tests")
        assert "1 not explored (failed without faults: 1)" in last_line(ran)

    def test_no_call_is_no_exploration(self, shop: Suite) -> None:
        shop.write(shop=SHOP + '\n    app.add_url_rule("/plain", "plain", lambda: "plain")\n')
        ran = run(shop, "plain")
        assert ran.code == 1
        assert last_line(ran) == (
            "nothing proved, no test could be explored: 0 tests explored (1 execution), "
            "0 without calls, 1 not explored (no fault injected: 1)"
        )

    @pytest.mark.slow
    def test_good_one_finds_nothing(self, shop: Suite) -> None:
        ran = run(shop, "careful")
        assert ran.code == 0
        assert last_line(ran) == (
            "nothing found: 0 tests explored (6 executions), 1 by the mark, 0 without calls, "
            "0 not explored"
        )

    @pytest.mark.slow
    def test_limit_leaves_some(self, shop: Suite) -> None:
        ran = run(shop, "careful", "--filibuster-max-executions=3")
        assert ran.code == 0
        assert last_line(ran).startswith("nothing found so far: 0 tests explored (3 executions)")
        assert "Incomplete: at least 3 fault sets not run (max_executions) (1 test" in ran.output


@pytest.mark.parametrize("marked", sample([False, True]), ids=["unmarked", "marked"])
class TestInterrupted:
    @pytest.mark.slow
    def test_executions_are_counted(self, shop: Suite, *, marked: bool) -> None:
        ran = run(shop, "careful", stop=5, marked=marked)
        assert ran.code == 2
        (said,) = re.findall(r"test_page: (\d executions), at least .* not run \(inter", ran.output)
        assert last_line(ran) == (
            f"nothing proved, no test could be explored: 0 tests explored ({said}), "
            "0 without calls, 1 not explored (interrupted: 1)"
        )

    @pytest.mark.slow
    def test_bugs_so_far_are_listed(self, shop: Suite, *, marked: bool) -> None:
        ran = run(shop, "careless", stop=5, marked=marked)
        assert ran.code == 2
        found = r"[12] failures? of marked tests: " if marked else r"[12] bugs?: "
        assert re.match(found, last_line(ran)), last_line(ran)
        assert marked or "shown by 1 test: test_it.py::test_page" in ran.output
