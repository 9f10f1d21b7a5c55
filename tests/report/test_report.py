"""Results in words and as data, where the command line and the plugin do not show it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash, Handling, Trace
from flask_filibuster.core.vocabulary import Verdict
from flask_filibuster.report import text
from flask_filibuster.report.data import VERSION, faults_data, result_data
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Pruned, Result

PAGE = ROOT.child("GET page", 1)


def call(name: str = "stock", **fields: object) -> Call:
    given = {
        "index": PAGE.child(f"GET {name}", 1),
        "source": "shop",
        "target": name,
        "method": "GET",
        "url": f"http://{name}:5001/",
        "callsite": CallSite(os.path.abspath("shop.py"), 7, "page"),
        "timeout": (1.0, 1.0),
        "outcome": Outcome(status=200),
    }
    return Call(**given | fields)  # type: ignore[arg-type]


def planned(name: str = "stock", **way: object) -> PlannedFault:
    return PlannedFault(call(name), Fault(**way or {"status": 503}))  # type: ignore[arg-type]


ONE = FaultSet((planned(),))
TWO = ONE.plus(planned("prices", exception="ConnectionError", abort=False))


def execution(number: int, faults: FaultSet, error: Exception | None = None) -> Execution:
    verdict: Verdict = "passed" if error is None else "failed"
    return Execution(number, faults, Trace(), verdict, error)


FINE = execution(1, FaultSet())


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 executions"), (1, "1 execution"), (2, "2 executions")]
)
def test_a_count_agrees_with_its_noun(count: int, words: str) -> None:
    assert text.counted(count, "execution") == words


def test_a_plural_may_be_irregular() -> None:
    assert text.counted(2, "class", "classes") == "2 classes"


def test_fault_names_call_and_place() -> None:
    assert list(text.fault_set_lines(TWO)) == [
        "shop -> stock: GET http://stock:5001/",
        "  called at shop.py:7, in page",
        "  answers 503 Service Unavailable",
        "shop -> prices: GET http://prices:5001/",
        "  called at shop.py:7, in page",
        "  raises ConnectionError, after the call was made (its answer is lost)",
    ]


def test_unknown_call_site_is_left_out() -> None:
    fault = PlannedFault(call(callsite=None), Fault(status=500))
    assert list(text.fault_lines(fault)) == [
        "shop -> stock: GET http://stock:5001/",
        "  answers 500 Internal Server Error",
    ]


def test_no_faults_in_words() -> None:
    assert list(text.fault_set_lines(FaultSet())) == ["no faults"]


def test_places_below_cwd_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert text.site_text(CallSite(str(below / "a" / "shop.py"), 7, "page")) == (
        f"{Path('a') / 'shop.py'}:7, in page"
    )
    outside = tmp_path / "shop.py"
    assert text.site_text(CallSite(str(outside), 7, "page")) == f"{outside}:7, in page"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no such thing"), "ValueError: no such thing"),
        (ValueError(), "ValueError"),
        (ValueError("\n first\nsecond"), "ValueError: first"),
        (ValueError("word " * 100), f"ValueError: {'word ' * 23}…"),
    ],
    ids=["plain", "empty", "several lines", "long"],
)
def test_an_error_is_one_short_line(error: Exception, line: str) -> None:
    assert text.error_line(error) == line


def test_failure_has_executions_and_command() -> None:
    result = Result((FINE, execution(2, ONE, ValueError("no stock")), execution(3, TWO)))
    (failure,) = result.failures
    assert list(text.failure_lines(failure, result, "do it")) == [
        "ValueError: no stock",
        "with this fault:",
        "  shop -> stock: GET http://stock:5001/",
        "    called at shop.py:7, in page",
        "    answers 503 Service Unavailable",
        "shown by 1 of 3 executions",
        "replay: do it",
    ]
    without = list(text.failure_lines(failure, result, None))
    assert without[-1] == "shown by 1 of 3 executions"


def test_five_inconclusive_executions_are_described() -> None:
    one = Execution(1, FaultSet(), Trace(), "inconclusive", None, ("a call was never made",))
    assert list(text.inconclusive_lines([one])) == ["execution 1:", "  a call was never made"]
    other = Execution(2, TWO, Trace(), "inconclusive", None, ("a", "b"))
    assert list(text.inconclusive_lines([other]))[:5] == [
        "execution 2:",
        "  a",
        "  b",
        "  with these faults:",
        "    shop -> stock: GET http://stock:5001/",
    ]
    assert list(text.inconclusive_lines([one] * 5))[-1] == "  a call was never made"
    assert list(text.inconclusive_lines([one] * 7))[-1] == "… and 2 more"


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (Result((FINE,)), "1 execution"),
        (Result((FINE,), (Pruned(ONE, "passed"),)), "1 execution, 1 pruned"),
        (Result((FINE,), remaining=4), "1 execution, at least 4 not run (max_executions)"),
        (Result((FINE,), cut_by_size=5), "1 execution, at least 5 not run (max_faults)"),
    ],
    ids=["all", "pruned", "max_executions", "max_faults"],
)
def test_counts_say_what_was_not_run(result: Result, line: str) -> None:
    assert text.counts_line(result) == line


@pytest.mark.parametrize(
    ("executions", "line"),
    [
        ([FINE], "nothing proved"),
        ([FINE, execution(2, ONE)], "nothing found"),
        ([FINE, execution(2, ONE, ValueError("x"))], "1 bug"),
        ([Execution(1, FaultSet(), Trace(), "inconclusive")], "1 inconclusive execution"),
    ],
    ids=["no fault", "nothing", "a bug", "inconclusive"],
)
def test_the_verdict_counts_what_was_found(executions: list[Execution], line: str) -> None:
    assert text.verdict_line(Result(tuple(executions))) == line


def crashing(crash: Crash | None, *calls: Call) -> Trace:
    handling = Handling(PAGE, "shop", "GET", "/page", Outcome(status=500), crash)
    page = call(index=PAGE, source="", target="shop", url="http://shop:5000/page")
    return Trace.of([page, *calls], [handling])


def test_warnings_are_counted_apart_from_bugs() -> None:
    careless = Execution(1, FaultSet(), crashing(None, call(timeout=(None, None))), "passed")
    broken = Execution(2, ONE, crashing(Crash("ValueError: x", None), call()), "passed")
    assert text.verdict_line(Result((careless, broken))) == "1 bug, 1 warning"
    fine = execution(2, ONE)
    assert text.verdict_line(Result((careless, fine))) == "1 warning"


def test_data_is_complete_json() -> None:
    """It has all that the words have."""
    broken = Execution(2, TWO, crashing(Crash("ValueError: x", None)), "failed", ValueError("no"))
    result = Result((FINE, broken), (Pruned(ONE, "passed"),), 3, 4, notes=("a note",))
    data = json.loads(json.dumps(result_data(result, {TWO: "do it"})))
    assert data["version"] == VERSION
    assert data["ok"] is False
    assert (data["generated"], data["executed"], data["pruned"]) == (3, 2, 1)
    assert data["not_run"] == {"max_executions": 3, "max_faults": 4}
    assert data["notes"] == ["a note"]
    assert [each["verdict"] for each in data["executions"]] == ["passed", "failed"]
    assert [each["error"] for each in data["executions"]] == [None, "ValueError: no"]
    (failure,) = data["failures"]
    assert failure["error"] == "ValueError: no"
    assert failure["executions"] == [2]
    assert failure["replay"] == "do it"
    (finding,) = data["findings"]
    assert finding["kind"] == "uncaught exception"
    assert finding["broken"] is True
    assert finding["site"] is None
    assert finding["replay"] == "do it"
    assert failure["faults"] == finding["faults"] == faults_data(TWO)


def test_data_of_a_fault_identifies_it() -> None:
    (fault,) = faults_data(FaultSet((planned(exception="Timeout"),)))
    assert fault.pop("execution_index") == str(PAGE.child("GET stock", 1))
    assert fault.pop("site") == {
        "file": os.path.abspath("shop.py"),
        "line": 7,
        "function": "page",
    }
    assert fault == {
        "source": "shop",
        "service": "stock",
        "method": "GET",
        "url": "http://stock:5001/",
        "exception": "Timeout",
        "status": None,
        "abort": True,
        "kind": "raised",
        "sleep": 0.0,
    }


def test_data_agrees_with_ok() -> None:
    broken = Execution(2, ONE, crashing(Crash("ValueError: x", None)), "passed")
    for bad in broken, execution(2, ONE, ValueError("x")):
        result = Result((FINE, bad))
        assert result_data(result, {})["ok"] is result.ok is False
    fine = Result((FINE, execution(2, ONE)))
    assert result_data(fine, {})["ok"] is fine.ok is True
