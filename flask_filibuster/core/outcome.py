"""Outcomes: how a call ended for its caller."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from flask_filibuster.core.documents.shape import Shape

OK = "ok"
"""Key of a success without a status."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call, or a request of the test, ended for its sender.

    An outcome is a status, or a kind of error, or neither: a successful call without a status, such
    as a statement or a message.

    >>> Outcome().failed, Outcome(status=200).failed, Outcome(status=503).failed
    (False, False, True)
    >>> Outcome().key, Outcome(exception="ReadTimeout").key
    ('ok', 'ReadTimeout')

    :ivar status: HTTP status of the answer, if any.
    :ivar exception: name of the exception, if the call raised one.
    :ivar digest: digest of a successful answer's body, if known without reading a stream. Answers
        of 400 and more are compared by status alone: their bodies are messages to people, and an
        injected status must equal a real one.
    :ivar variant: further parameters of an injected outcome: the answer is lost, or the call held.
        The caller sees the same, but the callee has done its work.
    :ivar mocked: whether a mock of the test ended the call so; known for failures only.
    :ivar shape: the shape of a JSON answer, if the caller has described it.
    """

    status: int | None = None
    exception: str | None = None
    digest: str | None = None
    variant: str = ""
    mocked: bool = field(default=False, compare=False, repr=False)
    shape: Shape | None = field(default=None, compare=False, repr=False)

    @property
    def key(self) -> str:
        """The outcome without its body: an exception, a status or ok."""
        name = self.exception
        if name is None:
            name = OK if self.status is None else str(self.status)
        return f"{name} {self.variant}" if self.variant else name

    @property
    def failed(self) -> bool:
        """Whether the call ended in an exception or a status of 400 and more."""
        return self.exception is not None or (self.status is not None and self.status >= 400)

    def is_like(self, reported: Outcome) -> bool:
        """Whether a report matches this outcome; exceptions match with or without module."""
        if self.exception is None or reported.exception is None:
            return (self.status, self.exception) == (reported.status, reported.exception)
        return self.exception.rpartition(".")[2] == reported.exception.rpartition(".")[2]

    def __str__(self) -> str:
        return self.key


def digest_of(content: bytes) -> str:
    """The digest of a body, as in :attr:`Outcome.digest`."""
    return _digest_of_short(content) if len(content) <= _SHORT else _digest_of(content)


def _digest_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


# Most bodies are short, and the same in all executions; a look-up takes a tenth of the time.
_SHORT = 1000
_digest_of_short = lru_cache(maxsize=512)(_digest_of)


# Each call has two, and all executions of an exploration nearly the same ones.
@lru_cache(maxsize=1024)
def answered(status: int, digest: str | None = None) -> Outcome:
    """The outcome of a call that was answered.

    :param status: the status.
    :param digest: see :class:`Outcome`.
    """
    return Outcome(status=status, digest=digest)


def succeeded(key: str) -> bool:
    """Whether the key of an outcome is that of a success.

    >>> [succeeded(key) for key in ("ok", "200", "404", "Timeout")]
    [True, True, False, False]

    :param key: see :attr:`Outcome.key`. One with a variant is that of an injected failure.
    """
    return key == OK or (key.isdigit() and int(key) < 400)
