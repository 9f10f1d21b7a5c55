"""Which hosts are not on this machine."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache


def is_foreign(address: object) -> bool:
    """Whether a socket's address is that of another machine.

    >>> is_foreign(("192.0.2.1", 443)), is_foreign(("127.0.0.1", 80)), is_foreign("/run/db.sock")
    (True, False, False)

    :param address: host and port, as for ``socket.connect``; a Unix socket has a path instead.
    """
    if not isinstance(address, tuple) or not address or not isinstance(address[0], str):
        return False
    return not _is_here(address[0].partition("%")[0])


def is_listed(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether the host is in the list, or below an entry that begins with a dot."""
    host = host.lower()
    return any(host == each or (each[0] == "." and host.endswith(each)) for each in hosts)


@lru_cache(maxsize=1024)
def is_local_name(host: str) -> bool:
    """Whether a host's name or address is one of this machine, without a look-up."""
    if host in ("localhost", "") or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == socket.gethostname().lower()
    return _is_here(host.partition("%")[0])


@lru_cache(maxsize=1024)
def _is_here(host: str) -> bool:
    """Whether an address belongs to this machine; a name does not, except ``localhost``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    if address.is_loopback or address.is_unspecified:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _is_here(str(mapped))
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # Only an own address can be bound to; nothing is sent.
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
