"""The open connections of this process, from ``/proc`` of Linux (proc(5)).

C libraries (libpq, curl, gRPC) connect without an event of Python.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.instrumentation.witness.events import address_words
from flask_filibuster.instrumentation.witness.tcp import LISTEN, inodes_of_sockets, tcp_rows

_SELF = Path("/proc/self")
_ESTABLISHED, _SYN_SENT, _CLOSE_WAIT = "01", "02", "08"
_CONNECTED = (_ESTABLISHED, _SYN_SENT, _CLOSE_WAIT)


@dataclass(frozen=True, slots=True)
class OpenSockets:
    """The sockets that this process has open.

    :ivar inodes: their numbers.
    """

    inodes: frozenset[str]

    @classmethod
    def now(cls) -> OpenSockets:
        """Those of this moment; none on a system without ``/proc``."""
        return cls(frozenset(inodes_of_sockets(_SELF)))

    def opened_since(self, known: Collection[object]) -> tuple[UnexploredCall, ...]:
        """The connections opened since, except those that Python code has opened or accepted.

        :param known: addresses that Python code has connected to.
        """
        new = frozenset(inodes_of_sockets(_SELF)) - self.inodes
        if not new:
            return ()
        rows = list(_rows())
        listening = {port for _, port, _, state, _ in rows if state == LISTEN}
        ports = {(each[0], each[1]) for each in known if isinstance(each, tuple) and len(each) > 1}
        return tuple(
            UnexploredCall("connection", address_words(remote))
            for host, port, remote, state, inode in rows
            if inode in new
            and state in _CONNECTED
            and port not in listening
            and (host, port) not in ports  # Its other end is in this process.
            and remote not in ports
            and not any(name == remote[1] for _, name in ports)
        )


def _rows() -> Iterator[tuple[str, int, tuple[str, int], str, str]]:
    """Local address and port, remote address, state and inode of each TCP socket."""
    for fields in tcp_rows(_SELF):
        (host, port), remote = map(_address, fields[1:3])
        yield host, port, remote, fields[3], fields[9]


def _address(text: str) -> tuple[str, int]:
    digits, _, port = text.partition(":")
    words = [digits[at : at + 8] for at in range(0, len(digits), 8)]
    # The kernel writes each word of four bytes as a number of this machine.
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    address = ipaddress.ip_address(packed)
    return str(getattr(address, "ipv4_mapped", None) or address), int(port, 16)
