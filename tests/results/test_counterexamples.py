"""Counterexamples as files: those of before are read, and are written under the same name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster import explore
from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.errors import CounterexampleError
from flask_filibuster.exploring.explore import replay
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.result import Result
from tests.support.pages import call, missing_parts, page_of_two, refused

RECORDED = Path(__file__).parent / "recorded" / "counterexample.json"


def test_one_of_before_is_read() -> None:
    counterexample = Counterexample.read(RECORDED)
    assert (counterexample.test, counterexample.seen) == ("GET /page", "AssertionError: no movie")
    assert [each.fault for each in counterexample.fault_set] == [
        Fault(status=500),
        Fault(status=404),
    ]
    assert [each.service for each in counterexample.fault_set] == ["users", "movies"]
    assert counterexample.details == {"request": {"method": "GET"}}


def test_is_written_as_before(tmp_path: Path) -> None:
    path = Counterexample.read(RECORDED).write(tmp_path)
    content, recorded = (json.loads(each.read_text("utf-8")) for each in (path, RECORDED))
    assert path.name == "3e6f26ee6e.json"
    assert {**content, "versions": None} == {**recorded, "versions": None}


def test_long_text_is_kept(tmp_path: Path) -> None:
    text = "no movie\n\x1b[31m" * 5_000
    written = Counterexample("GET /page", Counterexample.read(RECORDED).fault_set, text)
    assert Counterexample.read(written.write(tmp_path)).seen == text


@pytest.mark.parametrize(
    "changed",
    [
        {"faults": 7},
        {"faults": [7]},
        {"test": 7},
        {"details": []},
        {"seen": None},
        {"faults": [{"execution_index": "x", "source": "a"}]},
    ],
)
def test_a_damaged_one_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(json.loads(RECORDED.read_text("utf-8")) | changed))
    with pytest.raises(CounterexampleError, match="is damaged"):
        Counterexample.read(path)


def counterexample() -> Counterexample:
    planned = PlannedFault(
        Call(
            index=ROOT.child("GET /", 1).child("sig", 2),
            source="users",
            target="bookings",
            method="POST",
            url="http://bookings:5003/?q=ü",
            callsite=CallSite("users/app.py", 113, "Users.show"),
        ),
        Fault(exception="ReadTimeout", abort=False, sleep="@expr(metadata['timeout'])+0.001"),
    )
    other = PlannedFault(call("movies"), Fault(status=503))
    return Counterexample(
        "test_users.py::test_show", FaultSet((planned, other)), "KeyError: 'ä'", {"command": ["a"]}
    )


def test_counterexample_is_read_as_written(tmp_path: Path) -> None:
    written = counterexample()
    read = Counterexample.read(written.write(tmp_path / "new" / "directory"))
    assert (read.test, read.seen, read.details) == (written.test, written.seen, written.details)
    assert read.fault_set == written.fault_set
    for before, after in zip(written.fault_set, read.fault_set, strict=True):
        assert after.fault == before.fault
        assert after.call.callsite == before.call.callsite
        assert str(after) == str(before)


def test_counterexample_keeps_its_file_name(tmp_path: Path) -> None:
    first = counterexample().write(tmp_path)
    again = counterexample()
    changed = Counterexample(again.test, again.fault_set, "something else was seen")
    assert changed.write(tmp_path) == first
    assert Counterexample.read(first).seen == "something else was seen"
    assert [path.name for path in tmp_path.iterdir()] == [first.name], "no drafts are left"
    other = Counterexample("another test", again.fault_set, again.seen)
    assert other.write(tmp_path) != first
    fewer = Counterexample(again.test, FaultSet(tuple(again.fault_set)[:1]), again.seen)
    assert fewer.write(tmp_path) not in (first, other.write(tmp_path))


def damaged(**changes: Any) -> str:
    """A counterexample in which values of the first fault, or of the file, are others."""
    path = Path(changes.pop("directory"))
    content = json.loads(counterexample().write(path).read_text())
    for key, value in changes.items():
        (content if key in content else content["faults"][0])[key] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"faults": None}, id="no faults"),
        pytest.param({"faults": [{}]}, id="an empty fault"),
        pytest.param({"faults": ["fault"]}, id="a fault that is text"),
        pytest.param({"execution_index": "not an index"}, id="an index that is none"),
        pytest.param({"execution_index": None}, id="no index"),
        pytest.param({"callsite": {}}, id="an empty call site"),
        pytest.param({"fault": {"exception": None}}, id="a fault without parts"),
        pytest.param(
            {"fault": {"exception": "Oops", "status": None, "abort": True, "sleep": 0}},
            id="an exception that is none",
        ),
        pytest.param(
            {"fault": {"exception": None, "status": 999, "abort": True, "sleep": 0}},
            id="a status that is none",
        ),
    ],
)
def test_a_damaged_counterexample_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(damaged(directory=tmp_path, **changes))
    with pytest.raises(CounterexampleError, match=r"damaged\.json is damaged"):
        Counterexample.read(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"version": 1, "test"', id="cut off"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
        pytest.param(b"[" * 100_000, id="nested without end"),
    ],
)
def test_broken_json_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(CounterexampleError, match=r"cannot read the counterexample .*broken"):
        Counterexample.read(path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"version": 3}', '"text"', "null"])
def test_other_version_or_kind_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(CounterexampleError, match="not a counterexample of version 1"):
        Counterexample.read(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CounterexampleError, match="nowhere"):
        Counterexample.read(tmp_path / "nowhere.json")


def failing_result() -> Result:
    return explore(needs_a_part, page_of_two(), refused(texts=(503,)))


def needs_a_part() -> None:
    assert len(missing_parts()) < 2


def test_replay_shows_the_failure(tmp_path: Path) -> None:
    (failure,) = failing_result().failures
    path = Counterexample("needs_a_part", failure.faults, str(failure.error)).write(tmp_path)
    execution = replay(needs_a_part, Counterexample.read(path), page_of_two())
    assert execution.verdict == "failed"
    assert isinstance(execution.error, AssertionError)
    assert execution.faults == failure.faults
    injected = [call.fault for call in execution.trace.invocations]
    assert injected == [planned.fault for planned in failure.faults]


def test_replay_passes_after_the_fix(tmp_path: Path) -> None:
    (failure,) = failing_result().failures
    path = Counterexample("needs_a_part", failure.faults, str(failure.error)).write(tmp_path)
    execution = replay(missing_parts, Counterexample.read(path), page_of_two())
    assert (execution.verdict, execution.error) == ("passed", None)


def test_replay_without_the_call_is_inconclusive(tmp_path: Path) -> None:
    (failure,) = failing_result().failures
    path = Counterexample("needs_a_part", failure.faults, str(failure.error)).write(tmp_path)
    moved = page_of_two(texts="http://texts:5003/")
    execution = replay(needs_a_part, Counterexample.read(path), moved)
    assert execution.verdict == "inconclusive"
    assert execution.problems == (
        "fault not injected, the call was not made: page -> texts  GET http://texts:5002/",
    )
