"""``--filibuster-all`` with the journal: resumed after an end in the middle, and after changes."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from tests.support import suites
from tests.support.cases import in_earnest
from tests.support.suites import Ran, Suite

suite = suites.suite

SHOP = """
    import requests
    from flask import Flask, abort

    app = Flask(__name__)

    def user():
        return requests.get("http://users.test/", timeout=2).json()

    @app.get("/careless")
    def careless():
        return user()

    @app.get("/careful")
    def careful():
        try:
            return user()
        except requests.RequestException:
            abort(503)
"""
TESTS = """
    import os, signal
    import pytest, responses
    from shop import app

    def note(line):
        with open("notes", "a") as file:
            print(line, file=file)
        with open("notes") as file:
            if len(file.readlines()) == int(os.environ.get("END", 0)):
                os.kill(os.getpid(), getattr(signal, os.environ.get("BY", "SIGINT")))

    @responses.activate
    @pytest.mark.parametrize("page", ["careful", "careless", "careful"], ids="abc")
    def test_page(page):
        note(page)
        responses.get("http://users.test/", json={"name": "Ada"})
        assert app.test_client().get(f"/{page}").status_code == 200

    @responses.activate
    def test_status():
        note("status")
        responses.get("http://users.test/", json={"name": "Ada"})
        assert app.test_client().get("/careful").status_code == int(os.environ.get("STATUS", 200))
"""
# One of pytest, one more to see whether the test is deterministic, and five under faults.
ALL = 7


@pytest.fixture
def shop(suite: Suite) -> Suite:
    suite.write(conftest="", shop=SHOP, test_it=TESTS)
    return suite


def run(shop: Suite, *arguments: str) -> Ran:
    return shop.again("--filibuster-all", *arguments)


def last_line(ran: Ran) -> str:
    found = re.search(r"^.*tests? explored \(.*$", ran.output, re.MULTILINE)
    assert found is not None, ran.output
    return found[0]


def bugs(ran: Ran) -> list[str]:
    """The bugs, without the commands that replay them."""
    return re.findall(r"^\d\. .*\n  Unhandled .*\n|  shown by .*\n", ran.output, re.MULTILINE)


class TestResumed:
    @pytest.mark.slow
    def test_nothing_runs_twice(self, shop: Suite) -> None:
        first = run(shop)
        again = run(shop, "--filibuster-resume")
        assert bugs(again) == bugs(first) != []
        assert last_line(first).endswith(
            "4 tests explored (24 executions), 0 without calls, 0 not explored"
        )
        assert "4 tests explored (24 executions, 24 from the journal)" in last_line(again)
        # Pytest runs each test; the first with a sign of a call is run again, watched.
        assert (first.count("status"), again.count("status")) == (ALL, 1)
        assert len(again.notes) <= 4 + 1

    @pytest.mark.slow
    def test_interruption_goes_on(self, shop: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("END", str(ALL + 4))
        ended = run(shop)
        assert ended.code == 2
        assert "to continue, use --filibuster-resume" in ended.output
        assert "1 test explored (7 executions), 0 without calls, 1 not explored" in last_line(ended)
        assert "Not explored, interrupted: 1 test: test_it.py::test_page[b]" in ended.output
        monkeypatch.delenv("END")
        again = run(shop, "--filibuster-resume")
        assert "3 bugs, so the exit code is 1: 4 tests explored (24 executions" in last_line(again)
        assert again.count("careless") < ALL
        shop.path.joinpath(".filibuster", "journal.sqlite3").unlink()
        assert bugs(run(shop)) == bugs(again)

    @pytest.mark.slow
    def test_limits_may_be_others(self, shop: Suite) -> None:
        run(shop, "--filibuster-max-executions=2")
        again = run(shop, "--filibuster-resume")
        assert "4 tests explored (24 executions, 8 from the journal)" in last_line(again)
        assert "Incomplete" not in again.output

    @pytest.mark.slow
    def test_last_failed_only(self, shop: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STATUS", "418")
        options = ("-x", "-pcacheprovider")
        assert "3 tests explored (18 executions)" in last_line(run(shop, *options))
        monkeypatch.delenv("STATUS")
        again = run(shop, "--lf", "--filibuster-resume", *options)
        assert "1 test explored (6 executions)" in last_line(again)
        whole = run(shop, "--filibuster-resume", *options)
        assert "4 tests explored (24 executions, 24 from the journal)" in last_line(whole)

    @pytest.mark.slow
    def test_stepwise_continues(self, shop: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STATUS", "418")
        assert "3 tests explored (18 executions)" in last_line(run(shop, "--sw"))
        monkeypatch.delenv("STATUS")
        again = run(shop, "--sw", "--filibuster-resume")
        assert "1 test explored (6 executions)" in last_line(again)

    @pytest.mark.parametrize("option", ["resume", "changed"])
    def test_journal_is_needed(self, shop: Suite, option: str) -> None:
        ran = run(shop, f"--filibuster-{option}", "--no-filibuster-journal")
        assert ran.code == 4
        assert f"--filibuster-{option} needs the journal" in ran.errors


class TestChanged:
    @pytest.mark.slow
    def test_same_sources_are_reused(self, shop: Suite) -> None:
        first = run(shop)
        again = run(shop, "--filibuster-changed")
        assert bugs(again) == bugs(first) != []
        assert "24 from the journal" in last_line(again)

    @pytest.mark.slow
    @pytest.mark.parametrize("option", ["resume", "changed"])
    def test_other_sources_are_not(self, shop: Suite, option: str) -> None:
        run(shop)
        shop.write(shop=SHOP.replace("RequestException", "ReadTimeout"))
        again = run(shop, f"--filibuster-{option}")
        assert "from the journal" not in last_line(again)
        assert again.count("status") == ALL
        assert "shown by 4 tests" in again.output


@in_earnest
@pytest.mark.slow
def test_crash_of_a_worker_is_named(shop: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("END", str(ALL + 4))
    monkeypatch.setenv("BY", "SIGKILL")
    told = ("--filibuster-all", "--filibuster-faults=quick")
    ended = shop.elsewhere(*told, "-n1")
    assert "Not explored, interrupted: 1 test: test_it.py::test_page[b]" in ended.output
    assert "3 tests explored (18 executions), 0 without calls, 1 not explored" in last_line(ended)
    monkeypatch.delenv("END")
    again = shop.elsewhere(*told, "-n2", "--filibuster-resume")
    assert "3 bugs, so the exit code is 1: 4 tests explored (24 executions, " in last_line(again)
    assert "from the journal" in last_line(again)


@pytest.mark.slow
def test_marked_failures_are_counted(shop: Suite) -> None:
    source = """
        import pytest

        @pytest.mark.filibuster
        def test_marked():
            assert False

        @pytest.mark.filibuster
        def test_skipped():
            pytest.skip()
    """
    shop.write(test_it=dedent(source))
    assert last_line(run(shop)).endswith(
        "0 tests explored (0 executions), 0 without calls, 2 not explored "
        "(failed without faults: 1, skipped: 1)"
    )
