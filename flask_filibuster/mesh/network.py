"""Several WSGI apps in one process, reachable under their URLs without sockets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes, urlsplit

from flask_filibuster.core.urls import DEFAULT_PORTS, check_base_url, host_of, service_name
from flask_filibuster.errors import SetupError
from flask_filibuster.instrumentation.around import LocalService
from flask_filibuster.instrumentation.http import HttpAnswer, HttpRequest
from flask_filibuster.instrumentation.witness.foreign import is_local_name
from flask_filibuster.mesh.wsgi_call import WSGIApp, answer_of

ELSEWHERE = "*"
"""The key of the app that stands for all hosts on other machines."""


class Mesh:
    """The network of an exploration: apps by base URL.

    :param services: WSGI apps by base URL; a URL may have a path, the longest match is used. The
        key ``"*"`` stands for all hosts on other machines.
    :raises SetupError: a key is not a base URL, two are equal, or a value is not a WSGI app.
    """

    def __init__(self, services: Mapping[str, WSGIApp]) -> None:
        self._services: dict[tuple[str, str, int], list[MeshService]] = {}
        self._elsewhere: MeshService | None = None
        for url, app in services.items():
            if not callable(app):
                raise SetupError(f"services[{url!r}] is {app!r}; it must be a WSGI app")
            if url == ELSEWHERE:
                self._elsewhere = MeshService(self, "", app)
                continue
            service = MeshService(self, check_base_url(url), app)
            there = self._services.setdefault(_place_of(url)[0], [])
            if any(each.prefix == service.prefix for each in there):
                raise SetupError(f"services=… has two apps for {url!r}")
            there.append(service)
            there.sort(key=lambda each: len(each.prefix), reverse=True)

    def service_at(self, url: str) -> LocalService | None:
        """The service at this URL; ``None``: use the real network."""
        try:
            origin, path = _place_of(url)
        except ValueError:
            return None
        there = self._services.get(origin)
        if there is None:
            return None if is_local_name(origin[1]) else self._elsewhere
        return next((each for each in there if each.holds(path)), None)


class MeshService:
    """One WSGI app at its base URL.

    :param mesh: the network for the app's own calls.
    :param base_url: the app's base URL.
    :param app: the app.
    :ivar app: the app.
    """

    def __init__(self, mesh: Mesh, base_url: str, app: WSGIApp) -> None:
        self.prefix = unquote_to_bytes(urlsplit(base_url).path.rstrip("/"))
        self._mesh = mesh
        self.app = app
        self._base_url = base_url
        self._name = service_name(base_url, app)

    def holds(self, path: bytes) -> bool:
        """Whether a path, percent-decoded, belongs to this app."""
        return path == self.prefix or path.startswith(self.prefix + b"/")

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """The app's answer to a request; its body is produced while it is read."""
        return answer_of(
            self.app,
            request,
            prefix=self.prefix,
            network=self._mesh,
            name=self._name,
            base_url=self._base_url,
        )

    def __repr__(self) -> str:
        return f"<MeshService {self._name} at {self._base_url}>"


@lru_cache(maxsize=1024)
def _place_of(url: str) -> tuple[tuple[str, str, int], bytes]:
    """Scheme, host and port of a URL, and its percent-decoded path."""
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else DEFAULT_PORTS.get(parts.scheme, 0)
    origin = parts.scheme, host_of(url), port
    return origin, unquote_to_bytes(parts.path or "/")
