"""Other instrumentation beside ours, before it and after it, off and on again."""

from __future__ import annotations

import pytest

from tests.support import seen
from tests.support.neighbours import IMPOSSIBLE, NEIGHBOURS, ORDERS, REQUIRED, explored, verdict
from tests.support.processes import needs_installed

pytestmark = pytest.mark.slow

# These replace what they find for good, or change the function that they find in place.
NEVER_OFF = {"sentry", "sentry-flask"}

ROWS = seen.rows_in(seen.PAGE.read_text(encoding="utf-8"))["neighbour"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_calls_fail_beside_neighbours(name: str, order: str) -> None:
    if (name, order) in IMPOSSIBLE:
        pytest.skip(IMPOSSIBLE[name, order])
    needs_installed(REQUIRED[name])
    found = explored(name, order)
    assert verdict(found) == ROWS[NEIGHBOURS[name].words], seen.AGAIN
    if order != "during" and name not in NEVER_OFF:
        assert found["left"] == []
