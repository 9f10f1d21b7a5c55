"""What deciding costs, in calls of functions: unlike time, no other work changes it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from benchmarks.search import searched
from benchmarks.simulated import NINE, SimulatedApplication, gateway, layers
from flask_filibuster.core.fault import Fault
from flask_filibuster.search.behaviour import __file__ as place
from flask_filibuster.search.explorer import Explorer
from tests.support.driving import run_all

ROOM = place.rpartition("search")[0]


@pytest.mark.parametrize(
    ("application", "most"),
    [pytest.param(gateway(2), 272, id="gateway"), pytest.param(layers(2), 165, id="layers")],
)
def test_decisions_cost_few_calls(application: SimulatedApplication, most: int) -> None:
    count = calls_during(lambda: searched(application))
    assert count / application.generated <= most


def test_faults_tried_alone_cost_few_calls() -> None:
    application = layers(3)
    application.model.alone = frozenset([Fault(status=NINE[0])])
    explorer = Explorer(application.model, reduction="exact")
    count = calls_during(lambda: run_all(explorer, application.run))
    assert count / explorer.result().generated <= 175


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
