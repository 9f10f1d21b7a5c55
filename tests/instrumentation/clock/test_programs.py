"""Random programs of threads that wait for one another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.cases import cases
from tests.support.processes import ROOT, environment


@pytest.mark.slow
def test_all_end_at_once() -> None:
    command = (sys.executable, "-m", "tests.support.programs_of_threads", str(cases(200)))
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
