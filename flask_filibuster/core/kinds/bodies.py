"""Bodies of answers that arrive altered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

Alteration: TypeAlias = Callable[[Iterator[bytes]], Iterator[bytes]]
"""Alters a body, piece by piece; raises :class:`BrokenBody` where the body ends early."""


class BrokenBody(Exception):  # noqa: N818 - an event that clients translate
    """The body of an answer is incomplete. Each client raises its library's own error instead.

    :ivar received: number of bytes that arrived.
    :ivar missing: number of bytes that did not, if the answer declared its length.
    :ivar error: the cause, if known.
    """

    def __init__(
        self, received: int, missing: int | None = None, error: Exception | None = None
    ) -> None:
        super().__init__(f"the body is incomplete: {received} bytes received")
        self.received = received
        self.missing = missing
        self.error = error
