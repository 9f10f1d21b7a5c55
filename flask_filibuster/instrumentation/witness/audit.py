"""The audit hook of this process (PEP 578), and who listens to it.

Python calls every hook at every event: for each ``id()``, for each frame that is looked at. A hook
cannot be removed. So whoever wants to hear what leaves the process shares one, which only looks at
one attribute while nobody listens.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Listener: TypeAlias = Callable[[str, tuple[Any, ...]], None]
"""Hears the name of an event and its arguments; what it raises, the code that leaves raises."""

NETWORK: Final = frozenset({"socket.connect", "socket.sendto"})
LEAVING: Final = NETWORK | {
    "socket.getaddrinfo",
    "urllib.Request",
    "subprocess.Popen",
    "os.system",
    "os.posix_spawn",
    "os.spawn",
    "os.exec",
    "os.fork",
    "os.forkpty",
}
"""The events by which something leaves a process."""


class AuditHook:
    """The one hook, installed when somebody first listens.

    :ivar listeners: who hears of events that are in :data:`LEAVING`.
    """

    def __init__(self) -> None:
        self.listeners: tuple[Listener, ...] = ()
        self._lock = threading.RLock()
        self._installed = False

    def listen(self, listener: Listener) -> None:
        """Let a listener hear, until :meth:`ignore`; does nothing the second time."""
        with self._lock:
            if listener not in self.listeners:
                self.listeners = (*self.listeners, listener)
            if not self._installed:
                self._installed = True
                sys.addaudithook(self._hear)

    def ignore(self, listener: Listener) -> None:
        """Let a listener hear no more; does nothing the second time."""
        with self._lock:
            self.listeners = tuple(each for each in self.listeners if each != listener)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self.listeners and event in LEAVING:
            for listener in self.listeners:
                listener(event, args)


HOOK: Final = AuditHook()
