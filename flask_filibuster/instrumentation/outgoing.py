"""What a client is to the instrumentation; see :mod:`.clients.base`, which clients import."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import CodeType
from typing import ClassVar, Generic, NoReturn, TypeVar

from flask_filibuster.config import Config
from flask_filibuster.core.kinds.bodies import Alteration
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.core.vocabulary import Family
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.http import Header
from flask_filibuster.instrumentation.patching import Patch

Reply = TypeVar("Reply")


class Client(ABC):
    """A library that makes calls.

    :cvar name: the library's import name, which people are told.
    :cvar family: what kind of service its calls are made to.
    :cvar built_on: names of the clients that it makes its own calls with; theirs, below one of its
        calls, are no calls of their own.
    :cvar errors: what its calls raise when they fail; the base class of all suffices.
    :cvar entrances: code of functions that run *below* code of the application, such as a transport
        that it has wrapped: what is above them on the stack says how a call is made, not who makes
        it.
    """

    name: ClassVar[str]
    family: ClassVar[Family] = "http"
    built_on: ClassVar[frozenset[str]] = frozenset()
    errors: ClassVar[tuple[type[Exception], ...]] = (Exception,)
    entrances: ClassVar[tuple[CodeType, ...]] = ()

    @abstractmethod
    def hold(self) -> Sequence[Patch]:
        """Patch the library, or share the patches that are in place; each is to be released."""

    @cached_property
    def file(self) -> str:
        """Its source file, whose functions are no part of the application."""
        return getattr(sys.modules.get(type(self).__module__), "__file__", None) or ""

    def is_on(self, config: Config) -> bool:  # noqa: ARG002 - for clients that can be switched off
        """Whether an app's settings let its calls be seen."""
        return True

    def __repr__(self) -> str:
        return f"<client {self.name}>"


class AnyCall(ABC, Generic[Reply]):
    """What the calls of synchronous and of asynchronous clients have in common.

    :param client: the client.
    :param operation: what the call does, upper case: an HTTP method, the verb of a statement.
    :param url: the URL called, if there is one.
    :param target: what is called, where there is no URL.
    :param timeout: connect and read timeout in seconds; ``None`` where it would wait for ever.
    :param idempotency_key: value of the header ``Idempotency-Key``, or what corresponds to it.
    :param safe: whether the call changes nothing; ``None``: its method tells (HTTP).
    :param repeatable: whether it may be made twice; ``None``: its method tells (HTTP).
    """

    __slots__ = (
        "client",
        "idempotency_key",
        "operation",
        "repeatable",
        "safe",
        "target",
        "timeout",
        "url",
    )

    def __init__(
        self,
        client: Client,
        operation: str,
        *,
        url: str = "",
        target: str = "",
        timeout: Timeouts = (None, None),
        idempotency_key: str = "",
        safe: bool | None = None,
        repeatable: bool | None = None,
    ) -> None:
        self.client = client
        self.operation = operation
        self.url = url
        self.target = target
        self.timeout = timeout
        self.idempotency_key = idempotency_key
        self.safe = safe
        self.repeatable = repeatable

    @property
    def is_seen(self) -> bool:
        """Whether it is for us at all: not so for requests of the instrumentation itself."""
        return True

    def is_on(self, config: Config) -> bool:
        """Whether an app's settings let this call be seen."""
        return self.client.is_on(config)

    @abstractmethod
    def fail(self, kind: str, *, sent: bool) -> NoReturn:
        """Raise what a user of the library meets when the call fails.

        :param kind: the kind of error, by the name of ``requests.exceptions`` that stands for it
            (``ConnectionError``, ``Timeout``, …), or by a name of the library's own.
        :param sent: whether the callee has received the call: its answer is lost.
        :raises InjectionError: the library has no such error, see :meth:`unknown`.
        """

    def answer(self, status: int, reason: str, headers: Sequence[Header], body: bytes) -> Reply:  # noqa: ARG002
        """The reply of a callee that answers with this status.

        :raises InjectionError: calls of this library have no status.
        """
        raise InjectionError(self.words, f"calls of {self.client.name} have no status")

    def outcome(self, reply: Reply, digest: str | None) -> Outcome:  # noqa: ARG002
        """How a call ended that has this reply.

        :param reply: the reply.
        :param digest: digest of its content, where that is known.
        """
        return Outcome(digest=digest)

    def alter_body(self, reply: Reply, alter: Alteration) -> Reply:  # noqa: ARG002
        """The reply, with a body that is read through ``alter``.

        :param reply: a real reply.
        :param alter: makes the pieces that the caller reads of the real, still encoded ones; where
            it raises ``BrokenBody``, the caller meets the library's own error.
        :raises InjectionError: replies of this library have no body.
        """
        raise InjectionError(self.words, f"replies of {self.client.name} have no body to alter")

    @property
    def words(self) -> str:
        """The call in words."""
        return f"{self.operation} {self.url or self.target}"

    def unknown(self, kind: str) -> InjectionError:
        """The error for a kind of error that the library does not have."""
        return InjectionError(self.words, f"no error {kind!r} in {self.client.name}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.words}>"


class OutgoingCall(AnyCall[Reply]):
    """One call of a client, for :func:`~flask_filibuster.instrumentation.call.perform`."""

    __slots__ = ()

    @abstractmethod
    def send(self, headers: Mapping[str, str] | None) -> Reply:
        """Really make the call.

        :param headers: carries the call's place to the callee; ``None``: the call goes out without
            any place, its caller's own included.
        """

    def digest(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Digest of what the caller reads next; ``None`` for what it may never read."""
        return None

    def discard(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Read the reply to its end, which is part of the callee's work, and close it.

        :returns: digest of what was read, if there is anything to read.
        """
        return None


class AsyncOutgoingCall(AnyCall[Reply]):
    """One call of an asynchronous client, for ``perform_async``."""

    __slots__ = ()

    @abstractmethod
    async def send(self, headers: Mapping[str, str] | None) -> Reply:
        """Really make the call; see :meth:`OutgoingCall.send`."""

    async def digest(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Digest of what the caller reads next; ``None`` for what it may never read."""
        return None

    async def discard(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Read the reply to its end and close it; see :meth:`OutgoingCall.discard`."""
        return None
