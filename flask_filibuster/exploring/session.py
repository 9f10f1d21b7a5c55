"""The services, the network and the observer of an exploration's executions."""

from __future__ import annotations

import logging
import time
from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from flask import Flask

from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.urls import host_of, service_name
from flask_filibuster.exploring.watch import Watch
from flask_filibuster.extension import borrow, give_back
from flask_filibuster.instrumentation.app.commands import hold_runners
from flask_filibuster.instrumentation.app.entrance import hold_entrances
from flask_filibuster.instrumentation.app.hooks import InstrumentedApp
from flask_filibuster.instrumentation.app.outside import OutsideRequests
from flask_filibuster.instrumentation.callsite import ENDS, CodeByFile
from flask_filibuster.instrumentation.clients.registry import clients_known, instrument
from flask_filibuster.instrumentation.clock.all import hold_clock
from flask_filibuster.instrumentation.clock.virtual import virtual_time
from flask_filibuster.instrumentation.frames import Scope, TestFrame, current_scope, enter
from flask_filibuster.instrumentation.standins.replacements import replacements
from flask_filibuster.instrumentation.witness.instead import seen_instead
from flask_filibuster.instrumentation.witness.processes import HandedOver
from flask_filibuster.mesh.network import Mesh
from flask_filibuster.results.execution import Observation
from flask_filibuster.results.result import Result
from flask_filibuster.search.histories import acting_on_history
from flask_filibuster.server.embedded import EmbeddedServer
from flask_filibuster.server.execution import TestExecution

logger = logging.getLogger(__name__)

MOST_AMBIGUITIES = 5


class Surroundings:
    """The services around the executions of an exploration.

    :ivar mesh: the network between them.
    :ivar apps: the extension's part in each Flask app.
    :ivar hosts: names of services by host; without hosts of several services.
    :ivar names: names of services by app.
    :ivar found: apps that take part without being named, by name, as they appear.
    :ivar handed_over: notes the functions that they hand to other processes.
    """

    def __init__(
        self,
        mesh: Mesh,
        apps: list[InstrumentedApp],
        services: Mapping[str, Any],
        handed_over: HandedOver,
    ) -> None:
        self.mesh = mesh
        self.apps = apps
        self.handed_over = handed_over
        self.found: dict[str, Flask] = {}
        hosts = Counter(map(host_of, services))
        self.hosts = {
            host_of(url): service_name(url, app)
            for url, app in services.items()
            if hosts[host_of(url)] == 1
        }
        self.names = {
            app: service_name(url, app) for url, app in services.items() if isinstance(app, Flask)
        }

    @property
    def by_name(self) -> Mapping[str, Flask]:
        """The Flask apps by the names that they have in traces; apps may join it later."""
        known = {name: app for app, name in self.names.items()}
        return ChainMap(known, {each.service_name: each.app for each in self.apps}, self.found)

    @cached_property
    def config(self) -> Config:
        """The settings of the first app that has any of its own, else the defaults."""
        default = Config()
        return next((each.config for each in self.apps if each.config != default), default)

    def config_of_found(self) -> Config:
        """The same, and if those apps have no settings, of those that were found meanwhile.

        :raises ConfigError: an app has an invalid setting.
        """
        default = Config()
        if self.config != default:
            return self.config
        found = (Config.read(each.config) for each in self.found.values())
        return next((each for each in found if each != default), default)


@contextmanager
def surroundings(services: Mapping[str, Any], apps: Iterable[Flask] = ()) -> Iterator[Surroundings]:
    """Join services into a mesh and instrument them while the block runs.

    :param services: WSGI apps by base URL. A Flask app without the extension gets one.
    :param apps: Flask apps without a URL, such as the app of a test client.
    """
    mesh = Mesh(services)
    flask_apps = dict.fromkeys(app for app in (*services.values(), *apps) if isinstance(app, Flask))
    with ExitStack() as stack:
        stack.enter_context(instrument())
        for each in hold_clock():
            stack.callback(each.release)
        for patch in (*hold_entrances(), hold_runners()):
            stack.callback(patch.release)
        handed_over = HandedOver()
        stack.callback(handed_over.release)
        borrowed = []
        for app in flask_apps:
            state = borrow(app)
            stack.callback(give_back, state)
            borrowed.append(state)
        yield Surroundings(mesh, borrowed, services, handed_over)


class Session:
    """The executions of one exploration: runs the test under faults and observes it.

    :param timeout: time to wait at the end of each execution for the application's threads and
        calls, in seconds.
    :param server: the server that services talk to; a new one by default.
    :param endless: names of threads that never end, to add to; by default, of this session only.
    :param describes: whether callers describe the JSON answers that they get, for faults of their
        parts.
    :ivar is_virtual: whether frames have virtual time.
    :ivar expected: the status that the explored request must have without faults, if given.
    """

    def __init__(
        self,
        *,
        timeout: float,
        server: EmbeddedServer | None = None,
        endless: set[str] | None = None,
        describes: bool = False,
        is_virtual: bool = True,
    ) -> None:
        self.is_virtual = is_virtual
        self.expected: int | None = None
        self._server = EmbeddedServer() if server is None else server
        self.describe_answers(wanted=describes)
        self._timeout = timeout
        self._began = time.monotonic()
        self._never_ending: set[str] = set() if endless is None else endless
        self._watch = Watch()

    def describe_answers(self, *, wanted: bool) -> None:
        """Have callers describe the JSON answers that they get from now on, if that is wanted."""
        self._server.wants_shapes = self._server.wants_shapes or wanted

    @contextmanager
    def network(self, around: Surroundings) -> Iterator[None]:
        """Deliver calls to the services while the block runs, without observation or faults."""
        with in_scope(Scope(None, around.mesh)):
            yield

    @contextmanager
    def execution(
        self,
        faults: FaultSet,
        around: Surroundings,
        *,
        stops: bool = True,
        ends: CodeByFile = ENDS,
    ) -> Iterator[TestExecution]:
        """Run the block as the functional test, under these faults.

        :param stops: whether a call to a host on another machine is stopped, and not only noticed.
        :param ends: where the test ends on the stack.
        """
        clock = virtual_time(self._timeout) if self.is_virtual else None
        execution = self._server.begin(faults, around.hosts, clock)
        patterns = around.config.url_patterns
        frame = TestFrame(
            self._server, execution, around.names, url_patterns=patterns, found=around.found
        )
        frame.outside, frame.ends = OutsideRequests(), ends
        # Not in_scope(), whose own generator takes as long as the rest.
        previous = current_scope()
        around.handed_over.look()
        scope = Scope(frame, around.mesh)
        self._watch.begin(execution, faults, scope, stops=stops)
        enter(scope)
        try:
            yield execution
        except BaseException:
            self._watch.abandon(execution)
            raise
        finally:
            enter(previous)

    def begin(self, faults: FaultSet) -> TestExecution:
        """Start an execution whose services all run in other processes."""
        return self._server.begin(faults, {}, is_open=True)

    def abandon(self, execution: TestExecution) -> None:
        """End an execution and discard it."""
        self._server.forget(execution)

    def observe(self, execution: TestExecution, error: BaseException | None) -> Observation:
        """End an execution: wait for its threads and calls, and return the observation.

        :param error: the exception that the test ended in, or ``None``.
        :raises ForeignHostError: the fault-free execution called a host on another machine.
        """
        running = execution.settle(self._timeout, self._never_ending.__contains__)
        if running:
            logger.warning(
                "still running %g s after the test: %s; later executions do not wait for it",
                self._timeout,
                ", ".join(sorted(running)),
            )
            self._never_ending.update(running)
        execution.clock.stop()
        trace = execution.trace()
        unexplored, stopped = self._watch.end(execution, trace)
        if unexplored:
            trace = replace(trace, unexplored=unexplored)
        problems = (*execution.problems(), *stopped)
        self._server.forget(execution)
        return Observation(trace, error, problems, execution.asked)

    def lost(self) -> tuple[str, ...]:
        """Why reports on past executions were lost, each reason once."""
        return self._server.lost_since(self._began)

    def completed(self, result: Result) -> Result:
        """A result with the session's notes and problems.

        :param result: the result of the search.
        """
        result = replace(result, expected=self.expected, unfollowed=replacements().strange())
        problems = (*result.problems, *self.lost())
        return replace(result, notes=tuple(self._notes(result)), problems=problems)

    def _notes(self, result: Result) -> Iterator[str]:
        """Notes on the exploration itself."""
        yield from result.weakens
        yield from result.notes
        yield from seen_instead(result, {each.name for each in clients_known()})
        yield from _unpredictable(result)
        for name in sorted(result.asked - result.reached):
            yield (
                f"was_fault_injected_on({name!r}) names a service that no call reached; "
                f"reached: {', '.join(sorted(result.reached)) or 'none'}"
            )
        for name in sorted(self._never_ending):
            yield f"a thread outlived the test; later executions did not wait for it: {name}"


def _unpredictable(result: Result) -> Iterator[str]:
    """Notes on handlers whose next step did not follow from the outcomes before it."""
    shown = result.ambiguities[:MOST_AMBIGUITIES]
    indexes = {index for index, _, _ in shown}
    traces = (execution.trace for execution in result.executions)
    follow = acting_on_history(traces, indexes) if indexes else set()
    for index, before, seen in shown:
        handlings = (execution.trace.handlings.get(index) for execution in result.executions)
        handling = next((each for each in handlings if each is not None), None)
        who = f"{handling.service}, {handling.method} {handling.path}" if handling else "the test"
        if index in follow:
            yield (
                f"{who} acted differently after other outcomes earlier in the same test: {before}; "
                f"{seen}. Likely cause: state that is kept between the test's requests (a circuit "
                "breaker, rows); chance is not excluded. Since then, no fault set was pruned on "
                "the basis of this step"
            )
            continue
        yield (
            f"not deterministic: after the same outcomes, {who} behaved differently: "
            f"{before}; {seen}. Possible causes: state that outlives an execution (caches, rows, "
            "mocks that count their calls), time, randomness, or parts of answers that aren't "
            "compared (headers; bodies with a status of 400 or above). Since then, no fault set "
            "was pruned on the basis of this step"
        )


@contextmanager
def in_scope(scope: Scope) -> Iterator[None]:
    """Run the block in a scope, then restore the previous scope."""
    previous = current_scope()
    enter(scope)
    try:
        yield
    finally:
        enter(previous)
