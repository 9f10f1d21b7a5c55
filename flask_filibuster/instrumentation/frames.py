"""The propagation state: the request that the running code belongs to."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from flask_filibuster.config import Config
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.positions import Counter, Position, Strand, TestRequests
from flask_filibuster.core.url_patterns import UrlPattern
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.instrumentation import context
from flask_filibuster.instrumentation.http import HttpAnswer, HttpRequest
from flask_filibuster.server.base import Server
from flask_filibuster.server.signing import Seal

if TYPE_CHECKING:
    from flask import Flask


class Watcher(Protocol):
    """Records the requests of a test under exploration, and the threads that they start."""

    def request(self, invocation: Call, *, told_by_callee: bool = False) -> str:
        """Record a request that the test is about to make, and return its id."""

    def request_ended(self, index: ExecutionIndex, outcome: Outcome) -> None:
        """Record the answer or the exception that the test got."""

    def problem(self, index: ExecutionIndex, reason: str) -> None:
        """Record why the execution is not the planned one."""

    def fault_injected(self, service: str | None = None) -> bool:
        """Whether the execution injects a fault (on that service)."""

    def strand_started(self, name: str) -> None:
        """Record the start of a thread or task of the application."""

    def strand_ended(self, name: str) -> None:
        """Record the end of that thread or task."""


class LocalService(Protocol):
    """A service of this process."""

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request; the service produces the body while it is read.

        :raises Exception: the exception of the caller's own code that produces the request's body.
        """


class Network(Protocol):
    """The services reachable in this process without a socket."""

    def service_at(self, url: str) -> LocalService | None:
        """The service at this URL, or ``None`` for a URL of the real network."""


class TestFrame:
    """The functional test itself, as the root of all its requests.

    :ivar server: selects the faults of the calls that the test causes.
    :ivar watcher: records the test's own requests.
    :ivar names: names of the apps in the exploration.
    :ivar seal: signs the test's requests; ``None``: they are not signed.
    :ivar url_patterns: parts of the URLs of its requests that vary between executions.
    """

    __test__ = False
    __slots__ = ("_requests", "names", "seal", "server", "url_patterns", "watcher")

    def __init__(
        self,
        server: Server,
        watcher: Watcher,
        names: Mapping[Flask, str],
        seal: Seal | None = None,
        *,
        url_patterns: tuple[UrlPattern, ...] = (),
    ) -> None:
        self.seal = seal
        self.url_patterns = url_patterns
        self.server = server
        self.watcher = watcher
        self.names = names
        self._requests = TestRequests()

    def next_request(self, what: str) -> tuple[ExecutionIndex, Position]:
        """Index and position of a request of the test; ``what`` is its method and URL."""
        return self._requests.next_request(what)

    def fork(self) -> TestFrame:
        """The frame for a thread that the test starts."""
        forked = TestFrame(
            self.server, self.watcher, self.names, self.seal, url_patterns=self.url_patterns
        )
        forked._requests = self._requests.fork()
        return forked


class Frame:
    """The state of one request that one service handles.

    Applications see it as ``flask.g.filibuster``.

    :ivar service: name of the service.
    :ivar execution_index: index of the call that caused the request.
    :ivar request_id: id of the test's request at the root of all calls.
    :ivar origin_vclock: clock of the call that caused the request.
    :ivar app: the Flask app.
    :ivar config: the extension's settings for that app.
    :ivar server: selects the faults of the calls made here.
    :ivar test: the frame of the test, if it runs in this process.
    :ivar tells_answer: whether the service reports its answer, because its caller does not.
    """

    __slots__ = (
        "_clock",
        "_counter",
        "_strand",
        "app",
        "config",
        "execution_index",
        "origin_vclock",
        "previous",
        "request_id",
        "server",
        "service",
        "tells_answer",
        "test",
    )

    def __init__(
        self,
        *,
        service: str,
        execution_index: ExecutionIndex,
        request_id: str,
        vclock: VectorClock,
        app: Flask,
        config: Config,
        server: Server,
        test: TestFrame | None,
        tells_answer: bool = True,
    ) -> None:
        self.tells_answer = tells_answer
        self.service = service
        self.execution_index = execution_index
        self.request_id = request_id
        self.origin_vclock = vclock
        self.app = app
        self.config = config
        self.server = server
        self.test = test
        self.previous: Scope | None = None
        self._clock = SharedClock(vclock)
        self._counter = Counter()
        self._strand = Strand()

    @property
    def thread(self) -> str:
        """The thread of the request that this frame belongs to; empty for the first one.

        It distinguishes parallel calls that are otherwise equal, and whose numbers would depend on
        their order.
        """
        return self._strand.name

    def next_invocation(self, signature: str) -> tuple[ExecutionIndex, VectorClock, Position]:
        """Index, clock and position of one more call made while handling this request."""
        index = self.execution_index.child(signature, self._counter.next(signature))
        return index, self._clock.tick(self.service), self._strand.next_call()

    def fork(self) -> Frame:
        """The frame for a thread started here: same request, new strand."""
        forked = Frame(
            service=self.service,
            execution_index=self.execution_index,
            request_id=self.request_id,
            vclock=self.origin_vclock,
            app=self.app,
            config=self.config,
            server=self.server,
            test=self.test,
        )
        forked._clock = self._clock
        forked._counter = self._counter
        forked._strand = self._strand.fork()
        return forked

    def __repr__(self) -> str:
        return f"<Frame of {self.service}, request {self.request_id}, {self.execution_index}>"


class SharedClock:
    """The clock of one request, ticked by all of its threads."""

    __slots__ = ("_clock", "_lock")

    def __init__(self, clock: VectorClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()

    def tick(self, service: str) -> VectorClock:
        """The clock after one more call of ``service``."""
        with self._lock:
            self._clock = self._clock.increment(service)
            return self._clock


class Scope:
    """The surroundings of running code: its frame, if it has one, and the network of its calls."""

    __slots__ = ("frame", "network")

    def __init__(self, frame: Frame | TestFrame | None, network: Network | None) -> None:
        self.frame = frame
        self.network = network

    def fork(self) -> Scope:
        """The scope for a thread that is started here."""
        return Scope(self.frame.fork() if self.frame is not None else None, self.network)


_scope: ContextVar[Scope | None] = context.scope

current_scope = _scope.get
"""The scope of the running code; ``None`` outside an exploration."""

_local = threading.local()


def here() -> Scope | None:
    """The scope of the running code, in the thread that runs it.

    ``asyncio.to_thread`` passes a copy of the caller's context to the thread. That context contains
    the caller's scope; the thread's own is the carried one.
    """
    scope = _scope.get()
    if scope is None:
        return None
    origin, carried = getattr(_local, "carried", _NOTHING_CARRIED)
    return carried if origin is scope else scope


_NOTHING_CARRIED: tuple[Scope | None, Scope | None] = (None, None)


@contextmanager
def carrying(origin: Scope, scope: Scope) -> Iterator[None]:
    """Run the block in a scope carried into this thread.

    :param origin: the scope of the context that the thread was started from.
    :param scope: the thread's own.
    """
    previous = _scope.get(), getattr(_local, "carried", _NOTHING_CARRIED)
    _scope.set(scope)
    _local.carried = origin, scope
    try:
        yield
    finally:
        _scope.set(previous[0])
        _local.carried = previous[1]


def enter(scope: Scope | None) -> None:
    """Make this the scope of the running context.

    Without a token, because a request can end in another context than it began in.
    """
    _scope.set(scope)


def current_frame() -> Frame | None:
    """The frame of the request that the running code handles, or ``None``."""
    scope = _scope.get()
    frame = scope.frame if scope is not None else None
    return frame if isinstance(frame, Frame) else None


def push(frame: Frame) -> None:
    """Enter the scope of a new request."""
    frame.previous = scope = _scope.get()
    _scope.set(Scope(frame, scope.network if scope is not None else None))


def pop(frame: Frame) -> None:
    """Leave a request's scope for the one before it; does nothing if it is not the current one.

    Depending on how a request ends, Flask runs its teardown twice, or in another thread.
    """
    scope = _scope.get()
    if scope is not None and scope.frame is frame:
        _scope.set(frame.previous)
