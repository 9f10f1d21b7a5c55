"""The project's own records: as they were written before, read strictly, and tolerant of gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.messages import (
    InjectionFailed,
    ReportsLost,
    RequestAnswered,
    RequestEnded,
    RequestReceived,
    RequestStarted,
)
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash, Handling, Trace
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.notes import Note, read_note, write_note
from flask_filibuster.protocol.records import (
    CALL,
    HANDLING,
    read_fault_set,
    read_planned,
    read_trace,
    write_planned,
    write_trace,
)
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.outcomes import read_outcome, write_outcome
from flask_filibuster.results.result import EquivalenceClass, Pruned, Result

RECORDED = Path(__file__).parent / "vectors" / "records.json"
PAGE = ROOT.child("GET /page", 1)
SITE = CallSite("/srv/shop.py", 7, "page")
PAST = "@expr(metadata['timeout'])+0.001"
REQUEST = Call(PAGE, "", "page", "GET", "http://page/page", timeout=(9.0, 9.0), position=((1,),))
USERS = Call(
    PAGE.child("GET users", 1),
    "page",
    "users",
    "GET",
    "http://users:5001/ü?a=1",
    SITE,
    (None, 2.5),
    Outcome(exception="ReadTimeout", variant="lost"),
    Fault("ReadTimeout", abort=False, sleep=PAST),
    ((2, 1), (3,)),
    "grpc.call",
)
MOVIES = Call(
    PAGE.child("POST movies", 2),
    "page",
    "movies",
    "POST",
    "http://movies/",
    outcome=Outcome(status=200, digest="0" * 32),
    fault=Fault("X", library="other", details=(("code", "a"),)),
)
PLANNED = [PlannedFault(USERS, Fault("ConnectionError")), PlannedFault(MOVIES, Fault(status=503))]
TRACE = Trace.of(
    [REQUEST, USERS, MOVIES],
    [
        Handling(PAGE, "page", "GET", "/page", Outcome(500), Crash("KeyError: 'ü'", SITE)),
        Handling(MOVIES.index, "movies", "POST", "/"),
    ],
)
NOTES: list[Note] = [
    RequestReceived("r", PAGE, "page", "GET", "/page"),
    RequestAnswered("r", PAGE, Outcome(503), Crash("OSError: x", None)),
    RequestAnswered("r", PAGE),
    RequestStarted("r", PAGE, "GET", "http://page/", (1.0, None), ((1,), (2, 3)), True),
    RequestEnded("r", PAGE, Outcome(exception="Timeout")),
    InjectionFailed("r", PAGE, "no such exception"),
    ReportsLost("r", "no answer", 1.5),
]
RESULT = Result(
    pruned=(Pruned(FaultSet(tuple(PLANNED)), "passed"), Pruned(FaultSet(), "AssertionError at x")),
    unlisted=3,
    classes=(
        EquivalenceClass(
            USERS, (Fault("Timeout"), Fault(status=503)), Fault("Timeout"), FaultSet((PLANNED[1],))
        ),
    ),
    observed=(
        Finding(
            "nondeterminism", "It differs.", "page", SITE, FaultSet(), (1, 2), severity="warning"
        ),
    ),
    remaining=2,
    cut_by_size=1,
    limit="max_seconds",
    ambiguities=((PAGE, "an answer, 200", "an answer, 503"),),
    notes=("a note",),
    problems=("a problem",),
)


def written() -> dict[str, Any]:
    return {
        "planned": [write_planned(each) for each in PLANNED],
        "trace": write_trace(TRACE),
        "notes": [write_note(each) for each in NOTES],
        "outcome": write_outcome(RESULT),
    }


def test_records_are_written_as_ever() -> None:
    assert json.loads(json.dumps(written())) == json.loads(RECORDED.read_text("utf-8"))


class TestReading:
    def test_gives_back_what_was_written(self) -> None:
        assert read_trace(write_trace(TRACE)) == TRACE
        assert list(map(read_note, map(write_note, NOTES))) == NOTES
        again = read_outcome((), write_outcome(RESULT))
        assert (again.classes, again.observed) == (RESULT.classes, RESULT.observed)
        assert [each.faults for each in again.pruned] == [each.faults for each in RESULT.pruned]
        assert again.unlisted == 3
        assert again.ambiguities == RESULT.ambiguities
        assert (again.limit, again.notes) == ("max_seconds", ("a note",))
        fault_set = read_fault_set([write_planned(each) for each in PLANNED])
        assert fault_set == FaultSet(tuple(PLANNED))

    def test_takes_defaults_for_what_is_missing(self) -> None:
        bare = {"execution_index": str(PAGE), "source": "", "target": "page"}
        call = CALL.read({**bare, "method": "GET", "url": "http://page/", "new": "from tomorrow"})
        assert (call.timeout, call.outcome, call.position) == ((None, None), None, ())

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("source", None, "source is not a string"),
            ("source", ["x"], "source is not a string"),
            ("url", "http://[", "url is not a URL"),
            ("execution_index", "[" * 1000, "execution_index is deeper than"),
            ("timeout", [1], "timeout is not a list of 2 values"),
            ("timeout", [1, "soon"], "timeout is not a number"),
            ("position", [[1, 2, 3]], "position is not a list of lists of one or two"),
            ("callsite", {"file": "x"}, "callsite has no line"),
            ("callsite", [], "callsite is not a JSON object"),
            ("outcome", {"status": "many"}, "status is not a whole number"),
            (
                "fault",
                {"status": 503, "sleep": -1},
                "sleep is not a non-negative number of seconds",
            ),
        ],
    )
    def test_refuses_what_does_not_fit(self, key: str, value: Any, message: str) -> None:
        with pytest.raises(WireError, match=message):
            CALL.read({**CALL.write(USERS), key: value})

    def test_refuses_gaps_without_a_default(self) -> None:
        record = HANDLING.write(TRACE.handlings[PAGE])
        del record["path"]
        with pytest.raises(WireError, match="a handling has no path"):
            HANDLING.read(record)

    def test_escapes_what_a_terminal_would_obey(self) -> None:
        record = {**CALL.write(USERS), "target": "users\x1b[2J\n"}
        assert CALL.read(record).target == "users\\x1b[2J\\n"

    def test_names_the_words_that_fit(self) -> None:
        outcome = {**write_outcome(RESULT), "limit": 7}
        with pytest.raises(WireError, match="limit is not a string"):
            read_outcome((), outcome)
        with pytest.raises(WireError, match="note must be one of received, answered"):
            read_note({"note": "unheard of"})


@pytest.mark.parametrize("fault", [each.fault for each in PLANNED], ids=str)
def test_planned_fault_is_read_as_written(fault: Fault) -> None:
    again = read_planned(write_planned(PlannedFault(USERS, fault)))
    assert (again.fault, again.service, again.index) == (fault, "users", USERS.index)
    assert again.call.timeout == (None, None)
