"""What those wait for who explore nothing: the import of the extension, and the help text.

Each measurement is a process of its own; they alternate, so that what else the machine does falls
on all of them. All modules are compiled before, as those of an installed package are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

from benchmarks.measure import Case, arguments, rows_of, show

MOST_ADDED_MS = 15.0
MOST_HELP = 1.3
ROUNDS = 30

TIMED = """
import flask, requests, time
began = time.process_time()
from flask_filibuster import Filibuster
imported = time.process_time()
Filibuster(flask.Flask("app"))
print(imported - began, time.process_time() - imported)
"""


def python(*arguments: str, directory: str) -> str:
    """Run Python; returns what it printed.

    :param directory: what it works in, and keeps compiled modules in.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": directory}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def added_by_import(directory: str) -> tuple[float, float]:
    """Seconds of the processor for the import, after those of Flask and requests, and a set-up."""
    imported, set_up = map(float, python("-c", TIMED, directory=directory).split())
    return imported, set_up


def helping(directory: str, *command: str) -> Callable[[], float]:
    """A function that has Flask print a help text, and says how many seconds that takes."""

    def run() -> float:
        began = time.perf_counter()
        python("-m", "flask", *command, "--help", directory=directory)
        return time.perf_counter() - began

    return run


def imports(directory: str, rounds: int) -> None:
    added_by_import(directory)
    times = [added_by_import(directory) for _ in range(rounds)]
    print(f"\nfrom flask_filibuster import Filibuster  ({rounds} processes)")
    added = 1000 * median(each for each, _ in times)
    met = "met" if added <= MOST_ADDED_MS else "MISSED"
    print(f"  adds to importing flask and requests  {added:6.2f} ms  <= {MOST_ADDED_MS:g} ms {met}")
    print(f"  Filibuster(app)                       {1000 * median(s for _, s in times):6.2f} ms")


def help_texts(directory: str, rounds: int) -> None:
    runs = [helping(directory), helping(directory), helping(directory, "filibuster")]
    for run in runs:
        run()
    cases = [
        Case("flask --help", runs[0]),
        Case("flask --help again", runs[1]),
        Case("flask filibuster --help", runs[2], most=MOST_HELP),
    ]
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for own, run in zip(times, runs, strict=True):
            own.append(run())
    show(f"Help texts  ({rounds} rounds)", rows_of(cases, times))


def main() -> None:
    rounds = 2 if arguments(__doc__).quick else ROUNDS
    with tempfile.TemporaryDirectory() as directory:
        imports(directory, rounds)
        help_texts(directory, rounds)


if __name__ == "__main__":
    main()
