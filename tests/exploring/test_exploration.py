"""The loop, and the seam of subjects."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from typing import Any

import pytest

import flask_filibuster
from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.driven.exploration import DrivenExploration
from flask_filibuster.exploring.exploration import Exploration, OneExecution
from flask_filibuster.exploring.explore import explore_subject
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.recording import Recording
from flask_filibuster.exploring.session import Session
from flask_filibuster.exploring.subjects.base import Portable, Setting
from flask_filibuster.exploring.workers.workers import Workers
from flask_filibuster.journal.recorder import SourcesOf, unknown_sources
from flask_filibuster.results.execution import Execution, Observation
from flask_filibuster.server.conductor import OutOfTurnError, Verdict
from tests.support.simulation import FunctionalTest, Orderly, Simulation, Step

PACKAGE = Path(flask_filibuster.__file__).parent


def simulation() -> Simulation:
    services = {"page": Orderly(((Step("a"),), (Step("b"),))), "a": Orderly(), "b": Orderly()}
    return Simulation(services, FunctionalTest(("page",), lambda seen: "passed"))


class SimulatedSubject:
    """A subject of another kind than those of the package."""

    ending: tuple[Signals, ...] = ()
    words = "a simulation"
    details: Mapping[str, Any] = {}

    def __init__(self) -> None:
        self.simulation = simulation()
        self.is_ready = False

    def replay_command(self, path: Path) -> str:
        return f"simulate {path}"

    def identity(self, *, unique: bool) -> str:
        return self.words

    @contextmanager
    def ready(self, settle: float | None = None) -> Iterator[Setting]:
        self.is_ready = True
        yield Setting({}, Config(), Session(timeout=1))
        self.is_ready = False

    def run(self, faults: FaultSet) -> Observation:
        assert self.is_ready
        return self.simulation.run(faults)

    def timed(self, faults: FaultSet) -> tuple[float, Observation]:
        return 0.0, self.run(faults)

    def kept(self, observation: Observation) -> str:
        return f"{len(observation.trace.invocations)} calls"

    def sources(self, *, needed: bool) -> SourcesOf:
        if needed:
            raise SetupError("simulations do not change")
        return unknown_sources

    def beside(self) -> Portable:
        raise SetupError("simulations run one after the other")


def test_any_subject_is_explored() -> None:
    progress: list[int] = []
    options = Options(check_determinism=False)
    explored = explore_subject(
        SimulatedSubject(), options, progress=lambda _, each: progress.append(each.number)
    )
    assert explored.result.ok
    assert len(explored.result.executions) > 3
    assert progress == [each.number for each in explored.result.executions]
    assert explored.interrupted is None


def test_what_it_cannot_do_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="simulations run one after the other"):
        explore_subject(SimulatedSubject(), Options(), workers=Workers(2))
    recording = Recording(tmp_path / "journal", changed=True)
    with pytest.raises(SetupError, match="simulations do not change"):
        explore_subject(SimulatedSubject(), Options(), recording=recording)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "journal", resume=True)
    first = explore_subject(SimulatedSubject(), Options(), recording=recording)
    second = explore_subject(SimulatedSubject(), Options(), recording=recording)
    assert first.recorded
    assert not first.recalled
    assert second.result.recalled == len(first.result.executions)
    assert second.recalled[0][1] == "2 calls"


def test_a_failing_progress_breaks_it_off() -> None:
    def breaks(search: Any, execution: Execution) -> None:
        if execution.number == 3:
            raise OSError("the disk is full")

    explored = explore_subject(SimulatedSubject(), Options(), progress=breaks)
    assert isinstance(explored.interrupted, OSError)
    assert len(explored.result.executions) == 3


def test_ctrl_c_keeps_what_was_found() -> None:
    def interrupts(search: Any, execution: Execution) -> None:
        if execution.number == 2:
            raise KeyboardInterrupt

    explored = explore_subject(SimulatedSubject(), Options(), progress=interrupts)
    assert isinstance(explored.interrupted, KeyboardInterrupt)
    assert len(explored.result.executions) == 2
    assert explored.result.remaining


def test_a_driver_steps_the_same_loop() -> None:
    subject = SimulatedSubject()
    here = explore_subject(subject, Options(check_determinism=False)).result
    options = Options(check_determinism=False)
    search = options.explorer({}, Config())
    driven = DrivenExploration("driven", search, Session(timeout=1))
    number = 1
    while driven.has_next(number) is not None:
        assert driven.under_way is not None
        faults = driven.under_way.faults
        # The services of a simulation tell the server nothing: what was seen is given here.
        driven.under_way = None
        driven._ended += 1
        driven.exploration.end(simulation().run(faults))
        number += 1
    told = driven.result()
    assert [each.faults for each in told.executions] == [each.faults for each in here.executions]
    assert "over" in repr(driven)


def test_a_driver_takes_its_turn() -> None:
    driven = DrivenExploration("one", OneExecution(FaultSet()), Session(timeout=0.1))
    with pytest.raises(OutOfTurnError, match="execution 2 requested, but 1 is next"):
        driven.has_next(2)
    assert driven.has_next(1) == driven.has_next(1) == FaultSet()
    with pytest.raises(OutOfTurnError, match="execution 2 is not under way"):
        driven.complete(2, Verdict(failed=False))
    assert driven.complete(1, Verdict(failed=False)).verdict == "passed"
    assert driven.has_next(2) is None


def test_nothing_is_learned_unbegun() -> None:
    exploration = Exploration("one", OneExecution(FaultSet()), Session(timeout=0.1))
    with pytest.raises(ValueError, match="no execution is under way"):
        exploration.end(simulation().run(FaultSet()))


def callers(name: str) -> list[str]:
    """The files, outside of the search itself, that call a method of a search."""
    files = []
    for file in sorted(PACKAGE.rglob("*.py")):
        place = file.relative_to(PACKAGE)
        if place.parts[0] == "search":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = getattr(node, "func", None)
            if isinstance(called, ast.Attribute) and called.attr == name:
                whose = ast.unparse(called.value).lower()
                if "search" in whose or "explorer" in whose:
                    files.append(place.as_posix())
    return files


@pytest.mark.slow
@pytest.mark.parametrize("name", ["next", "learn"])
def test_one_loop_drives_every_search(name: str) -> None:
    assert callers(name) == ["exploring/exploration.py"]
