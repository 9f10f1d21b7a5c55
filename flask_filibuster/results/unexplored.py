"""The unexplored calls of an exploration, and whether they count against it."""

from __future__ import annotations

from collections import Counter
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
    :ivar fine: hosts, ``host:port``, names of commands and of functions that do not count.
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
    """The unexplored calls of these executions, each once; datagrams once for each target.

    Each has the count of the execution that made it most often, so that the number does not depend
    on the number of executions.
    """
    first: dict[UnexploredCall, UnexploredCall] = {}
    counts: dict[UnexploredCall, int] = {}
    for execution in executions:
        made: Counter[UnexploredCall] = Counter()
        for call in execution.trace.unexplored:
            if not call.is_in(policy.fine):
                key = _alike(call)
                first.setdefault(key, call)
                made[key] += call.count
        counts.update({key: max(counts.get(key, 0), count) for key, count in made.items()})
    return tuple(replace(call, count=counts[key]) for key, call in first.items())


@dataclass(frozen=True, slots=True)
class MergedUnexplored:
    """One unexplored call of several tests.

    :ivar call: the call, with the count of the test that made it most often.
    :ivar tests: names of all tests that made it.
    """

    call: UnexploredCall
    tests: tuple[str, ...]


def merged_unexplored(
    calls: Iterable[tuple[str, UnexploredCall]],
) -> tuple[MergedUnexplored, ...]:
    """Each unexplored call once, however often each test makes it.

    >>> calls = [("a", UnexploredCall("datagram", "statsd:8125", count=n)) for n in (1, 3)]
    >>> [(each.call.count, each.tests) for each in merged_unexplored(calls)]
    [(3, ('a',))]

    :param calls: the calls, each with the name of its test.
    """
    found: dict[UnexploredCall, MergedUnexplored] = {}
    for test, call in sorted(calls, key=lambda pair: pair[0]):
        known = found.setdefault(_alike(call), MergedUnexplored(call, ()))
        most = replace(known.call, count=max(known.call.count, call.count))
        tests = known.tests if test in known.tests else (*known.tests, test)
        found[_alike(call)] = MergedUnexplored(most, tests)
    return tuple(found.values())


def _alike(call: UnexploredCall) -> UnexploredCall:
    """What calls that are named once have in common.

    Metrics and logs go to one target from everywhere in an application. A server of a fixture may
    get another port for each test, and so may what its app calls.
    """
    if call.apart and call.callsite is not None:
        return replace(call, target="", url="", count=1)
    site = None if call.way == "datagram" else call.callsite
    return replace(call, callsite=site, count=1)
