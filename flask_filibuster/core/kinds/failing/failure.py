"""What kinds of fault of the network have in common."""

from __future__ import annotations

from typing import ClassVar

from flask_filibuster.core.kinds.base import Kind
from flask_filibuster.core.outcome import Outcome


class NetworkFailure(Kind):
    """The network fails below the client's library, which raises its own error.

    :cvar exception: name of that error in ``requests.exceptions``; other libraries have their own.
    """

    __slots__ = ()

    rank = 10
    exception: ClassVar[str]

    @property
    def outcome(self) -> Outcome:
        """The error; its variant is the failure."""
        return Outcome(exception=self.exception, variant=self.failure or "")
