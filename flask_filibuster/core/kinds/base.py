"""The seam for kinds of fault: what the rest of the house asks of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import fields
from typing import ClassVar, Protocol, TypeAlias

from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.core.vocabulary import Family, Point

REQUESTS = "requests"
"""The library whose exceptions a fault raises unless it says otherwise."""

Parameter: TypeAlias = str | int | float | bool | None
"""A value that a kind can be given: whatever JSON has a scalar for."""


class FailingCall(Protocol):
    """What a kind sees of a call, to say whether it can happen to it."""

    @property
    def method(self) -> str:
        """Its method or operation, upper case."""

    @property
    def url(self) -> str:
        """Where it goes."""

    @property
    def timeout(self) -> Timeouts:
        """Connect and read timeout in seconds, each ``None`` where there is none."""

    @property
    def family(self) -> Family:
        """What kind of service it is made to."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended when it was seen first, mostly without any fault."""


class Kind(ABC):
    """One kind of fault, with its parameters.

    A kind is a frozen dataclass. Its fields are its parameters: scalars, checked in
    ``__post_init__`` with a ``FaultModelError``. They travel by name, in the project's own records
    and to services of this project on the wire; for others, :attr:`outcome` is all there is to it.

    :cvar name: what users, records and reports call it. Two kinds never share a name.
    :cvar rank: its place in the order of the search: all faults of lower rank, of all calls, come
        before any of higher rank.
    :cvar point: at which point of a call it acts. At ``"before"`` and ``"answer"`` the call is not
        made; a fault may ask for the call all the same (``abort=False``), and then acts ``"after"``
        it.
    :ivar library: whose exception the caller sees.

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
    library: str = REQUESTS

    @property
    @abstractmethod
    def outcome(self) -> Outcome:
        """What the caller sees, but for what a fault asks for beside (hold, lost answer)."""

    @abstractmethod
    def __str__(self) -> str:
        """What the caller sees, in words that follow "it": ``raises Timeout``."""

    def applies_to(self, call: FailingCall) -> bool:  # noqa: ARG002 - subclasses look at it
        """Whether this can happen to a call; what a call cannot meet is never injected."""
        return True

    def alter(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """For a kind at the point ``"body"``: what the caller reads of its call's real answer.

        :param pieces: the pieces of the real body, encoded as they arrived.
        :raises BrokenBody: the body breaks off here; the caller meets its library's own error.
        """
        return pieces

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by name, from which the same can be made again."""
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]
