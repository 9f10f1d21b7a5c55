"""The mock mocket: sockets are replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from mocket import Mocket
from mocket.socket import MocketSocket

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness.fakes import connecting


class MocketMock(Mock):
    """The library mocket."""

    name = "mocket"

    def hold(self) -> Sequence[Patch]:
        """Name the connections of its sockets that no client makes."""
        return [Patch.hold(MocketSocket, "connect", connecting)]

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether an entry for the address can handle the first line of the request."""
        parts = urlsplit(call.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        head = f"{call.operation} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        # Not Mocket.get_entry: it reads a mapping that notes each address that is asked for.
        entries = Mocket._entries.get((parts.hostname, port), ())  # noqa: SLF001
        return any(entry.can_handle(head) for entry in entries)
