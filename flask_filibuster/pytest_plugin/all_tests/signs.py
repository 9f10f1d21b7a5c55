"""Signs that a test may make a call, found without the modules that explorations need.

Those modules take as long to import as dozens of small tests, so they are imported at the first
sign. A sign without a call costs time; a call without a sign would pass unseen. So everything is a
sign that comes near a call: a method of a client, a replaced part of one, a connection, a process.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from flask_filibuster.installed import entry_points_of

CLIENTS: Final = ("requests", "httpx")
"""The clients whose use is a sign. Of any other client, the mere import is one."""

_GROUP: Final = "flask_filibuster.clients"
_EVENTS: Final = frozenset(
    {
        *("socket.connect", "socket.sendto", "socket.getaddrinfo", "urllib.Request"),
        *("subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec"),
        *("os.fork", "os.forkpty"),
    }
)
_METHODS: Final = {
    "requests.sessions": (("Session", "request"), ("Session", "send")),
    "requests.adapters": (("BaseAdapter", "send"), ("HTTPAdapter", "send")),
    "httpx": (
        *(("Client", "send"), ("Client", "request"), ("Client", "stream")),
        *(("AsyncClient", "send"), ("AsyncClient", "request"), ("AsyncClient", "stream")),
        ("HTTPTransport", "handle_request"),
    ),
}
_VERBS: Final = ("get", "options", "head", "post", "put", "patch", "delete", "request")
_PARTS: Final = (*_VERBS, "stream", "session", "Session", "Client", "AsyncClient")
_MOCKS: Final = ("unittest.mock", "mock.mock")
_MONKEYPATCH: Final = "_pytest.monkeypatch"
_ABOVE_CLIENTS: Final = ("httmock",)
"""Mocks that answer before a method of a client is called."""


class Signs:
    """Looks for signs of calls, until :meth:`close`.

    :ivar seen: whether there was one.
    """

    def __init__(self) -> None:
        self.seen = False
        self._is_open = True
        self._audits = False
        self._undo: list[Callable[[], None]] = []
        self._held: set[str] = set()
        self._own: list[tuple[dict[str, Any], str, object]] = []
        self._others = {each.name for each in entry_points_of(_GROUP)} - set(CLIENTS)

    def look(self, *, in_test: bool = False) -> None:
        """Look at what is imported by now.

        :param in_test: whether what is new is the test's.
        """
        modules = sys.modules
        if "flask" not in modules:
            return
        for name in ("flask", *_METHODS, *_MOCKS, _MONKEYPATCH):
            if name in modules and name not in self._held:
                self._hold(name)
                # What it did before the import was noticed is unknown.
                self.seen = self.seen or (in_test and name in ("flask", *_METHODS))
        if any(name in modules for name in (*_ABOVE_CLIENTS, *self._others)):
            self.seen = True
        self._compare()

    def close(self) -> None:
        """Look no longer."""
        self._is_open = False
        while self._undo:
            self._undo.pop()()

    def _compare(self, *_sender: object, **_more: object) -> None:
        """A mere assignment to a part of a client, or to the client's place, is a sign."""
        if any(held.get(name) is not own for held, name, own in self._own):
            self.seen = True

    def _hold(self, module: str) -> None:
        self._held.add(module)
        found: Any = sys.modules[module]
        if module == "flask":
            sys.addaudithook(self._event)
            found.request_started.connect(self._compare, weak=False)
            self._undo.append(lambda: found.request_started.disconnect(self._compare))
        elif module in _MOCKS:
            started = getattr(found._patch, "_active_patches", ())
            self.seen = self.seen or any(map(_replaces_client, started))
            self._wrap(found._patch, "__enter__", self._entering)
        elif module == _MONKEYPATCH:
            self._wrap(found.MonkeyPatch, "setattr", self._setting)
        else:
            for owner, name in _METHODS[module]:
                self._wrap(getattr(found, owner, None), name, self._calling)
            self._remember(module.partition(".")[0])

    def _remember(self, client: str) -> None:
        """Remember the parts of a client, all of which are still its own."""
        module = sys.modules[client]
        self._own.append((sys.modules, client, module))
        for name in _PARTS:
            own = vars(module).get(name)
            if own is not None:
                self._own.append((vars(module), name, own))
                self.seen = self.seen or not _is_of_client(own)

    def _event(self, event: str, _args: tuple[Any, ...]) -> None:
        if event in _EVENTS and self._is_open:
            self.seen = True

    def _wrap(self, owner: Any, name: str, made: Callable[[Any], Any]) -> None:
        original = vars(owner).get(name) if isinstance(owner, type) else None
        if original is None:
            return
        ours = functools.wraps(original)(made(original))
        setattr(owner, name, ours)

        def undo() -> None:
            # What has replaced ours meanwhile stays, and may call it.
            if vars(owner).get(name) is ours:
                setattr(owner, name, original)

        self._undo.append(undo)

    def _calling(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def calling(*args: Any, **kwargs: Any) -> Any:
            self.seen = True
            return original(*args, **kwargs)

        return calling

    def _entering(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def entering(patcher: Any) -> Any:
            result = original(patcher)
            self.seen = self.seen or _replaces_client(patcher)
            return result

        return entering

    def _setting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def setting(patcher: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            original(patcher, *args, **kwargs)
            replaced = getattr(patcher, "_setattr", None)
            if not replaced or _is_of_client(replaced[-1][2]):
                self.seen = True

        return setting


def _replaces_client(patcher: Any) -> bool:
    """Whether what a patcher of ``unittest.mock`` replaces is part of a client."""
    return _is_of_client(getattr(patcher, "temp_original", None))


def _is_of_client(value: Any) -> bool:
    """Whether this is a part of a client, or an object or a class that is made of one."""
    value = getattr(value, "func", value)  # Of a partial.
    kind = value if isinstance(value, type) else type(value)
    names = [
        *(getattr(each, "__module__", None) for each in (value, *kind.__mro__)),
        getattr(value, "__name__", None),
    ]
    return any(isinstance(each, str) and each.partition(".")[0] in CLIENTS for each in names)
