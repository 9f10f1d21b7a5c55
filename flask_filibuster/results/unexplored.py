"""The unexplored calls of an exploration, and whether they count against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.results.execution import Execution

FAIL, WARN = "fail", "warn"


@dataclass(frozen=True, slots=True)
class UnexploredPolicy:
    """The consequence of unexplored calls.

    >>> UnexploredPolicy.of(("fail", "statsd:8125"))
    UnexploredPolicy(fails=True, fine=('statsd:8125',))

    :ivar fails: whether they make the exploration prove nothing.
    :ivar fine: hosts, ``host:port`` and names of commands that do not count.
    """

    fails: bool = False
    fine: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Iterable[str]) -> UnexploredPolicy:
        """The policy that the option ``unexplored`` gives."""
        listed = tuple(words)
        return cls(FAIL in listed, tuple(each for each in listed if each not in (FAIL, WARN)))


UNEXPLORED_WARNS: Final = UnexploredPolicy()


def unexplored_in(
    executions: Iterable[Execution], policy: UnexploredPolicy
) -> tuple[UnexploredCall, ...]:
    """The unexplored calls of these executions, each once.

    Each has the count of the execution that made it most often, so that the number does not depend
    on the number of executions.
    """
    found: dict[UnexploredCall, int] = {}
    for execution in executions:
        for call in execution.trace.unexplored:
            if not call.is_in(policy.fine):
                key = replace(call, count=1)
                found[key] = max(found.get(key, 0), call.count)
    return tuple(replace(call, count=count) for call, count in found.items())
