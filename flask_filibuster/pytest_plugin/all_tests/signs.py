"""Signs that a test may make a call, found without the modules that explorations need.

Those modules take as long to import as dozens of small tests, so they are imported at the first
sign. A sign without a call costs time; a call without a sign would pass unseen. So everything is a
sign that comes near a call: a method of a client, a replaced part of one, a connection, a process.
"""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Callable
from typing import Any, Final

from flask_filibuster.installed import entry_points_of
from flask_filibuster.instrumentation.standins.makers import maker_of
from flask_filibuster.instrumentation.standins.originals import is_lazy_proxy, original_of
from flask_filibuster.instrumentation.witness.audit import HOOK

CLIENTS: Final = ("requests", "httpx")
"""The clients whose use is a sign. Of any other client, the mere import is one."""

_GROUP: Final = "flask_filibuster.clients"
_METHODS: Final = {
    "requests.sessions": (("Session", "request"), ("Session", "send")),
    "requests.adapters": (("BaseAdapter", "send"), ("HTTPAdapter", "send")),
    "httpx": (
        *(("Client", "send"), ("Client", "request"), ("Client", "stream")),
        *(("AsyncClient", "send"), ("AsyncClient", "request"), ("AsyncClient", "stream")),
        ("HTTPTransport", "handle_request"),
    ),
    "http.client": (("HTTPConnection", "putrequest"),),
}
_VERBS: Final = ("get", "options", "head", "post", "put", "patch", "delete", "request")
_PARTS: Final = {
    "requests": (("", *_VERBS, "session", "Session"), ("Session", *_VERBS, "send")),
    "requests.api": (("", *_VERBS),),
    "requests.sessions": (("", "session", "Session"),),
    "httpx": (
        *(("", *_VERBS, "stream", "Client", "AsyncClient"), ("Client", *_VERBS, "send")),
        *(("AsyncClient", *_VERBS, "send"), ("HTTPTransport", "handle_request")),
    ),
}
"""What tests assign to: names in a module, and in its classes."""
_MOCKS: Final = ("unittest.mock", "mock.mock")
_MONKEYPATCH: Final = "_pytest.monkeypatch"
_UNSEEN: Final = ("httmock", "httpretty", "mocket")
"""Mocks that answer before a method of a client is called, or in the place of a socket."""


class Signs:
    """Looks for signs of calls, until :meth:`close`.

    :ivar seen: whether there was one.
    """

    def __init__(self) -> None:
        self.seen = False
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
        for name in ("flask", *_METHODS, *_PARTS, *_MOCKS, _MONKEYPATCH):
            if name in modules and name not in self._held:
                self._hold(name)
                # What it did before the import was noticed is unknown.
                self.seen = self.seen or (in_test and name in ("flask", *_METHODS, *_PARTS))
        if any(name in modules for name in (*_UNSEEN, *self._others)):
            self.seen = True
        self._compare()

    def close(self) -> None:
        """Look no longer."""
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
            HOOK.listen(self._leaving)
            self._undo.append(functools.partial(HOOK.ignore, self._leaving))
            for signal in (found.request_started, found.appcontext_pushed):
                signal.connect(self._compare, weak=False)
                self._undo.append(functools.partial(signal.disconnect, self._compare))
        elif module in _MOCKS:
            self._wrap(found._patch, "__enter__", self._entering)
            self._find(found._patch, _replaced_by_patcher)
        elif module == _MONKEYPATCH:
            self._wrap(found.MonkeyPatch, "setattr", self._setting)
            self._find(found.MonkeyPatch, _replaced_by_monkeypatch)
        else:
            for owner, name in _METHODS.get(module, ()):
                self._wrap(getattr(found, owner, None), name, self._calling)
            self._remember(module, found)

    def _find(self, kind: type, replaced_by: Callable[[Any], list[Any]]) -> None:
        """Find what was replaced before the first look."""
        found = (each for each in gc.get_referrers(kind) if type(each) is kind)
        self.seen = self.seen or any(
            _makes_calls(one) for each in found for one in replaced_by(each)
        )

    def _remember(self, name: str, module: Any) -> None:
        """Remember the parts of a client, all of which are still its own."""
        for owner, *names in _PARTS.get(name, ()):
            held = getattr(module, owner, None) if owner else module
            for part in names if held is not None else ():
                own = vars(held).get(part)
                if own is not None:
                    self._own.append((vars(held), part, own))
                    self.seen = self.seen or not _makes_calls(own)
        if name in CLIENTS:
            self._own.append((sys.modules, name, module))

    def _leaving(self, _event: str, _args: tuple[Any, ...]) -> None:
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
            self.seen = self.seen or any(map(_makes_calls, _replaced_by_patcher(patcher)))
            return result

        return entering

    def _setting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def setting(patcher: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            original(patcher, *args, **kwargs)
            last = _replaced_by_monkeypatch(patcher)[-1:]
            self.seen = self.seen or not last or _makes_calls(last[0])

        return setting


def _replaced_by_patcher(patcher: Any) -> list[Any]:
    """What a patcher of ``unittest.mock`` replaces just now."""
    return [patcher.temp_original] if hasattr(patcher, "temp_original") else []


def _replaced_by_monkeypatch(patcher: Any) -> list[Any]:
    """What a ``monkeypatch`` has replaced, also what an object or a class inherited."""
    return [original_of(*each) for each in getattr(patcher, "_setattr", ())]


def _makes_calls(value: Any) -> bool:
    """Whether this makes calls: a part of a client, an object or a class that is made of one.

    So does what belongs to no client: the calls of its stand-ins are named.
    """
    if is_lazy_proxy(value):
        return False
    value = getattr(value, "func", value)  # Of a partial.
    kind = value if isinstance(value, type) else type(value)
    names = [
        *(getattr(each, "__module__", None) for each in (value, *kind.__mro__)),
        getattr(value, "__name__", None),
    ]
    is_part = any(isinstance(each, str) and each.partition(".")[0] in CLIENTS for each in names)
    return is_part or maker_of(value) is not None
