"""Real sockets whose answers are cut, stalled, dripped or wrong: what kinds are compared with."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Step = bytes | float
"""Bytes to send, or seconds to wait before the next ones."""

DOCUMENT: Mapping[str, Any] = {
    "items": [{"price": 3, "name": "a b"}, {"price": 4, "name": "c d"}],
    "state": "paid",
    "total": 7,
    "note": "caf\u00e9",
}
BODY = json.dumps(DOCUMENT, separators=(",", ":")).encode()
HEAD = (
    b"Content-Type: application/json",
    b"X-Own: 1",
    b"Set-Cookie: size=large",
    b"Connection: close",
)


@dataclass(frozen=True)
class Script:
    """What a server does once it has read a request.

    :ivar steps: what it sends, and when.
    :ivar stalls: whether it keeps the connection open afterwards, until its client gives up.
    """

    steps: tuple[Step, ...]
    stalls: bool = False


def head(*headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, *headers, b"", b""))


def whole(body: bytes = BODY, *headers: bytes, status: bytes = b"200 OK") -> Script:
    """A complete answer with a declared length."""
    own = headers or HEAD
    return Script((head(*own, b"Content-Length: %d" % len(body), status=status) + body,))


def chunked(body: bytes = BODY) -> Script:
    """A complete answer in one chunk."""
    return Script((head(*HEAD, b"Transfer-Encoding: chunked"), chunk(body), b"0\r\n\r\n"))


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""


def cut(script: Script, arrived: int, *, stalls: bool = False) -> Script:
    """The beginning of a complete answer, with this many bytes of its body."""
    if len(script.steps) == 1:
        (sent,) = script.steps
        assert isinstance(sent, bytes)
        return Script((sent[: sent.index(b"\r\n\r\n") + 4 + arrived],), stalls)
    return Script((script.steps[0], chunk(BODY[:arrived])), stalls)


def dripping(script: Script, drips: int, pause: float) -> Script:
    """A complete answer whose body comes in that many parts, each after a pause."""
    size = -(-len(BODY) // drips)
    parts = [BODY[start : start + size] for start in range(0, len(BODY), size)]
    if len(script.steps) == 1:
        steps: list[Step] = [head(*HEAD, b"Content-Length: %d" % len(BODY))]
        ends = [b""]
    else:
        steps, ends = [script.steps[0]], [b"0\r\n\r\n"]
        parts = [chunk(part) for part in parts]
    for part in parts:
        steps += [pause, part]
    return Script((*steps, *ends))


class Server(socketserver.ThreadingTCPServer):
    """Follows a script for each connection.

    :ivar script: the script.
    :ivar served: number of requests read.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = whole()
        self.served = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/x"

    def follows(self, script: Script) -> str:
        """From the next connection on, it follows this script."""
        self.script = script
        return self.url

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing to print."""


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip().lower()) not in (b"",):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        self.rfile.read(length)
        self.server.served += 1
        for step in self.server.script.steps:
            if isinstance(step, bytes):
                self.wfile.write(step)
                self.wfile.flush()
            else:
                time.sleep(step)
        if self.server.script.stalls:
            self.connection.settimeout(5)
            self.rfile.read(1)


@contextmanager
def misbehaving() -> Iterator[Server]:
    """A server, until the block ends."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
