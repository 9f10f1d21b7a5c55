"""Requests from the network: which belong to an execution, and their places in it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from flask_filibuster.core.positions import TestRequests
from flask_filibuster.core.url_patterns import UrlPattern, request_in_signature
from flask_filibuster.errors import FilibusterError
from flask_filibuster.protocol import headers as wire
from flask_filibuster.protocol.headers import (
    Propagated,
    read_headers,
    read_request_id,
    signed_parts,
)
from flask_filibuster.server.client.remote import Entrance, RemoteServer
from flask_filibuster.server.signing import Seal

logger = logging.getLogger(__name__)


class EnvironHeaders:
    """The protocol's headers, read directly from a WSGI environment: Werkzeug is slower.

    :param environ: the environment.
    """

    _KEYS: ClassVar[Mapping[str, str]] = {
        name: f"HTTP_{name.upper().replace('-', '_')}" for name in wire.READ
    }

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, default: str, /) -> str:
        """A header's value, or ``default`` if it is missing."""
        value: str = self._environ.get(self._KEYS[name], default)
        return value


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request's place in a test execution.

    :ivar place: its place.
    :ivar known: whether the server knows the request already, because it assigned the place.
    :ivar signed: whether its headers are signed with the shared secret.
    """

    place: Propagated
    known: bool = False
    signed: bool = False


class Arrivals:
    """Finds the places of the requests that a service receives.

    :param server: the configured server of the service.
    :param seal: checks the signature of headers; ``None``: headers need no signature.
    :param service: name of the service.
    :param url_patterns: parts of the URLs of requests that vary between executions.
    """

    def __init__(
        self,
        server: RemoteServer,
        seal: Seal | None,
        service: str,
        url_patterns: tuple[UrlPattern, ...] = (),
    ) -> None:
        self._server = server
        self._url_patterns = url_patterns
        self._seal = seal
        self._service = service
        self._lock = threading.Lock()
        self._requests = TestRequests()
        self._away = False

    def find(self, environ: Mapping[str, Any], method: str, url: str) -> Arrival | None:
        """The place of a request, or ``None`` for ordinary traffic.

        :param environ: its WSGI environment.
        :param method: its HTTP method.
        :param url: its URL.
        """
        headers = EnvironHeaders(environ)
        if headers.get(wire.INSTRUMENTATION, ""):
            return None
        signed = False
        if self._seal is not None:
            signed = self._seal.fits(headers.get(wire.SIGNATURE, ""), *signed_parts(headers))
            if not signed:
                return None
        place = read_headers(headers)
        if place is not None:
            return Arrival(place, signed=signed)
        return self._ask(method, url, read_request_id(headers))

    def _ask(self, method: str, url: str, request_id: str) -> Arrival | None:
        """Ask the server whether the request may be one of the test of an execution under way.

        Without a server nothing is explored: the first such request logs a warning.
        """
        patterns = self._url_patterns
        signature = f"{method} {request_in_signature(url, patterns)}" if patterns else ""
        try:
            entrance = self._server.new_test_execution(
                self._service, method, url, request_id, signature=signature
            )
        except (FilibusterError, ValueError) as error:
            logger.log(
                logging.DEBUG if self._away else logging.WARNING,
                "%s: requests are handled without fault injection: %s",
                self._service,
                error,
            )
            self._away = True
            return None
        self._away = False
        if entrance.exploring is False:
            return None
        if entrance.place is not None:
            return Arrival(entrance.place, known=True)
        signature = signature or f"{method} {request_in_signature(url)}"
        return Arrival(self._own_place(entrance, signature, request_id))

    def _own_place(self, entrance: Entrance, signature: str, request_id: str) -> Propagated:
        """A place by the service's own count, as other projects' servers assign none."""
        with self._lock:
            if entrance.first:
                self._requests = TestRequests()
            index, _ = self._requests.next_request(signature)
        return Propagated(request_id or str(uuid.uuid4()), index)
