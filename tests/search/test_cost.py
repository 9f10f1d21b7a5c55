"""What deciding costs, in calls of functions: unlike time, no other work changes it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from benchmarks.search import searched
from benchmarks.simulated import SimulatedApplication, gateway, layers
from flask_filibuster.search import explorer

ROOM = explorer.__file__.partition("search")[0]


@pytest.mark.parametrize(
    ("application", "most"),
    [pytest.param(gateway(2), 272, id="gateway"), pytest.param(layers(2), 165, id="layers")],
)
def test_decisions_cost_few_calls(application: SimulatedApplication, most: int) -> None:
    count = calls_during(lambda: searched(application))
    assert count / application.generated <= most


def calls_during(function: Callable[[], object]) -> int:
    """The number of calls of this project's functions."""
    count = 0

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(ROOM)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count
