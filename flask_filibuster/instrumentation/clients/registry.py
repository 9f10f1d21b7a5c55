"""The known clients and mocks, and the patches of those whose libraries an application uses."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flask_filibuster.installed import entry_points_of
from flask_filibuster.instrumentation.holding import Instrumentation
from flask_filibuster.instrumentation.mocking import Mock, known_mocks, loaded_mock
from flask_filibuster.instrumentation.outgoing import Client
from flask_filibuster.instrumentation.threads.holding import LIBRARIES

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

logger = logging.getLogger(__name__)

GROUP = "flask_filibuster.clients"

_REQUESTS = "flask_filibuster.instrumentation.clients.requests.adapter:Requests"


class Instrumented(Instrumentation):
    """The hold on all clients and mocks, each from the import of its library on."""

    def __init__(self) -> None:
        super().__init__()
        self._awaited: dict[str, list[EntryPoint]] = {}
        for entry in clients_known():
            self._awaited.setdefault(entry.name, []).append(entry)
        self._threads = {name: hold for name, hold in LIBRARIES.items() if name not in sys.modules}
        self._mocks = set(known_mocks())
        self._finder = _Finder(self)
        sys.meta_path.insert(0, self._finder)
        for name in [name for name in (*self._awaited, *self._mocks) if name in sys.modules]:
            self.imported(name)

    def awaits(self, name: str) -> bool:
        """Whether an import of this name brings clients, mocks or threads that are not held yet."""
        return name in self._awaited or name in self._mocks or name in self._threads

    def imported(self, name: str) -> None:
        """Hold the clients, the mock or the threads of a module that has been imported."""
        if name in self._threads:
            self.add(self._threads.pop(name)())
        for entry in self._awaited.pop(name, ()):
            client = _loaded(entry)
            if client is not None:
                self._hold(client)
        if name in self._mocks:
            self._mocks.discard(name)
            mock = loaded_mock(name)
            if mock is not None:
                self._hold(mock)

    def release(self) -> None:
        """Restore the originals, except where other holds remain."""
        with suppress(ValueError):  # It is removed already.
            sys.meta_path.remove(self._finder)
        super().release()

    def _hold(self, client: Client | Mock) -> None:
        try:
            patches = client.hold()
        except Exception as error:  # noqa: BLE001 - an unknown version may raise anything
            logger.warning(
                "Calls of %s are not seen: the client cannot patch the installed version: %r",
                client.name,
                error,
            )
            return
        self.add(patches)


def instrument() -> Instrumented:
    """Instrument all known clients in this process, so that their calls can fail.

    A client's library is patched only if the application imports it, now or later. Threads that a
    view starts belong to its request.

    >>> with instrument():
    ...     pass  # Calls are seen here during an exploration.

    :returns: the hold on all clients; ``release()`` it, or use it as a context manager.
    """
    return Instrumented()


def clients_known() -> tuple[EntryPoint, ...]:
    """The entry points of all clients, by the import names of their libraries."""
    from importlib.metadata import EntryPoint  # Lazily: the import is slow.

    # A source tree that is not installed has no entry points; requests is always known.
    always = EntryPoint("requests", _REQUESTS, GROUP)
    found = {(each.name, each.value): each for each in (always, *entry_points_of(GROUP))}
    return tuple(found.values())


def imported_clients() -> Iterator[Client]:
    """The clients whose libraries are imported, for what tests replace of these."""
    for entry in clients_known():
        if entry.name in sys.modules:
            client = _kept(entry.name, entry.value)
            if client is not None:
                yield client


@cache
def _kept(name: str, value: str) -> Client | None:
    # By its texts: entry points of the backport ``importlib_metadata``, which provides them as soon
    # as it is imported, cannot be compared with those of the standard library.
    from importlib.metadata import EntryPoint

    return _loaded(EntryPoint(name, value, GROUP))


def _loaded(entry: EntryPoint) -> Client | None:
    """The client of an entry point; ``None`` and a warning for a broken one."""
    try:
        made: Any = entry.load()()
    except Exception as error:  # noqa: BLE001 - foreign code must not end an exploration
        logger.warning(
            "Cannot load the client %s = %s, so it sees no calls of %s: %r",
            entry.name,
            entry.value,
            entry.name,
            error,
        )
        return None
    if not isinstance(made, Client):
        logger.warning(
            "Ignoring the client %s = %s: it returns %r, which is not a Client",
            entry.name,
            entry.value,
            made,
        )
        return None
    return made


class _Finder(MetaPathFinder):
    """Detects the import of a library: the first of the finders, which calls the others."""

    def __init__(self, instrumented: Instrumented) -> None:
        self._instrumented = instrumented

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> Any:
        """The spec of the other finders, with a loader that reports the end of the import."""
        if not self._instrumented.awaits(fullname):
            return None
        finders = sys.meta_path
        # Only those after this one: two of these would call each other for ever.
        for finder in finders[finders.index(self) + 1 if self in finders else 0 :]:
            if not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self._instrumented)
                return spec
        return None


class _Loader(Loader):
    """Loads a library with its own loader, then restores that loader in the module."""

    def __init__(self, loader: Any, instrumented: Instrumented) -> None:
        self._loader = loader
        self._instrumented = instrumented

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module with the library's own loader."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module with the library's own loader, then hold its clients."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._instrumented.imported(module.__name__)
