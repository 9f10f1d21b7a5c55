"""The report as a document, and the renderings that take it."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash, Handling, Trace
from flask_filibuster.report.document import About, Symptom, document_of
from flask_filibuster.report.renderings import RENDERINGS, render, text
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result

PAGE = ROOT.child("GET page", 1)
SITE = CallSite(os.path.abspath("shop.py"), 7, "page")
SUBJECT = About("GET /", "no page", ("Look again.",))


def stock(fault: Fault | None = None) -> Call:
    outcome = Outcome(status=200) if fault is None else fault.outcome
    return Call(
        index=PAGE.child("GET stock", 1),
        source="shop",
        target="stock",
        method="GET",
        url="http://stock:5001/",
        callsite=SITE,
        timeout=(1.0, 1.0),
        outcome=outcome,
        fault=fault,
    )


def execution(number: int, fault: Fault | None = None, error: Exception | None = None) -> Execution:
    """An execution of a page that crashes if its call fails."""
    page = Call(PAGE, "", "shop", "GET", "http://shop:5000/", outcome=Outcome(status=200))
    crash = None if fault is None else Crash("KeyError: 'name'", SITE)
    handling = Handling(PAGE, "shop", "GET", "/", Outcome(status=200), crash)
    faults = () if fault is None else (PlannedFault(stock(), fault),)
    verdict = "passed" if error is None else "failed"
    trace = Trace.of([page, stock(fault)], [handling])
    return Execution(number, FaultSet(faults), trace, verdict, error)  # type: ignore[arg-type]


FAULT = Fault(status=503)
RESULT = Result((execution(1), execution(2, FAULT, AssertionError("no page"))))


class TestDocument:
    def test_bug_has_symptoms_faults_and_replay(self) -> None:
        (bug,) = RESULT.bugs
        document = document_of(RESULT, SUBJECT, replays={bug.faults: "do it"}, outputs={2: "bye"})
        (entry,) = document.bugs
        assert entry.symptoms == (
            Symptom("uncaught exception", "Unhandled KeyError in shop, GET /: 'name'", SITE),
            Symptom("no page", "AssertionError: no page"),
        )
        assert (entry.number, entry.executions) == (1, (2,))
        assert (entry.replay, entry.output) == ("do it", "bye")

    def test_calls_with_their_faults(self) -> None:
        result = Result((*RESULT.executions, execution(3, Fault(exception="Timeout"))))
        (entry,) = document_of(result).calls
        assert entry.call == stock()
        assert entry.faults == ("answers 503 Service Unavailable", "raises Timeout")

    def test_agrees_with_the_result(self) -> None:
        document = document_of(RESULT)
        assert (document.ok, document.exit_code) == (RESULT.ok, RESULT.exit_code) == (False, 1)
        assert (document.verdict, document.gaps) == (RESULT.verdict, RESULT.gaps)


class TestText:
    def test_bug(self) -> None:
        (bug,) = RESULT.bugs
        document = document_of(RESULT, SUBJECT, replays={bug.faults: "do it"}, outputs={2: "bye"})
        assert (
            text.render(document)
            == """\
GET /: 2 executions

1. uncaught exception
  Unhandled KeyError in shop, GET /: 'name'
    at shop.py:7, in page
  no page: AssertionError: no page
  with this fault:
    shop -> stock: GET http://stock:5001/
      called at shop.py:7, in page
      answers 503 Service Unavailable
  shown by 1 of 2 executions
  replay: do it
  output of the command:
    bye

1 bug"""
        )

    def test_gaps_and_advice(self) -> None:
        assert (
            text.render(document_of(Result(notes=("a note",)), SUBJECT))
            == """\
GET /: 0 executions

Incomplete: Nothing was executed.
  Look again.

note: a note

nothing proved"""
        )

    def test_problems_are_told_once(self) -> None:
        said = text.render(document_of(RESULT.incomplete("The power failed.")))
        assert said.count("The power failed.") == 1

    def test_inconclusive_executions_are_told_once(self) -> None:
        lost = replace(RESULT.executions[1], verdict="inconclusive", problems=("it was lost",))
        said = text.render(document_of(Result((RESULT.executions[0], lost))))
        assert "inconclusive executions\n  execution 2:\n    it was lost\n" in said
        assert "    test outcome: AssertionError: no page" in said
        assert "was inconclusive" not in said

    def test_end_of_a_long_output(self) -> None:
        output = "\n".join(map(str, range(40)))
        said = text.render(document_of(RESULT, outputs={2: output}))
        assert "  output of the command:\n    … 10 lines omitted\n    10\n" in said

    def test_colour(self) -> None:
        document = document_of(RESULT)
        assert "\x1b[31m\x1b[1m1. uncaught exception\x1b[0m" in text.render(document, colour=True)
        assert "\x1b" not in text.render(document)


class TestRenderings:
    def test_names(self) -> None:
        assert {"text", "json"} <= set(RENDERINGS)
        assert len(RENDERINGS) == len(set(RENDERINGS))
        with pytest.raises(KeyError):
            RENDERINGS["rot13"]

    def test_str_is_the_text(self) -> None:
        assert str(RESULT) == render(RESULT) == RENDERINGS["text"](document_of(RESULT))

    def test_each_takes_any_document(self) -> None:
        for name in RENDERINGS:
            for result in RESULT, Result():
                assert RENDERINGS[name](document_of(result, SUBJECT))

    def test_json(self) -> None:
        data = json.loads(render(RESULT, "json"))
        (bug,) = data["bugs"]
        assert [each["kind"] for each in bug["symptoms"]] == [
            "uncaught exception",
            "the test fails",
        ]
        assert bug["faults"] == data["failures"][0]["faults"] == data["findings"][0]["faults"]
        assert data["findings"][0]["severity"] == "error"
        assert data["calls"][0]["faults"] == ["answers 503 Service Unavailable"]
        assert (data["ok"], data["exit_code"], data["verdict"]) == (False, 1, "1 bug")
