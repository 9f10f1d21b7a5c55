"""One request to a WSGI app of this process, handled in an empty context as if over a socket."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from werkzeug.test import run_wsgi_app

from flask_filibuster.core.urls import DEFAULT_PORTS
from flask_filibuster.instrumentation.app.peer import PEER_KEY, Peer
from flask_filibuster.instrumentation.around import Network
from flask_filibuster.instrumentation.frames import (
    Frame,
    TestFrame,
    current_scope,
)
from flask_filibuster.instrumentation.http import (
    BytesBody,
    Header,
    HttpAnswer,
    HttpRequest,
    UnfinishedRequest,
)
from flask_filibuster.mesh.bodies import AnswerBody, CalleeContext, RequestBody

logger = logging.getLogger(__name__)

WSGIApp = Callable[..., Iterable[bytes]]
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110, section 5.5
_UNSENDABLE = "a header of the answer at %s is not Latin-1; its caller gets a 500, as over a socket"
_LOGGED = "unhandled exception in the service at %s; its caller gets a 500, as over a socket"


def answer_of(
    app: WSGIApp,
    request: HttpRequest,
    *,
    prefix: bytes,
    network: Network,
    name: str,
    base_url: str,
) -> HttpAnswer:
    """The app's answer to a request; its body is produced while it is read.

    :param app: the app.
    :param request: the request.
    :param prefix: the part of its path that leads to the app.
    :param network: the network for the app's own calls.
    :param name: name of the service, unless it has its own.
    :param base_url: the app's base URL, for the log.
    :raises UnicodeEncodeError: a header's value is not Latin-1, so no socket takes it.
    :raises UnfinishedRequest: the app waits for the rest of the request's body.
    :raises Exception: any exception of the caller's code that produces the request's body.
    """
    if not all(map(is_acceptable, request.headers)):
        return _refusal()
    sent = _input(request)
    environ = _environ(request, prefix)
    environ["wsgi.input"] = sent if isinstance(sent, io.BytesIO) else io.BufferedReader(sent)
    test = _test_frame()
    if test is not None:
        environ[PEER_KEY] = Peer(test, name, environ["SCRIPT_NAME"])
    context = CalleeContext(network)
    body, status, headers = _answered(context, app, environ, base_url)
    code, _, reason = status.partition(" ")
    length = 0 if _is_bodiless(request.method, int(code)) else _declared_length(headers)
    answer = AnswerBody(context, body, length)
    if isinstance(sent, RequestBody):
        sent.read_ahead()
        if sent.failure is not None or sent.is_awaited:
            answer.close()
            raise sent.failure or UnfinishedRequest
    return HttpAnswer(int(code), reason, headers, answer)


def _answered(
    context: CalleeContext, app: WSGIApp, environ: dict[str, Any], base_url: str
) -> tuple[Iterable[bytes], str, list[Header]]:
    """Body, status and headers of the app, or those with which a server replaces them."""
    try:
        body, status, received = context.run(run_wsgi_app, app, environ)
        headers = list(received)
    except Exception:  # A WSGI server handles unhandled exceptions like this.
        logger.exception(_LOGGED, base_url)
        return _server_error()
    if _can_be_sent(headers):
        return body, status, headers
    logger.error(_UNSENDABLE, base_url)
    AnswerBody(context, body, None).close()
    return _server_error()


def _can_be_sent(headers: Iterable[Header]) -> bool:
    """Whether a server can send the headers of an answer, which must be Latin-1 (PEP 3333)."""
    return all(value.isascii() or max(value) <= "\xff" for _, value in headers)


def _refusal() -> HttpAnswer:
    """The answer of a server to a request that it cannot read."""
    text = b"Bad Request"
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    return HttpAnswer(400, "Bad Request", headers, BytesBody(text))


def _test_frame() -> TestFrame | None:
    scope = current_scope()
    frame = scope.frame if scope is not None else None
    return frame.test if isinstance(frame, Frame) else frame


def _is_bodiless(method: str, status: int) -> bool:
    return method == "HEAD" or status in (204, 304) or status < 200


def _declared_length(headers: Iterable[Header]) -> int | None:
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdecimal() else None


def _server_error() -> tuple[Iterable[bytes], str, list[Header]]:
    text = b"Internal Server Error"
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    return [text], "500 Internal Server Error", headers


def _input(request: HttpRequest) -> io.BytesIO | RequestBody:
    body = request.body
    if body is None:
        return io.BytesIO()
    if isinstance(body, (bytes, bytearray, memoryview)):
        return io.BytesIO(body)
    return RequestBody(body, _declared_length(request.headers))


def _environ(request: HttpRequest, prefix: bytes) -> dict[str, Any]:
    """The WSGI environment of a request (PEP 3333), without its body."""
    environ: dict[str, Any] = dict(_environ_of(request.url, prefix))
    environ["REQUEST_METHOD"] = request.method
    environ["wsgi.errors"] = sys.stderr
    given: set[str] = set()
    for name, value in request.headers:
        if "_" in name:  # Servers drop it: in the environment, it would pass for one with a dash.
            continue
        key = _key_of(name)
        # A repeated header becomes one header with all values.
        environ[key] = f"{environ[key]},{value}" if key in given else value
        given.add(key)
    return environ


@lru_cache(maxsize=512)
def _environ_of(url: str, prefix: bytes) -> Mapping[str, Any]:
    """The part of the environment that all requests to a URL share."""
    parts = urlsplit(url)
    default = DEFAULT_PORTS.get(parts.scheme, 80)
    path = unquote_to_bytes(parts.path or "/")
    host = parts.netloc.rpartition("@")[2]
    if parts.port == default:  # Clients omit it.
        host = host.rpartition(":")[0]
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    environ = {
        "SCRIPT_NAME": prefix.decode("latin-1"),
        "PATH_INFO": path[len(prefix) :].decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or default),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "HTTP_HOST": host,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    return MappingProxyType(environ)


def is_acceptable(header: Header) -> bool:
    """Whether servers accept a header: no control characters, and a token as its name.

    :raises UnicodeEncodeError: its value is not Latin-1.
    """
    name, value = header
    if not _is_token(name):
        return False
    if value.isascii() and value.isprintable():  # Almost always.
        return True
    value.encode("latin-1")
    return _CONTROL.search(value) is None


@lru_cache(maxsize=512)
def _is_token(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


@lru_cache(maxsize=512)
def _key_of(name: str) -> str:
    """The key of a header in a WSGI environment."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
