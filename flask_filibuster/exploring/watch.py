"""The witnesses of a session's executions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace, UnexploredCall
from flask_filibuster.instrumentation.frames import Scope
from flask_filibuster.instrumentation.witness.seeing import Witness
from flask_filibuster.instrumentation.witness.sockets import OpenSockets

_PYTHON_CLIENTS = frozenset({"requests", "httpx", "urllib3", "urllib", "http.client", "aiohttp"})


@dataclass(frozen=True, slots=True)
class _Watched:
    """What watches one execution.

    :ivar faultless: whether it has no faults.
    :ivar before: the sockets open before it, if they are compared with those after it.
    """

    witness: Witness
    faultless: bool
    before: OpenSockets | None


class Watch:
    """Has one witness for each execution under way of an exploration.

    :param guards: whether calls to hosts that are not on this machine are stopped.
    """

    def __init__(self, *, guards: bool = True) -> None:
        self._guards = guards
        self._open: dict[Any, _Watched] = {}
        self._opened: tuple[UnexploredCall, ...] | None = None

    def begin(
        self, watcher: Any, faults: FaultSet, scope: Scope | None = None, *, stops: bool = True
    ) -> None:
        """Watch the execution of a watcher until :meth:`end` or :meth:`abandon`.

        :param faults: its faults. Around the first execution without any, open sockets are
            compared, too.
        :param scope: the scope of the test.
        :param stops: whether a call to a host that is not on this machine is stopped, and not only
            noticed.
        """
        witness = Witness(watcher, scope, guards=self._guards, stops=stops)
        compared = not faults and self._opened is None
        before = OpenSockets.now() if compared else None
        self._open[watcher] = _Watched(witness, not faults, before)

    def abandon(self, watcher: Any) -> None:
        """Stop watching an execution that has no observation; does nothing after its end."""
        if watcher in self._open:
            self._close(watcher)

    def end(self, watcher: Any, trace: Trace) -> tuple[tuple[UnexploredCall, ...], tuple[str, ...]]:
        """Stop watching.

        :param trace: the calls of the execution.
        :returns: the unexplored calls, and the problems of the execution.
        :raises ForeignHostError: without faults, a host on another machine was called.
        """
        if watcher not in self._open:
            return (), ()
        watched = self._close(watcher)
        witness = watched.witness
        if witness.stopped is not None:
            if watched.faultless:
                raise witness.stopped
            return witness.unexplored(), (str(witness.stopped),)
        found = witness.unexplored()
        if watched.faultless:
            found += self._opened_by(watched, trace)
        return found, ()

    def _opened_by(self, watched: _Watched, trace: Trace) -> tuple[UnexploredCall, ...]:
        """The connections of C libraries, which make their calls without audit events.

        What is open is theirs, unless a client of theirs is known. One comparison is enough: it
        takes as long as a call, and what one fault-free execution opens, each one does, or has kept
        open from the first.
        """
        if watched.before is not None:
            python = all(each.library in _PYTHON_CLIENTS for each in trace.invocations)
            known = watched.witness.addresses
            self._opened = watched.before.opened_since(known) if python else ()
        return self._opened or ()

    def _close(self, watcher: Any) -> _Watched:
        watched = self._open.pop(watcher)
        watched.witness.close()
        return watched
