"""Other instrumentation beside ours, before it and after it, off and on again."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support.neighbours import ORDERS, REQUIRED, WAYS
from tests.support.processes import needs_installed

pytestmark = pytest.mark.slow

# These replace what they find for good, or change the function that they find in place.
NEVER_OFF = {"sentry", "sentry-flask"}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_calls_fail_beside_neighbours(name: str, order: str) -> None:
    if (name, order) == ("wrapt", "off-during"):
        pytest.skip("the wrapper is code of the application: a part of the places of calls")
    needs_installed(REQUIRED[name])
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.neighbours", name, order],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "DD_TRACE_ENABLED": "false", "ELASTIC_APM_ENABLED": "false"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [each["way"] for each in found["ways"]] == list(WAYS)
    for each in found["ways"]:
        assert (each["ok"], each["executions"], each["died"]) == (True, 4, []), each
        assert (each["faults"], each["inconclusive"], each["notes"]) == (3, [], []), each
    if order != "during" and name not in NEVER_OFF:
        assert found["left"] == []
