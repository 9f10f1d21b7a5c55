"""Explore a test of this process with a server in another process."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from flask_filibuster.core import vocabulary
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, UnknownFaults
from flask_filibuster.core.messages import RequestEnded, RequestStarted
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import FilibusterError, ServerError
from flask_filibuster.exploring.explaining.recorded import SEARCHING, why_of_result
from flask_filibuster.exploring.session import Surroundings, in_scope
from flask_filibuster.exploring.watch import Watch
from flask_filibuster.instrumentation.app.outside import OutsideRequests
from flask_filibuster.instrumentation.callsite import ENDS, CodeByFile
from flask_filibuster.instrumentation.frames import Scope, TestFrame
from flask_filibuster.instrumentation.standins.replacements import replacements
from flask_filibuster.protocol.reading import one_of
from flask_filibuster.protocol.records import read_trace
from flask_filibuster.report.text import error_line
from flask_filibuster.results.bug import signature
from flask_filibuster.results.execution import SEARCH, Execution, Observation
from flask_filibuster.results.oracles.base import Oracle
from flask_filibuster.results.outcomes import read_outcome
from flask_filibuster.results.result import Result
from flask_filibuster.server.client.driver import RemoteDriver
from flask_filibuster.server.conductor import Verdict
from flask_filibuster.server.embedded import EmbeddedServer
from flask_filibuster.server.signing import Seal

logger = logging.getLogger(__name__)


class RemoteWatcher:
    """Reports the requests of a test in this process to a remote server.

    :param driver: the driver of the exploration.
    """

    def __init__(self, driver: RemoteDriver) -> None:
        self.problems: list[str] = []
        self._driver = driver
        self._ids: dict[ExecutionIndex, str] = {}
        # The threads run in this process, even if the faults come from another.
        self._local = EmbeddedServer().begin(FaultSet(), {})
        self.strand_started = self._local.strand_started
        self.clock = self._local.clock
        self.strand_ended = self._local.strand_ended
        self.settle = self._local.settle

    def request(self, invocation: Call, *, told_by_callee: bool = False) -> str:
        """Report a request that the test is about to make, and return its id."""
        request_id = self._ids[invocation.index] = str(uuid.uuid4())
        note = RequestStarted(
            request_id,
            invocation.index,
            invocation.method,
            invocation.url,
            invocation.timeout,
            invocation.position,
            told_by_callee,
        )
        with self._noting():
            self._driver.request_started(note)
        return request_id

    def awaits(self, request_id: str, index: ExecutionIndex) -> bool:  # noqa: ARG002
        """Whether this is the id of a request of the test; only the server knows the calls."""
        return request_id in self._ids.values()

    def request_ended(self, index: ExecutionIndex, outcome: Outcome) -> None:
        """Report the answer or the exception that the test got."""
        with self._noting():
            self._driver.request_ended(RequestEnded(self._ids[index], index, outcome))

    def problem(self, index: ExecutionIndex, reason: str) -> None:
        """Note why the execution is not the planned one."""
        self.problems.append(f"{index}: {reason}")

    def fault_injected(self, service: str | None = None) -> bool:
        """Ask whether the execution injects a fault (on that service)."""
        return self._driver.fault_injected(service)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note a failed report: the test continues, and its execution is inconclusive."""
        try:
            yield
        except ServerError as error:
            logger.error("could not report a request to the Filibuster server: %s", error)  # noqa: TRY400
            self.problems.append(str(error))


class RemoteSession:
    """Runs the executions of one exploration whose faults a remote server selects.

    :param driver: the driver of the exploration.
    :param timeout: time to wait for threads of this process after the test, in seconds.
    :param seal: signs the test's requests, or ``None``.
    """

    def __init__(self, driver: RemoteDriver, *, timeout: float, seal: Seal | None) -> None:
        self._driver = driver
        self._timeout = timeout
        self._seal = seal
        self._never_ending: set[str] = set()
        self._watch = Watch(guards=False)

    @contextmanager
    def execution(
        self,
        faults: FaultSet,
        around: Surroundings,
        *,
        stops: bool = True,
        ends: CodeByFile = ENDS,
    ) -> Iterator[RemoteWatcher]:
        """Run the block as the functional test; see ``Session.execution``."""
        watcher = RemoteWatcher(self._driver)
        patterns = around.config.url_patterns
        frame = TestFrame(
            self._driver.server,
            watcher,
            around.names,
            self._seal,
            url_patterns=patterns,
            found=around.found,
        )
        frame.outside, frame.ends = OutsideRequests(), ends
        around.handed_over.look()
        scope = Scope(frame, around.mesh)
        self._watch.begin(watcher, faults, scope, stops=stops)
        try:
            with in_scope(scope):
                yield watcher
        except BaseException:
            self._watch.abandon(watcher)
            raise

    def observe(self, watcher: RemoteWatcher, error: BaseException | None) -> Observation:
        """End this process's part of an execution.

        :param error: the exception that the test ended in, or ``None``.
        """
        running = watcher.settle(self._timeout, self._never_ending.__contains__)
        self._never_ending.update(running)
        unexplored, _ = self._watch.end(watcher, Trace())
        trace = Trace(unexplored=unexplored)
        return Observation(trace, error, tuple(watcher.problems))

    def completed(self, result: Result) -> Result:
        """The result with the server's notes, and with what this process saw."""
        result = replace(result, unfollowed=replacements().strange())
        told = (each for each in result.weakens if each not in result.notes)
        return replace(result, notes=(*told, *result.notes))


class RemoteSearch:
    """A search that a remote server carries out.

    :param driver: the driver of the exploration, not yet opened.
    :param options: see :meth:`RemoteDriver.open`.
    :param oracles: judge the executions; ``None``: all oracles.
    :raises ServerError: the server's answer is invalid.
    :ivar waiting: ``None``: only the server knows the number of planned executions.
    :ivar pruned_count: ``None``: only the server knows the number of pruned fault sets.
    """

    waiting: int | None = None
    pruned_count: int | None = None

    def __init__(
        self,
        driver: RemoteDriver,
        options: Mapping[str, Any],
        oracles: tuple[Oracle, ...] | None = None,
    ) -> None:
        self._driver = driver
        self._oracles = oracles
        self._given = {name: options[name] for name in SEARCHING if name in options}
        self._executions: list[Execution] = []
        self._ended = 0
        driver.open(options)
        self._next = self._ask()

    @property
    def executed(self) -> int:
        """Number of executions so far."""
        return len(self._executions)

    def _ask(self) -> FaultSet | None:
        number = self._ended + 1
        there, faults = self._driver.has_next(number)
        if not there:
            return None
        if faults is not None:
            return faults
        return FaultSet() if number == 1 else UnknownFaults(self._driver.url, number)

    def next(self) -> FaultSet | None:
        """The fault set of the execution under way on the server."""
        return self._next

    def learn(self, faults: FaultSet, observation: Observation, extra: str = "") -> Execution:  # noqa: ARG002
        """Report the end of the execution to the server, and begin the next one.

        :raises ServerError: the server's answer is invalid.
        """
        self._ended = number = self._ended + 1
        error = observation.error
        seen = self._driver.complete(
            number,
            Verdict(
                failed=error is not None,
                error="" if error is None else error_line(error),
                signature="" if error is None else signature(error),
                problem="; ".join(observation.problems) or None,
            ),
        )
        verdict: vocabulary.Verdict = "passed"
        purpose: vocabulary.Purpose = SEARCH
        trace, problems, counted = observation.trace, observation.problems, True
        if seen is not None:
            trace, problems, verdict, purpose = _seen(seen)
            # Both sides have a witness: the services' process, and the test's.
            both = (*trace.unexplored, *observation.trace.unexplored)
            trace = replace(trace, unexplored=both)
            counted = seen.get("counted") is not False
        elif problems:
            verdict = "inconclusive"
        elif error is not None:
            verdict = "failed"
        execution = Execution(
            len(self._executions) + 1, faults, trace, verdict, error, problems, purpose
        )
        if counted:
            self._executions.append(execution)
        self._driver.torn_down(number)
        self._next = self._ask()
        return execution

    def result(self) -> Result:
        """The result; from another project's server, it has only the verdicts of the executions.

        :raises ServerError: the server's answer is invalid.
        """
        return replace(self._result(), oracles=self._oracles)

    def _result(self) -> Result:
        executions = tuple(self._executions)
        outcome = self._driver.outcome()
        if outcome is None:
            note = (
                f"the server at {self._driver.url} belongs to another project and reports neither "
                "faults nor calls, so this result has no findings and no counterexamples"
            )
            return Result(executions, notes=(note,))
        try:
            result = read_outcome(executions, outcome)
        except (FilibusterError, KeyError, TypeError, ValueError) as error:
            raise ServerError(f"cannot read the server's result: {error!r}") from error
        if any(each.trace.handlings for each in executions):
            return replace(result, explain=partial(why_of_result, result, self._given))
        unreached = (
            f"no service contacted the server at {self._driver.url}, so no fault could be "
            "injected; set FILIBUSTER_SERVER_URL for the services"
        )
        problems = (*result.problems, unreached)
        return Result(executions, problems=problems, notes=result.notes)

    def end(self) -> None:
        """Abandon the exploration."""
        self._driver.end()


def _seen(
    seen: Mapping[str, Any],
) -> tuple[Trace, tuple[str, ...], vocabulary.Verdict, vocabulary.Purpose]:
    try:
        problems = tuple(map(str, seen["problems"]))
        verdict = one_of(seen["verdict"], vocabulary.VERDICTS, "verdict")
        purpose = one_of(seen.get("purpose", SEARCH), vocabulary.PURPOSES, "purpose")
        return read_trace(seen["trace"]), problems, verdict, purpose
    except (FilibusterError, KeyError, TypeError) as error:
        raise ServerError(f"cannot read the server's report of an execution: {error!r}") from error
