"""Subtests: of pytest's fixture, of pytest-subtests, and of unittest."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.plugins import Beside

beside = plugins.beside

FIXTURE = """
    @pytest.mark.parametrize("source", [careless, careful])
    def test_it(source, subtests):
        for number in range(2):
            with subtests.test("here", number=number):
                assert status(source) == 200
        with subtests.test("skipped"):
            pytest.skip("here")
"""
UNITTEST = """
    import unittest

    class TestCareless(unittest.TestCase):
        source = staticmethod(careless)

        def test_it(self):
            for number in range(2):
                with self.subTest("here", number=number):
                    self.assertEqual(status(self.source), 200)

    class TestCareful(TestCareless):
        source = staticmethod(careful)
"""


class TestSubtests:
    def test_those_of_unittest_fail_executions(self, beside: Beside) -> None:
        ran = beside.run(UNITTEST)
        _found_once(ran.output, ran.summary)
        assert ran.outcomes == {"failed": 1, "passed": 1}

    def test_those_of_a_fixture_do(self, beside: Beside) -> None:
        own = hasattr(pytest, "Subtests")  # pytest has had it since 9.0.
        ran = beside.run(FIXTURE, plugins="" if own else "pytest_subtests")
        _found_once(ran.output, ran.summary)
        assert ran.outcomes == {"failed": 1, "passed": 1}


def _found_once(output: str, summary: list[str]) -> None:
    """Each bug is shown once, however many subtests of however many executions fail."""
    careful, careless = sorted(summary, key=lambda line: "bugs" in line)
    assert careful.endswith("nothing found"), output
    assert careless.endswith("3 bugs"), output
    assert output.count("filibuster: failure 1 of") == 1
    assert "SUBFAIL" not in output
    assert "skipped" not in "".join(summary)
