"""Plugins that run tests in ways of their own: never silently without faults."""

from __future__ import annotations

from tests.support import plugins
from tests.support.plugins import Beside

beside = plugins.beside

SUITE = """
    def test_it():
        note("body")
        assert status(careless) == 200
"""
FIRST = """
    import pytest
    from _pytest.runner import runtestprotocol

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        runtestprotocol(item, nextitem=nextitem)
        return True
"""
LOOPING = """
    from _pytest.runner import runtestprotocol

    def pytest_runtestloop(session):
        for item in session.items:
            runtestprotocol(item, nextitem=None)
        return True
"""
TWICE = """
    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        if call.when == "call" and call.excinfo is not None:
            item.ihook.pytest_runtest_call(item=item)
        return (yield)
"""


def test_other_protocols_are_errors(beside: Beside) -> None:
    for conftest in (FIRST, LOOPING):
        ran = beside.run(SUITE, conftest=conftest)
        assert ran.outcomes == {"error": 1}
        assert "this test is marked with filibuster, but another plugin runs it" in ran.output
        assert ran.notes == []


def test_unmarked_tests_are_theirs(beside: Beside) -> None:
    ran = beside.run("    pytestmark = []" + SUITE, conftest=FIRST)
    assert ran.outcomes == {"passed": 1}


def test_second_bodies_are_errors(beside: Beside) -> None:
    ran = beside.run(SUITE, conftest=TWICE)
    assert "another plugin ran the body of this test twice within one execution" in ran.output
    assert ran.code != 0
