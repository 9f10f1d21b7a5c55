"""Sessions of pytest that explore an example of :mod:`tests.support.forms.plugins`, in two ways.

One file of its tests is marked, the other is not, and ``--filibuster-all`` explores it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

from tests.support.embedded import program
from tests.support.forms import SEEN
from tests.support.forms.plugins import Example

OURS = "flask_filibuster.pytest_plugin.plugin"
WAYS = {"test_marked.py": "marked", "test_all.py": "`--filibuster-all`"}

NAMED = "named as not explored"

_HEAD = """\
import pytest
from beside import *

MARKED = [{}]
pytestmark = MARKED
"""
_OURS = (
    "another plugin runs it",
    "another plugin ran the body of this test twice",
    "a stateful test of Hypothesis can't be explored",
)
"""What the error of a test says that is not explored."""


def files_of(example: Example) -> dict[str, str]:
    """The files of the suite."""
    source = dedent(example.source)
    return {
        "beside.py": program("beside.py"),
        "conftest.py": program("telling.py") + dedent(example.conftest),
        "test_marked.py": _HEAD.format("pytest.mark.filibuster") + source,
        "test_all.py": _HEAD.format("") + source,
    }


def arguments_of(example: Example) -> list[str]:
    """The arguments of pytest; no plugins load by themselves."""
    loaded = [f"-p{each}" for each in (OURS, *example.plugins.split())]
    told = ["--filibuster-all", "--filibuster-faults=quick", "-pno:cacheprovider"]
    return [*loaded, *told, *shlex.split(example.options)]


def explored(example: Example) -> str:
    """Explore it in a process of its own; see :func:`verdict`."""
    with TemporaryDirectory() as place:
        for name, source in files_of(example).items():
            Path(place, name).write_text(source, encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "pytest", *arguments_of(example)],
            cwd=place,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return verdict(Path(place))


def verdict(place: Path) -> str:
    """What came of the calls of all tests, in words.

    :param place: the directory of the suite.
    :raises AssertionError: a test passed silently, or a careful service has bugs.
    """
    told = json.loads(place.joinpath("told.json").read_text(encoding="utf-8"))
    found = dict.fromkeys(WAYS.values(), "")
    for file, way in WAYS.items():
        verdicts = {_verdict(test, told) for test in _tests_in(file, told)}
        assert len(verdicts) == 1, told
        (found[way],) = verdicts
    if len(set(found.values())) == 1:
        return found["marked"]
    return ", ".join(f"{way}: {said}" for way, said in found.items())


def _tests_in(file: str, told: list[Any]) -> Iterator[str]:
    yield from dict.fromkeys(test for test, _, _ in told if test.startswith(file))


def _verdict(test: str, told: list[Any]) -> str:
    known = {kind: data for name, kind, data in told if name == test}
    data = known.get("filibuster_all", {})
    if "filibuster" in known:
        bugs = known["filibuster"]["verdict"]
        found = bugs != "nothing found"
        assert not found or bugs.endswith((" bug", " bugs")), (test, told)
        assert known.get("failed", "") != "" if found else "failed" not in known, (test, told)
    elif data.get("state") == "explored":
        found = bool(data.get("bugs"))
        assert "failed" not in known, (test, told)
    else:
        text = known.get("failed", "")
        assert data.get("state") == "not explored" or any(each in text for each in _OURS), told
        return NAMED
    assert found is ("careful" not in test.lower()), (test, told)
    return SEEN
