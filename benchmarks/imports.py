"""What those wait for who explore nothing: the import of the extension, and the help text.

Each measurement is a process of its own; they alternate, so that what else the machine does falls
on all of them.
"""

from __future__ import annotations

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
began = time.perf_counter()
from flask_filibuster import Filibuster
imported = time.perf_counter()
Filibuster(flask.Flask("app"))
print(imported - began, time.perf_counter() - imported)
"""


def added_by_import() -> tuple[float, float]:
    """Seconds that the import takes, after those of Flask and requests, and setting up an app."""
    done = subprocess.run([sys.executable, "-c", TIMED], capture_output=True, text=True, check=True)
    imported, set_up = map(float, done.stdout.split())
    return imported, set_up


def helping(*command: str) -> Callable[[], float]:
    """A function that has Flask print a help text, and says how many seconds that takes."""

    def run() -> float:
        with tempfile.TemporaryDirectory() as nowhere:
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "flask", *command, "--help"],
                cwd=nowhere,
                capture_output=True,
                check=True,
            )
            return time.perf_counter() - began

    return run


def imports(rounds: int) -> None:
    times = [added_by_import() for _ in range(rounds)]
    print(f"\nfrom flask_filibuster import Filibuster  ({rounds} processes)")
    added = 1000 * median(each for each, _ in times)
    met = "met" if added <= MOST_ADDED_MS else "MISSED"
    print(f"  adds to importing flask and requests  {added:6.2f} ms  <= {MOST_ADDED_MS:g} ms {met}")
    print(f"  Filibuster(app)                       {1000 * median(s for _, s in times):6.2f} ms")


def help_texts(rounds: int) -> None:
    runs = [helping(), helping(), helping("filibuster")]
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
    imports(rounds)
    help_texts(rounds)


if __name__ == "__main__":
    main()
