"""A server of this machine that no exploration knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = b'{"ok": true, "access_token": "secret-of-the-host"}'


class Listener(ThreadingHTTPServer):
    """Answers every request with JSON.

    :ivar requested: method, path and headers of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requested: list[tuple[str, str, dict[str, str]]] = []

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        listener = self.server
        assert isinstance(listener, Listener)
        listener.requested.append((self.command, self.path, dict(self.headers.items())))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "session=secret-of-the-host")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    do_POST = do_GET  # noqa: N815 - as the base class has it

    def log_message(self, *_args: object) -> None:
        """Nothing is logged."""


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener while the block runs, in a thread that belongs to no test."""
    listener = Listener()
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
