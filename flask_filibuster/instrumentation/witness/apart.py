"""Requests to apps of this process that take no part in the execution under way.

A server in a thread of the test's own process hands them to the app. The test, or somebody else,
has sent them by a client that carries no place in the execution. No call of theirs can fail.
"""

from __future__ import annotations

from flask_filibuster.instrumentation.around import Network
from flask_filibuster.instrumentation.frames import Scope, here


class ApartScope(Scope):
    """The scope of such a request.

    :ivar base: the URL of the app.
    """

    __slots__ = ("base",)

    def __init__(self, network: Network | None, base: str) -> None:
        super().__init__(None, network)
        self.base = base
        self.is_service = True

    def fork(self, queue: object | None = None) -> ApartScope:  # noqa: ARG002 - has no strands
        """The scope for a thread that the request starts."""
        forked = ApartScope(self.network, self.base)
        forked.is_carried = True
        return forked


def apart_at() -> str:
    """The URL of the app that the running code handles such a request for, or nothing."""
    scope = here()
    return scope.base if isinstance(scope, ApartScope) else ""
