"""The seam of mocks: ways in which tests replace a library that makes calls.

A mock is one file in :mod:`flask_filibuster.instrumentation.mocks`, named after the import name of
its library (``__`` for a dot), with one subclass of :class:`Mock`. The file is imported only when
the application has imported that library.

A mock answers instead of the network, and keeps books: it counts calls, plays answers in order. So
its answer is *taken* first, as without us; only then the server decides on a fault, which replaces
the answer. A call that the mock passes on to the network is explored below the mock, as one call.
"""

from __future__ import annotations

import inspect
import logging
import pkgutil
import sys
from abc import ABC
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from functools import cache, partial
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from flask_filibuster.instrumentation.outgoing import AnyCall, OutgoingCall, Role
from flask_filibuster.instrumentation.patching import Held

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

_PACKAGE = "flask_filibuster.instrumentation.mocks"


class Mock(ABC):
    """A way in which tests replace a library that makes calls.

    There are two kinds. A mock *above* the client is patched by :meth:`hold`, and its calls go
    through :func:`~flask_filibuster.instrumentation.call.perform_mocked`. A mock *below* the client
    (a replaced socket, connection or adapter) says which calls it :meth:`answers`.

    >>> class Parrot(Mock):
    ...     name = "parrot"
    ...     def answers(self, call):
    ...         return call.url.startswith("http://parrot/")

    :cvar name: the library's import name, also used in messages.
    """

    name: ClassVar[str]

    def hold(self) -> Sequence[Held]:
        """Patch the library, or share the installed patches; the caller releases each."""
        return ()

    def answers(self, call: AnyCall[Any]) -> bool:  # noqa: ARG002 - for those below the client
        """Whether a call of a client is about to be answered by the mock, not by the network.

        ``True`` also if the mock is only asked: see :meth:`passes_on`.
        """
        return False

    def records(self, call: AnyCall[Any]) -> bool:  # noqa: ARG002 - for those that do
        """Whether a call that it does not answer is recorded, and must not carry our headers."""
        return False

    def passes_on(self, error: BaseException) -> bool:  # noqa: ARG002 - for those that do
        """Whether this error means that the call goes on to the network, or to another mock."""
        return False


class PassedOn(BaseException):
    """A mock passes a call on to the network, before the server has decided on it.

    Not an ``Exception``: on its way through the mock and the client, nothing handles it.
    """


class Taking:
    """While the block runs, a mock is asked for its answer to a call.

    :param call: the call.
    :param gated: whether the network is closed meanwhile: :meth:`check` raises.
    :ivar passed_on: whether the call was made below the mock, and has been explored there.
    """

    __slots__ = ("_call", "_gated", "_outer", "_token", "passed_on")

    def __init__(self, call: AnyCall[Any], *, gated: bool = False) -> None:
        self._call = call
        self._gated = gated
        self._outer: Taking | None = None
        self._token: Token[Taking | None] | None = None
        self.passed_on = False

    @staticmethod
    def made(call: AnyCall[Any]) -> None:
        """Note that a call is made: mocks above it, asked for the same call, have passed it on."""
        taking = _taking.get()
        while taking is not None:
            taking = taking.noted(call)

    @staticmethod
    def is_running() -> bool:
        """Whether a mock is being asked: what runs now is how it makes its answer."""
        return _taking.get() is not None

    @staticmethod
    def check() -> None:
        """Check that the network is open here.

        :raises PassedOn: a mock of unknown kind is being asked.
        """
        taking = _taking.get()
        if taking is not None and taking.is_closed:
            raise PassedOn

    def noted(self, call: AnyCall[Any]) -> Taking | None:
        """Note that a call is made, and return the block around this one."""
        if (self._call.operation, self._call.url) == (call.operation, call.url):
            self.passed_on = True
        return self._outer

    @property
    def is_closed(self) -> bool:
        """Whether the network is closed."""
        return self._gated and not self.passed_on

    def ask(self, take: Callable[[], _Answer]) -> _Answer:
        """Ask the mock; what runs above this function implements the call, rather than makes it."""
        return take()

    def __enter__(self) -> Taking:  # noqa: PYI034 - Self came with Python 3.11
        self._outer = _taking.get()
        self._token = _taking.set(self)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._token is not None:
            _taking.reset(self._token)


class Answers:
    """The answers of stand-ins for parts of a client, which tests make without a library's help."""

    def __init__(self) -> None:
        self._replaced: dict[int, Any] = {}

    def perform(
        self,
        role: Role,
        call: OutgoingCall[Any],
        ask: Callable[[], Any],
        make: Callable[[OutgoingCall[Any], Callable[[], Any]], Any],
    ) -> Any:
        """Make a call; an answer that a fault replaces is kept.

        :param role: the role of the stand-in.
        :param call: the call.
        :param ask: asks the stand-in.
        :param make: makes the call.
        """
        taken: list[Any] = []
        reply = None
        try:
            reply = make(call, partial(self.take, role, ask, taken))
        finally:
            if taken and reply is not taken[0]:
                self._replaced[id(role)] = taken[0]
        return reply

    def take(self, role: Role, ask: Callable[[], Any], taken: list[Any]) -> Any:
        """Ask; under faults, an application may ask more often than the test has answers."""
        try:
            answer = ask()
        except StopIteration:
            if id(role) not in self._replaced:
                raise
            return self._replaced[id(role)]
        taken.append(answer)
        return answer


_taking: ContextVar[Taking | None] = ContextVar("flask_filibuster_taking", default=None)


def mock_for(call: AnyCall[Any]) -> Mock | None:
    """The mock that answers a call of a client, if any.

    :param call: the call.
    """
    return next((mock for mock in _imported() if _says(mock, mock.answers, call)), None)


def is_recorded(call: AnyCall[Any]) -> bool:
    """Whether a mock records a call that it does not answer."""
    return any(_says(mock, mock.records, call) for mock in _imported())


def _imported() -> Iterator[Mock]:
    for library in known_mocks():
        if library in sys.modules:
            mock = loaded_mock(library)
            if mock is not None:
                yield mock


def _says(mock: Mock, ask: Callable[[AnyCall[Any]], bool], call: AnyCall[Any]) -> bool:
    try:
        return ask(call)
    except Exception as error:  # noqa: BLE001 - an unknown version may raise anything
        logger.warning("Cannot ask %s whether it mocks %s: %r", mock.name, call.words, error)
        return False


@cache
def known_mocks() -> Mapping[str, str]:
    """The modules of all mocks, by the import names of their libraries."""
    folder = import_module(_PACKAGE).__path__
    modules = [each.name for each in pkgutil.iter_modules(folder)]
    return MappingProxyType({name.replace("__", "."): f"{_PACKAGE}.{name}" for name in modules})


@cache
def loaded_mock(library: str) -> Mock | None:
    """The mock of a library that is imported; ``None`` and a warning if it does not fit."""
    module = known_mocks()[library]
    try:
        found = vars(import_module(module)).values()
    except Exception as error:  # noqa: BLE001 - an unknown version may raise anything
        logger.warning(
            "Calls mocked with %s are not seen: cannot load %s: %r", library, module, error
        )
        return None
    for each in found:
        is_class = issubclass(type(each), type)
        if is_class and issubclass(each, Mock) and each.__module__ == module:
            return each() if not inspect.isabstract(each) else None
    return None
