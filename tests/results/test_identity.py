"""What tells bugs apart, in explorations of small services."""

from __future__ import annotations

from contextlib import suppress
from unittest.mock import patch

import pytest
import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, FaultsOf, explore
from flask_filibuster.results.bug import Bug, Failure
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.identity import places_of
from flask_filibuster.results.result import Result

Services = dict[str, Flask]

TIMEOUT_OR_500 = FaultModel(("Timeout",), default_statuses=(500,))
REFUSED = FaultModel(("ConnectionError",), default_statuses=())


def shop(name: str = "back") -> tuple[Flask, Services]:
    """A front that has no view yet, and a service behind it that answers JSON."""
    front, back = Flask("front"), Flask(name)

    @back.get("/")
    @back.get("/<item>")
    def answer(item: str = "") -> ResponseReturnValue:
        return jsonify(item=item)

    return front, {"http://front:5000": front, f"http://{name}:5001": back}


def get_page() -> None:
    answer = requests.get("http://front:5000/", timeout=60)
    assert answer.status_code == 200


def ways(bug: Bug) -> list[str]:
    return [planned.fault.outcome.key for planned in bug.faults]


def kinds(bug: Bug) -> list[str]:
    return ["failure" if isinstance(each, Failure) else each.kind for each in bug.symptoms]


def messages(bug: Bug) -> list[str]:
    return [each.message for each in bug.symptoms if isinstance(each, Finding)]


def check_causes(result: Result) -> None:
    """The calls at fault are among the calls of every execution that shows a bug."""
    executions = {each.number: each for each in result.executions}
    for bug in result.bugs:
        cause = places_of(planned.call for planned in bug.faults)
        for number in bug.executions:
            trace = executions[number].trace
            assert cause <= places_of((*trace.requests, *trace.invocations))


class TestOneLine:
    def test_timeout_and_bad_json_are_two(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            return jsonify(requests.get("http://back:5001/", timeout=1).json())

        result = explore(get_page, services, TIMEOUT_OR_500)
        late, broken = result.bugs
        assert (ways(late), ways(broken)) == (["Timeout"], ["500"])
        assert "Unhandled ReadTimeout in front, GET /" in messages(late)[0]
        assert "Unhandled JSONDecodeError in front, GET /" in messages(broken)[0]
        assert len(result.failures) == 2, "one assertion, and two reasons for it to fail"
        check_causes(result)

    def test_calls_through_a_helper_are_two(self) -> None:
        front, services = shop("stars")
        services["http://texts:5002"] = shop("texts")[1]["http://texts:5001"]

        def part(url: str) -> object:
            return requests.get(url, timeout=1).json()

        @front.get("/")
        def page() -> ResponseReturnValue:
            return jsonify([part("http://stars:5001/"), part("http://texts:5002/")])

        result = explore(get_page, services, REFUSED)
        assert [[each.service for each in bug.faults] for bug in result.bugs] == [
            ["texts"],
            ["stars"],
        ]
        check_causes(result)


class TestAlteredAnswers:
    """What an altered answer leads to is not what another failure of its call leads to."""

    def test_fallback_of_bad_json_is_another(self) -> None:
        front, services = shop("new")
        services["http://old:5002"] = shop("old")[1]["http://old:5001"]

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                answer = requests.get("http://new:5001/", timeout=1)
            except requests.RequestException:
                answer = requests.get("http://old:5002/", timeout=1)
            return jsonify(answer.json())

        only = FaultModel((), default_statuses=(), faults=["refused", "not JSON"])
        result = explore(get_page, services, only)
        assert [[each.service for each in bug.faults] for bug in result.bugs] == [
            ["new"],
            ["new", "old"],
            ["new", "old"],
        ]

    def test_part_stays_one_beside_failures(self) -> None:
        """A call that failed before, and was done without, is not at fault."""
        front, services = shop("first")
        services["http://second:5002"] = shop("second")[1]["http://second:5001"]

        @front.get("/")
        def page() -> ResponseReturnValue:
            with suppress(requests.RequestException):
                requests.get("http://first:5001/", timeout=1)
            answer = requests.get("http://second:5002/", timeout=1)
            return jsonify(answer.json())

        faults = [FaultsOf("refused", service="first"), FaultsOf("not JSON", service="second")]
        only = FaultModel((), default_statuses=(), faults=faults)
        result = explore(get_page, services, only, reduction="none")
        assert len(result.executions) == 4
        assert [[each.service for each in bug.faults] for bug in result.bugs] == [["second"]]


def test_fault_that_cannot_be_injected_is_no_bug() -> None:
    front, services = shop()

    @front.get("/")
    def page() -> ResponseReturnValue:
        return jsonify(requests.get("http://back:5001/", timeout=1).json())

    def mocked() -> None:
        with patch("requests.get") as get:
            get.return_value.json.return_value = {"item": ""}
            assert front.test_client().get("/").status_code < 600

    only = FaultModel((), default_statuses=(), faults=["redirected"])
    result = explore(mocked, services, only)
    assert result.bugs == ()
    assert not result.ok


class TestLoops:
    @pytest.mark.slow
    def test_a_loop_is_one_place(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            missing = 5
            for item in range(5):
                with suppress(requests.RequestException):
                    requests.get(f"http://back:5001/{item}", timeout=1)
                    missing -= 1
            return jsonify(missing=missing)

        def nothing_missing() -> None:
            answer = requests.get("http://front:5000/", timeout=60).json()
            assert answer["missing"] == 0

        result = explore(nothing_missing, services, REFUSED)
        (bug,) = result.bugs
        assert len(bug.faults) == 1
        assert len(bug.executions) == sum(each.verdict == "failed" for each in result.executions)
        assert result.failures == bug.symptoms
        check_causes(result)

    def test_exception_in_a_loop_is_one(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            got = [requests.get(f"http://back:5001/{item}", timeout=1).text for item in range(4)]
            return jsonify(got)

        result = explore(get_page, services, REFUSED)
        (bug,) = result.bugs
        assert kinds(bug) == ["failure", "uncaught exception"]
        assert bug.executions == (2, 3, 4, 5)

    def test_a_retry_needs_all_its_faults(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            for _ in range(3):
                with suppress(requests.ConnectionError):
                    return jsonify(requests.get("http://back:5001/", timeout=1).json())
            return "gave up", 500

        (bug,) = explore(get_page, services, REFUSED).bugs
        assert len(bug.faults) == 3
        assert kinds(bug) == ["failure", "answer 500"]


class TestSymptoms:
    def test_assertion_and_its_exception_are_one(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            return requests.get("http://back:5001/", timeout=1).text

        result = explore(get_page, services, REFUSED)
        (bug,) = result.bugs
        assert kinds(bug) == ["failure", "uncaught exception"]
        assert bug.symptoms == (*result.failures, *result.findings)

    def test_assertion_and_its_500_are_one(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                return requests.get("http://back:5001/", timeout=1).text
            except requests.RequestException:
                return "out of order", 500

        (bug,) = explore(get_page, services, REFUSED).bugs
        assert kinds(bug) == ["failure", "answer 500"]

    def test_same_assertion_without_exception_is_another(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                answer = requests.get("http://back:5001/", timeout=1)
            except requests.RequestException:
                return "come back later", 503
            return jsonify(answer.json())

        handled, crashed = explore(get_page, services, TIMEOUT_OR_500).bugs
        assert kinds(handled) == ["failure"]
        assert kinds(crashed) == ["failure", "uncaught exception"]

    def test_statuses_handed_on_are_one(self) -> None:
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            answer = requests.get("http://back:5001/", timeout=1)
            return answer.content, answer.status_code

        statuses = FaultModel((), default_statuses=(500, 502, 503))
        result = explore(get_page, services, statuses)
        assert len(result.failures) == 1
        assert [kinds(bug) for bug in result.bugs] == [["failure", "answer 500"]]

    def test_status_handed_on_is_another(self) -> None:
        """Than the service's own answer to an exception."""
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                answer = requests.get("http://back:5001/", timeout=1)
            except requests.RequestException:
                return "too late", 504
            return answer.content, answer.status_code

        result = explore(get_page, services, FaultModel(("Timeout",), default_statuses=(502, 503)))
        assert [ways(bug) for bug in result.bugs] == [["Timeout"], ["502"]]

    @pytest.mark.parametrize("careless", [True, False], ids=["careless", "careful"])
    def test_another_fault_and_a_further_one(self, *, careless: bool) -> None:
        """A timeout of the first attempt is one bug, a bad answer to the second one another."""
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                answer = requests.get("http://back:5001/", timeout=1)
                answer.raise_for_status()
            except requests.ConnectionError:
                answer = requests.get("http://back:5001/", timeout=1)
                if not careless and not answer.ok:
                    return "too late", 504
            except requests.RequestException:
                return "too late", 504
            return jsonify(answer.json())

        model = FaultModel(("ConnectionError", "Timeout"), default_statuses=(500,))
        result = explore(get_page, services, model)
        shown = [(ways(bug), kinds(bug)) for bug in result.bugs]
        crash = (["ConnectionError", "500"], ["failure", "uncaught exception"])
        assert (["Timeout"], ["failure"]) in shown
        assert (crash in shown) is careless, shown

    def test_one_index_at_two_places_is_two(self) -> None:
        """The second call to a service is its fallback, or the next step if none was needed."""
        front, services = shop()

        @front.get("/")
        def page() -> ResponseReturnValue:
            first = requests.get("http://back:5001/", timeout=1)
            if not first.ok:
                first = requests.get("http://back:5001/", timeout=1)
            second = requests.get("http://back:5001/", timeout=1)
            return jsonify(complete=first.ok and second.ok)

        def get_complete_page() -> None:
            assert requests.get("http://front:5000/", timeout=60).json()["complete"]

        result = explore(get_complete_page, services, FaultModel((), default_statuses=(503,)))
        assert [ways(bug) for bug in result.bugs] == [["503"], ["503", "503"]]

    def test_survived_exception_is_a_bug_alone(self) -> None:
        """The caller answers as if nothing had happened."""
        front, services = shop()
        middle = services["http://middle:5002"] = Flask("middle")

        @front.get("/")
        def page() -> ResponseReturnValue:
            try:
                answer = requests.get("http://middle:5002/", timeout=9)
            except requests.RequestException:
                return "none"
            return answer.text if answer.ok else "none"

        @middle.get("/")
        def relay() -> ResponseReturnValue:
            return requests.get("http://back:5001/", timeout=1).text

        (bug,) = explore(get_page, services, REFUSED).bugs
        assert kinds(bug) == ["uncaught exception"]
        assert "in middle, GET /" in messages(bug)[0]

    def test_failure_belongs_to_the_nearest_breakdown(self) -> None:
        """Nearest to the test."""
        front, services = shop()
        middle = services["http://middle:5002"] = Flask("middle")

        @front.get("/")
        def page() -> ResponseReturnValue:
            return jsonify(requests.get("http://middle:5002/", timeout=9).json())

        @middle.get("/")
        def relay() -> ResponseReturnValue:
            return jsonify(requests.get("http://back:5001/", timeout=1).json())

        bugs = explore(get_page, services, FaultModel((), default_statuses=(500,))).bugs
        assert [kinds(bug) for bug in bugs] == [
            ["failure", "uncaught exception"],
            ["uncaught exception"],
        ]
        assert "in front, GET /" in messages(bugs[0])[0]
        assert "in middle, GET /" in messages(bugs[1])[0]
