"""The adapter that delivers requests to a service of this process."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster.instrumentation.around import LocalService, Network
from flask_filibuster.instrumentation.clients.base import Failure, HttpRequest
from flask_filibuster.instrumentation.clients.requests.bodies import body_of
from flask_filibuster.instrumentation.clients.requests.injection import raise_failure
from flask_filibuster.instrumentation.clients.requests.synthesis import build_response, raw_response
from flask_filibuster.instrumentation.clients.requests.timeouts import check_timeout, timeouts_of
from flask_filibuster.instrumentation.http import UnfinishedRequest

_NAME = re.compile(r"[^:\s][^:\r\n]*")
_LINE_END = re.compile(r"\n(?![ \t])|\r(?![ \t\n])")

Send = Callable[..., Response]


def local_send(adapter: BaseAdapter, network: Network | None, url: str) -> Send | None:
    """A function that sends to a service of this process; ``None`` if none has this URL."""
    service = network.service_at(url) if network is not None else None
    if service is None:
        return None
    return functools.partial(_send_locally, adapter, LocalAdapter(service))


def _send_locally(
    adapter: BaseAdapter, local: LocalAdapter, request: PreparedRequest, **options: Any
) -> Response:
    """Send locally, with the adapter's hooks for its requests and responses."""
    if not isinstance(adapter, HTTPAdapter):
        return local.send(request, **options)
    adapter.add_headers(request, **options)
    response = local.send(request, **options)
    if type(adapter).build_response is HTTPAdapter.build_response:
        return response
    return adapter.build_response(request, response.raw)


class LocalAdapter(BaseAdapter):
    """Delivers requests to a service of this process.

    :param service: the service.
    """

    def __init__(self, service: LocalService) -> None:
        super().__init__()
        self._service = service

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - these options need a socket
        timeout: Any = None,
        verify: bool | str = True,  # noqa: ARG002
        cert: Any = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> Response:
        """Deliver the request to the service, which produces the body while it is read.

        If the body is incomplete, reading it raises the same exception as from a socket.

        :raises ValueError: the timeout is invalid.
        :raises requests.RequestException: the service waits for a body that never ends.
        """
        check_timeout(timeout)
        method = request.method or "GET"
        # Not items(), which looks up each name.
        headers: Any = list(request.headers.lower_items())
        if not all(type(value) is str for _, value in headers):
            headers = [(name, _text(value)) for name, value in headers]
        check_headers(headers)
        sent = HttpRequest(method, request.url or "", headers, body_of(request))
        try:
            answer = self._service.handle(sent)
        except UnfinishedRequest:
            limits = timeouts_of(timeout)
            failure: Failure = "closed" if limits[1] is None else "read timeout"
            raise_failure(failure, request, limits, None)
        raw = raw_response(
            status=answer.status,
            reason=answer.reason,
            headers=answer.headers,
            body=answer.body,
            method=method,
        )
        return build_response(self, request, raw)

    def close(self) -> None:
        """Nothing is held open."""


def check_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse what ``http.client`` refuses to send.

    :raises ValueError: a name or a value is invalid.
    """
    for name, value in headers:
        if not _is_legal(name):
            raise ValueError(f"Invalid header name {name.encode()!r}")
        if not value.isprintable() and _LINE_END.search(value):
            raise ValueError(f"Invalid header value {value.encode('latin-1', 'replace')!r}")


@functools.lru_cache(maxsize=512)
def _is_legal(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
