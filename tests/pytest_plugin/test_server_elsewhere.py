"""Marked tests that a server elsewhere decides on: what does not apply to them is said."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.suites import CAREFUL, Suite

suite = suites.suite


@pytest.mark.parametrize("option", ["--filibuster-resume", "--filibuster-changed"])
def test_nothing_is_recorded_here(suite: Suite, option: str) -> None:
    ran = suite.run(CAREFUL, "--filibuster-server", "http://127.0.0.1:9", option)
    assert ran.code == 1
    assert "don't work with the server at http://127.0.0.1:9" in ran.output
    assert "as pytest records no execution then" in ran.output
