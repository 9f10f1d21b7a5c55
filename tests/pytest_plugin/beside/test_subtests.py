"""Subtests: of pytest's fixture, of pytest-subtests, and of unittest."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.forms.plugins import PLUGINS
from tests.support.plugins import Beside

beside = plugins.beside


class TestSubtests:
    @pytest.mark.slow
    def test_those_of_unittest_fail_executions(self, beside: Beside) -> None:
        ran = beside.run(PLUGINS["unittest_subtests"].make().source)
        _found_once(ran.output, ran.summary)
        assert ran.outcomes == {"failed": 1, "passed": 1}

    @pytest.mark.slow
    def test_those_of_a_fixture_do(self, beside: Beside) -> None:
        example = PLUGINS["subtests"].make()
        ran = beside.run(example.source, plugins=example.plugins)
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
