"""Several WSGI apps in one process, reachable under their URLs without sockets."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import Context, copy_context
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3.exceptions import IncompleteRead, ProtocolError
from werkzeug.test import run_wsgi_app

from flask_filibuster.core.urls import DEFAULT_PORTS, check_base_url, service_name
from flask_filibuster.errors import SetupError
from flask_filibuster.instrumentation.app.peer import PEER_KEY, Peer
from flask_filibuster.instrumentation.clients.requests.synthesis import build_response, raw_response
from flask_filibuster.instrumentation.clients.requests.timeouts import check_timeout
from flask_filibuster.instrumentation.frames import Frame, Scope, TestFrame, current_scope, enter

logger = logging.getLogger(__name__)

WSGIApp = Callable[..., Iterable[bytes]]
Result = TypeVar("Result")
_LOGGED = "the service under %s raised an exception; its caller gets a 500, as over a socket"


class Mesh:
    """The network of an exploration: which app is reached under which base URL.

    :param services: WSGI apps by base URL; a URL may have a path, the longest that fits is used.
    :raises SetupError: a key is no base URL, two are the same, or a value is no WSGI app.
    """

    def __init__(self, services: Mapping[str, WSGIApp]) -> None:
        self._adapters: dict[tuple[str, str, int], list[MeshAdapter]] = {}
        for url, app in services.items():
            if not callable(app):
                raise SetupError(f"services[{url!r}] is {app!r}; it must be a WSGI app")
            adapter = MeshAdapter(self, check_base_url(url), app)
            there = self._adapters.setdefault(_origin(url), [])
            if any(each.prefix == adapter.prefix for each in there):
                raise SetupError(f"services=… has two apps for {url!r}")
            there.append(adapter)
            there.sort(key=lambda each: len(each.prefix), reverse=True)

    def adapter_for(self, url: str) -> BaseAdapter | None:
        """The adapter that delivers to this URL, or ``None`` where no service is under it."""
        try:
            there = self._adapters.get(_origin(url))
        except ValueError:
            return None
        if there is None:
            return None
        path = unquote_to_bytes(urlsplit(url).path or "/")
        return next((each for each in there if each.holds(path)), None)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else DEFAULT_PORTS.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port


class MeshAdapter(BaseAdapter):
    """Delivers requests to one WSGI app, in an empty context as if over a socket.

    :param mesh: the network that the app, too, calls into.
    :param base_url: where the app is.
    :param app: the app.
    """

    def __init__(self, mesh: Mesh, base_url: str, app: WSGIApp) -> None:
        super().__init__()
        self.prefix = unquote_to_bytes(urlsplit(base_url).path.rstrip("/"))
        self._mesh = mesh
        self._app = app
        self._base_url = base_url
        self._service = service_name(base_url, app)

    def holds(self, path: bytes) -> bool:
        """Whether a path, without its percent signs, belongs to this app."""
        return path == self.prefix or path.startswith(self.prefix + b"/")

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - what follows describes a socket; there is none
        timeout: Any = None,
        verify: Any = True,  # noqa: ARG002
        cert: Any = None,  # noqa: ARG002
        proxies: Any = None,  # noqa: ARG002
    ) -> Response:
        """Have the app answer the request; its body is produced as it is read.

        Reading the body raises what it would from a socket, if the app breaks off.

        :raises ValueError: the timeout is none.
        """
        check_timeout(timeout)
        sent = _input(request)
        environ = _environ(request, self.prefix)
        environ["wsgi.input"] = sent if isinstance(sent, io.BytesIO) else io.BufferedReader(sent)
        test = _test_frame()
        if test is not None:
            environ[PEER_KEY] = Peer(test, self._service)
        call = AppCall(self._mesh)
        try:
            body, status, received = call.run(run_wsgi_app, self._app, environ)
            headers = list(received)
        except Exception:  # As a WSGI server does with whatever an app lets out.
            logger.exception(_LOGGED, self._base_url)
            body, status, headers = _server_error()
        code, _, reason = status.partition(" ")
        length = 0 if _is_bodiless(request, int(code)) else _declared_length(headers)
        answer = AnswerBody(call, body, length)
        if isinstance(sent, RequestBody) and sent.failure is not None:
            answer.close()
            raise sent.failure
        raw = raw_response(
            status=int(code),
            reason=reason,
            headers=headers,
            body=io.BufferedReader(answer),
            method=request.method or "GET",
        )
        answer.enforced = raw.enforce_content_length
        return build_response(self, request, raw)

    def close(self) -> None:
        """Nothing is held open."""


def _test_frame() -> TestFrame | None:
    scope = current_scope()
    frame = scope.frame if scope is not None else None
    return frame.test if isinstance(frame, Frame) else frame


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


def _exhaust(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass


def _is_bodiless(request: PreparedRequest, status: int) -> bool:
    return request.method == "HEAD" or status in (204, 304) or status < 200


def _declared_length(headers: Iterable[tuple[str, str]]) -> int | None:
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdecimal() else None


def _server_error() -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
    text = b"Internal Server Error"
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    return [text], "500 Internal Server Error", headers


class AppCall:
    """The context in which one request is handled and its body produced."""

    def __init__(self, mesh: Mesh) -> None:
        self._context = Context()
        self._context.run(enter, Scope(None, mesh))

    def run(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call a function in that context."""
        return self._context.run(function, *args)


class PiecewiseReader(io.RawIOBase):
    """A file whose content comes in pieces: a read waits only where nothing is left of the last."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""

    def next_piece(self) -> bytes | None:
        """The next piece, or ``None`` at the end."""
        raise io.UnsupportedOperation

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what there is."""
        while not self._rest:
            piece = self.next_piece()
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class AnswerBody(PiecewiseReader):
    """A WSGI body as a file: each read takes what the app has produced next.

    :param call: the context in which the body is produced.
    :param body: the app's iterable.
    :param length: how many bytes the client reads, by the answer's headers; ``None``: all.
    :ivar enforced: whether a body shorter than that is an error, as in newer versions of urllib3.
    """

    def __init__(self, call: AppCall, body: Iterable[bytes], length: int | None) -> None:
        super().__init__()
        self._call = call
        self._body = body
        self._iterator: Iterator[bytes] = iter(()) if length == 0 else call.run(iter, body)
        self._given = 0
        self._length = length
        self.enforced = True

    def next_piece(self) -> bytes | None:
        """What the app produces next.

        :raises urllib3.exceptions.ProtocolError: the app broke off, which closes a connection.
        """
        left = None if self._length is None else self._length - self._given
        try:
            piece = self._call.run(_next if left != 0 else _exhaust, self._iterator)
        except Exception as error:
            logger.exception("a service broke off in the middle of its answer")
            if left == 0:  # The client has all that it waits for.
                return None
            raise ProtocolError(f"Connection broken: {error!r}", error) from error
        if piece is None:
            if not left or not self.enforced:
                return None
            missing = IncompleteRead(self._given, left)
            raise ProtocolError(f"Connection broken: {missing!r}", missing) from missing
        piece = piece[:left]
        self._given += len(piece)
        return piece

    def close(self) -> None:
        """Close the app's iterable, as a server does (PEP 3333)."""
        if not self.closed:
            super().close()
            close = getattr(self._body, "close", None)
            if close is not None:
                try:
                    self._call.run(close)
                except Exception:  # Which a client never hears of.
                    logger.exception("a service failed to close its answer")


class RequestBody(PiecewiseReader):
    """A request body that is produced piece by piece, as the file that WSGI wants.

    It is the caller's code that produces it, and so it runs in a copy of the caller's context.

    :ivar failure: what the caller's code raised; its request ends in that, whatever the app makes
        of a body that broke off.
    """

    def __init__(self, pieces: Iterable[bytes | str]) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self._context = copy_context()
        self._pieces = iter(pieces)

    def next_piece(self) -> bytes | None:
        """What the caller produces next.

        :raises ConnectionResetError: the caller broke off.
        """
        try:
            piece = self._context.run(next, self._pieces, None)
        except Exception as error:
            self.failure = error
            raise ConnectionResetError("the client broke off in its request") from error
        return piece.encode() if isinstance(piece, str) else piece


def _environ(request: PreparedRequest, prefix: bytes) -> dict[str, Any]:
    """The WSGI environment of a request (PEP 3333), but for its body."""
    url = urlsplit(request.url or "")
    default = DEFAULT_PORTS.get(url.scheme, 80)
    path = unquote_to_bytes(url.path or "/")
    host = url.netloc.rpartition("@")[2]
    if url.port == default:  # Clients leave it out.
        host = host.rpartition(":")[0]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": prefix.decode("latin-1"),
        "PATH_INFO": path[len(prefix) :].decode("latin-1"),
        "QUERY_STRING": url.query,
        "REQUEST_URI": request.path_url,
        "RAW_URI": request.path_url,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": str(url.port or default),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "HTTP_HOST": host,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            environ[key] = text
        else:
            environ[f"HTTP_{key}"] = text
    return environ


def _input(request: PreparedRequest) -> io.BytesIO | RequestBody:
    body: Any = request.body
    if body is None:
        return io.BytesIO()
    if isinstance(body, str):
        content = body.encode()
        # Older versions of urllib3 send Latin-1, and have said so by the length.
        is_latin = request.headers.get("Content-Length") != str(len(content))
        return io.BytesIO(body.encode("latin-1") if is_latin else content)
    if isinstance(body, (bytes, bytearray, memoryview)):
        return io.BytesIO(body)
    return RequestBody(_pieces(body.read) if hasattr(body, "read") else body)


def _pieces(read: Callable[[int], bytes | str]) -> Iterator[bytes | str]:
    while piece := read(65_536):
        yield piece
