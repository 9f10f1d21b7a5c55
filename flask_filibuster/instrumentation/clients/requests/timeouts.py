"""The timeout of a call, in any of the forms that requests accepts."""

from __future__ import annotations

import socket
from typing import Any

from urllib3.util import Timeout

Timeouts = tuple[float | None, float | None]


def timeouts_of(timeout: Any) -> Timeouts:
    """Connect and read timeout in seconds; ``None``: no timeout.

    :param timeout: ``None``, a number, a pair of those, or urllib3's ``Timeout``. The adapter
        raises for anything else.
    """
    if isinstance(timeout, Timeout):
        return _of_object(timeout)
    if isinstance(timeout, tuple) and len(timeout) == 2:
        return _number(timeout[0]), _number(timeout[1])
    return _number(timeout), _number(timeout)


def check_timeout(timeout: Any) -> None:
    """Check a timeout as requests does before it opens a socket.

    :raises ValueError: requests and urllib3 would raise it, too.
    """
    if timeout is None or isinstance(timeout, Timeout):
        return
    if type(timeout) in (int, float) and timeout > 0:
        return  # The usual case.
    if isinstance(timeout, tuple):
        try:
            connect, read = timeout
        except ValueError:
            raise ValueError(
                f"Invalid timeout {timeout}. Pass a (connect, read) timeout tuple, or a single "
                "float to set both timeouts to the same value."
            ) from None
    else:
        connect = read = timeout
    Timeout(connect=connect, read=read)


def _of_object(timeout: Timeout) -> Timeouts:
    # Its read_timeout counts from the start of the connection, which is later; hence the parts.
    total = _number(timeout.total)
    connect, read = _number(timeout._connect), _number(timeout._read)  # noqa: SLF001
    if total is None:
        return connect, read
    return (
        total if connect is None else min(total, connect),
        total if read is None else min(total, read),
    )


def _number(value: Any) -> float | None:
    if value is Timeout.DEFAULT_TIMEOUT:
        return socket.getdefaulttimeout()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value  # Not converted to float: error messages show the given value.
    return None
