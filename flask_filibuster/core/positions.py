"""The positions of calls: their counts, and their place in the order of the program."""

from __future__ import annotations

import threading

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex

Position = tuple[tuple[int, ...], ...]


class Counter:
    """Counts the calls of one request by signature, over all its threads."""

    __slots__ = ("_counts", "_lock")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def next(self, signature: str) -> int:
        """The count of one more call with this signature, from 1."""
        with self._lock:
            count = self._counts.get(signature, 0) + 1
            self._counts[signature] = count
            return count


class Strand:
    """A place in the order of a program that may run in several threads.

    Calls of one strand are numbered 1, 3, 5, …; a thread started between two of them orders its
    own calls at the even number in between, so that the order does not depend on which of the
    threads ran first.

    :ivar name: the thread within its request, like ``2.1``; empty for the first.
    """

    __slots__ = ("_calls", "_forks", "_lock", "_prefix", "name")

    def __init__(self, prefix: Position = ()) -> None:
        self.name = ".".join(str(fork) for _, fork in prefix) if prefix else ""
        self._prefix = prefix
        self._calls = 0
        self._forks = 0
        self._lock = threading.Lock()

    def next_call(self) -> Position:
        """The position of the next call."""
        with self._lock:
            self._calls += 1
            return (*self._prefix, (2 * self._calls - 1,))

    def fork(self) -> Strand:
        """The strand of a thread started here."""
        with self._lock:
            self._forks += 1
            return Strand((*self._prefix, (2 * self._calls, self._forks)))


class TestRequests:
    """The requests of a functional test, counted and ordered.

    :param strand: the position at which the test begins.
    :param counter: the counter; a new one by default.
    """

    __test__ = False
    __slots__ = ("_counter", "_strand")

    def __init__(self, strand: Strand | None = None, counter: Counter | None = None) -> None:
        self._counter = counter or Counter()
        self._strand = strand or Strand()

    def next_request(self, what: str) -> tuple[ExecutionIndex, Position]:
        """Index and position of the next request; ``what``: its method, and URL from port on."""
        if self._strand.name:
            what = f"{what} in thread {self._strand.name}"
        return ROOT.child(what, self._counter.next(what)), self._strand.next_call()

    def fork(self) -> TestRequests:
        """The requests of a thread that the test starts."""
        return TestRequests(self._strand.fork(), self._counter)
