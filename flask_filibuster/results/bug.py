"""Bugs: failures of a test, findings of oracles, or both."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from traceback import walk_tb
from typing import Final, TypeAlias

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.own_code import OURS, is_installed, is_ours
from flask_filibuster.errors import HangError
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding, shortened

_ENTRANCES = tuple(os.path.join(OURS, room, "") for room in ("instrumentation", "mesh"))
"""Our code between a test and the services; other code of ours runs the test."""
_INSIDE = "; inside: "
ALTERED: Final = "altered"
"""The last part of the place of a call that succeeded with an altered answer."""

Place: TypeAlias = tuple[str, ...]
"""A call, without the parts that differ in the next round of a loop."""


class TestFailedError(Exception):
    """The failure of a test that runs in another process, without an exception here.

    :param text: the failure in a line.
    :param kind: equal for executions that failed in the same way.
    """

    __test__ = False

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind

    def __reduce__(self) -> tuple[type[TestFailedError], tuple[str, str]]:
        # Unpickling passes all arguments.
        return type(self), (str(self), self.kind)


class FaultFreeError(Exception):
    """An explored request fails without any fault.

    :param status: the status of the answer.
    :param location: where a redirect in place of a page leads; empty: it is none.
    """

    def __init__(self, status: int, location: str = "") -> None:
        to = f", a redirect to {location} in place of a page" if location else ""
        super().__init__(f"the answer is {status}{to}")
        self.status = status
        self.location = location


@dataclass(frozen=True, slots=True, repr=False)
class Failure:
    """A failure of the test itself: an assertion, or another exception that ended the test.

    :ivar faults: the smallest fault set; empty if the test fails without faults.
    :ivar error: the exception of the execution under that set.
    :ivar executions: every execution that shows it, smallest fault set first.
    """

    faults: FaultSet
    error: BaseException
    executions: tuple[Execution, ...]

    def __repr__(self) -> str:
        return f"<Failure: {error_line(self.error)}, {self.faults!r}>"


def is_part_of(places: Collection[Place], others: Collection[Place]) -> bool:
    """Whether calls at fault are among others: with the same ones, whatever became of each.

    With further calls, those that succeeded with an altered answer must have done so there, too: a
    fallback that is called after a failure, and fails, is a reason of its own.

    >>> call, fallback = ("shop", "GET", "stock"), ("shop", "GET", "cache")
    >>> is_part_of({call}, {call, fallback}), is_part_of({(*call, ALTERED)}, {call})
    (True, True)
    >>> is_part_of({(*call, ALTERED)}, {call, fallback})
    False
    """
    if set(places) <= set(others):
        return True
    return {_unaltered(each) for each in places} == {_unaltered(each) for each in others}


def _unaltered(place: Place) -> Place:
    return place[:-1] if place[-1] == ALTERED else place


@dataclass(frozen=True, slots=True)
class Cause:
    """What tells a bug that an oracle found from others, also from those of other tests.

    >>> once = Cause("answer 500", ("shop", "GET"), frozenset({("shop", "GET", "stock")}))
    >>> twice = Cause("answer 500", ("shop", "GET"), once.places | {("shop", "GET", "prices")})
    >>> once.is_shown_by(twice), twice.is_shown_by(once)
    (True, False)

    :ivar kind: name of the oracle.
    :ivar what: equal for all sightings of one finding: the exception and where, or the handler.
    :ivar places: the places of the calls at fault, see ``results/identity.py``.
    """

    kind: str
    what: tuple[str, ...]
    places: frozenset[Place]

    def is_shown_by(self, other: Cause) -> bool:
        """Whether another bug, with no smaller fault set, is this one again."""
        same = (self.kind, self.what) == (other.kind, other.what)
        return same and is_part_of(self.places, other.places)


@dataclass(frozen=True, slots=True, repr=False)
class Bug:
    """One bug, with its symptoms.

    :ivar faults: the smallest fault set that shows it.
    :ivar symptoms: failures of the test, then findings of severity ``"error"``; at least one.
    :ivar executions: numbers of the executions that show it, in ascending order.
    :ivar cause: what tells it from others; ``None`` if no oracle found it.
    """

    faults: FaultSet
    symptoms: tuple[Failure | Finding, ...]
    executions: tuple[int, ...]
    cause: Cause | None = None

    def __repr__(self) -> str:
        symptoms = "; ".join(
            each.message if isinstance(each, Finding) else error_line(each.error)
            for each in self.symptoms
        )
        return f"<Bug: {symptoms}, {self.faults!r}>"


def signature(error: BaseException) -> str:
    """Type and place of a failure: equal for two executions whose test failed alike.

    The place is the line that raised the exception and the lines of the user's own code that lead
    there: many tests fail in one line of a library (``raise_for_status``) or of a helper. Lines of
    a service come last: an exception that nothing caught reaches the test if ``app.testing`` is on.
    """
    if isinstance(error, TestFailedError):
        return error.kind
    outer: dict[str, None] = {}  # Each line once, however deep a recursion was.
    inner: dict[str, None] = {}
    part, last = outer, "?"
    for frame, line in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        last = f"{file}:{line}"
        if is_ours(file):
            # Ours around the test is elsewhere, or has no line of the user before it.
            part = inner if outer and file.startswith(_ENTRANCES) else part
        elif not is_installed(file):
            part[last] = None
    if last not in outer:
        part[last] = None
    if isinstance(error, HangError):
        inner = {}  # Where a loop is when its time is over is chance.
    inside = f"{_INSIDE}{', '.join(inner)}" if inner else ""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return f"{name} at {', '.join(outer)}{inside}"


def ending(error: BaseException) -> str:
    """The :func:`signature` without lines of services: equal if the test failed alike.

    The lines of a service depend on the faults, in a way that a test does not see.
    """
    return signature(error).partition(_INSIDE)[0]


def error_line(error: BaseException) -> str:
    """An exception in a line."""
    text = str(error).strip().splitlines()
    if text and isinstance(error, (TestFailedError, FaultFreeError)):
        return shortened(text[0])
    name = "hangs" if isinstance(error, HangError) else type(error).__name__
    return f"{name}: {shortened(text[0])}" if text else name
