"""The server in this process: no network, one per exploration."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping

from flask_filibuster.core.clocks.clock import Clock
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
    ReportsLost,
    RequestAnswered,
    RequestReceived,
)
from flask_filibuster.server.execution import TestExecution

MOST_ENDED = 20_000
MOST_KEPT = 100_000
MOST_LOST = 100


class EmbeddedServer:
    """Serves any number of concurrent executions, identified by their request ids.

    :ivar since: start of the first execution, by the monotonic clock in seconds.
    :ivar wants_shapes: whether callers describe JSON answers, see :class:`Server`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executions: dict[str, TestExecution] = {}
        self._open: list[TestExecution] = []
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._lost: deque[tuple[float, str]] = deque(maxlen=MOST_LOST)
        self.since = math.inf
        self.wants_shapes = False

    @property
    def takes_notes(self) -> bool:
        """The embedded server receives everything."""
        return True

    @property
    def wants_digests(self) -> bool:
        """Services in this process report their own answers."""
        return False

    def begin(
        self,
        faults: FaultSet,
        names: Mapping[str, str],
        clock: Clock | None = None,
        *,
        is_open: bool = False,
    ) -> TestExecution:
        """Begin an execution.

        :param faults: its planned faults.
        :param names: names of services by host, for callees that do not report.
        :param clock: its clock; by default, real time.
        :param is_open: whether requests with an unknown id, or none, belong to it, if it is the
            only open execution.
        """
        execution = TestExecution(self, faults, names, clock)
        self.since = min(self.since, execution.began)
        if is_open:
            with self._lock:
                self._open.append(execution)
        return execution

    def new_request_id(self, execution: TestExecution) -> str:
        """An id for a request that the test of this execution makes."""
        request_id = _random_id()
        self.adopt(request_id, execution)
        return request_id

    def adopt(self, request_id: str, execution: TestExecution) -> None:
        """Assign an id of another origin to this execution."""
        with self._lock:
            kept = request_id in self._executions or len(self._executions) < MOST_KEPT
            if kept:
                self._executions[request_id] = execution
        if not kept:
            execution.note_problem(f"more than {MOST_KEPT} concurrent requests")

    def forget(self, execution: TestExecution) -> None:
        """Remove a finished execution; later messages for it are ignored."""
        with self._lock:
            self._open = [each for each in self._open if each is not execution]
            over = [key for key, each in self._executions.items() if each is execution]
            for request_id in over:
                del self._executions[request_id]
                self._ended[request_id] = None
            while len(self._ended) > MOST_ENDED:
                self._ended.popitem(last=False)

    def under_way(self, request_id: str) -> TestExecution | None:
        """The execution that a request belongs to, or ``None``.

        :param request_id: its id; empty if a client sends none.
        """
        execution = self._executions.get(request_id)
        if execution is not None or not self._open:
            return execution
        with self._lock:
            if request_id in self._ended:
                return None
            if len(self._open) == 1:
                execution = self._open[0]
                execution.unidentified = request_id
                if request_id and len(self._executions) < MOST_KEPT:
                    self._executions[request_id] = execution
                return execution
            several = list(self._open)
        for each in several:
            each.note_problem(
                f"a request without an id matches any of {len(several)} concurrent executions; "
                "send the header X-Filibuster-Request-Id (commands find it in FILIBUSTER_HEADERS)"
            )
        return None

    def create(self, message: InvocationStarted) -> Decision:
        """Number the call; a call of a finished execution passes without a fault."""
        execution = self.under_way(message.request_id)
        return Decision(-1) if execution is None else execution.create(message)

    def received(self, message: RequestReceived) -> bool:
        """Record the service that a request reached."""
        execution = self.under_way(message.request_id)
        return execution is not None and execution.received(message)

    def completed(self, message: InvocationCompleted) -> None:
        """Record the end of a call."""
        execution = self.under_way(message.request_id)
        if execution is not None:
            execution.completed(message)

    def answered(self, message: RequestAnswered) -> None:
        """Record the answer of a service."""
        execution = self.under_way(message.request_id)
        if execution is not None:
            execution.answered(message)

    def injection_failed(self, message: InjectionFailed) -> None:
        """Record that a fault could not be injected."""
        execution = self.under_way(message.request_id)
        if execution is not None:
            execution.problem(message.index, message.reason)

    def reports_lost(self, note: ReportsLost) -> None:
        """Record that a report of a service was lost."""
        when = time.monotonic() - note.age
        execution = self.under_way(note.request_id)
        if execution is not None and when >= execution.began:
            execution.note_problem(note.reason)
        elif when >= self.since or note.request_id in self._ended:
            self._lost.append((when, note.reason))

    def lost_since(self, began: float) -> tuple[str, ...]:
        """Lost reports for finished executions, each reason once.

        :param began: start of the period, by the monotonic clock in seconds.
        """
        return tuple(dict.fromkeys(reason for when, reason in list(self._lost) if when >= began))

    def fault_injected(self, request_id: str, service: str | None = None) -> bool:
        """Whether that request's execution injects a fault (on that service)."""
        execution = self.under_way(request_id)
        return execution is not None and execution.fault_injected(service)


def _random_id() -> str:
    """A random UUID as text. ``uuid.uuid4`` takes longer, for an object around it."""
    digits = os.urandom(16).hex()
    # Version 4, variant 1 (RFC 9562, section 5.4); its two random bits are left at 0.
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
