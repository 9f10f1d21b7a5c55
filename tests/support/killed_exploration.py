"""An exploration of 500 executions that keeps a journal: a program, to be killed at any time.

``python -m tests.support.killed_exploration JOURNAL LOG``: each fault set is a line of LOG,
and a byte on stdout.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.journal.journal import Journal
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.report.text import error_line
from flask_filibuster.results.execution import Observation
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support.driving import run_all
from tests.support.simulation import (
    FunctionalTest,
    Orderly,
    Service,
    Simulation,
    Step,
    WhimsicalJudge,
)

NAME = "500 executions"
EXECUTIONS = 500
MODEL = FaultModel(("ConnectionError", "Timeout"), default_statuses=(404, 429, 500, 502, 503))


def simulation() -> Simulation:
    """A page with three optional parts, of which each can fail in seven ways, and a picky test."""
    parts = [f"s{number}" for number in range(3)]
    services: dict[str, Service] = {"front": Orderly(tuple((Step(name),) for name in parts))}
    services.update({name: Orderly() for name in parts})
    return Simulation(services, FunctionalTest(("front",), WhimsicalJudge(3)))


def named(faults: FaultSet) -> str:
    """A fault set in a line that is the same in every process."""
    return "; ".join(f"{planned.index} {planned.fault}" for planned in faults) or "none"


def explored(
    journal: Path | None, begins: Callable[[FaultSet], object], *, resume: bool = False
) -> Result:
    """Explore, with what is in the journal if that is wanted.

    :param begins: called before each execution that is run.
    """
    application = simulation()

    def run(faults: FaultSet) -> Observation:
        begins(faults)
        return application.run(faults)

    def explorer(recorder: Recorder | None) -> Explorer:
        return Explorer(
            MODEL,
            reduction="exact",
            max_executions=EXECUTIONS,
            check_determinism=True,
            recorder=recorder,
        )

    if journal is None:
        return run_all(explorer(None), run)
    with Journal(journal) as opened:
        part = opened.begin(NAME, resume=resume)
        result = run_all(explorer(Recorder(part, error_line=error_line)), run)
        part.finish("complete")
    return result


def main() -> None:
    path, log = map(Path, sys.argv[1:])
    with log.open("a", encoding="utf-8", buffering=1) as file:

        def begins(faults: FaultSet) -> None:
            file.write(f"{named(faults)}\n")
            os.write(1, b".")

        explored(path, begins)


if __name__ == "__main__":
    main()
