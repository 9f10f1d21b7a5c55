"""One execution, as the embedded server sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from flask_filibuster.core.bounds.unending import Unending
from flask_filibuster.core.call import Call
from flask_filibuster.core.clocks.clock import Clock, RealClock
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder
from flask_filibuster.core.messages import (
    Decision,
    InvocationCompleted,
    InvocationStarted,
    RequestAnswered,
    RequestReceived,
)
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.positions import TestRequests
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.core.url_patterns import request_in_signature
from flask_filibuster.core.urls import host_of
from flask_filibuster.protocol.headers import Propagated
from flask_filibuster.server.base import RequestIds
from flask_filibuster.server.calls import call_of

# Bounds of the memory of one execution: any client of the server can add to it.
MOST_CALLS = 100_000
MOST_PROBLEMS = 100
MOST_NAMES = 1000
LONGEST_SHOWN = 500


class TestExecution:
    """Records the events of one execution of the functional test, and decides which calls fail.

    :param ids: the source of request ids.
    :param faults: its planned faults.
    :param names: names of services by host.
    :param clock: its clock; by default, real time.
    :ivar unidentified: the id of a request assigned to this execution only because no other was
        under way.
    """

    __test__ = False

    def __init__(
        self,
        ids: RequestIds,
        faults: FaultSet,
        names: Mapping[str, str],
        clock: Clock | None = None,
    ) -> None:
        self.faults = faults
        self.clock = clock or RealClock()
        self.began = time.monotonic()
        self.unidentified: str | None = None
        self._planned = FaultsInOrder(faults)
        self._ids = ids
        self._names = names
        # Re-entrant: a finaliser that makes a call may run while this thread holds it.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._generated = 0
        self._unending = Unending()
        self._calls: dict[ExecutionIndex, Call] = {}
        self._outcomes: dict[ExecutionIndex, Outcome] = {}
        self._ends: dict[ExecutionIndex, float] = {}
        self._handlings: dict[ExecutionIndex, Handling] = {}
        self._problems: list[str] = []
        self._strands: dict[str, int] = {}
        self._told_by_callee: set[ExecutionIndex] = set()
        self._asked: set[str | None] = set()
        self._by_number: dict[int, ExecutionIndex] = {}
        self._entered: set[str] = set()
        self._entrances = TestRequests()

    def new_request_id(self) -> str:
        """An id for the next request of the test."""
        return self._ids.new_request_id(self)

    def create(self, message: InvocationStarted) -> Decision:
        """A call is about to be made."""
        host = message.target or host_of(message.url)
        with self._lock:
            unending = self._unending.reason(message)
            if unending is not None or self._is_full():
                return Decision(-1, unending=unending)
            generated_id, self._generated = self._generated, self._generated + 1
            self._by_number[generated_id] = message.index
            if message.index in self._calls:
                self._note(
                    f"two calls have the same execution index: {message.method} {message.url}"
                )
            call = call_of(message, generated_id, self._names.get(host, host), self.clock.now())
            planned = self._planned.of(call)
            if planned is not None:
                call = replace(call, target=planned.service, fault=planned.fault)
            self._calls[message.index] = call
        return Decision(generated_id, call.fault)

    def request(self, invocation: Call, *, told_by_callee: bool = False) -> str:
        """The test itself is about to make a request.

        :returns: an id for it.
        :param told_by_callee: the sender (a test client) is not instrumented, so the service
            reports the end of the request.
        """
        self._unending.check(invocation)
        self.note_request(invocation, told_by_callee=told_by_callee)
        return self._ids.new_request_id(self)

    def note_request(self, invocation: Call, *, told_by_callee: bool = False) -> None:
        """The test itself is about to make a request with an existing id."""
        with self._lock:
            if self._is_full():
                return
            self._calls[invocation.index] = invocation.begun(self.clock.now())
            if told_by_callee:
                self._told_by_callee.add(invocation.index)

    def request_ended(self, index: ExecutionIndex, outcome: Outcome) -> None:
        """A request of the test itself has ended in an answer or an exception."""
        self._end(index, outcome)

    def enter(self, service: str) -> bool:
        """Whether the execution is new to a service: ``True`` the first time."""
        with self._lock:
            first = service not in self._entered
            if len(self._entered) < MOST_NAMES:
                self._entered.add(service)
            return first

    def admit(
        self, service: str, method: str, url: str, request_id: str, *, signature: str = ""
    ) -> Propagated | None:
        """A service received a request of the test itself that the test has not announced.

        :param signature: distinguishes it from others; by default, method and URL without values.
        :returns: its place in the execution, if the execution still accepts calls.
        """
        with self._lock:
            if self._is_full():
                return None
        called = signature or f"{method} {request_in_signature(url)}"
        index, position = self._entrances.next_request(called)
        if request_id:
            self._ids.adopt(request_id, self)
        else:
            request_id = self.new_request_id()
        call = Call(
            index=index, source="", target=service, method=method, url=url, position=position
        )
        self.note_request(call, told_by_callee=True)
        path = urlsplit(url).path
        self.received(RequestReceived(request_id, index, service, method, path))
        return Propagated(request_id, index)

    def received(self, message: RequestReceived) -> bool:
        """A service received a request.

        :returns: whether this execution knows the request.
        """
        with self._lock:
            call = self._calls.get(message.index)
            if call is None and len(self._handlings) >= MOST_CALLS:
                return False
            self._handlings[message.index] = Handling(
                index=message.index,
                service=message.service,
                method=message.method or (call.method if call is not None else ""),
                path=message.path or (urlsplit(call.url).path if call is not None else ""),
            )
            if message.generated_id is None:
                return call is not None
            return self._by_number.get(message.generated_id) == message.index

    def awaits(self, request_id: str, index: ExecutionIndex) -> bool:
        """Whether this is a call of this execution that no callee has received."""
        is_new = index in self._calls and index not in self._handlings
        return is_new and self._ids.under_way(request_id) is self

    def completed(self, message: InvocationCompleted) -> None:
        """A call has ended.

        A fault counts as injected only if the caller confirms it.
        """
        call = self._calls.get(message.index)
        outcome = message.outcome
        if call is not None and call.fault is not None:
            planned = call.fault.outcome
            if not planned.is_like(outcome):
                self.problem(
                    message.index,
                    f"fault not injected: expected {call.fault.kind.outcome}, "
                    f"the call ended with {outcome}",
                )
            outcome = planned
        if message.answer is not None:
            with self._lock:
                handling = self._handlings.get(message.index)
                if handling is not None and handling.answer is None:
                    self._handlings[message.index] = handling.ended(message.answer, handling.crash)
        self._end(message.index, outcome)

    def _end(self, index: ExecutionIndex, outcome: Outcome) -> None:
        with self._lock:
            if index not in self._calls:
                self._note(f"an unknown call ended: {index[:LONGEST_SHOWN]}")
                return
            self._outcomes[index], self._ends[index] = outcome, self.clock.now()
            self._changed.notify_all()

    def answered(self, message: RequestAnswered) -> None:
        """A service has answered, or crashed; the answer made of a crash follows it."""
        with self._lock:
            handling = self._handlings.get(message.index)
            if handling is None:
                return
            self._handlings[message.index] = handling.ended(
                message.answer or handling.answer, message.crash or handling.crash
            )
        if message.index in self._told_by_callee:
            crashed = message.crash.error.partition(":")[0] if message.crash else None
            self._end(message.index, message.answer or Outcome(exception=crashed))

    def problem(self, index: ExecutionIndex, reason: str) -> None:
        """Record why the execution deviates from the plan, for one call."""
        with self._lock:
            call = self._calls.get(index)
            self._note(f"{call.describe() if call else index[:LONGEST_SHOWN]}: {reason}")

    def note_problem(self, reason: str) -> None:
        """Record why the execution deviates from the plan, for no particular call."""
        with self._lock:
            self._note(reason)

    def _is_full(self) -> bool:
        """Whether the maximum number of calls is reached; records that as a problem."""
        full = max(self._generated, len(self._calls)) >= MOST_CALLS
        if full:
            self._note(f"more than {MOST_CALLS} calls; the rest are not recorded")
        return full

    def _note(self, problem: str) -> None:
        """Record a problem; their number is bounded, as any client of the server can cause some."""
        if problem not in self._problems and len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)

    def fault_injected(self, service: str | None = None) -> bool:
        """Whether a fault is planned (on a call that reaches that service)."""
        if len(self._asked) < MOST_NAMES:
            self._asked.add(service)
        return any(service in (None, each.service) for each in self.faults)

    def faulted_methods(self, service: str) -> set[str]:
        """The HTTP methods of the calls to a service that a fault is planned for."""
        faults = [each for each in self.faults if each.service == service]
        failed = [each for planned in faults for each in planned.failed(self._calls.values())]
        return {each.method for each in (*(planned.call for planned in faults), *failed)}

    def strand_started(self, name: str) -> None:
        """A thread or task was started by the application; see :meth:`settle`."""
        with self._lock:
            self._strands[name] = self._strands.get(name, 0) + 1

    def strand_ended(self, name: str) -> None:
        """A thread or task of that name has ended."""
        with self._lock:
            self._strands[name] -= 1
            self._changed.notify_all()

    def settle(self, timeout: float, ignored: Callable[[str], bool]) -> tuple[str, ...]:
        """Wait until the calls and threads of the test have ended.

        :param timeout: maximum time to wait, in seconds.
        :param ignored: whether to ignore a thread, by its name.
        :returns: names of the threads still running.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            while self._calls_open() or self._running(ignored):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return tuple(self._running(ignored))

    def _calls_open(self) -> bool:
        return len(self._outcomes) < len(self._calls)

    def _running(self, ignored: Callable[[str], bool]) -> list[str]:
        return [name for name, count in self._strands.items() if count and not ignored(name)]

    def trace(self) -> Trace:
        """The trace so far."""
        with self._lock:
            calls = [self._as_seen(call) for call in self._calls.values()]
            return Trace.of(calls, [self._as_ended(each) for each in self._handlings.values()])

    def _as_ended(self, handling: Handling) -> Handling:
        """The handling with its answer; the caller reports it if the service does not."""
        call, outcome = self._calls.get(handling.index), self._outcomes.get(handling.index)
        if handling.answer is not None or call is None or call.fault is not None:
            return handling
        if outcome is None or outcome.status is None:
            return handling
        return handling.ended(outcome, handling.crash)

    def _as_seen(self, call: Call) -> Call:
        """The call with its outcome, and the callee's report: its name, and the body's digest."""
        outcome = self._outcomes.get(call.index)
        end = self._ends.get(call.index)
        handling = self._handlings.get(call.index)
        if handling is None:
            return call.ended(call.target, outcome, end)
        answer = handling.answer
        if answer is not None and outcome is not None and call.fault is None:
            same = answer.status == outcome.status and outcome.digest is None
            if same:  # What the callee has reported, and what the caller has described.
                shape = outcome.shape
                outcome = answer if shape is None else replace(answer, shape=shape)
        return call.ended(handling.service, outcome, end)

    @property
    def asked(self) -> frozenset[str | None]:
        """The arguments of :meth:`fault_injected` so far."""
        return frozenset(self._asked)

    def problems(self) -> tuple[str, ...]:
        """Why this execution deviates from the plan, in words; empty if it does not."""
        with self._lock:
            problems = [*self._problems, *self._planned.unmet(self._calls)]
            for index, call in self._calls.items():
                if index not in self._outcomes:
                    problems.append(f"the call did not end in time: {call.describe()}")
            return tuple(problems)
