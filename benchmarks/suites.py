"""What whole suites cost: under ``--filibuster-all``, and with marked tests.

Each run is a pytest in a process of its own. Measured is the time of the processor that these
processes took, in rounds, each suite beside its own baseline:

- 200 tests without calls, with and without ``--filibuster-all``;
- 21 marked tests of one app, and one marked test of it with as many executions: what the tests
  share must be worked out once. What an execution costs, ``benchmarks.execution`` measures.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from benchmarks.measure import Case, arguments, compare

MOST_WITHOUT_CALLS = 1.15
MOST = 1.3
WITHOUT_CALLS, MARKED, EXECUTIONS = 200, 21, 7
"""The number of tests of each suite; and how often a marked test is executed."""

PLUGINS = ("flask", "anyio", "requests_mock", "pytest-betamax", "pytest_httpserver", "pook")
PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "--no-header", "-pno:cacheprovider"),
    *("-pno:hypothesispytest", "-pno:xdist", *(f"-pno:{each}" for each in PLUGINS)),
)

SHOP = """
    import requests
    from flask import Flask, abort

    app = Flask(__name__)

    @app.get("/item/<int:number>")
    def item(number):
        return {"number": number}

    @app.get("/price/<int:number>")
    def price(number):
        try:
            answer = requests.get(f"http://prices.test/{number}", timeout=1)
            answer.raise_for_status()
        except requests.RequestException:
            abort(503)
        return answer.json()
"""
ITEMS = """
    import pytest
    from shop import app

    @pytest.fixture
    def client():
        return app.test_client()

    @pytest.mark.parametrize("number", range(NUMBER))
    def test_item(client, number):
        assert client.get(f"/item/{number}").get_json() == {"number": number}
"""
PRICES = """
    from unittest.mock import patch
    import pytest
    from shop import app
    MARK
    @pytest.mark.parametrize("number", range(NUMBER))
    def test_price(number):
        with patch("shop.requests.get") as get:
            get.return_value.json.return_value = {"price": 1}
            answer = app.test_client().get(f"/price/{number}")
        assert answer.status_code in (200, 503)
"""
ONE = """
    from unittest.mock import patch
    import pytest
    from flask_filibuster import FaultModel
    from shop import app

    @pytest.mark.filibuster(faults=FaultModel(exceptions=(), default_statuses=STATUSES))
    def test_price():
        with patch("shop.requests.get") as get:
            get.return_value.json.return_value = {"price": 1}
            answer = app.test_client().get("/price/1")
        assert answer.status_code in (200, 503)
"""


def children() -> float:
    """The time of the processor that ended processes of this one took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def suite(
    directory: Path, name: str, source: str, *options: str, code: int = 0
) -> Callable[[], None]:
    """A function that runs pytest with a test module."""
    file = directory / f"test_{name}.py"
    file.write_text(dedent(source), encoding="utf-8")
    command = [*PYTEST, *options, file.name]

    def run() -> None:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr

    return run


def without_calls(directory: Path, *, quick: bool) -> None:
    number = 20 if quick else WITHOUT_CALLS
    source = ITEMS.replace("NUMBER", str(number))
    bare = suite(directory, "items", source)
    # The exit code says that nothing was explored.
    every = suite(directory, "items", source, "--filibuster-all", code=2)
    compare(
        f"{number} tests without calls",
        [
            Case("bare pytest", bare, units=number),
            Case("bare pytest again", bare, units=number),
            Case("--filibuster-all", every, units=number, most=MOST_WITHOUT_CALLS),
        ],
        quick=quick,
        rounds=10,
        seconds=0.001,
        clock=children,
    )


def marked(directory: Path, *, quick: bool) -> None:
    number = 3 if quick else MARKED
    runs = number * EXECUTIONS
    # The fault-free execution is repeated, so one status less, and one for it.
    one = ONE.replace("STATUSES", f"range(400, {400 + runs - 2})")
    many = PRICES.replace("NUMBER", str(number))
    mark = many.replace("MARK", "pytestmark = pytest.mark.filibuster")
    compare(
        f"{number} tests of one app with one call each, {EXECUTIONS} executions of each",
        [
            Case("one marked test", suite(directory, "one", one), units=runs),
            Case(f"{number} marked tests", suite(directory, "many", mark), units=runs, most=MOST),
            Case(
                f"{number} tests, --filibuster-all",
                suite(directory, "all", many.replace("MARK", ""), "--filibuster-all"),
                units=runs,
                most=MOST,
            ),
        ],
        quick=quick,
        rounds=10,
        seconds=0.001,
        clock=children,
    )


def main() -> None:
    quick = arguments(__doc__).quick
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.joinpath("shop.py").write_text(dedent(SHOP), encoding="utf-8")
        directory.joinpath("pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        without_calls(directory, quick=quick)
        marked(directory, quick=quick)


if __name__ == "__main__":
    main()
