"""What kinds of fault that alter the body of a real answer have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from flask_filibuster.core.kinds.answer import BODILESS
from flask_filibuster.core.kinds.base import FailingCall
from flask_filibuster.core.kinds.bodies import Pieces

_DIGEST_OF_NOTHING = hashlib.md5(b"", usedforsecurity=False).hexdigest()


def has_body(call: FailingCall) -> bool:
    """Whether the answer of a call has a body, as far as known."""
    if call.family != "http" or call.method == "HEAD":
        return False
    seen = call.outcome
    if seen is None:
        return True
    is_empty = seen.status in BODILESS or seen.digest == _DIGEST_OF_NOTHING
    # A mock in place of an answer may have no status, and then nothing to alter either.
    return seen.status is not None and not is_empty


def succeeds(call: FailingCall) -> bool:
    """Whether a call to an HTTP service is answered with a success that has a body."""
    seen = call.outcome
    return has_body(call) and (seen is None or (seen.status is not None and seen.status < 300))


def is_json(call: FailingCall) -> bool:
    """Whether a call is answered with a success in JSON."""
    seen = call.outcome
    return succeeds(call) and (seen is None or seen.shape is not None)


def beginning(pieces: Pieces, part: float) -> Iterator[bytes]:
    """The first part of a body: of the whole, if its length is declared, else of its first piece.

    >>> list(beginning(Pieces(iter([b"abcd", b"efgh"]), length=8), 0.75))
    [b'abcd', b'ef']
    >>> list(beginning(Pieces(iter([b"abcd", b"efgh"])), 0.75))
    [b'abc']

    :param pieces: the body.
    :param part: a number from 0 to below 1.
    """
    left = None if pieces.length is None else int(pieces.length * part)
    for piece in filter(None, pieces):
        if left is None:
            left = int(len(piece) * part)
        if left:
            yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
