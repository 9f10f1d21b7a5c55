"""Handing a request to whoever delivers it: an adapter, or the network in this process."""

from __future__ import annotations

import functools
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster.instrumentation.clients.requests.own_send import Send
from flask_filibuster.instrumentation.frames import Network
from flask_filibuster.protocol import headers as wire
from flask_filibuster.protocol.headers import Propagated, write_headers
from flask_filibuster.server.signing import Seal

_PLACE = frozenset(
    name.lower()
    for name in (
        wire.REQUEST_ID,
        wire.EXECUTION_INDEX,
        wire.GENERATED_ID,
        wire.VCLOCK,
        wire.ORIGIN_VCLOCK,
        wire.FORCED_SLEEP,
        wire.SIGNATURE,
    )
)


def local_send(adapter: BaseAdapter, network: Network | None, url: str) -> Send | None:
    """What sends to this URL within this process, in the adapter's place; ``None`` for nothing."""
    local = network.adapter_for(url) if network is not None else None
    return None if local is None else functools.partial(_send_locally, adapter, local)


def _send_locally(
    adapter: BaseAdapter, local: BaseAdapter, request: PreparedRequest, **options: Any
) -> Response:
    """What requests lets a class of adapters do to its requests and responses is done here, too."""
    if not isinstance(adapter, HTTPAdapter):
        return local.send(request, **options)
    adapter.add_headers(request, **options)
    response = local.send(request, **options)
    if type(adapter).build_response is HTTPAdapter.build_response:
        return response
    return adapter.build_response(request, response.raw)


def with_headers(
    request: PreparedRequest, propagated: Propagated, seal: Seal | None = None
) -> PreparedRequest:
    """A copy that carries our headers: the original is what redirects are made from.

    :param request: what is about to be sent.
    :param propagated: its place in the test execution.
    :param seal: signs the headers; ``None``: they are not signed.
    """
    sent = _copy(without_headers(request))
    headers = write_headers(propagated)
    for name, value in headers.items():
        sent.headers[name] = value
    if seal is not None:
        sent.headers[wire.SIGNATURE] = seal.sign(*wire.signed_parts(headers))
    return sent


def _copy(request: PreparedRequest) -> PreparedRequest:
    # As copy.copy does it, in a quarter of the time.
    copied: PreparedRequest = object.__new__(type(request))
    copied.__dict__.update(request.__dict__)
    copied.headers = request.headers.copy()
    return copied


def without_headers(request: PreparedRequest) -> PreparedRequest:
    """The request without its caller's place, which a gateway hands on with all other headers."""
    names = [name for name in request.headers if name.lower() in _PLACE]
    if not names:
        return request
    sent = _copy(request)
    for name in names:
        del sent.headers[name]
    return sent


def deliver(
    send: Send, request: PreparedRequest, sent: PreparedRequest, options: dict[str, Any]
) -> Response:
    """Send the copy; the application gets to see its own request."""
    try:
        response = send(sent, **options)
    except RequestException as error:
        if error.request is sent:
            error.request = request
        raise
    if response.request is sent:
        response.request = request
    return response
