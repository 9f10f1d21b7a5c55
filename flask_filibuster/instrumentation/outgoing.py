"""The interface of a client; clients import it from :mod:`.clients.base`."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import CodeType
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from flask_filibuster.config import Config
from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.bodies import Alteration
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.core.vocabulary import Failure, Family
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.http import Header
from flask_filibuster.instrumentation.patching import Patch

Reply = TypeVar("Reply")


class Client(ABC):
    """A library that makes calls.

    :cvar name: the library's import name, also used in messages.
    :cvar family: the kind of service that its calls reach.
    :cvar built_on: names of the clients that it uses for its own calls; their calls within one of
        its calls don't count.
    :cvar errors: the exceptions of failed calls; their base class suffices.
    :ivar entrances: code of functions that run *below* code of the application, such as a transport
        that it has wrapped: frames above them on the stack implement the call, rather than make it.
    """

    name: ClassVar[str]
    family: ClassVar[Family] = "http"
    built_on: ClassVar[frozenset[str]] = frozenset()
    errors: ClassVar[tuple[type[Exception], ...]] = (Exception,)
    entrances: tuple[CodeType, ...] = ()

    @abstractmethod
    def hold(self) -> Sequence[Patch]:
        """Patch the library, or share the installed patches; the caller releases each."""

    @cached_property
    def file(self) -> str:
        """Its source file, whose functions are not part of the application."""
        return getattr(sys.modules.get(type(self).__module__), "__file__", None) or ""

    def is_on(self, config: Config) -> bool:  # noqa: ARG002 - for clients that can be switched off
        """Whether an app's settings include its calls."""
        return True

    def role_of(self, original: Any) -> Role | None:  # noqa: ARG002
        """The part that a function, class, module or object of the library plays.

        It is asked for what a test has replaced by a mock; ``None``: it makes no remote call, or is
        not the library's.
        """
        return None

    def parts(self) -> Iterable[tuple[Any, str, Role]]:
        """Its public functions and classes: the owner, the name and the role of each.

        A test may assign another object to one of these without any library's help.
        """
        return ()

    def __repr__(self) -> str:
        return f"<client {self.name}>"


class Role:
    """The part that one function, class, module or object of a library plays, for its mocks.

    A test may replace ``requests.get``, a whole module, a session or one of its methods by
    anything. Whoever sees a call of the replacement asks the role which remote call the arguments
    make, and makes it by :func:`~flask_filibuster.instrumentation.call.perform_mocked`.

    >>> import requests
    >>> from flask_filibuster.instrumentation.clients.requests.adapter import Requests
    >>> role = Requests().role_of(requests).attribute("get")
    >>> role.call_of(("http://leaf/x",), {"timeout": 2})
    <StandInCall GET http://leaf/x>
    """

    strange: ClassVar[str] = ""
    """Why calls of what stands in for it cannot fail, if they cannot."""

    def call_of(self, args: Sequence[Any], options: Mapping[str, Any]) -> OutgoingCall[Any] | None:  # noqa: ARG002
        """The remote call that is made with these arguments; ``None``: none is made.

        :param args: the positional arguments, with or without the object of a method.
        :param options: the named arguments.
        """
        return None

    def attribute(self, name: str) -> Role | None:  # noqa: ARG002
        """The role of one of its attributes, if the attribute has one."""
        return None

    def constants(self) -> Mapping[str, Any]:
        """What a stand-in needs from the original once a call fails, such as its exceptions."""
        return {}

    def result(self) -> Role | None:
        """The role of what it returns, if that has one: for a class, that of its objects.

        What entering an object as a context manager returns has the role of the object.
        """
        return None


class AnyCall(ABC, Generic[Reply]):
    """The common base of synchronous and asynchronous calls.

    :param client: the client.
    :param operation: the operation, upper case: an HTTP method, the verb of a statement.
    :param url: the URL called, if there is one.
    :param target: name of the callee, if there is no URL.
    :param timeout: connect and read timeout in seconds; ``None``: no timeout.
    :param idempotency_key: value of the header ``Idempotency-Key``, or its equivalent.
    :param safe: whether the call changes nothing; ``None``: depends on its HTTP method.
    :param repeatable: whether it may be made twice; ``None``: depends on its HTTP method.
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
        """Whether it can be explored; ``False`` for requests of the instrumentation itself."""
        return True

    @property
    def is_local(self) -> bool:
        """Whether a service of this process answers it, whatever is mocked."""
        return False

    @property
    def chain(self) -> object:
        """An object that the calls share which a library makes while it follows redirects.

        ``None``: the library follows none.
        """
        return None

    @property
    def origin(self) -> object:
        """The request object, if the library copies it for each hop of a redirect."""
        return None

    def is_on(self, config: Config) -> bool:
        """Whether an app's settings include this call."""
        return self.client.is_on(config)

    @abstractmethod
    def fail(self, kind: str, *, sent: bool) -> NoReturn:
        """Raise the library's error for a failure of the call.

        :param kind: the kind of error: its name in ``requests.exceptions`` (``ConnectionError``,
            ``Timeout``, …), or a name of the library's own.
        :param sent: whether the callee has received the call, so that only its answer is lost.
        :raises InjectionError: the library has no such error, see :meth:`unknown`.
        """

    def meet(self, failure: Failure, kind: str, *, sent: bool) -> NoReturn:  # noqa: ARG002
        """Raise the library's error for a failure of the network below it.

        By default, it is the error for the kind, as in :meth:`fail`: override it for a library that
        reports failures in more detail.

        :param failure: the failure.
        :param kind: the kind of error that it becomes.
        :param sent: whether the callee has received the call, so that only its answer is lost.
        :raises InjectionError: the library has no such error.
        """
        self.fail(kind, sent=sent)

    def answer(self, status: int, reason: str, headers: Sequence[Header], body: bytes) -> Reply:  # noqa: ARG002
        """The reply for an answer with this status.

        :raises InjectionError: calls of this library have no status.
        """
        raise InjectionError(self.words, f"calls of {self.client.name} have no status")

    def outcome(self, reply: Reply, digest: str | None) -> Outcome:  # noqa: ARG002
        """The outcome of a call with this reply.

        :param reply: the reply.
        :param digest: digest of its content, if known.
        """
        return Outcome(digest=digest)

    def alter_body(self, reply: Reply, alter: Alteration) -> Reply:  # noqa: ARG002
        """The reply, with a body that passes through ``alter``.

        :param reply: a real reply.
        :param alter: turns the real, still encoded pieces into those that the caller reads; if it
            raises ``BrokenBody``, the caller gets the library's own error.
        :raises InjectionError: replies of this library have no body.
        """
        raise InjectionError(self.words, f"replies of {self.client.name} have no body to alter")

    def content(self, reply: Reply) -> bytes | None:  # noqa: ARG002
        """The decoded content that the caller reads next; ``None`` if it may not read it.

        Nothing that the caller sees may differ afterwards.
        """
        return None

    @property
    def words(self) -> str:
        """The call in words."""
        return f"{self.operation} {self.url or self.target}"

    def unreadable(self, reply: object) -> InjectionError:
        """The exception for a reply that is no HTTP answer."""
        return InjectionError(self.words, f"the answer is a {type(reply).__name__}")

    def unknown(self, kind: str) -> InjectionError:
        """The exception for a kind of error that the library does not have."""
        return InjectionError(self.words, f"no error {kind!r} in {self.client.name}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.words}>"


class OutgoingCall(AnyCall[Reply]):
    """One call of a client, for :func:`~flask_filibuster.instrumentation.call.perform`."""

    __slots__ = ()

    @abstractmethod
    def send(self, headers: Mapping[str, str] | None) -> Reply:
        """Make the real call.

        :param headers: the headers with the call's place, for the callee; ``None``: the call has no
            place, and must not carry that of its caller either.
        """

    def use_up(self) -> None:
        """Read the request's body to its end, as if it was sent."""

    def digest(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Digest of the content that the caller reads next; ``None`` if it may not read it."""
        return None

    def received(self, reply: Reply) -> Answer:
        """The whole real answer: read to its end, and closed; its body encoded as it arrived.

        :raises InjectionError: replies of this library are no HTTP answers.
        """
        raise self.unreadable(reply)

    def discard(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Read the reply to its end, so that the callee completes its work, and close it.

        :returns: digest of the content, if there is any.
        """
        return None


class AsyncOutgoingCall(AnyCall[Reply]):
    """One call of an asynchronous client, for ``perform_async``."""

    __slots__ = ()

    @abstractmethod
    async def send(self, headers: Mapping[str, str] | None) -> Reply:
        """Make the real call; see :meth:`OutgoingCall.send`."""

    async def use_up(self) -> None:
        """Read the request's body to its end; see :meth:`OutgoingCall.use_up`."""

    async def digest(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Digest of the content that the caller reads next; ``None`` if it may not read it."""
        return None

    async def received(self, reply: Reply) -> Answer:
        """The whole real answer; see :meth:`OutgoingCall.received`."""
        raise self.unreadable(reply)

    async def discard(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Read the reply to its end and close it; see :meth:`OutgoingCall.discard`."""
        return None
