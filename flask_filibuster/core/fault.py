"""Faults: a kind of fault with its parameters, for one call."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import reason_of
from flask_filibuster.core.kinds.answered import Answered
from flask_filibuster.core.kinds.base import REQUESTS, FailingCall, Kind, Parameter
from flask_filibuster.core.kinds.raised import Raised
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts, check_sleep, held_in_words, seconds_of
from flask_filibuster.core.vocabulary import OF_REAL_ANSWER, Point
from flask_filibuster.errors import FaultModelError

__all__ = ["REQUESTS", "Fault", "reason_of"]


class _KeepsHash:
    """Room for the hash, which is no field: it differs between processes, so no copy has it."""

    __slots__ = ("_hash",)
    _hash: int


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Fault(_KeepsHash):
    """One fault of a call: a kind of fault, and the parameters that all kinds share.

    >>> str(Fault("Timeout"))
    'raises Timeout'
    >>> str(Fault(status=503, sleep=2))
    'answers 503 Service Unavailable, held 2 s'
    >>> Fault("ConnectionError", abort=False).point
    'after'

    :param exception: name of the exception of ``requests.exceptions`` to raise, or
    :param status: the HTTP status to answer with, or
    :param kind: another kind, see :meth:`of`; exactly one of the three.
    :param abort: ``True``: the call is not made. ``False``: the call is made first, so that the
        callee does its work and the answer is lost. Always ``False`` for kinds that alter a real
        answer.
    :param sleep: seconds to hold the call before it fails, or an expression of its timeout, like
        ``@expr(metadata['timeout'])+0.001``. If the call is made, its callee holds it. Either side
        waits no longer than its ``FILIBUSTER_MAX_SLEEP``.
    :param library: the library that defines the exception. Only services instrumented by other
        projects know exceptions of libraries other than ``requests``.
    :param details: further parameters for such a project, as names and values.
    :raises FaultModelError: the name, the status or the expression cannot be injected.
    """

    kind: Kind
    abort: bool
    sleep: float | str

    def __init__(
        self,
        exception: str | None = None,
        status: int | None = None,
        abort: bool = True,
        sleep: float | str = 0.0,
        library: str = REQUESTS,
        details: tuple[tuple[str, str], ...] = (),
        *,
        kind: Kind | None = None,
    ) -> None:
        if sum(each is not None for each in (exception, status, kind)) != 1:
            raise FaultModelError("a fault needs exactly one of exception, status and kind")
        if exception is not None:
            kind = Raised(exception, library, details)
        elif status is not None:
            kind = Answered(status)
        if not abort and kind is not None and kind.point == "before" and kind.failure is not None:
            raise FaultModelError(
                f"{kind.name!r} with abort=False: the call is never made, so no answer can be lost"
            )
        check_sleep(sleep)
        object.__setattr__(self, "kind", kind)
        made = kind is not None and kind.point in OF_REAL_ANSWER
        object.__setattr__(self, "abort", abort and not made)
        object.__setattr__(self, "sleep", sleep)

    def __hash__(self) -> int:
        # The search looks up each fault in every execution: dataclasses hash all fields each time.
        try:
            return self._hash
        except AttributeError:
            value = hash((self.kind, self.abort, self.sleep))
            object.__setattr__(self, "_hash", value)
            return value

    @classmethod
    def of(
        cls, kind: str, *, abort: bool = True, sleep: float | str = 0.0, **parameters: Parameter
    ) -> Fault:
        """A fault of any kind, by its name.

        >>> Fault.of("answered", status=503) == Fault(status=503)
        True

        :param kind: name of the kind.
        :param abort: as for :class:`Fault`.
        :param sleep: as for :class:`Fault`.
        :param parameters: the parameters of the kind.
        :raises FaultModelError: there is no such kind, or it does not take these parameters.
        """
        # Imports all kinds, which an app outside an exploration never needs.
        from flask_filibuster.core.kinds.registry import kind_of

        return cls(abort=abort, sleep=sleep, kind=kind_of(kind, parameters))

    @property
    def is_plain(self) -> bool:
        """Whether it is an exception or a status, the faults that all projects know."""
        return isinstance(self.kind, Raised | Answered)

    @property
    def exception(self) -> str | None:
        """Name of the exception that the caller sees, if any."""
        return self.kind.outcome.exception

    @property
    def status(self) -> int | None:
        """The HTTP status that the caller sees, if any."""
        return self.kind.outcome.status

    @property
    def library(self) -> str:
        """The library that defines the exception."""
        return self.kind.library

    @property
    def details(self) -> tuple[tuple[str, str], ...]:
        """Further parameters for services of another project."""
        return self.kind.details if isinstance(self.kind, Raised) else ()

    @property
    def point(self) -> Point:
        """The point of a call at which it acts."""
        point = self.kind.point
        return point if self.abort or point in OF_REAL_ANSWER else "after"

    @property
    def rank(self) -> int:
        """Its place in the order of the search; see :class:`Kind`."""
        return self.kind.rank

    @property
    def outcome(self) -> Outcome:
        """The outcome that the caller sees."""
        seen = self.kind.outcome
        asked = (
            seen.variant,
            "lost" if self.point == "after" else "",
            f"held {self.sleep}" if self.sleep else "",
        )
        return Outcome(
            status=seen.status, exception=seen.exception, variant=" ".join(filter(None, asked))
        )

    def seconds(self, timeout: Timeouts) -> float:
        """How long a call with these timeouts is held, in seconds."""
        return seconds_of(self.sleep, timeout)

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the fault can happen to a call: a call without a timeout never times out."""
        if isinstance(self.sleep, str) and call.timeout == (None, None):
            return False
        return self.kind.applies_to(call)

    def expand(self, call: FailingCall) -> tuple[Fault, ...]:
        """The faults that it means for a call: itself, unless a parameter is left open."""
        if type(self.kind).expand is Kind.expand:
            return (self,)  # As nearly all kinds do; there are many of them for each call.
        kinds = self.kind.expand(call)
        if kinds == (self.kind,):
            return (self,)
        return tuple(Fault(abort=self.abort, sleep=self.sleep, kind=each) for each in kinds)

    def words(self, timeout: Timeouts = (None, None)) -> str:
        """The fault in words.

        >>> Fault("Timeout", sleep="@expr(metadata['timeout'])+0.001").words((2, 2))
        'raises Timeout, held 2.001 s, just past its timeout of 2 s'

        :param timeout: the timeouts of the planned call, if known.
        """
        text = str(self.kind)
        if self.sleep:
            text = f"{text}, {held_in_words(self.sleep, timeout)}"
        lost = self.point == "after"
        return f"{text}, after the call was made (its answer is lost)" if lost else text

    def __str__(self) -> str:
        return self.words()

    def __repr__(self) -> str:
        kind = self.kind
        if self.is_plain:
            made, name = "Fault(", ""
        else:
            made, name = "Fault.of(", repr(kind.name)
        default = {"library": REQUESTS, "details": (), "sleep": 0.0}
        default["abort"] = kind.point not in OF_REAL_ANSWER
        given = {**kind.parameters, "abort": self.abort, "sleep": self.sleep}
        shown = [f"{key}={value!r}" for key, value in given.items() if default.get(key) != value]
        return f"{made}{', '.join([name, *shown] if name else shown)})"
