"""Servers on real sockets that misbehave: what injected faults are compared with."""

from __future__ import annotations

import contextlib
import math
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.base import Kind
from tests.support.callers import dead_url

CERTIFICATE = Path(__file__).with_name("untrusted.pem")
"""A certificate for this machine with its key, by an issuer that no longer exists."""


class Server(socketserver.ThreadingTCPServer):
    """Reads each request to its end, then does what the kind of fault says.

    :ivar kind: the kind; ``None``: it answers that all is well.
    :ivar times: how many requests meet it; later ones are answered that all is well.
    :ivar sizes: the size of the body of each request.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kind: Kind | None = None
        self.times = math.inf
        self.sizes: list[int] = []
        self.given_up = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def becomes(self, kind: Kind | None, times: float = math.inf) -> str:
        """From the next request on, it fails like this."""
        self.kind = kind
        self.times = times
        self.sizes.clear()
        return self.url

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing to print."""


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        while line := self.rfile.readline().decode():
            if not self._handled(line):
                return

    def _handled(self, line: str) -> bool:
        """Whether the connection stays open."""
        method, path, _ = line.split(" ", 2)
        headers = dict(self._headers())
        number = len(self.server.sizes)
        self.server.sizes.append(self._body(headers))
        if method == "CONNECT":
            self.wfile.write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            return False
        kind = self.server.kind if number < self.server.times else None
        failure = getattr(kind, "failure", None)
        if failure == "reset":
            # With this option, to close is to reset.
            option = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            self.connection.close()
        elif failure == "read timeout":
            self.server.given_up.wait(5)
        elif failure != "closed":
            asked = Asked(method, f"http://{headers['host']}{path}", time.time())
            return self._answer(method, self._answer_to(kind, asked, number))
        return False

    def _answer_to(self, kind: Kind | None, asked: Asked, number: int) -> Answer:
        answer: Any = None
        if kind is not None:
            answer = kind.follow(asked) if number else kind.reply(asked)
        return answer or Answer(200, "OK", (("Content-Type", "text/plain"),), b"fine")

    def _headers(self) -> Iterator[tuple[str, str]]:
        while (line := self.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def _body(self, headers: dict[str, str]) -> int:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return len(self.rfile.read(int(headers.get("content-length", 0))))
        size = 0
        while length := int(self.rfile.readline(), 16):
            size += len(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return size

    def _answer(self, method: str, answer: Answer) -> bool:
        headers = list(answer.headers)
        if not {name.lower() for name, _ in headers} & {"content-length", "transfer-encoding"}:
            headers.append(("Content-Length", str(len(answer.body))))
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head + (b"" if method == "HEAD" else answer.body))
        return not answer.is_broken


@contextmanager
def misbehaving() -> Iterator[Server]:
    """A server, as long as the block runs."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        yield server
        server.given_up.set()
        server.shutdown()
        thread.join()


@contextmanager
def untrusted() -> Iterator[str]:
    """A server with the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()
                connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextmanager
def crowded() -> Iterator[str]:
    """A socket whose queue is full, so that it answers nobody who wants to connect."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def failing(kind: Kind, server: Server) -> Iterator[tuple[str, str | None]]:
    """Where a call meets this kind of fault in earnest: a URL, and the URL of the proxy, if any.

    :param kind: the kind.
    :param server: the server, for kinds that need one.
    """
    failure = kind.failure
    if failure == "refused":
        yield dead_url(), None
    elif failure == "name not resolved":
        yield "http://nowhere.invalid", None
    elif failure == "connect timeout":
        with crowded() as url:
            yield url, None
    elif failure == "certificate not trusted":
        with untrusted() as url:
            yield url, None
    elif failure == "proxy unreachable":
        yield "http://leaf", dead_url()
    elif failure == "tunnel refused":
        yield "https://leaf", server.becomes(None)
    else:
        yield server.becomes(kind), None
