"""Calls that views make in greenlets of gevent and eventlet."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import chain, combinations

import pytest

from tests.support.greenlets import COUNT, WAYS
from tests.support.processes import needs_installed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("library", "way"),
    [
        *((library, way) for library, ways in WAYS.items() for way in ways),
        ("gevent", "grequests"),
    ],
)
def test_each_greenlet_is_known(library: str, way: str) -> None:
    needs_installed("grequests" if way == "grequests" else library)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.greenlets", library, way],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    every = [str(n) for n in range(COUNT)]
    # The latest call fails first.
    sets = chain.from_iterable([*combinations(every, size)][::-1] for size in range(COUNT + 1))
    assert found == {
        "ok": True,
        "calls": every,
        "failed": [list(each) for each in sets],
        "inconclusive": [],
        "notes": [],
        "left": False,
    }
