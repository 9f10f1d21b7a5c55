"""The witnesses of a session's executions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace, UnexploredCall
from flask_filibuster.exploring.sockets import OpenSockets
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness.processes import hold_patches
from flask_filibuster.instrumentation.witness.seeing import Witness

_PYTHON_CLIENTS = frozenset({"requests", "httpx", "urllib3", "urllib", "http.client", "aiohttp"})


@dataclass(frozen=True, slots=True)
class _Watched:
    """What watches one execution.

    :ivar before: the sockets open before it, if it has no faults.
    """

    witness: Witness
    before: OpenSockets | None
    patches: list[Patch]


class Watch:
    """Has one witness for each execution under way.

    :param guards: whether calls to hosts that are not on this machine are stopped.
    """

    def __init__(self, *, guards: bool = True) -> None:
        self._guards = guards
        self._open: dict[Any, _Watched] = {}

    def begin(self, watcher: Any, faults: FaultSet) -> None:
        """Watch the execution of a watcher until :meth:`end` or :meth:`abandon`.

        :param faults: its faults; without any, open sockets are compared, too.
        """
        witness = Witness(watcher, guards=self._guards)
        before = None if faults else OpenSockets.now()
        self._open[watcher] = _Watched(witness, before, hold_patches())

    def abandon(self, watcher: Any) -> None:
        """Stop watching an execution that has no observation; does nothing after its end."""
        if watcher in self._open:
            self._close(watcher)

    def end(self, watcher: Any, trace: Trace) -> tuple[tuple[UnexploredCall, ...], tuple[str, ...]]:
        """Stop watching.

        :param trace: the calls of the execution.
        :returns: the unexplored calls, and the problems of the execution.
        :raises ForeignHostError: without faults, a call to a host on another machine was stopped.
        """
        if watcher not in self._open:
            return (), ()
        watched = self._close(watcher)
        witness, before = watched.witness, watched.before
        if witness.stopped is not None:
            if before is not None:
                raise witness.stopped
            return witness.unexplored(), (str(witness.stopped),)
        found = witness.unexplored()
        # Clients of C libraries make their calls without audit events, so what is open is theirs.
        if before is not None and all(
            each.library in _PYTHON_CLIENTS for each in trace.invocations
        ):
            found += before.opened_since(witness.addresses)
        return found, ()

    def _close(self, watcher: Any) -> _Watched:
        watched = self._open.pop(watcher)
        watched.witness.close()
        for patch in watched.patches:
            patch.release()
        return watched
