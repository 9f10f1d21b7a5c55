"""Outages after their exploration: files, processes, reports, and what a test is told."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server

from flask_filibuster import Counterexample, explore, replay, was_fault_injected_on
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.report import text
from flask_filibuster.report.data import faults_data
from flask_filibuster.results.bug import Bug
from flask_filibuster.results.result import Result
from tests.support import outages as seeded
from tests.support.models import REFUSALS


def ask() -> None:
    assert requests.get("http://shop:5000/", timeout=30).status_code in (200, 503)


def told(bug: Bug) -> str:
    return "\n".join(text.under_lines(bug.faults))


@pytest.fixture(scope="module")
def bug() -> Bug:
    services = seeded.nothing_to_average(True)
    return explore(ask, services, REFUSALS, outages=True, journal=False).bugs[0]


@pytest.mark.slow
def test_outage_is_kept_and_replayed(bug: Bug, tmp_path: Path) -> None:
    services = seeded.nothing_to_average(True)
    counterexample = Counterexample("a test", bug.faults, seen="500")
    path = counterexample.write(tmp_path)
    kept = Counterexample.read(path)
    assert kept.fault_set == bug.faults
    assert [each.outage for each in kept.fault_set] == [each.outage for each in bug.faults]
    assert replay(ask, kept, services).verdict == "failed"
    mended = replay(ask, kept, seeded.nothing_to_average(False))
    assert mended.verdict == "passed"
    assert [str(call.outcome) for call in mended.trace.invocations] == ["ConnectionError"] * 3


def test_older_version_refuses_an_outage(bug: Bug, tmp_path: Path) -> None:
    outage = Counterexample("a test", bug.faults, seen="500").write(tmp_path)
    (planned,) = bug.faults
    alone = FaultSet((PlannedFault(planned.call, planned.fault),))
    single = Counterexample("a test", alone, seen="500").write(tmp_path)
    assert outage != single
    assert json.loads(outage.read_text())["version"] == 2
    assert json.loads(single.read_text())["version"] == 1


def test_workers_get_the_outage(bug: Bug) -> None:
    sent = pickle.loads(pickle.dumps(bug.faults))
    assert sent == bug.faults
    assert sent.size == (1, 3)
    assert sent != FaultSet((PlannedFault(bug.faults.last.call, bug.faults.last.fault),))


@pytest.mark.slow
def test_journal_recalls_outages(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    services = seeded.nothing_to_average(True)

    def explored(*, resume: bool) -> Result:
        return explore(ask, services, REFUSALS, outages=True, journal=path, resume=resume)

    first, again = explored(resume=False), explored(resume=True)
    assert again.recalled == len(again.executions) == len(first.executions)
    assert again.outages == first.outages
    assert [told(each) for each in again.bugs] == [told(each) for each in first.bugs]


def test_json_has_the_outage(bug: Bug) -> None:
    (entry,) = faults_data(bug.faults)
    assert entry["outage"] == {
        "service": "stock",
        "site": None,
        "first": None,
        "calls": 3,
        "words": "every call to stock (3 calls)",
    }


def test_test_is_told_of_outages() -> None:
    services = seeded.nothing_to_average(True)

    def careful() -> None:
        status = requests.get("http://shop:5000/", timeout=30).status_code
        assert status == 200 or was_fault_injected_on("stock")

    result = explore(careful, services, REFUSALS, outages=True, journal=False)
    assert not result.failures
    assert result.bugs


@pytest.fixture
def served() -> Iterator[dict[str, int]]:
    """Two services of one host, by name, each at a port of its own."""
    with ExitStack() as stack:
        ports = {}
        for name in ("stock", "prices"):
            server = make_server("127.0.0.1", 0, a_service(name), threaded=True)
            thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            ports[name] = server.port
        yield ports


def a_service(name: str) -> Flask:
    app = Flask(name)
    app.add_url_rule("/<int:number>", view_func=lambda number: {name: number})
    return app


@pytest.mark.slow
def test_services_of_one_host_differ(served: dict[str, int]) -> None:
    shop = Flask("shop")

    @shop.get("/")
    def page() -> ResponseReturnValue:
        found = [part(name, number) for number in (1, 2) for name in ("stock", "prices")]
        return {"found": found}, 200 if any(found[::2]) else 500

    def part(name: str, number: int) -> object:
        try:
            return requests.get(f"http://127.0.0.1:{served[name]}/{number}", timeout=5).json()
        except requests.RequestException:
            return None

    def look() -> None:
        shop.test_client().get("/")

    result = explore(look, faults=REFUSALS, outages=True, journal=False)
    (bug,) = result.bugs
    assert "every call to stock (2 calls)" in told(bug)
    assert not result.inconclusive
    assert not result.gaps
