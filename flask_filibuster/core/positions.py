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
    threads ran first. Items of queues are ordered likewise. They have numbers of their own, for
    each queue: how many items a strand puts elsewhere, such as log records, changes no name.

    :ivar prefix: the positions of all its calls begin with this.
    :ivar name: the thread within its request, like ``2.1``, or ``2.q3`` for the third item that
        the second thread put in a queue; empty for the first thread.
    """

    __slots__ = ("_calls", "_forks", "_items", "_items_of", "_lock", "name", "prefix")

    def __init__(self, prefix: Position = (), name: str = "") -> None:
        self.name = name
        self.prefix = prefix
        self._calls = 0
        self._forks = 0
        self._items = 0
        self._items_of: dict[object, int] | None = None  # Few strands put items.
        self._lock = threading.Lock()

    def next_call(self) -> Position:
        """The position of the next call."""
        with self._lock:
            self._calls += 1
            return (*self.prefix, (2 * self._calls - 1,))

    def fork(self, queue: object | None = None) -> Strand:
        """The strand of a thread started here, or of the next item in a queue."""
        with self._lock:
            if queue is None:
                self._forks += 1
                return self._below((2 * self._calls, self._forks), str(self._forks))
            self._items += 1
            numbers = self._items_of = {} if self._items_of is None else self._items_of
            number = numbers[queue] = numbers.get(queue, 0) + 1
            return self._below((2 * self._calls, 0, self._items), f"q{number}")

    def is_above(self, other: Strand) -> bool:
        """Whether the other one was started here, or below."""
        length = len(self.prefix)
        return len(other.prefix) > length and other.prefix[:length] == self.prefix

    def _below(self, place: tuple[int, ...], name: str) -> Strand:
        return Strand((*self.prefix, place), f"{self.name}.{name}" if self.name else name)


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

    @property
    def strand(self) -> Strand:
        """The place of the requests in the order of the test."""
        return self._strand

    def fork(self, queue: object | None = None) -> TestRequests:
        """The requests of a thread that the test starts, or of its next item in a queue."""
        return TestRequests(self._strand.fork(queue), self._counter)
