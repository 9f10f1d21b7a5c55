"""Services by the base URL under which they are called."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask_filibuster.errors import SetupError

DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@lru_cache(maxsize=1024)
def from_port_on(url: str) -> str:
    """The URL without scheme and host, from the port on: ``5003/bookings/chris``.

    That part is the same on a laptop and in containers. A default port is made explicit.
    """
    parts = urlsplit(url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 80)
    query = f"?{parts.query}" if parts.query else ""
    return f"{port}{parts.path or '/'}{query}"


@lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    """The URL's host in its one spelling (:func:`same_host`), or the empty string."""
    return same_host(urlsplit(url).hostname or "")


def written_host(url: str) -> str:
    """The URL's host as it is written, in lower case, or the empty string."""
    return (urlsplit(url).hostname or "").lower()


def same_host(host: str) -> str:
    """The one spelling of a host, as it goes over the wire.

    >>> same_host("Bücher.example"), same_host("0:0:0:0:0:0:0:1"), same_host("back.")
    ('xn--bcher-kva.example', '::1', 'back')
    """
    host = host.lower()
    if ":" in host:
        try:
            return ipaddress.ip_address(host.replace("%25", "%")).compressed
        except ValueError:
            return host
    if not host.isascii():
        import idna  # Few hosts need it.

        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError:
            return host
    return host.removesuffix(".")


def check_base_url(url: str) -> str:
    """Check a key of ``services=`` and return it.

    :raises SetupError: it is not a base URL with http or https and a host.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in DEFAULT_PORTS and parts.hostname and (parts.port or 1)
    except (ValueError, TypeError, AttributeError):
        fits = False
    if not fits or parts.query or parts.fragment:
        raise SetupError(
            f"{url!r} in services=… is not a base URL; write it like 'http://bookings:5003'"
        )
    return url


def service_name(url: str, app: Any) -> str:
    """The name of the service at ``url``: the name given to its extension, else the host.

    On this machine, where ports tell services apart and hosts do not, it is the app's name.
    """
    extensions = getattr(app, "extensions", None)
    state = extensions.get("filibuster") if isinstance(extensions, dict) else None
    given, host = getattr(state, "given_name", None), host_of(url)
    name = getattr(app, "name", None) if host in THIS_MACHINE else None
    # Otherwise as it is written, for people: not the form of the wire.
    return given or (name if isinstance(name, str) and name else written_host(url))
