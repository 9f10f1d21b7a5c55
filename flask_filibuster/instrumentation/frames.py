"""The propagation state: the request that the running code belongs to."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from flask_filibuster.config import Config
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.positions import Counter, Position, Strand, TestRequests
from flask_filibuster.core.url_patterns import UrlPattern
from flask_filibuster.core.vclock import SharedClock, VectorClock
from flask_filibuster.instrumentation import context
from flask_filibuster.instrumentation.around import Network, Watcher
from flask_filibuster.instrumentation.callsite import ENDS
from flask_filibuster.server.base import Server
from flask_filibuster.server.signing import Seal

if TYPE_CHECKING:
    from flask import Flask


class Outside(Protocol):
    """Finds the app whose code a test runs outside any request."""

    def frame(self, test: TestFrame, url: str) -> Frame | None:
        """The frame of the code that calls this URL; ``None``: the test itself does."""

    def started(self, test: TestFrame, queue: object | None) -> Outside:
        """What finds the app in a thread that the running code starts, or in its next item."""


class TestFrame:
    """The functional test itself, as the root of all its requests.

    :ivar server: selects the faults of the calls that the test causes.
    :ivar watcher: records the test's own requests.
    :ivar names: names of the apps in the exploration.
    :ivar seal: signs the test's requests; ``None``: they are not signed.
    :ivar url_patterns: parts of the URLs of its requests that vary between executions.
    :ivar found: every app that took part in the exploration without being named, by its name.
    :ivar apps: what explores those of this execution, and ``outside`` those outside any request.
    :ivar ends: where the test ends on the stack.
    """

    __test__ = False
    __slots__ = (
        "_requests",
        "apps",
        "ends",
        "found",
        "names",
        "outside",
        "seal",
        "server",
        "url_patterns",
        "watcher",
    )

    def __init__(
        self,
        server: Server,
        watcher: Watcher,
        names: Mapping[Flask, str],
        seal: Seal | None = None,
        *,
        url_patterns: tuple[UrlPattern, ...] = (),
        found: dict[str, Flask] | None = None,
    ) -> None:
        self.seal = seal
        self.url_patterns = url_patterns
        self.found = {} if found is None else found
        self.apps: dict[Flask, Any] = {}
        self.outside: Outside | None = None
        self.server, self.ends = server, ENDS
        self.watcher, self.names = watcher, names
        self._requests = TestRequests()

    def next_request(self, what: str) -> tuple[ExecutionIndex, Position]:
        """Index and position of a request of the test; ``what`` is its method and URL."""
        return self._requests.next_request(what)

    def fork(self, queue: object | None = None) -> TestFrame:
        """The frame for a thread that the test starts, or for its next item in a queue."""
        given = self.server, self.watcher, self.names, self.seal
        forked = TestFrame(*given, url_patterns=self.url_patterns, found=self.found)
        forked.apps, forked.ends = self.apps, self.ends
        if self.outside is not None:
            forked.outside = self.outside.started(self, queue)
        forked._requests = self._requests.fork(queue)
        return forked

    @property
    def strand(self) -> Strand:
        """The place of its requests in the order of the test."""
        return self._requests.strand

    def is_above(self, other: Frame | TestFrame | None) -> bool:
        """Whether the other one is of another test, or of a thread that this one started."""
        if watcher_of(other) is not self.watcher:
            return True
        if not isinstance(other, TestFrame):
            return False
        return self.strand.is_above(other.strand)


class Frame:
    """The state of one request that one service handles.

    Applications see it as ``flask.g.filibuster``.

    :ivar service: name of the service.
    :ivar execution_index: index of the call that caused the request.
    :ivar request_id: id of the test's request at the root of all calls.
    :ivar origin_vclock: clock of the call that caused the request.
    :ivar counter: counts the calls of all threads of the request.
    :ivar strand: the frame's place in the order of the request.
    :ivar app: the Flask app.
    :ivar config: the extension's settings for that app.
    :ivar server: selects the faults of the calls made here.
    :ivar test: the frame of the test, if it runs in this process.
    :ivar tells_answer: whether the service reports its answer, because its caller does not.
    :ivar is_nested: whether its calls are calls of another app's handler, see :meth:`nested`.
    :ivar is_shown: whether ``flask.g`` shows it to the application.
    :ivar is_entered: whether the request's own code runs in it, rather than that of a thread.
    :ivar network: the network of its calls. Not the scope, which refers to the frame: only the
        garbage collector would free such a circle.
    :ivar told: the status that the service reported as its answer, if it did.
    :ivar crash: the identity of the last exception reported.
    """

    __slots__ = (
        "_clock",
        "app",
        "config",
        "counter",
        "crash",
        "execution_index",
        "is_entered",
        "is_nested",
        "is_shown",
        "network",
        "origin_vclock",
        "request_id",
        "server",
        "service",
        "strand",
        "tells_answer",
        "test",
        "told",
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
        self.is_entered = self.is_nested = self.is_shown = False
        self.network: Network | None = None
        self.told: int | None = None
        self.crash = 0
        self._clock = SharedClock(vclock)
        self.counter = Counter()
        self.strand = Strand()

    @property
    def thread(self) -> str:
        """The thread of the request that this frame belongs to; empty for the first one.

        It distinguishes parallel calls that are otherwise equal, and whose numbers would depend on
        their order.
        """
        return self.strand.name

    def next_invocation(self, signature: str) -> tuple[ExecutionIndex, VectorClock, Position]:
        """Index, clock and position of one more call made while handling this request."""
        index = self.execution_index.child(signature, self.counter.next(signature))
        return index, self._clock.tick(self.service), self.strand.next_call()

    def fork(self, queue: object | None = None) -> Frame:
        """The frame for a thread started here, or for the next item in a queue.

        It belongs to the same request, and has a new strand.
        """
        return self._copied(self.strand.fork(queue))

    def _copied(self, strand: Strand) -> Frame:
        copied = Frame(
            service=self.service,
            execution_index=self.execution_index,
            request_id=self.request_id,
            vclock=self.origin_vclock,
            app=self.app,
            config=self.config,
            server=self.server,
            test=self.test,
        )
        copied._clock = self._clock
        copied.counter = self.counter
        copied.strand = strand
        return copied

    def nested(self, service: str, app: Flask, config: Config, *, handed_on: bool) -> Frame:
        """The frame for another app of this process, which handles a request for this one.

        No network is in between, so that request cannot fail by itself, and has no index.

        :param handed_on: whether it is the same request, which a middleware hands on.
        """
        inner = self._copied(self.strand)
        inner.service, inner.app, inner.config = service, app, config
        inner.is_nested, inner.tells_answer = not handed_on, handed_on and self.tells_answer
        return inner

    def is_above(self, other: Frame | TestFrame | None) -> bool:
        """Whether the other one is of another request, or of a thread that this one started."""
        if not isinstance(other, Frame):  # A test that waits for a view, or a test before.
            return watcher_of(other) is not watcher_of(self)
        return self.counter is not other.counter or self.strand.is_above(other.strand)

    def __repr__(self) -> str:
        return f"<Frame of {self.service}, request {self.request_id}, {self.execution_index}>"


def watcher_of(frame: Frame | TestFrame | None) -> Watcher | None:
    """The watcher of the test that the frame belongs to, if the test runs in this process."""
    test = frame.test if isinstance(frame, Frame) else frame
    return test.watcher if test is not None else None


class Scope:
    """The surroundings of running code: its frame, if it has one, and the network of its calls.

    :ivar is_carried: whether it came from other code, to a thread or task that this code started.
    :ivar is_service: whether it is that of a service of this process, even without a frame.
    """

    __slots__ = ("__weakref__", "frame", "is_carried", "is_service", "network")

    def __init__(self, frame: Frame | TestFrame | None, network: Network | None) -> None:
        self.frame = frame
        self.network = network
        self.is_carried = self.is_service = False

    def fork(self, queue: object | None = None) -> Scope:
        """The scope for a thread that is started here, or for the next item in a queue."""
        forked = Scope(self.frame.fork(queue) if self.frame is not None else None, self.network)
        forked.is_carried, forked.is_service = True, self.is_service
        return forked

    def is_above(self, other: Scope) -> bool:
        """Whether the other one is of another request, or of a thread that this one started."""
        return self.frame is not None and self.frame.is_above(other.frame)


_scope: ContextVar[Scope | None] = context.scope

current_scope = _scope.get
"""The scope of the running code; ``None`` outside an exploration."""

enter = _scope.set
"""Make a scope that of the running context. Nobody resets it by the token, because a request can
end in another context than it began in."""

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


class CarriedIn:
    """A thread's state before a scope was carried into it."""

    __slots__ = ("_carried", "_scope")

    def __init__(self) -> None:
        self._scope = _scope.get()
        self._carried = getattr(_local, "carried", _NOTHING_CARRIED)

    def restore(self) -> None:
        """Take the scope out of the thread."""
        _scope.set(self._scope)
        _local.carried = self._carried


def carry_in(origin: Scope | None, scope: Scope) -> CarriedIn:
    """Carry a scope into this thread.

    :param origin: the scope of the context that the thread's task comes from.
    :returns: restores the thread's state.
    """
    before = CarriedIn()
    _scope.set(scope)
    _local.carried = origin, scope
    return before


@contextmanager
def carrying(origin: Scope | None, scope: Scope) -> Iterator[None]:
    """Run the block in a scope carried into this thread; see :func:`carry_in`."""
    before = carry_in(origin, scope)
    try:
        yield
    finally:
        before.restore()


def test_of(scope: Scope) -> TestFrame | None:
    """The test of a scope, if it runs in this process."""
    return scope.frame.test if isinstance(scope.frame, Frame) else scope.frame


def current_frame() -> Frame | None:
    """The frame of the request that the running code handles, or ``None``."""
    scope = _scope.get()
    frame = scope.frame if scope is not None else None
    return frame if isinstance(frame, Frame) else None
