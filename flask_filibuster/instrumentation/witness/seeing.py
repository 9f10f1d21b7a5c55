"""The witness: what leaves the process while something is explored, and is no call of a client.

Python reports connections, processes and forks to audit hooks, whatever library makes them.
"""

from __future__ import annotations

import logging
import socket
import threading
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.trace import UnexploredCall, Way, together
from flask_filibuster.errors import ForeignHostError
from flask_filibuster.instrumentation.around import Watcher
from flask_filibuster.instrumentation.clock.here import clock_of
from flask_filibuster.instrumentation.frames import Frame, Scope, TestFrame, here
from flask_filibuster.instrumentation.outgoing import AnyCall
from flask_filibuster.instrumentation.witness import events
from flask_filibuster.instrumentation.witness.apart import apart_at
from flask_filibuster.instrumentation.witness.audit import HOOK, NETWORK
from flask_filibuster.instrumentation.witness.foreign import is_foreign, is_listed
from flask_filibuster.instrumentation.witness.origin import Origin, is_own_pair, origin

logger = logging.getLogger(__name__)

explained: ContextVar[object] = ContextVar("flask_filibuster_explained", default=None)
"""The call that the running code really makes: what leaves meanwhile belongs to the call."""


class Witness:
    """Collects what leaves the process during one execution, until :meth:`close`.

    :param watcher: the watcher of the test, by which the frames of the execution are known.
    :param scope: the scope of the test; ``None``: it is in another process.
    :param guards: whether to notice calls to hosts that are not on this machine.
    :param stops: whether to stop these calls, too.
    :ivar addresses: addresses that Python code has connected to.
    :ivar stopped: a call to a foreign host, which was noticed; ``None``: there was none.
    """

    def __init__(
        self,
        watcher: Watcher,
        scope: Scope | None = None,
        *,
        guards: bool = False,
        stops: bool = True,
    ) -> None:
        self.watcher = watcher
        self.scope = scope
        self.addresses: set[object] = set()
        self.stopped: ForeignHostError | None = None
        self._guards = guards
        self._stops = stops
        # Re-entrant: a finaliser that runs meanwhile may leave the process, too.
        self._lock = threading.RLock()
        self._seen: list[UnexploredCall] = []
        self._lookups: dict[int, events.Lookup] = {}
        self._urls: dict[int, str] = {}
        _WITNESSES.add(self)

    def close(self) -> None:
        """Watch no longer."""
        _WITNESSES.remove(self)

    def unexplored(self) -> tuple[UnexploredCall, ...]:
        """What it has seen so far, equal ones together."""
        with self._lock:
            failed = [each.as_call() for each in self._lookups.values() if each.is_alone]
            return together((*self._seen, *failed))

    def note(self, event: str, args: tuple[Any, ...], frame: Frame | None) -> None:
        """Note an event that no call explains.

        :param frame: the frame of the request; ``None``: the event belongs to none.
        """
        where = origin(frame)
        if where.is_own:
            return
        thread = threading.get_ident()
        with self._lock:
            if event == "urllib.Request":
                self._urls[thread] = events.without_secrets(str(args[0]))
            elif event == "socket.getaddrinfo":
                self._look_up(thread, args, where)
            elif event in NETWORK:
                self._connect(thread, event, args, where)
            else:
                way: Way = "fork" if event in ("os.fork", "os.forkpty") else "process"
                target, url = events.command_of(event, args)
                _has_process(frame)
                self._add(UnexploredCall(way, target, where.site, url))

    def note_what(self, way: Way, target: str, frame: Frame | None, url: str = "") -> None:
        """Note something that Python reports as no event."""
        where = origin(frame)
        if not where.is_own:
            if way in ("fork", "process"):
                _has_process(frame)
            with self._lock:
                self._add(UnexploredCall(way, target, where.site, url))

    def _add(self, call: UnexploredCall) -> None:
        base = apart_at()
        self._seen.append(replace(call, apart=base) if base else call)

    def _look_up(self, thread: int, args: tuple[Any, ...], where: Origin) -> None:
        last = self._lookups.pop(thread, None)
        if last is not None and last.is_alone:
            self._add(last.as_call())
        host, port = args[0], args[1]
        if host and port:
            self._lookups[thread] = events.Lookup.of(
                host, port, where.site, self._urls.pop(thread, "")
            )

    def _connect(self, thread: int, event: str, args: tuple[Any, ...], where: Origin) -> None:
        address = args[1]
        if is_own_pair(address):
            return
        lookup = self._lookups.get(thread)
        way = events.way_of(event, args[0])
        # One look-up may lead to several attempts: a name has more than one address.
        if lookup is not None and lookup.leads_to(address):
            if not lookup.connected or event == "socket.sendto":
                self._add(lookup.as_call(way))
            lookup.connected = True
            return
        url = self._urls.pop(thread, "")
        self._add(UnexploredCall(way, events.address_words(address), where.site, url))

    def guard(self, args: tuple[Any, ...], frame: Frame, call: object) -> None:
        """Stop a connection to a host that is not on this machine.

        :param call: the call of a client that makes it; ``None``: no client's.
        :raises ForeignHostError: the host is neither on this machine nor allowed.
        """
        if not self._guards or not is_foreign(args[1]) or args[0].type != socket.SOCK_STREAM:
            return
        lookup = self._lookups.get(threading.get_ident())
        name = lookup.host if lookup is not None and lookup.leads_to(args[1]) else ""
        url = getattr(call, "url", "") or (lookup.url if lookup is not None and name else "")
        hosts = (name, events.host_in(url), str(args[1][0]))
        config = frame.config
        if any(is_listed(host, (*config.allowed_hosts, *config.excluded_hosts)) for host in hosts):
            return
        host = name or events.host_in(url) or str(args[1][0])
        target = events.without_secrets(url) or events.address_words((host, *args[1][1:]))
        self._stop(target, host, frame, call)

    def _stop(self, target: str, host: str, frame: Frame, call: object) -> None:
        error = ForeignHostError.of(
            service=frame.service,
            operation=getattr(call, "operation", "connects to"),
            url=target,
            host=host,
            site=origin(frame).site,
        )
        self.stopped = self.stopped or error
        if not self._stops:
            return
        # An error of the operating system, so that the application's own handlers run, and clients
        # raise what they raise when a host cannot be reached.
        raise PermissionError(str(error)) from error


def _has_process(frame: Frame | None) -> None:
    """Tell the clock of a process: its time is real."""
    clock = clock_of(frame)
    if clock is not None:
        clock.has_process()


class _Witnesses:
    """The witnesses of this process, which listen together."""

    def __init__(self) -> None:
        self.all: tuple[Witness, ...] = ()
        self._lock = threading.RLock()

    def add(self, witness: Witness) -> None:
        """Report events to a witness."""
        with self._lock:
            self.all = (*self.all, witness)
            HOOK.listen(self._seen)

    def remove(self, witness: Witness) -> None:
        """Report no more events to it; does nothing the second time."""
        with self._lock:
            self.all = tuple(each for each in self.all if each is not witness)
            if not self.all:
                HOOK.ignore(self._seen)

    def _seen(self, event: str, args: tuple[Any, ...]) -> None:
        if event in NETWORK and isinstance(args[1], tuple | str | bytes):
            for each in self.all:
                each.addresses.add(args[1])
        scope = here()
        call = explained.get()
        counts, frame = _belonging(scope, call)
        if not counts:
            return
        witnesses = self.of(frame)
        if frame is not None and event == "socket.connect":
            for each in witnesses:
                each.guard(args, frame, call)
        if call is not None:
            return
        try:
            for each in witnesses:
                each.note(event, args, frame)
        except Exception:  # The application must not suffer from an event of unknown form.
            logger.exception("the event %s could not be noted", event)

    def of(self, frame: Frame | None) -> tuple[Witness, ...]:
        """The witnesses of an event: that of the frame's execution, or all without a frame."""
        if frame is None:
            return self.all
        watcher = frame.test.watcher if frame.test is not None else None
        return tuple(each for each in self.all if each.watcher is watcher)


def _belonging(scope: Scope | None, call: object = None) -> tuple[bool, Frame | None]:
    """Whether code in a scope belongs to a service, or to a thread without a request; its frame.

    Everything else is the test's own code, but for commands and jobs that it runs in an app.

    :param call: the call of a client that the code makes, if any.
    """
    if scope is None:
        return True, None
    frame = scope.frame
    if isinstance(frame, TestFrame):
        outside, test = frame.outside, frame
        # Its look for the app may report a job, which connects to a server of ours.
        if outside is None or origin(None).is_own:
            return scope.is_service, None
        frame = outside.frame(test, getattr(call, "url", ""))
    return scope.is_service or frame is not None, frame


_WITNESSES = _Witnesses()


def note_unexplored(way: Way, target: str, url: str = "") -> None:
    """Note something that Python reports as no event, for whom it concerns.

    :param way: how it leaves.
    :param target: what is reached, or the function that another process is about to run.
    :param url: the URL, if known.
    """
    if explained.get() is not None or not _WITNESSES.all:
        return
    counts, frame = _belonging(here())
    if counts:
        for each in _WITNESSES.of(frame):
            each.note_what(way, target, frame, url)


def is_watched(watcher: Watcher | None = None) -> bool:
    """Whether something is explored in this process, by whatever thread.

    A call of a thread outside all scopes then has to be named.

    :param watcher: the watcher of an execution, to ask whether it is under way.
    """
    if watcher is None:
        return bool(_WITNESSES.all)
    return any(each.watcher is watcher for each in _WITNESSES.all)


def scope_of(request_id: str, index: ExecutionIndex) -> Scope | None:
    """The scope of the test under exploration behind a call that is under way to its callee."""
    for each in _WITNESSES.all:
        if each.scope is not None and each.watcher.awaits(request_id, index):
            return each.scope
    return None


def note_call(call: AnyCall[Any]) -> None:
    """Note a client's call that belongs to no request, and so is not explored.

    Services of this process that are no Flask apps, or whose extension is switched off, have none,
    nor have threads that were there before, and get their work in a way that is not followed. No
    connection needs to show it: the call may be mocked, or use a connection that is kept open.
    """
    scope = here()
    if not _WITNESSES.all:
        return
    if scope is not None and (not scope.is_service or scope.frame is not None):
        return
    if explained.get() is None and call.is_seen:
        host = events.host_in(call.url)
        target = call.target or f"{host}:{events.port_in(call.url)}"
        url = events.without_secrets(call.url)
        for each in _WITNESSES.all:
            each.note_what("connection", target, None, url)
