"""The server in this process: no network, one per exploration."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
    RequestAnswered,
    RequestReceived,
)
from flask_filibuster.server.execution import TestExecution


class EmbeddedServer:
    """Serves any number of test executions at once, told apart by their request ids.

    :ivar asked: names of services that tests and services have asked about.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executions: dict[str, TestExecution] = {}
        self.asked: set[str] = set()

    @property
    def takes_notes(self) -> bool:
        """The embedded server hears everything."""
        return True

    def begin(self, faults: FaultSet, names: Mapping[str, str]) -> TestExecution:
        """Start a test execution.

        :param faults: the faults planned for it.
        :param names: names of services by host, to name a callee that does not report itself.
        """
        return TestExecution(self, faults, names)

    def new_request_id(self, execution: TestExecution) -> str:
        """An id for a request that the test of this execution makes."""
        request_id = str(uuid.uuid4())
        with self._lock:
            self._executions[request_id] = execution
        return request_id

    def forget(self, execution: TestExecution) -> None:
        """Drop an execution that is over; what still arrives for it goes nowhere."""
        with self._lock:
            self._executions = {
                request_id: each
                for request_id, each in self._executions.items()
                if each is not execution
            }

    def create(self, message: InvocationStarted) -> Decision:
        """Number the call; a call of an execution that is over is let through."""
        execution = self._executions.get(message.request_id)
        return Decision(-1) if execution is None else execution.create(message)

    def received(self, message: RequestReceived) -> None:
        """Note which service a request reached."""
        execution = self._executions.get(message.request_id)
        if execution is not None:
            execution.received(message)

    def completed(self, message: InvocationCompleted) -> None:
        """Note how a call ended."""
        execution = self._executions.get(message.request_id)
        if execution is not None:
            execution.completed(message)

    def answered(self, message: RequestAnswered) -> None:
        """Note what a service answered."""
        execution = self._executions.get(message.request_id)
        if execution is not None:
            execution.answered(message)

    def injection_failed(self, message: InjectionFailed) -> None:
        """Note that a fault could not be made real."""
        execution = self._executions.get(message.request_id)
        if execution is not None:
            execution.problem(message.index, message.reason)

    def fault_injected(self, request_id: str, service: str | None = None) -> bool:
        """Whether that request's execution injects a fault (on that service)."""
        execution = self._executions.get(request_id)
        return execution is not None and execution.fault_injected(service)
