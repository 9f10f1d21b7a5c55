"""Failures: executions that failed, told apart by what failed and because of which calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from traceback import walk_tb

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.own_code import is_installed, is_ours
from flask_filibuster.results.execution import Execution


class TestFailedError(Exception):
    """A test failed that runs elsewhere, and so left no exception here.

    :param text: the failure in a line.
    :param kind: equal for executions that failed in the same way.
    """

    __test__ = False

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind

    def __reduce__(self) -> tuple[type[TestFailedError], tuple[str, str]]:
        # As sent to another process, which calls it with all of its arguments.
        return type(self), (str(self), self.kind)


@dataclass(frozen=True, slots=True)
class Failure:
    """A bug: the smallest fault set that shows it, and all executions that do.

    :ivar faults: the smallest fault set; empty when the test fails without any.
    :ivar error: the exception of the execution under that set.
    :ivar executions: every execution that shows it, smallest fault set first.
    """

    faults: FaultSet
    error: BaseException
    executions: tuple[Execution, ...]


def signature(error: BaseException) -> str:
    """What failed and where: equal for two executions whose test ended in the same way.

    Where is the line that raised it, and the lines of the user's own that lead there: many tests
    fail in one line of a library's (``raise_for_status``) or of a helper's.
    """
    if isinstance(error, TestFailedError):
        return error.kind
    lines = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    own = [each for each in lines if not (is_installed(each[0]) or is_ours(each[0]))]
    places = dict.fromkeys([*own, *lines[-1:]])  # Each once, however deep a recursion was.
    where = ", ".join(f"{file}:{line}" for file, line in places) or "?"
    return f"{type(error).__module__}.{type(error).__qualname__} at {where}"


def distinct(executions: Iterable[Execution]) -> tuple[Failure, ...]:
    """Group failed executions into bugs.

    An execution shows the bug of another one, whose fault set is no larger, when the same thing
    failed and the calls that were made to fail include the other one's: what else failed then
    added nothing.

    :param executions: all executions, in the order of their run.
    """
    groups: list[tuple[str, frozenset[str], list[Execution]]] = []
    for execution in sorted(executions, key=lambda each: len(each.faults)):
        if execution.verdict != "failed" or execution.error is None:
            continue
        what = signature(execution.error)
        calls = frozenset(planned.index for planned in execution.faults)
        for known, cause, members in groups:
            if known == what and cause <= calls:
                members.append(execution)
                break
        else:
            groups.append((what, calls, [execution]))
    return tuple(
        Failure(members[0].faults, members[0].error, tuple(members))
        for _, _, members in groups
        if members[0].error is not None
    )
