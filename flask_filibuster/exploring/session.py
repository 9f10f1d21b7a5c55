"""What surrounds the test executions of one exploration, whoever drives it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from flask import Flask

from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.urls import host_of, service_name
from flask_filibuster.extension import borrow, give_back
from flask_filibuster.instrumentation.app.hooks import InstrumentedApp
from flask_filibuster.instrumentation.clients.registry import instrument
from flask_filibuster.instrumentation.frames import Scope, TestFrame, current_scope, enter
from flask_filibuster.mesh.network import Mesh
from flask_filibuster.results.execution import Observation
from flask_filibuster.results.result import Result
from flask_filibuster.server.embedded import EmbeddedServer
from flask_filibuster.server.execution import TestExecution

logger = logging.getLogger(__name__)

MOST_AMBIGUITIES = 5


class Surroundings:
    """The services that test executions run among.

    :ivar mesh: the network that joins them.
    :ivar apps: the extension's part in each Flask app.
    :ivar hosts: names of services by host.
    :ivar names: names of services by app.
    """

    def __init__(
        self, mesh: Mesh, apps: list[InstrumentedApp], services: Mapping[str, Any]
    ) -> None:
        self.mesh = mesh
        self.apps = apps
        self.hosts = {host_of(url): service_name(url, app) for url, app in services.items()}
        self.names = {
            app: service_name(url, app) for url, app in services.items() if isinstance(app, Flask)
        }

    @property
    def by_name(self) -> dict[str, Flask]:
        """The Flask apps by the names that they have in traces."""
        known = {name: app for app, name in self.names.items()}
        return {**{each.service_name: each.app for each in self.apps}, **known}

    @cached_property
    def config(self) -> Config:
        """The settings of the first app that has any of its own, else the defaults."""
        default = Config()
        return next((each.config for each in self.apps if each.config != default), default)


@contextmanager
def surroundings(services: Mapping[str, Any], apps: Iterable[Flask] = ()) -> Iterator[Surroundings]:
    """Join services into a mesh and instrument them, for the time of the block.

    :param services: WSGI apps by base URL. A Flask app without the extension gets one.
    :param apps: Flask apps that take part without a URL, as a test client's.
    """
    mesh = Mesh(services)
    flask_apps = dict.fromkeys(app for app in (*services.values(), *apps) if isinstance(app, Flask))
    with ExitStack() as stack:
        stack.enter_context(instrument())
        borrowed = []
        for app in flask_apps:
            state = borrow(app)
            stack.callback(give_back, state)
            borrowed.append(state)
        yield Surroundings(mesh, borrowed, services)


class Session:
    """The executions of one exploration: runs the test under faults and observes it.

    :param timeout: how long to wait, at the end of each execution, for what the application has
        under way, in seconds.
    :param server: the server that services talk to; a new one by default.
    """

    def __init__(self, *, timeout: float, server: EmbeddedServer | None = None) -> None:
        self._server = EmbeddedServer() if server is None else server
        self._timeout = timeout
        self._began = time.monotonic()
        self._never_ending: set[str] = set()

    @contextmanager
    def network(self, around: Surroundings) -> Iterator[None]:
        """Let calls reach the services, for the time of the block, unobserved and unharmed."""
        with in_scope(Scope(None, around.mesh)):
            yield

    @contextmanager
    def execution(self, faults: FaultSet, around: Surroundings) -> Iterator[TestExecution]:
        """Run the block as the functional test, under these faults."""
        execution = self._server.begin(faults, around.hosts)
        patterns = around.config.url_patterns
        frame = TestFrame(self._server, execution, around.names, url_patterns=patterns)
        with in_scope(Scope(frame, around.mesh)):
            yield execution

    def begin(self, faults: FaultSet) -> TestExecution:
        """Start an execution whose services are all somewhere else."""
        return self._server.begin(faults, {}, is_open=True)

    def abandon(self, execution: TestExecution) -> None:
        """End an execution that nobody will hear of."""
        self._server.forget(execution)

    def observe(self, execution: TestExecution, error: BaseException | None) -> Observation:
        """End an execution: wait for what it set off, and say what was seen.

        :param error: the exception that the test ended in, or ``None``.
        """
        running = execution.settle(self._timeout, self._never_ending.__contains__)
        if running:
            logger.warning(
                "still running %g s after the test: %s; not waited for from now on",
                self._timeout,
                ", ".join(sorted(running)),
            )
            self._never_ending.update(running)
        trace = execution.trace()
        problems = execution.problems()
        self._server.forget(execution)
        return Observation(trace, error, problems, execution.asked)

    def lost(self) -> tuple[str, ...]:
        """What services could not tell of executions that are over, each reason once."""
        return self._server.lost_since(self._began)

    def completed(self, result: Result) -> Result:
        """A result with what only the observer of its executions knows.

        :param result: what was found.
        """
        problems = (*result.problems, *self.lost())
        return replace(result, notes=tuple(self._notes(result)), problems=problems)

    def _notes(self, result: Result) -> Iterator[str]:
        """What a user should know of the exploration itself."""
        yield from result.notes
        yield from _blind(result)
        yield from _unpredictable(result)
        for name in sorted(result.asked - result.reached):
            yield (
                f"was_fault_injected_on({name!r}) was asked, but no such service was reached; "
                f"reached were: {', '.join(sorted(result.reached)) or 'none'}"
            )
        for name in sorted(self._never_ending):
            yield f"a thread outlived the test, and was not waited for again: {name}"


def _blind(result: Result) -> Iterator[str]:
    """That nothing could be made to fail."""
    first = result.executions[0] if result.executions else None
    if first is None or first.verdict == "failed" or first.trace.invocations:
        return
    requests = len(result.executions[0].trace.requests)
    yield (
        "no remote call was seen, so nothing could be made to fail: "
        f"the test made {requests} request(s), and no service that handled one made a call "
        "with requests"
    )


def _unpredictable(result: Result) -> Iterator[str]:
    """Handlers whose next step did not follow from the outcomes that they had seen."""
    for index, before, seen in result.ambiguities[:MOST_AMBIGUITIES]:
        handlings = (execution.trace.handlings.get(index) for execution in result.executions)
        handling = next((each for each in handlings if each is not None), None)
        who = f"{handling.service}, {handling.method} {handling.path}" if handling else "the test"
        yield (
            f"in the same situation, {who} did different things at different times: "
            f"{before}; {seen}. State that outlives an execution, time or chance decides, or what "
            "is not compared: headers, and the bodies of answers of 400 and more; from then on no "
            "execution was left out because of what it does here"
        )


@contextmanager
def in_scope(scope: Scope) -> Iterator[None]:
    """Run the block in a scope, and leave that of before as it was."""
    previous = current_scope()
    enter(scope)
    try:
        yield
    finally:
        enter(previous)
