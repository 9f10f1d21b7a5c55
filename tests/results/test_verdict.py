"""What an exploration comes to: bugs, no proof, or nothing found; everywhere the same."""

from __future__ import annotations

import pickle
from contextlib import suppress
from dataclasses import replace
from unittest import mock

import pytest
import requests
from flask import Flask, abort
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, FilibusterError, explore
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Trace
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.report.data import result_data
from flask_filibuster.results.result import ExplorationFailedError, Result
from flask_filibuster.server.conductor import Verdict

REFUSED = FaultModel(("ConnectionError",), default_statuses=())


def explored(status: int | None, *, fault_free: int = 200, back: int = 200) -> Result:
    """Explore a page that answers ``status`` if its call is refused; ``None``: it crashes."""
    front, behind = Flask("front"), Flask("back")

    @front.get("/")
    def page() -> ResponseReturnValue:
        try:
            requests.get("http://back:5001/", timeout=1)
        except requests.RequestException:
            if status is None:
                raise
            return "", status
        return "", fault_free

    @behind.get("/")
    def answer() -> ResponseReturnValue:
        return "", back

    def get() -> None:
        answer = requests.get("http://front:5000/", timeout=9)
        assert answer.status_code in (200, 500, 503)

    return explore(get, {"http://front:5000": front, "http://back:5001": behind}, REFUSED)


def check_agreement(result: Result, code: int, verdict: str) -> None:
    data = result_data(result, {})
    assert result.exit_code == data["exit_code"] == code
    assert result.ok is data["ok"] is (code == 0)
    assert result.verdict == data["verdict"] == verdict
    assert str(result).endswith(f"\n\n{verdict}")


class TestVerdict:
    def test_nothing_found(self) -> None:
        check_agreement(explored(503), 0, "nothing found")

    def test_finding_is_a_bug(self) -> None:
        result = explored(None)
        assert not result.failures
        check_agreement(result, 1, "1 bug")

    def test_failure_is_a_bug(self) -> None:
        check_agreement(explored(404), 1, "1 bug")

    def test_warnings_do_not_count(self) -> None:
        front, back = Flask("front"), Flask("back")

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                return requests.get("http://back:5001/").text
            except requests.RequestException:
                return "none"

        back.add_url_rule("/", view_func=lambda: "fine")
        services = {"http://front:5000": front, "http://back:5001": back}
        result = explore(lambda: requests.get("http://front:5000/"), services, REFUSED)
        assert [each.kind for each in result.warnings] == ["no timeout"]
        check_agreement(result, 0, "1 warning")

    def test_bugs_win_over_gaps(self) -> None:
        check_agreement(explored(None).incomplete("The power failed."), 1, "1 bug, incomplete")


class TestGaps:
    def test_nothing_executed(self) -> None:
        check_agreement(Result(), 2, "nothing proved")
        assert Result().gaps == ("Nothing was executed.",)

    def test_no_call(self) -> None:
        result = explore(lambda: None)
        check_agreement(result, 2, "nothing proved")
        assert result.gaps == ("No fault injected: the fault-free execution made no call.",)

    def test_no_fault_for_a_call(self) -> None:
        result = explored(503)
        result = replace(result, executions=result.executions[:1])
        (gap,) = result.gaps
        assert gap.startswith("No fault injected: the fault model has no fault")
        check_agreement(result, 2, "nothing proved")

    def test_fault_free_execution_fails(self) -> None:
        result = explored(503, fault_free=404)
        assert len(result.failures) == 1
        assert not result.bugs, "the test has to be put right"
        (gap,) = result.gaps
        assert gap.startswith("The fault-free execution failed, so no fault was injected: Asser")
        check_agreement(result, 2, "nothing proved")

    @pytest.mark.parametrize(("status", "gaps"), [(404, 0), (503, 1)])
    def test_a_call_fails_without_fault(self, status: int, gaps: int) -> None:
        """A 404 may be what a service counts on."""
        result = explored(503, back=status)
        assert len(result.gaps) == gaps
        check_agreement(result, 2 * gaps, "nothing proved" if gaps else "nothing found")

    def test_statusless_success_is_no_gap(self) -> None:
        result = explored(503)
        first, *others = result.executions
        calls = [replace(call, outcome=Outcome()) for call in first.trace.invocations]
        trace = Trace.of([*first.trace.requests, *calls], first.trace.handlings.values())
        result = replace(result, executions=(replace(first, trace=trace), *others))
        assert not result.gaps

    def test_service_that_is_not_there(self) -> None:
        front = Flask("front")

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                return requests.get("http://127.0.0.1:9/", timeout=1).text
            except requests.RequestException:
                return "none"

        result = explore(lambda: requests.get("http://front:5000/"), {"http://front:5000": front})
        assert "http://127.0.0.1:9/ ended with ConnectionError" in result.gaps[0]
        assert result.exit_code == 2

    def test_inconclusive(self) -> None:
        result = explored(503)
        lost = replace(result.executions[1], verdict="inconclusive", problems=("lost",))
        result = replace(result, executions=(*result.executions, lost))
        check_agreement(result, 2, "1 inconclusive execution")

    def test_incomplete(self) -> None:
        result = explored(503).incomplete("The server was terminated.")
        check_agreement(result, 2, "incomplete")
        assert "Incomplete: The server was terminated." in str(result)

    def test_server_terminated(self) -> None:
        coordinator = Coordinator()
        name = coordinator.open("a test").name
        coordinator.has_next(1, name)
        coordinator.complete(1, name, Verdict(failed=False))
        assert not coordinator.result(name).problems
        coordinator.terminate()
        assert coordinator.has_next(2, name) is None
        result = coordinator.result(name)
        assert "The server was terminated before the end of the exploration." in result.gaps
        assert result.exit_code == 2


class TestRaising:
    def test_bugs(self) -> None:
        result = explored(None)
        assert issubclass(ExplorationFailedError, AssertionError)
        assert issubclass(ExplorationFailedError, FilibusterError)
        with pytest.raises(ExplorationFailedError, match=r"1\. uncaught exception") as caught:
            result.raise_for_bugs()
        assert caught.value.result is result
        assert str(caught.value) == str(result)

    def test_no_proof(self) -> None:
        with pytest.raises(ExplorationFailedError, match="No fault injected"):
            explore(lambda: None).raise_for_bugs()

    def test_nothing_found(self) -> None:
        explored(503).raise_for_bugs()


def test_result_survives_pickling() -> None:
    result = explored(503)
    assert pickle.loads(pickle.dumps(result)).verdict == result.verdict


def test_attempts_that_fail_are_one_gap() -> None:
    front = Flask("front")

    @front.get("/")
    def page() -> str:
        for _ in range(3):
            with suppress(requests.RequestException):
                requests.get("http://127.0.0.1:9/", timeout=1)
        return "none"

    result = explore(
        lambda: requests.get("http://front:5000/", timeout=9), {"http://front:5000": front}, REFUSED
    )
    (gap,) = (each for each in result.gaps if "A call fails" in each)
    assert gap == (
        "A call fails in the fault-free execution: front -> 127.0.0.1  GET http://127.0.0.1:9/ "
        "ended with ConnectionError. Start what answers http://127.0.0.1:9, or add it to the "
        "services of this exploration."
    )


def test_failing_calls_come_before_the_failure() -> None:
    front = Flask("front")

    @front.get("/")
    def page() -> str:
        try:
            return requests.get("http://user:secret@127.0.0.1:9/", timeout=1).text
        except requests.RequestException:
            abort(503)

    def test() -> None:
        requests.get("http://front:5000/", timeout=9).raise_for_status()

    called, failed = explore(test, {"http://front:5000": front}, REFUSED).gaps
    assert called.endswith(
        "ended with ConnectionError. Start what answers http://127.0.0.1:9, or add it to the "
        "services of this exploration."
    )
    assert failed.startswith("The fault-free execution failed, so no fault was injected: ")


@pytest.mark.parametrize("error", [requests.ConnectionError, None])
def test_failures_of_mocks_advise_another(error: type[Exception] | None) -> None:
    front = Flask("front")

    @front.get("/")
    def page() -> str:
        with suppress(requests.RequestException):
            requests.get("http://pay.example/", timeout=1)
        return "none"

    def test() -> None:
        answer = requests.Response()
        answer.status_code = 502
        with mock.patch("requests.get", return_value=answer, side_effect=error):
            front.test_client().get("/")

    (gap,) = (each for each in explore(test, faults=REFUSED).gaps if "A call fails" in each)
    assert gap.partition(" ended with ")[2] == (
        f"{'ConnectionError' if error else 502}. A mock of the test ends it so: let the mock "
        "answer, as only a call that succeeds can be made to fail. A test of this very failure "
        "needs no exploration."
    )


class TestRepr:
    def test_reprs_are_one_line(self) -> None:
        result = explored(404)
        (bug,), (failure,) = result.bugs, result.failures
        assert repr(result) == "<Result: executions: 2, pruned: 0, 1 bug>"
        fault = "front -> back  GET http://back:5001/  raises ConnectionError"
        assert repr(failure).startswith("<Failure: AssertionError")
        assert repr(bug).startswith("<Bug: AssertionError")
        for each in (failure, bug):
            assert repr(each).endswith(f", FaultSet({fault})>")
        assert repr(result.executions[1]) == f"<Execution 2: failed, FaultSet({fault})>"
        trace = result.executions[1].trace
        assert repr(trace) == "<Trace: requests of the test: 1, calls of services: 1>"
