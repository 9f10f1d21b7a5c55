"""Plugins that run tests in ways of their own: never silently without faults."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.forms.plugins import FIRST, LOOPING, TWICE
from tests.support.plugins import Beside

beside = plugins.beside

SUITE = """
    def test_it():
        note("body")
        assert status(careless) == 200
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


def test_loops_of_others_are_named(beside: Beside) -> None:
    ran = beside.run("    pytestmark = []" + SUITE, "--filibuster-all", conftest=LOOPING)
    assert ran.outcomes == {"passed": 1}
    assert "Not explored, run by another plugin: 1 test: test_it.py::test_it" in ran.output


@pytest.mark.slow
def test_second_bodies_are_errors(beside: Beside) -> None:
    ran = beside.run(SUITE, conftest=TWICE)
    assert "another plugin ran the body of this test twice within one execution" in ran.output
    assert ran.code != 0
