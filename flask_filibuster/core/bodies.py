"""Bodies of answers that do not arrive as they were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

Alteration: TypeAlias = Callable[[Iterator[bytes]], Iterator[bytes]]
"""Makes another body of the pieces of one; raises :class:`BrokenBody` where that breaks off."""


class BrokenBody(Exception):  # noqa: N818 - it names what happened, for clients to translate
    """The body of an answer broke off. Each client raises its library's own error instead.

    :ivar received: bytes that arrived.
    :ivar missing: bytes that did not, where the answer said how many there are.
    :ivar error: why it broke off, where there is more to say than that.
    """

    def __init__(
        self, received: int, missing: int | None = None, error: Exception | None = None
    ) -> None:
        super().__init__(f"the body is incomplete: {received} bytes received")
        self.received = received
        self.missing = missing
        self.error = error
