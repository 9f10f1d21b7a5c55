"""What a terminal shows while a marked test is explored in pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.support import suites
from tests.support.cases import in_earnest, only_in_earnest
from tests.support.suites import OURS_ONLY, Suite

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on this system")

suite = suites.suite

SLOW = """
    import time

    import pytest
    import requests

    def wait():
        time.sleep(0.06)

    @pytest.mark.filibuster(reduction="none")
    def test_page():
        wait()
        for page in "careful", "constant":
            assert requests.get(f"http://front:5000/{page}").status_code == 200

    @pytest.mark.filibuster
    def test_quick():
        assert requests.get("http://front:5000/careful").status_code == 200
"""
WRITTEN = re.compile(r"\x1b7 ([^\x1b]*)\x1b\[K\x1b8")


def on_a_terminal(
    suite: Suite, *arguments: str, columns: int = 140, environ: Mapping[str, str] | None = None
) -> str:
    """What pytest writes to a terminal that is so wide."""
    ours, theirs = pty.openpty()
    told = {"TERM": "xterm", "COLUMNS": str(columns), "NO_COLOR": "1", **(environ or {})}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=suite.path,
        env={**os.environ, **OURS_ONLY, **told},
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        written = b""
        while piece := _read(ours):
            written += piece
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 10_000)
    except OSError:  # So Linux says that nobody has the other end open.
        return b""


def timeless(output: str) -> str:
    """An output without times, and without what pytest adds where collecting takes long."""
    output = re.sub(r"\rcollecting \d+ items?[^\r\n]*", "", output)
    return re.sub(r"\d+\.\d+s|=+", "…", output)


@pytest.mark.slow
@pytest.mark.parametrize("verbosity", ["", pytest.param("-v", marks=only_in_earnest)])
def test_progress_stands_behind_the_test(suite: Suite, verbosity: str) -> None:
    suite.write(test_it=SLOW)
    arguments = [verbosity] if verbosity else []
    output = on_a_terminal(suite, *arguments)
    lines = WRITTEN.findall(output)
    assert len(lines) > 1
    state = r"\d+ executions?, \d+ pruned, \d+ to go, \d+/s, about \d+ s left, "
    for line in lines:
        assert re.match(state, line)
        # The fault-free execution is named where the machine is slow.
        assert re.search("0 found, now: (back|no faults)", line) or line == lines[-1]
    assert any("now: back" in line for line in lines)
    counts = [int(line.split()[0]) for line in lines]
    assert counts == sorted(counts)
    # The terminal is as it would have been without.
    left = WRITTEN.sub("", output)
    assert left.count("\x1b[K") == 1
    plain = on_a_terminal(suite, *arguments, environ={"TERM": "dumb"})
    assert "\x1b" not in plain
    assert timeless(left.replace("\x1b[K", "")) == timeless(plain)
    assert "2 passed" in plain


@in_earnest
@pytest.mark.slow
def test_progress_fits_the_terminal(suite: Suite) -> None:
    suite.write(test_it=SLOW)
    lines = WRITTEN.findall(on_a_terminal(suite, columns=50))
    assert lines
    assert all(len("test_it.py  ") + len(line) < 50 for line in lines)
    assert not WRITTEN.findall(on_a_terminal(suite, columns=25))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        pytest.param(["-q"], {}, id="quiet"),
        pytest.param(["-s"], {}, id="what tests print is shown", marks=only_in_earnest),
        pytest.param([], {"TERM": ""}, id="an unknown terminal", marks=only_in_earnest),
        pytest.param(["-p", "xdist", "-n", "1"], {}, id="in a worker", marks=only_in_earnest),
    ],
)
def test_progress_is_not_everywhere(
    suite: Suite, arguments: list[str], environ: dict[str, str]
) -> None:
    suite.write(test_it=SLOW)
    output = on_a_terminal(suite, *arguments, environ=environ)
    assert not WRITTEN.findall(output)
    assert "2 passed" in output


@in_earnest
@pytest.mark.slow
def test_interrupt_removes_the_progress(suite: Suite) -> None:
    body = (
        "import pathlib\n"
        "        count = pathlib.Path('count')\n"
        "        count.write_text((count.read_text() if count.exists() else '') + 'x')\n"
        "        if len(count.read_text()) == 13:\n"
        "            raise KeyboardInterrupt\n"
        "        time.sleep(0.06)"
    )
    suite.write(test_it=SLOW.replace("time.sleep(0.06)", body))
    output = on_a_terminal(suite)
    last = list(WRITTEN.finditer(output))[-1]
    assert output[last.end() :].startswith("\x1b[K")
    assert "not run (interrupted): nothing found" in output
