"""Counterexamples as files: those of before are read, and are written under the same name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster.core.fault import Fault
from flask_filibuster.errors import CounterexampleError
from flask_filibuster.results.counterexample import Counterexample

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
