"""A WSGI app on a socket, threaded, with persistent connections.

Werkzeug's and wsgiref's servers close every connection after one answer; an instrumented call would
need three new ones. Built on ``http.server`` (HTTP/1.1, RFC 9112).
"""

from __future__ import annotations

import errno
import io
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote_to_bytes

from flask_filibuster.errors import SetupError

logger = logging.getLogger(__name__)

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
LARGEST_BODY = 4 * 1024 * 1024
IDLE = 300.0
_LINE = 1024
_ENDS = (b"\r\n", b"\n")
_MOST_TRAILERS = 100


class PortTakenError(SetupError):
    """The port is in use.

    :param host: host name or address.
    :param port: the port.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} of {host} is taken; choose another one with --port")
        self.host = host
        self.port = port


class _TooLargeError(Exception):
    """A request body is over the limit."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE
    wbufsize = -1
    server: _Threaded

    def _handle(self) -> None:
        try:
            body = self._body()
        except _TooLargeError:
            self.close_connection = True
            self._write("413 Content Too Large", [("Connection", "close")], b"")
            return
        except ValueError:
            self.close_connection = True
            self._write("400 Bad Request", [("Connection", "close")], b"")
            return
        status, headers, content = _call(self.server.app, self._environ(body))
        self._write(status, headers, content)

    # Names that http.server makes of methods.
    do_GET = do_HEAD = do_POST = do_PUT = _handle  # noqa: N815
    do_DELETE = do_PATCH = do_OPTIONS = _handle  # noqa: N815

    def _body(self) -> bytes:
        """The whole body, so that the next request begins at its end."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        text = self.headers.get("Content-Length", "0").strip()
        if not (text.isascii() and text.isdigit()):
            raise ValueError("Content-Length is not a number")
        if len(text) > 12 or int(text) > LARGEST_BODY:
            raise _TooLargeError
        return self.rfile.read(int(text))

    def _chunks(self) -> bytes:
        content = bytearray()
        while True:
            size = int(self.rfile.readline(_LINE).partition(b";")[0], 16)
            if size < 0:
                raise ValueError("a chunk of negative size")
            if len(content) + size > LARGEST_BODY:
                raise _TooLargeError
            if size == 0:
                self._skip_trailers()
                return bytes(content)
            content += self.rfile.read(size)
            if self.rfile.readline(_LINE) not in _ENDS:
                raise ValueError("a chunk that is not followed by a new line")

    def _skip_trailers(self) -> None:
        for _ in range(_MOST_TRAILERS):
            if self.rfile.readline(_LINE) in (*_ENDS, b""):
                return
        raise ValueError("too many trailers")

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": self.path,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": str(self.client_address[0]),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            # The chunks of the body are joined by now.
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH", "TRANSFER_ENCODING"):
                environ[f"HTTP_{key}"] = value
        return environ

    def _write(self, status: str, headers: list[tuple[str, str]], content: bytes) -> None:
        given = {name.lower() for name, _ in headers}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        if "content-length" not in given:
            lines.append(f"Content-Length: {len(content)}")
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        self.wfile.write(head if self.command == "HEAD" else head + content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        """Log at DEBUG; data from the network is escaped."""
        logger.debug("%s: %r", self.client_address[0], format % args)


def _call(app: WSGIApp, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Call the app, and collect its answer (PEP 3333)."""
    begun: list[Any] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], _error: Any = None
    ) -> Callable[[bytes], object]:
        begun[:] = [status, headers]
        return written.append

    written: list[bytes] = []
    answer = app(environ, start_response)
    try:
        written.extend(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return begun[0], begun[1], b"".join(written)


class _Threaded(ThreadingHTTPServer):
    daemon_threads = True
    # One thread for each persistent connection: none of them may delay the shutdown.
    block_on_close = False
    request_queue_size = 256

    def __init__(self, listening: socket.socket, app: WSGIApp) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_address = listening.getsockname()[:2]
        self.app = app
        self._kept: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._kept.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._kept.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        error = sys.exc_info()[1]
        if isinstance(error, ConnectionError | TimeoutError | ValueError):
            logger.debug("a connection ended in %r", error)
        else:
            logger.error("a request could not be handled", exc_info=True)

    def hang_up(self) -> None:
        """Close the persistent connections."""
        with self._lock:
            kept = list(self._kept)
        for each in kept:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError as error:  # noqa: PERF203 - close the others all the same
                logger.debug("a connection was already closed: %r", error)


class Serving:
    """Serves an app until :meth:`close`; also a context manager.

    :param app: the WSGI app.
    :param host: host name or address to listen on.
    :param port: port; 0 for any that is free.
    :raises PortTakenError: the port is in use.
    :raises SetupError: the host is not an address of this machine.
    """

    def __init__(self, app: WSGIApp, host: str = "127.0.0.1", port: int = 5005) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family, backlog=256)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(host, port) from error
            raise SetupError(f"cannot listen on port {port} of {host}: {error}") from error
        self._server = _Threaded(listening, app)
        self.host = host
        self.port: int = listening.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="filibuster-server",
            daemon=True,
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def close(self) -> None:
        """Stop, and free the port; may be called again."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> Serving:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
