"""Ports that this process listens on, for the time of a test.

A server in a fixture gets another port in each execution, or in each session. So its number says
nothing of the call.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask_filibuster.core.urls import host_of
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness.foreign import is_local_name
from flask_filibuster.instrumentation.witness.tcp import inodes_of_sockets, listening

OWN = "<own>"
"""What stands for such a port in the signature of a call."""

_GIVEN = 32768
"""The lowest port that Linux gives to a socket bound to port 0; other systems begin higher."""
_SELF = Path("/proc/self")


class _Ports:
    """The ports that are known to be ours, or not."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}
        self._lock = threading.RLock()

    def note(self, sock: Any) -> None:
        """A socket of this process begins to listen."""
        address = sock.getsockname()
        if isinstance(address, tuple) and len(address) > 1:
            with self._lock:
                self._known[address[1]] = True

    def has(self, port: int) -> bool:
        """Whether this process listens on a port, or did: servers may be older than our patch."""
        known = self._known.get(port)
        if known is None:
            # Once for each port: the tables of the kernel take long to read.
            own = set(inodes_of_sockets(_SELF))
            known = any(port == each and inode in own for each, inode in listening(_SELF))
            with self._lock:
                known = self._known.setdefault(port, known)
        return known


_PORTS = _Ports()


def hold_listening() -> list[Patch]:
    """Note the ports that this process listens on, until the patch is released."""
    # A mock may have replaced the class by one that cannot listen.
    if not hasattr(socket.socket, "listen"):
        return []
    return [Patch.hold(socket.socket, "listen", _listen)]


def _listen(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def listen(sock: Any, *args: Any) -> Any:
        result = original(sock, *args)
        if patch.active:
            _PORTS.note(sock)
        return result

    return listen


def without_own_port(url: str, called: str) -> str:
    """The signature of a URL, without a port that the system has given to this process.

    >>> without_own_port("http://shop:5001/orders", "5001/orders")
    '5001/orders'

    :param url: the URL.
    :param called: the URL from the port on.
    """
    port, slash, rest = called.partition("/")
    if not port.isdigit() or int(port) < _GIVEN or not is_local_name(host_of(url)):
        return called
    return f"{OWN}{slash}{rest}" if _PORTS.has(urlsplit(url).port or 0) else called
