"""The seam for kinds of fault: the interface of a kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import ClassVar, Protocol, TypeAlias

from flask_filibuster.core.kinds.answer import Answer, Asked, plain_answer
from flask_filibuster.core.kinds.bodies import Altered, Pieces
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.core.vocabulary import Failure, Family, Point

REQUESTS = "requests"
"""The default library of a fault's exceptions."""

Parameter: TypeAlias = str | int | float | bool | None
"""A parameter of a kind: any scalar of JSON."""


class FailingCall(Protocol):
    """The properties of a call that decide whether a kind applies to it."""

    @property
    def method(self) -> str:
        """The method or operation, upper case."""

    @property
    def url(self) -> str:
        """The URL called."""

    @property
    def timeout(self) -> Timeouts:
        """Connect and read timeout in seconds, each ``None`` where there is none."""

    @property
    def family(self) -> Family:
        """The kind of service called."""

    @property
    def outcome(self) -> Outcome | None:
        """The outcome in the execution that first made the call, usually without any fault."""


class Kind(ABC):
    """One kind of fault, with its parameters.

    A kind is a frozen dataclass. Its fields are its parameters: scalars, checked in
    ``__post_init__`` with a ``FaultModelError``. They travel by name, in the project's own records
    and to services of this project on the wire; services of other projects get :attr:`outcome`.

    :cvar name: its unique name for users, records and reports.
    :cvar rank: its place in the order of the search: of each call, faults of lower rank come
        before those of higher rank.
    :cvar point: the point of a call at which it acts. At ``"before"`` and ``"answer"`` the call is
        not made; a fault with ``abort=False`` makes the call all the same and acts ``"after"`` it.
    :cvar failure: the failure of the network that the client's library meets, if the outcome is the
        library's exception for it.
    :cvar needs_shape: whether it applies only to answers of known shape, see
        :class:`~flask_filibuster.core.documents.shape.Shape`.
    :cvar alone: whether it is tried with no other faults than those needed to reach its call. The
        callee works, but for what it says; each such answer is passed on in another way, so that
        combinations would be many, and say little.
    :ivar library: the library that defines the caller's exception.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, slots=True)
    ... class Teapot(Kind):
    ...     name, rank, point = "teapot", 90, "answer"
    ...     outcome = Outcome(status=418)
    ...
    ...     def __str__(self) -> str:
    ...         return "answers that it is a teapot"
    >>> str(Teapot()), Teapot().parameters
    ('answers that it is a teapot', {})
    """

    __slots__ = ()

    name: ClassVar[str]
    rank: ClassVar[int]
    point: ClassVar[Point]
    failure: ClassVar[Failure | None] = None
    needs_shape: ClassVar[bool] = False
    alone: ClassVar[bool] = False
    library: str = REQUESTS

    @property
    @abstractmethod
    def outcome(self) -> Outcome:
        """The outcome that the caller sees, without hold and lost answer."""

    @abstractmethod
    def __str__(self) -> str:
        """The effect on the caller in words, without a subject: ``raises Timeout``."""

    def applies_to(self, call: FailingCall) -> bool:  # noqa: ARG002 - subclasses look at it
        """Whether the kind can happen to a call; otherwise it is never injected."""
        return True

    def is_sent(self, timeout: Timeouts) -> bool:  # noqa: ARG002
        """Whether a callee would have read the request, so that its body is used up.

        :param timeout: connect and read timeout of the call.
        """
        return self.point != "before"

    def reply(self, asked: Asked) -> Answer | None:  # noqa: ARG002
        """The whole answer that the caller gets; ``None``: it gets an exception.

        By default, it is the status of the outcome with a line of plain text.

        :param asked: the request that it answers.
        """
        status = self.outcome.status
        return None if status is None else plain_answer(status)

    def follow(self, asked: Asked) -> Answer | Failure | None:  # noqa: ARG002
        """What a hop meets to which the library itself goes on from a redirect by this kind.

        :param asked: the request of that hop.
        :returns: an answer or a failure; ``None``: the hop is really made, as a call of its own.
        """
        return None

    def expand(self, call: FailingCall) -> tuple[Kind, ...]:  # noqa: ARG002
        """The kinds that it means for a call: itself, unless a parameter is left open."""
        return (self,)

    def delay(self, timeout: Timeouts) -> float:  # noqa: ARG002
        """For a kind at the point ``"late"``: seconds by which the real answer is late.

        :param timeout: connect and read timeout of the call.
        """
        return 0.0

    def remake(self, answer: Answer) -> Answer:
        """For a kind at the point ``"received"``: the answer that the caller gets.

        :param answer: the real answer, its body encoded as it arrived.
        :raises UnalterableError: it has no part that the kind alters.
        """
        return answer

    def alter(self, pieces: Pieces, timeout: Timeouts) -> Altered:  # noqa: ARG002
        """For a kind at the point ``"body"``: the altered body that the caller reads.

        :param pieces: the pieces of the real body, encoded as they arrived.
        :param timeout: connect and read timeout of the call.
        :raises BrokenBody: the body ends here; the caller gets its library's own error.
        """
        return pieces

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by name, enough to create an equal kind."""
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]
