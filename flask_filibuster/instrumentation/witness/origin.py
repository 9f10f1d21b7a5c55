"""Where something that leaves the process comes from: the application, a library, or ourselves."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import FrameType

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.own_code import OURS, is_ours
from flask_filibuster.instrumentation.callsite import (
    ENTRANCES,
    owner_of,
    package_of,
    qualified_name,
)
from flask_filibuster.instrumentation.frames import Frame

_DEPTH = 400
# Our own traffic: the reports to a server, and the processes of commands, workers and tests.
_OWN = tuple(
    f"{OURS}{room}{os.sep}" for room in ("server", "exploring", "cli", "pytest_plugin", "mesh")
)
# But this one stands between an application and a client, if a mock has kept it as the original.
_PASSING_ON = os.path.join(OURS, "pytest_plugin", "all_tests", "signs.py")
# Traffic of what runs the tests, and look-ups of the machine by the standard library.
_RUNNERS = frozenset({"dask", "distributed", "execnet", "xdist", "debugpy", "pydevd", "loky"})
_SOCKETS = frozenset({"socket", "eventlet.greenio.base", "gevent._socket3", "gevent._socketcommon"})
_MACHINE = frozenset({"platform", "ctypes.util", "uuid", "sysconfig"})


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of an event.

    :ivar site: the application's innermost line; ``None``: there is none on the stack.
    :ivar is_own: whether it does not come from the application or one of its libraries.
    """

    site: CallSite | None
    is_own: bool = False


def origin(frame: Frame | None) -> Origin:
    """The origin of the running code.

    :param frame: the frame of the request; ``None``: the code belongs to none.
    """
    package = package_of(frame.app) if frame is not None else ""
    stack: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect is slower
    for _ in range(_DEPTH):
        if stack is None or stack.f_code in ENTRANCES:
            break
        code, module = stack.f_code, str(stack.f_globals.get("__name__"))
        owner = owner_of(code.co_filename, module, package)
        if module in _MACHINE or (frame is None and module.partition(".")[0] in _RUNNERS):
            return Origin(None, is_own=True)
        if owner == "project" and _is_own(code.co_filename):
            return Origin(None, is_own=True)
        if owner == "application":
            return Origin(CallSite(code.co_filename, stack.f_lineno, qualified_name(code)))
        stack = stack.f_back
    return Origin(None)


def _is_own(filename: str) -> bool:
    """Whether a file of this project makes connections and processes for itself."""
    return filename.startswith(_OWN) and filename != _PASSING_ON


def is_own_pair(address: object) -> bool:
    """Whether a function connects to a socket that it listens on itself, and so makes a pair.

    Libraries wake their own loops by such a pair (eventlet's thread pool, ``socket.socketpair`` of
    some systems); nothing leaves the process.

    :param address: the address of the running connection.
    """
    if not isinstance(address, tuple) or address[:1] not in (("127.0.0.1",), ("::1",)):
        return False
    stack: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect is slower
    while stack is not None and (
        is_ours(stack.f_code.co_filename) or stack.f_globals.get("__name__") in _SOCKETS
    ):
        stack = stack.f_back
    return stack is not None and any(_is_at(each, address) for each in stack.f_locals.values())


def _is_at(value: object, address: tuple[object, ...]) -> bool:
    """Whether a value is a socket that is bound to an address."""
    # gevent and eventlet have sockets of their own, which are no socket.socket.
    name_of = getattr(type(value), "getsockname", None)
    if name_of is None or isinstance(value, type):
        return False
    try:
        return bool(name_of(value) == address)
    except OSError:
        return False
